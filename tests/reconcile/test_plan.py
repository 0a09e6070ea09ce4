"""From the state of a pair to operations."""

from itertools import count

import pytest

from connector.entities import Entity, Removal
from connector.reconcile.merge import Half, Resolution
from connector.reconcile.plan import DELETED, Creator, PairPlan, Planner, Sight
from connector.records import OperationKind, Presence, Record, Ref, Side, Version
from tests.reconcile.pairs import BASE, THING, PlainForm


def planner(entity: Entity = THING, erp_form: PlainForm | None = None) -> Planner:
    """A planner whose ids count up."""
    numbers = count(1)
    return Planner(entity, {Side.CRM: PlainForm(), Side.ERP: erp_form or PlainForm()}, {}, lambda: f"op{next(numbers)}")


def sights(crm: Record | None, erp: Record | None, *, proved: bool = True) -> dict[Side, Sight]:
    """Both sides of a linked pair; None means the side no longer shows the record."""
    made = {}
    for side, change in ((Side.CRM, crm), (Side.ERP, erp)):
        presence = Presence.ABSENT if change is None else Presence.PRESENT
        now = {} if change is None else {**BASE, **change}
        made[side] = Sight(f"{side}-1", presence, Half(now, BASE), Version(f"{side}-v"), proved=proved)
    return made


def planned(crm: Record | None, erp: Record | None, **more: object) -> PairPlan:
    """The plan for a pair in that state."""
    return planner().pair(1, sights(crm, erp, **more), {})  # type: ignore[arg-type]


def test_an_update_names_target_fields_version_and_what_it_settles() -> None:
    (operation,) = planned({"phone": "2"}, {}).operations
    assert (operation.side, operation.target, operation.version) == (Side.ERP, "erp-1", "erp-v")
    assert (operation.values, operation.old, operation.settles) == ({"phone": "2"}, {"phone": "1"}, {"phone": "2"})


def test_edits_on_both_sides_become_one_operation_a_side() -> None:
    plan = planned({"phone": "2"}, {"email": "e"})
    assert {operation.side: operation.values for operation in plan.operations} == {
        Side.ERP: {"phone": "2"},
        Side.CRM: {"email": "e"},
    }


def test_a_state_that_only_an_action_can_change_becomes_that_action() -> None:
    form = PlainForm(fixed=frozenset({"state"}), transitions={"state": {"sold": "sell", "dropped": "drop"}})
    plan = planner(erp_form=form).pair(1, sights({"state": "sold"}, {}), {})
    (operation,) = plan.operations
    assert (operation.kind, operation.action) == (OperationKind.PERFORM, "sell")


def test_fields_are_written_before_the_state_advances() -> None:
    form = PlainForm(fixed=frozenset({"state"}), transitions={"state": {"sold": "sell"}})
    plan = planner(erp_form=form).pair(1, sights({"state": "sold", "phone": "2"}, {}), {})
    (operation,) = plan.operations
    assert (operation.kind, operation.values, plan.again) == (OperationKind.UPDATE, {"phone": "2"}, True)


def test_a_far_state_is_reached_step_by_step() -> None:
    both = frozenset(Side)
    graph = {"open": {"sold": both}, "sold": {"dropped": both}, "dropped": {}}
    entity = THING.model_copy(update={"lifecycle": graph})
    form = PlainForm(fixed=frozenset({"state"}), transitions={"state": {"sold": "sell"}})
    plan = planner(entity, form).pair(1, sights({"state": "dropped"}, {}), {})
    assert (plan.operations[0].action, plan.operations[0].settles, plan.again) == ("sell", {}, True)


def test_a_missing_action_is_for_a_person() -> None:
    form = PlainForm(fixed=frozenset({"state"}), transitions={"state": {}})
    plan = planner(erp_form=form).pair(1, sights({"state": "sold"}, {}), {})
    assert [contest.group for contest in plan.contests] == ["state"]


def test_an_absence_that_nothing_proves_deletes_nothing() -> None:
    plan = planned(None, {}, proved=False)
    assert (plan.operations, plan.fate) == ([], None)
    assert plan.trouble is not None


def test_a_forbidden_record_is_not_a_deleted_one() -> None:
    state = sights({}, {})
    state[Side.CRM] = state[Side.CRM]._replace(presence=Presence.FORBIDDEN)
    plan = planner().pair(1, state, {})
    assert (plan.operations, plan.fate) == ([], None)


def test_a_delete_against_an_edit_is_a_conflict() -> None:
    plan = planned(None, {"phone": "2"})
    assert (plan.operations, [contest.group for contest in plan.contests]) == ([], [DELETED])


def test_an_edit_that_a_person_kept_unlinks_and_looks_again() -> None:
    plan = planner().pair(1, sights(None, {"phone": "2"}), {DELETED: Resolution(Side.ERP, {}, {})})
    assert plan.fate is not None
    assert (plan.fate.what, plan.again) == ("remove", True)


def test_gone_on_both_sides_only_ends_the_link() -> None:
    plan = planned(None, None)
    assert plan.fate is not None
    assert (plan.fate.what, plan.operations) == ("remove", [])


@pytest.mark.parametrize(
    ("policy", "kinds", "fate"),
    [
        pytest.param(Removal.IGNORE, [], "tombstone", id="ignore keeps the other record and never creates it again"),
        pytest.param(Removal.UNLINK, [], "remove", id="unlink forgets the pair"),
        pytest.param(Removal.RESTORE, [], "remove", id="restore forgets the pair, to create it again"),
        pytest.param(Removal.ARCHIVE, [OperationKind.ARCHIVE], None, id="archive"),
        pytest.param(Removal.DELETE, [OperationKind.DELETE], None, id="delete"),
    ],
)
def test_a_proved_delete_follows_the_policy(policy: Removal, kinds: list[OperationKind], fate: str | None) -> None:
    entity = THING.model_copy(update={"deletes": {Side.ERP: policy}})
    plan = planner(entity).pair(1, sights(None, {}), {})
    assert [operation.kind for operation in plan.operations] == kinds
    assert (plan.fate.what if plan.fate else None) == fate


def test_what_only_mirrors_a_record_is_made_again_at_the_next_look() -> None:
    entity = THING.model_copy(update={"deletes": {Side.ERP: Removal.RESTORE}})
    plan = planner(entity).pair(1, sights(None, {}), {})
    assert plan.again is True


CREATOR = Creator.compile(THING, Side.ERP, frozenset(THING.fields), frozenset(THING.fields) - {"email"})


def test_a_create_sends_what_is_filled_and_what_the_target_takes() -> None:
    assert CREATOR.values({**BASE, "email": "e"}) == {
        "phone": "1",
        "street": "A",
        "city": "B",
        "stock": "10",
        "state": "open",
        "tags": ["x"],
    }


def test_a_create_waits_for_the_parents_it_refers_to() -> None:
    record: Record = {"owner": "p", "lines": [{"id": "a", "item": "i1"}]}
    assert CREATOR.waits(record, {("item", Side.CRM, "i1"): "1"}) == [Ref("person", Side.CRM, "p")]


def test_records_that_are_excepted_get_no_counterpart_and_others_do() -> None:
    entity = THING.model_copy(update={"create_unless": {"state": ("sold",)}})
    creator = Creator.compile(entity, Side.ERP, frozenset(THING.fields), frozenset(THING.fields))
    assert [creator.wanted({"state": state}) for state in ("open", "sold", None)] == [True, False, True]


def test_records_outside_the_filter_get_no_counterpart() -> None:
    entity = THING.model_copy(update={"create_when": {"state": ("sold",)}})
    creator = Creator.compile(entity, Side.ERP, frozenset(THING.fields), frozenset(THING.fields))
    assert (creator.wanted({"state": "open"}), creator.wanted({"state": "sold"})) == (False, True)
