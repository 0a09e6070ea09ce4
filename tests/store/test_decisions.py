"""The newest decisions and writes across records."""

from datetime import datetime, timedelta

import pytest

from connector.history import decisions, entity_of
from connector.records import Event, Operation, OperationKind, OperationState, Side, Version
from connector.store import history, journal
from connector.store.database import Store

UPDATE = Operation("r1-1", "customer", Side.ERP, OperationKind.UPDATE, "e1", "c1", 1, Version("v1"), {}, {}, {})


@pytest.fixture
def filled(store: Store, at: datetime) -> Store:
    """Two runs a minute apart: one wrote a customer, the other an order, and linked another."""
    done = UPDATE._replace(state=OperationState.DONE, run="r1")
    later = at + timedelta(minutes=1)
    with store.write() as conn:
        journal.add(conn, [done, done._replace(id="r1-2", target="e2", state=OperationState.PLANNED)], at)
        journal.add(conn, [done._replace(id="r2-1", entity="order", target="o1", run="r2")], later)
        superseded = done._replace(id="r2-2", entity="order", target="o2", run="r2", state=OperationState.ABANDONED)
        journal.add(conn, [superseded], later)
        linked = Event("order", Side.CRM, "p9", "linked", {"by": "its match key"}, 9)
        history.append(conn, "r2", [linked], later + timedelta(seconds=2))
    return store


def told(store: Store, limit: int = 10, **chosen: str) -> list[str]:
    """What the decisions are about, as entity and run."""
    return [f"{entity_of(one)} {one.run}" for one in decisions(store, limit, **chosen)]


def test_the_newest_come_first_and_what_was_only_planned_does_not_come(filled: Store) -> None:
    assert told(filled) == ["order r2", "order r2", "customer r1"]


def test_there_are_never_more_than_asked_for(filled: Store) -> None:
    assert [moment.event is not None for moment in decisions(filled, 1)] == [True]


def test_one_entity_or_one_run_can_be_chosen(filled: Store) -> None:
    assert told(filled, entity="customer") == ["customer r1"]
    assert told(filled, run="r2") == ["order r2", "order r2"]


def test_what_happened_before_a_time_can_be_left_out(filled: Store, at: datetime) -> None:
    assert len(decisions(filled, 10, since=at + timedelta(seconds=61))) == 1
