"""The three-way merge: a table of cases, then its laws."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from connector.reconcile.merge import Half, Merge, Pair, Resolution, merge
from connector.records import Record, Ref, Side
from tests.reconcile.pairs import BASE, THING, PlainForm, merged, pair

NOTHING: dict[Side, Record] = {Side.CRM: {}, Side.ERP: {}}


def to_erp(**values: object) -> dict[Side, Record]:
    """Writes on the ERP only."""
    return {Side.CRM: {}, Side.ERP: dict(values)}  # type: ignore[dict-item]


def to_crm(**values: object) -> dict[Side, Record]:
    """Writes on the CRM only."""
    return {Side.CRM: dict(values), Side.ERP: {}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("crm", "erp", "writes"),
    [
        pytest.param({}, {}, NOTHING, id="nobody changed anything"),
        pytest.param({"phone": "2"}, {}, to_erp(phone="2"), id="only the CRM changed"),
        pytest.param({}, {"phone": "2"}, to_crm(phone="2"), id="only the ERP changed"),
        pytest.param({"phone": "2"}, {"phone": "2"}, NOTHING, id="both changed to the same value"),
        pytest.param({"phone": None}, {}, to_erp(phone=None), id="the CRM emptied a field"),
        pytest.param(
            {"phone": "2"}, {"email": "e"}, {Side.CRM: {"email": "e"}, Side.ERP: {"phone": "2"}}, id="different fields"
        ),
        pytest.param({"street": "N"}, {}, to_erp(street="N"), id="one field of a group changed"),
        pytest.param({}, {"limit": "5"}, to_crm(limit="5"), id="the owner changed its field"),
        pytest.param({"limit": "5"}, {}, to_crm(limit=None), id="somebody edited the owner's field on the other side"),
        pytest.param(
            {"limit": "5"}, {"limit": "6"}, to_crm(limit="6"), id="both edited an owned field: the owner's word counts"
        ),
        pytest.param({"by_crm": "1"}, {"by_crm": "2"}, to_erp(by_crm="1"), id="policy crm"),
        pytest.param({"by_erp": "1"}, {"by_erp": "2"}, to_crm(by_erp="2"), id="policy erp"),
        pytest.param({"state": "sold"}, {}, to_erp(state="sold"), id="a legal next state goes across"),
        pytest.param(
            {"state": "sold"}, {"state": "dropped"}, to_crm(state="dropped"), id="the furthest legal state wins"
        ),
        pytest.param({"tags": ["x", "a"]}, {"tags": ["x", "b"]}, to_erp(tags=["a", "b", "x"]), id="policy union"),
        pytest.param({"tags": []}, {"tags": ["x", "b"]}, to_erp(tags=["b"]), id="policy union keeps removals"),
        pytest.param({"stock": "7"}, {"stock": "12"}, to_erp(stock="9"), id="policy delta counts both movements"),
    ],
)
def test_writes(crm: Record, erp: Record, writes: dict[Side, Record]) -> None:
    assert merged(crm, erp).writes == writes


@pytest.mark.parametrize(
    ("crm", "erp", "contested"),
    [
        pytest.param({"phone": "2"}, {"phone": "3"}, ["phone"], id="both changed one field apart"),
        pytest.param({"street": "N"}, {"city": "M"}, ["address"], id="an address is never mixed from two sides"),
        pytest.param({"newest": "1"}, {"newest": "2"}, ["newest"], id="newest without trustworthy times"),
        pytest.param({"phone": "2", "email": "a"}, {"phone": "3"}, ["phone"], id="a conflict holds up nothing else"),
    ],
)
def test_conflicts(crm: Record, erp: Record, contested: list[str]) -> None:
    result = merged(crm, erp)
    assert [contest.group for contest in result.contests] == contested
    assert not any(
        name in writes for writes in result.writes.values() for name in ("phone", "street", "city", "newest")
    )


def test_uncontested_fields_go_on_beside_a_conflict() -> None:
    result = merged({"phone": "2", "email": "a"}, {"phone": "3"})
    assert result.writes == to_erp(email="a")


def test_newest_takes_the_later_edit_where_both_times_can_be_trusted() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    halves = {
        Side.CRM: Half({**BASE, "newest": "old"}, BASE, early),
        Side.ERP: Half({**BASE, "newest": "new"}, BASE, late),
    }
    assert merge(pair({}, {}, halves=halves)).writes == to_crm(newest="new")


def settle_combined(one: Pair) -> Pair:
    """The pair after its combined write on the ERP: both bases are what the CRM held."""
    result = merge(one)
    name = next(iter(result.combined))
    crm, erp = one.halves[Side.CRM], one.halves[Side.ERP]
    absorbed = {name: crm.now[name]}
    now = {**erp.now, **result.writes[Side.ERP]}
    halves = {Side.CRM: Half(crm.now, {**crm.base, **absorbed}), Side.ERP: Half(now, {**erp.base, **absorbed})}
    return pair({}, {}, halves=halves)


@pytest.mark.parametrize(
    ("crm", "erp", "total"),
    [
        pytest.param({"stock": "7"}, {"stock": "12"}, {"stock": "9"}, id="numbers add up"),
        pytest.param({"tags": ["x", "a"]}, {"tags": ["x", "b"]}, {"tags": ["a", "b", "x"]}, id="sets unite"),
    ],
)
def test_a_combined_value_goes_back_across_in_the_next_look(crm: Record, erp: Record, total: Record) -> None:
    assert merge(settle_combined(pair(crm, erp))).writes == {Side.CRM: total, Side.ERP: {}}


def test_a_movement_between_the_two_writes_of_a_delta_counts_once() -> None:
    halfway = settle_combined(pair({"stock": "7"}, {"stock": "12"}))
    crm = halfway.halves[Side.CRM]
    moved = {**halfway.halves, Side.CRM: Half({**crm.now, "stock": "6"}, crm.base)}
    assert merge(pair({}, {}, halves=moved)).writes == to_erp(stock="8")


def test_an_overridden_edit_is_told() -> None:
    (override,) = merged({"limit": "5"}, {"limit": "6"}).overrides
    assert (override.loser, override.lost) == (Side.CRM, {"limit": "5"})


def test_a_locked_document_belongs_to_its_owner() -> None:
    base = {**BASE, "state": "sold", "lines": [{"id": "1", "quantity": "1"}]}
    crm = {**base, "lines": [{"id": "1", "quantity": "5"}]}
    result = merge(pair({}, {}, halves={Side.CRM: Half(crm, base), Side.ERP: Half(base, base)}))
    assert result.writes == to_crm(lines=base["lines"])


def test_a_value_that_the_other_side_stores_differently_is_the_same_value() -> None:
    upper = PlainForm(upper=frozenset({"email"}))
    assert merged({"email": "a@b.de"}, {"email": "A@B.DE"}, erp_form=upper).agreed == ["email"]


def test_two_sides_that_differ_and_did_not_move_are_left_alone() -> None:
    halves = {
        Side.CRM: Half({**BASE, "email": "a"}, {**BASE, "email": "a"}),
        Side.ERP: Half({**BASE, "email": "B"}, {**BASE, "email": "B"}),
    }
    result = merge(pair({}, {}, halves=halves))
    assert (result.writes, result.agreed, result.contests) == (NOTHING, [], [])


def test_a_reference_waits_for_its_counterpart() -> None:
    result = merged({"owner": "7"}, {})
    assert (result.waits, result.writes) == ([Ref("person", Side.CRM, "7")], NOTHING)


def test_a_reference_goes_across_once_it_is_linked() -> None:
    result = merged({"owner": "7"}, {}, links={("person", Side.CRM, "7"): "70"})
    assert result.writes == to_erp(owner="7")


def test_a_field_the_other_side_cannot_change_is_for_a_person() -> None:
    fixed = PlainForm(fixed=frozenset({"phone"}))
    (contest,) = merged({"phone": "2"}, {}, erp_form=fixed).contests
    assert contest.reason == "erp does not let phone be changed"


def test_an_illegal_state_is_for_a_person() -> None:
    base = {**BASE, "state": "dropped"}
    halves = {Side.CRM: Half({**base, "state": "lost"}, base), Side.ERP: Half(base, base)}
    assert [contest.group for contest in merge(pair({}, {}, halves=halves)).contests] == ["state"]


class TestFirstContact:
    """Fields that were never compared before."""

    def meet(self, crm: Record, erp: Record) -> Merge:
        empty: Record = dict.fromkeys(THING.fields)
        return merge(pair({}, {}, halves={Side.CRM: Half({**empty, **crm}, {}), Side.ERP: Half({**empty, **erp}, {})}))

    def test_equal_values_are_agreed_without_a_write(self) -> None:
        assert "phone" in self.meet({"phone": "1"}, {"phone": "1"}).agreed

    def test_an_empty_value_never_wins_over_a_filled_one(self) -> None:
        assert self.meet({"phone": "1"}, {}).writes == to_erp(phone="1")

    def test_the_fields_rule_decides_between_two_filled_values(self) -> None:
        assert self.meet({"code": "a"}, {"code": "b"}).writes == to_crm(code="b")

    def test_two_filled_values_without_a_rule_are_for_a_person(self) -> None:
        assert [contest.group for contest in self.meet({"phone": "1"}, {"phone": "2"}).contests] == ["phone"]

    def test_the_owner_decides_its_own_field(self) -> None:
        assert self.meet({"limit": "1"}, {"limit": "2"}).writes == to_crm(limit="2")


def test_a_persons_decision_counts_for_the_values_it_was_made_for() -> None:
    decision = {"phone": Resolution(Side.CRM, {"phone": "2"}, {"phone": "3"})}
    assert merged({"phone": "2"}, {"phone": "3"}, resolutions=decision).writes == to_erp(phone="2")


def test_a_persons_decision_does_not_count_once_a_value_moved_again() -> None:
    decision = {"phone": Resolution(Side.CRM, {"phone": "2"}, {"phone": "3"})}
    result = merged({"phone": "2"}, {"phone": "4"}, resolutions=decision)
    assert [contest.group for contest in result.contests] == ["phone"]


PLAIN_FIELDS = ("code", "email", "phone", "street", "city", "limit", "by_crm", "by_erp")
values = st.sampled_from([None, "1", "2", "3"])
records = st.fixed_dictionaries(
    dict.fromkeys(PLAIN_FIELDS, values) | {"state": st.sampled_from(["open", "sold", "dropped"])}
)
triples = st.tuples(records, records, records)


def three(crm: Record, erp: Record, base: Record) -> Pair:
    """A pair whose sides share one base."""
    full: Record = {**BASE, **base}
    halves = {Side.CRM: Half({**BASE, **crm}, full), Side.ERP: Half({**BASE, **erp}, full)}
    return pair({}, {}, halves=halves)


def after(one: Pair, result: Merge) -> Pair:
    """The pair once the merge's writes are done and its bases settled."""
    halves = {}
    for side in Side:
        now = {**one.halves[side].now, **result.writes[side]}
        settled = {name: now[name] for name in [*result.agreed, *result.settles[side], *result.settles[side.other]]}
        halves[side] = Half(now, {**one.halves[side].base, **settled})
    return Pair(one.entity, one.forms, halves, one.links)


@given(triples)
def test_law_after_one_merge_everything_uncontested_is_equal(three_records: tuple[Record, Record, Record]) -> None:
    one = three(*three_records)
    result = merge(one)
    contested = {name for contest in result.contests for name in contest.fields}
    settled = after(one, result)
    assert all(
        settled.halves[Side.CRM].now[name] == settled.halves[Side.ERP].now[name] for name in set(BASE) - contested
    )


@given(triples)
def test_law_a_second_merge_writes_nothing(three_records: tuple[Record, Record, Record]) -> None:
    one = three(*three_records)
    again = merge(after(one, merge(one)))
    assert (again.writes, again.overrides) == (NOTHING, [])


@given(triples)
def test_law_no_value_is_invented(three_records: tuple[Record, Record, Record]) -> None:
    one = three(*three_records)
    for side, writes in merge(one).writes.items():
        assert all(value == one.halves[side.other].now[name] for name, value in writes.items())


@given(triples)
def test_law_no_edit_is_lost(three_records: tuple[Record, Record, Record]) -> None:
    one = three(*three_records)
    result = merge(one)
    contested = {name for contest in result.contests for name in contest.fields}
    overridden = {(override.loser, name) for override in result.overrides for name in override.lost}
    end = after(one, result)
    for side in Side:
        for name in BASE:
            if one.moved(side, name) and name not in contested and (side, name) not in overridden:
                assert all(end.halves[each].now[name] == one.halves[side].now[name] for each in Side)


SYMMETRIC = THING.model_copy(
    update={
        "fields": {
            name: rule for name, rule in THING.fields.items() if name in ("email", "phone", "street", "city", "state")
        },
        "lock": None,
    }
)


@given(triples)
def test_law_swapping_the_sides_swaps_the_plan(three_records: tuple[Record, Record, Record]) -> None:
    one = three(*three_records)
    swapped = {side: one.halves[side.other] for side in Side}
    straight = merge(Pair(SYMMETRIC, one.forms, one.halves, {}))
    crossed = merge(Pair(SYMMETRIC, one.forms, swapped, {}))
    assert straight.writes == {side: crossed.writes[side.other] for side in Side}
    assert [contest.group for contest in straight.contests] == [contest.group for contest in crossed.contests]
