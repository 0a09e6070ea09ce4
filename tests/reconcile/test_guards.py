"""Stops over a whole plan."""

import pytest
from hypothesis import given, strategies as st

from connector.entities import Guard
from connector.reconcile.guards import (
    FIRST_CONTACT,
    MAPPING_CHANGED,
    REMOVALS,
    Census,
    Past,
    Trip,
    change_limit,
    check as check_all,
    digest,
    enough_links,
    is_stopped,
)
from connector.records import Operation, OperationKind, Side
from tests.reconcile.pairs import THING

ENTITY = THING.model_copy(update={"guard": Guard(deletes=10, delete_share=0.1, changes=5, change_share=0.5)})


def operation(kind: OperationKind = OperationKind.UPDATE, **changes: object) -> Operation:
    """An operation on one CRM record."""
    made = Operation("op", "thing", Side.CRM, kind, "1", "2", 1, None, {"phone": "2"}, {"phone": "1"}, {"phone": "2"})
    return made._replace(**changes)  # type: ignore[arg-type]


def census(*operations: Operation) -> Census:
    """These operations, counted."""
    counted = Census.empty()
    counted.add(operations)
    return counted


def check(counted: Census, linked: int, *, removed: int = 0, side: Side = Side.CRM, **changed: int) -> list[Trip]:
    """What trips, after so many removals and changes of fields in the last 36 hours."""
    return check_all(ENTITY, side, counted, Past(removed, changed, "36 hours"), linked)


def test_deletes_within_both_limits_pass() -> None:
    assert check(census(*[operation(OperationKind.DELETE)] * 10), 1000) == []


def test_deletes_beyond_the_number_trip() -> None:
    (trip,) = check(census(*[operation(OperationKind.ARCHIVE)] * 11), 1000)
    assert (trip.affected, trip.limit) == (11, 10)


def test_deletes_beyond_the_share_trip() -> None:
    (trip,) = check(census(*[operation(OperationKind.DELETE)] * 4), 30)
    assert trip.limit == 3


def test_many_small_runs_do_not_slip_past() -> None:
    staged = census(*[operation(OperationKind.DELETE)] * 2)
    (trip,) = check(staged, 1000, removed=9)
    assert "9 were in the last 36 hours" in trip.message


def test_one_single_delete_always_passes() -> None:
    assert check(census(operation(OperationKind.DELETE)), 1) == []


def test_the_same_field_on_most_records_trips_for_that_field_only() -> None:
    (trip,) = check(census(*[operation()] * 6), 8)
    assert is_stopped(operation(), [trip])
    assert not is_stopped(operation(values={"email": "e"}), [trip])
    assert not is_stopped(operation(side=Side.ERP), [trip])


def test_first_contact_may_fill_a_field_on_every_record() -> None:
    assert check(census(*[operation(reason=FIRST_CONTACT)] * 8), 8) == []


def test_an_approval_binds_to_old_and_new_and_not_to_the_row() -> None:
    same, other = operation(id="later", run="another"), operation(old={"phone": "9"})
    assert digest(operation()) == digest(same)
    assert digest(operation()) != digest(other)


def test_changes_of_one_field_in_many_small_runs_do_not_slip_past() -> None:
    (trip,) = check(census(operation()), 10, phone=5)
    assert (trip.affected, trip.limit, trip.fields) == (1, 5, frozenset({"phone"}))
    assert "on 5 others in the last 36 hours" in trip.message


def test_other_fields_that_changed_before_do_not_count() -> None:
    assert check(census(operation()), 10, email=5) == []


def test_what_was_done_before_stops_nothing_where_nothing_more_is_planned() -> None:
    assert check(census(), 10, removed=50, phone=50) == []


def test_a_changed_mapping_counts_and_is_named() -> None:
    (trip,) = check(census(*[operation(reason=MAPPING_CHANGED)] * 6), 6)
    assert "the mapping of phone changed" in trip.message
    assert "connector approve thing" in trip.message


def test_what_people_changed_is_not_blamed_on_the_mapping() -> None:
    (trip,) = check(census(*[operation()] * 6), 6)
    assert "mapping" not in trip.message


@pytest.mark.parametrize("side", list(Side))
@given(
    numbers=st.lists(st.tuples(st.sampled_from(list(Side)), st.booleans(), st.sampled_from(["phone", "email"]))),
    linked=st.integers(0, 40),
)
def test_what_trips_is_beyond_its_limit_and_on_its_own_side(
    side: Side, numbers: list[tuple[Side, bool, str]], linked: int
) -> None:
    operations = [
        operation(OperationKind.DELETE if gone else OperationKind.UPDATE, side=on, values={} if gone else {name: "2"})
        for on, gone, name in numbers
    ]
    trips = check(census(*operations), linked, side=side)
    stopped = [one for one in operations if is_stopped(one, trips)]
    assert all(one.side is side for one in stopped)
    assert len(stopped) == sum(trip.affected for trip in trips)
    assert all(trip.affected > trip.limit for trip in trips)
    assert all(trip.limit >= change_limit(ENTITY.guard, linked) for trip in trips if trip.kinds != REMOVALS)


@given(
    st.integers(0, 10**6),
    st.builds(Guard, changes=st.integers(0, 300), change_share=st.floats(0.001, 1)),
    st.integers(0, 10**6),
)
def test_with_enough_links_so_many_changes_are_within_the_limit(changes: int, guard: Guard, more: int) -> None:
    enough = enough_links(guard, changes)

    assert enough is not None
    assert change_limit(guard, enough + more) >= changes


def test_where_no_share_may_change_no_number_of_links_is_enough() -> None:
    guard = Guard(changes=5, change_share=0)

    assert (enough_links(guard, 5), enough_links(guard, 6)) == (0, None)
