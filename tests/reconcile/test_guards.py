"""Stops over a whole plan."""

from collections import Counter

from connector.entities import Guard
from connector.reconcile.guards import FIRST_CONTACT, Census, check, digest, is_stopped
from connector.records import Operation, OperationKind, Side
from tests.reconcile.pairs import THING

ENTITY = THING.model_copy(update={"guard": Guard(deletes=10, delete_share=0.1, changes=5, change_share=0.5)})


def operation(kind: OperationKind = OperationKind.UPDATE, **changes: object) -> Operation:
    """An operation on one CRM record."""
    made = Operation("op", "thing", Side.CRM, kind, "1", "2", 1, None, {"phone": "2"}, {"phone": "1"}, {"phone": "2"})
    return made._replace(**changes)  # type: ignore[arg-type]


def census(*operations: Operation) -> Census:
    """These operations, counted."""
    counted = Census(Counter(), Counter())
    counted.add(operations)
    return counted


def test_deletes_within_both_limits_pass() -> None:
    assert check(ENTITY, Side.CRM, census(*[operation(OperationKind.DELETE)] * 10), 0, 1000) == []


def test_deletes_beyond_the_number_trip() -> None:
    (trip,) = check(ENTITY, Side.CRM, census(*[operation(OperationKind.ARCHIVE)] * 11), 0, 1000)
    assert (trip.affected, trip.limit) == (11, 10)


def test_deletes_beyond_the_share_trip() -> None:
    (trip,) = check(ENTITY, Side.CRM, census(*[operation(OperationKind.DELETE)] * 4), 0, 30)
    assert trip.limit == 3


def test_many_small_runs_do_not_slip_past() -> None:
    staged = census(*[operation(OperationKind.DELETE)] * 2)
    assert check(ENTITY, Side.CRM, staged, 9, 1000)


def test_one_single_delete_always_passes() -> None:
    assert check(ENTITY, Side.CRM, census(operation(OperationKind.DELETE)), 0, 1) == []


def test_the_same_field_on_most_records_trips_for_that_field_only() -> None:
    (trip,) = check(ENTITY, Side.CRM, census(*[operation()] * 6), 0, 8)
    assert is_stopped(operation(), [trip])
    assert not is_stopped(operation(values={"email": "e"}), [trip])
    assert not is_stopped(operation(side=Side.ERP), [trip])


def test_first_contact_may_fill_a_field_on_every_record() -> None:
    assert check(ENTITY, Side.CRM, census(*[operation(reason=FIRST_CONTACT)] * 8), 0, 8) == []


def test_an_approval_binds_to_old_and_new_and_not_to_the_row() -> None:
    same, other = operation(id="later", run="another"), operation(old={"phone": "9"})
    assert digest(operation()) == digest(same)
    assert digest(operation()) != digest(other)
