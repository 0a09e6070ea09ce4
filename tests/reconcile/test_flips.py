"""Fields that our own writes would change back and forth."""

import pytest
from hypothesis import given, strategies as st

from connector.reconcile.flips import (
    FLIPS,
    REASON,
    WENT_BACK,
    Write,
    flipping,
    has_gone_back,
    is_flip,
    reverted,
    withhold,
)
from connector.reconcile.plan import PairPlan
from connector.records import Record, Side, Version
from tests.reconcile.pairs import THING
from tests.reconcile.test_plan import planned, sights

CRM, ERP = Side.CRM, Side.ERP


def trail(*writes: tuple[Side, str]) -> list[Write]:
    """Writes of one field, oldest first."""
    return [Write(side, {"phone": value}) for side, value in writes]


CASES = [
    pytest.param([], False, False, id="nothing was written before"),
    pytest.param([(ERP, "A")], False, False, id="somebody sets the value once more"),
    pytest.param([(ERP, "A"), (ERP, "B")], False, False, id="somebody sets a value back, and only one side moved"),
    pytest.param([(ERP, "A"), (CRM, "B")], False, True, id="what came back is to be written once more"),
    pytest.param([(ERP, "B"), (CRM, "A")], False, False, id="the value is new to this side"),
    pytest.param([(CRM, "B"), (ERP, "A")], False, False, id="the answer came before the value was written"),
    pytest.param([(ERP, "A")], True, False, id="an edit is taken back for the first time"),
    pytest.param([(ERP, "A"), (ERP, "A")], True, True, id="an edit was taken back twice in vain"),
    pytest.param([(ERP, "A"), (ERP, "A")], False, False, id="the other side wants the same a third time"),
]


@pytest.mark.parametrize(("writes", "is_undoing", "flips"), CASES)
def test_a_write_flips(writes: list[tuple[Side, str]], is_undoing: bool, flips: bool) -> None:  # noqa: FBT001 -- a table
    assert is_flip("phone", ERP, "A", trail(*writes), is_undoing=is_undoing) is flips


WRITES = st.lists(st.tuples(st.sampled_from([CRM, ERP]), st.sampled_from("ABC")), max_size=8)


@given(writes=WRITES, is_undoing=st.booleans())
def test_swapping_the_sides_changes_nothing(writes: list[tuple[Side, str]], is_undoing: bool) -> None:  # noqa: FBT001
    swapped = [(side.other, value) for side, value in writes]
    here = is_flip("phone", ERP, "A", trail(*writes), is_undoing=is_undoing)
    assert here is is_flip("phone", CRM, "A", trail(*swapped), is_undoing=is_undoing)


@given(writes=WRITES, is_undoing=st.booleans())
def test_no_value_is_withheld_that_was_never_written_there(writes: list[tuple[Side, str]], is_undoing: bool) -> None:  # noqa: FBT001
    assert not is_flip("phone", ERP, "new", trail(*writes), is_undoing=is_undoing)


def flipped(crm: Record, erp: Record, writes: list[Write]) -> PairPlan:
    """The plan for a pair after some writes, without what would flip."""
    plan, seen = planned(crm, erp), sights(crm, erp)
    groups = {group for one in plan.operations for group in flipping(THING, one, seen, writes)}
    withhold(THING, plan, dict.fromkeys(groups, REASON), frozenset(THING.fields))
    return plan


def test_a_field_that_flips_is_asked_about_and_all_others_go_on() -> None:
    plan = flipped({"phone": "A", "email": "e"}, {}, trail((ERP, "A"), (CRM, "1")))
    (operation,), (contest,) = plan.operations, plan.contests
    assert (operation.values, operation.settles, operation.old) == ({"email": "e"}, {"email": "e"}, {"email": None})
    assert (contest.group, contest.fields) == ("phone", ("phone",))
    assert contest.reason.startswith(FLIPS)


def test_the_fields_of_a_group_are_withheld_together() -> None:
    writes = [Write(ERP, {"street": "S"}), Write(CRM, {"street": "A"})]
    plan = flipped({"street": "S", "city": "T"}, {}, writes)
    assert plan.operations == []
    assert [(contest.group, contest.fields) for contest in plan.contests] == [("address", ("street", "city"))]


def test_a_number_that_both_sides_move_may_come_back_to_what_it_was() -> None:
    writes = [Write(ERP, {"stock": "9"}), Write(CRM, {"stock": "10"})]
    plan = flipped({"stock": "9"}, {}, writes)
    assert plan.contests == []


@pytest.mark.parametrize(
    ("before", "now", "went_back"),
    [
        pytest.param("10", "9", True, id="a smaller number"),
        pytest.param("9", "10", False, id="a larger number, though a smaller text"),
        pytest.param("9", "9", False, id="the same"),
        pytest.param(None, "9", False, id="none was known"),
        pytest.param("9", None, False, id="none is told"),
        pytest.param("b", "a", False, id="no number at all"),
    ],
)
def test_a_version_went_back(before: str | None, now: str | None, went_back: bool) -> None:  # noqa: FBT001 -- a table
    versions = [Version(one) if one else None for one in (before, now)]
    assert has_gone_back(*versions) is went_back


def test_what_went_back_on_one_side_is_asked_about_and_not_written_to_the_other() -> None:
    plan, seen = planned({"phone": "old", "city": "old"}, {"email": "e"}), sights({"phone": "old", "city": "old"}, {})
    withhold(THING, plan, reverted(THING, seen, CRM), frozenset(THING.fields))
    (operation,) = plan.operations
    assert (operation.side, operation.values) == (CRM, {"email": "e"})
    assert [contest.group for contest in plan.contests] == ["address", "phone"]
    assert all(contest.reason.startswith(WENT_BACK) for contest in plan.contests)
