"""The inbox: no event is lost between taking a key and settling it."""

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest

from connector.records import Arrival, Ref, Side, Version
from connector.store import inbox
from connector.store.database import Store

CRM, ERP = Side.CRM, Side.ERP
PARENT = Ref("customer", CRM, "parent with spaces")


def arrival(record_id: str, entity: str = "order", side: Side = CRM) -> Arrival:
    return Arrival(entity, side, record_id, "poll")


def taken(store: Store, now: datetime, entity: str = "order") -> list[str]:
    with store.read() as conn:
        return [row.id for row in inbox.take(conn, entity, 0, 100, now)]


def test_a_key_comes_back_as_it_was_put(store: Store, at: datetime) -> None:
    full = Arrival("order", ERP, "1", "webhook", Version("v"), b"{}", deleted=True)._replace(
        modified=at - timedelta(microseconds=1)
    )

    with store.write() as conn:
        inbox.put(conn, [full], at)
        (row,) = inbox.take(conn, "order", 0, 10, at)

    assert (row.entity, row.side, row.id, row.why, row.version, row.record, row.deleted, row.modified) == full
    assert (row.since, row.seen_at, row.attempts, row.waits_for) == (at, at, 0, None)


def test_keys_are_taken_in_the_order_of_their_numbers(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b")], at)
        inbox.put(conn, [arrival("c"), arrival("a")], at)

    assert taken(store, at) == ["b", "c", "a"]


def test_a_key_put_again_keeps_only_the_time_since_when(store: Store, at: datetime) -> None:
    later = at + timedelta(minutes=5)
    with store.write() as conn:
        inbox.put(conn, [Arrival("order", CRM, "a", "poll", Version("1"), b"old", modified=at)], at)
        (first,) = inbox.take(conn, "order", 0, 10, at)
        inbox.park(conn, [(first.seq, PARENT, at + timedelta(days=1))])

        inbox.put(conn, [arrival("a")._replace(why="webhook")], later)
        (row,) = inbox.take(conn, "order", 0, 10, later)

    assert row.seq > first.seq
    assert (row.since, row.seen_at, row.attempts, row.waits_for) == (at, later, 0, None)
    assert (row.why, row.version, row.record, row.modified) == ("webhook", None, None, None)


def test_a_scan_that_shows_what_waits_already_replaces_it(store: Store, at: datetime) -> None:
    ids, later = [f"{number:02}" for number in range(50)], at + timedelta(minutes=5)

    def scanned(version: str) -> inbox.Scanned:
        return inbox.Scanned(ids, [Version(version)] * 50, [None] * 50, [b"{}"] * 50)

    with store.write() as conn:
        inbox.put(conn, [arrival("07")], at)
        inbox.put_scanned(conn, "order", CRM, scanned("2"), later)
        rows = inbox.take(conn, "order", 0, 100, later)

    assert [row.id for row in rows] == ids
    assert {row.version for row in rows} == {"2"}
    assert [row.id for row in rows if row.since == at] == ["07"]


def test_the_last_of_several_arrivals_wins(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a")._replace(why="first"), arrival("b"), arrival("a")._replace(why="last")], at)

        assert {row.id: row.why for row in inbox.take(conn, "order", 0, 10, at)} == {"a": "last", "b": "poll"}


def test_settling_removes_only_what_was_read(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b")], at)
        read = inbox.take(conn, "order", 0, 10, at)
        inbox.put(conn, [arrival("a")], at)

        inbox.settle(conn, [row.seq for row in read])

    assert taken(store, at) == ["a"]


def test_a_window_ends_where_it_began(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival(str(number)) for number in range(5)], at)
        end = inbox.head(conn)
        inbox.put(conn, [arrival("late")], at)

        rows = inbox.take(conn, "order", 0, 2, at, upto_seq=end)
        rows += inbox.take(conn, "order", rows[-1].seq, 10, at, upto_seq=end)

    assert [row.id for row in rows] == ["0", "1", "2", "3", "4"]


def test_only_the_asked_keys_are_taken(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b"), arrival("a", side=ERP), arrival("a", "customer")], at)

        rows = inbox.take(conn, "order", 0, 10, at, only=[(CRM, "b"), (ERP, "a"), (ERP, "b")])

        assert [(row.side, row.id) for row in rows] == [(CRM, "b"), (ERP, "a")]
        assert inbox.take(conn, "order", 0, 10, at, only=[]) == []


def test_a_parked_key_is_due_when_its_time_has_come(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b")], at)
        (first, _) = inbox.take(conn, "order", 0, 10, at)
        inbox.park(conn, [(first.seq, None, at + timedelta(minutes=1))])

    assert taken(store, at) == ["b"]
    assert taken(store, at + timedelta(minutes=1)) == ["a", "b"]
    with store.read() as conn:
        assert inbox.rows(conn, "order", CRM, ["a"])["a"].attempts == 1


def test_a_child_waits_until_its_parent_is_released(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b")], at)
        rows = inbox.take(conn, "order", 0, 10, at)
        inbox.park(conn, [(rows[0].seq, PARENT, None), (rows[1].seq, PARENT._replace(id="other"), None)])
        assert inbox.take(conn, "order", 0, 10, at + timedelta(days=1)) == []
        assert [row.waits_for for row in inbox.waiting(conn, "order")] == [PARENT, PARENT._replace(id="other")]

        assert inbox.release(conn, [PARENT]) == 1

    assert taken(store, at) == ["a"]


def test_a_key_that_stays_with_its_parent_is_no_news_and_comes_with_it(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a")], at)
        (read,) = inbox.take(conn, "order", 0, 10, at)
        inbox.park(conn, [(read.seq, PARENT, None)])
        inbox.mark_staying(conn, [read.seq])
        assert inbox.waiting(conn, "order") == []

        inbox.release(conn, [PARENT])

    assert taken(store, at) == ["a"]


def test_parking_a_key_that_was_put_again_leaves_it_due(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a")], at)
        (read,) = inbox.take(conn, "order", 0, 10, at)
        inbox.put(conn, [arrival("a")], at)

        inbox.park(conn, [(read.seq, PARENT, None)])

    assert taken(store, at) == ["a"]


def test_what_was_parked_since_is_not_taken_by_its_number(store: Store, at: datetime) -> None:
    later = at + timedelta(minutes=1)
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b"), arrival("c")], at)
        seqs = [row.seq for row in inbox.take(conn, "order", 0, 10, at)]
        inbox.park(conn, [(seqs[0], PARENT, None), (seqs[1], None, later)])

        assert [row.id for row in inbox.numbered(conn, seqs, at)] == ["c"]
        assert [row.id for row in inbox.numbered(conn, seqs, later)] == ["b", "c"]


def test_due_tells_whether_anything_can_be_taken(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert not inbox.due(conn, "order", at)
        inbox.put(conn, [arrival("a")], at)
        assert inbox.due(conn, "order", at)
        assert not inbox.due(conn, "customer", at)
        inbox.park(conn, [(inbox.head(conn), None, at + timedelta(seconds=1))])

        assert not inbox.due(conn, "order", at)
        assert inbox.due(conn, "order", at + timedelta(seconds=1))


def test_depth_counts_and_knows_the_oldest(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a")], at)
        inbox.put(conn, [arrival("a"), arrival("b"), arrival("c", "customer")], at + timedelta(hours=1))

        assert inbox.depth(conn) == {"order": (2, at), "customer": (1, at + timedelta(hours=1))}


def test_ready_is_what_waits_for_nothing(store: Store, at: datetime) -> None:
    with store.write() as conn:
        inbox.put(conn, [arrival("a"), arrival("b"), arrival("c"), arrival("d", "customer")], at)
        seqs = [row.seq for row in inbox.take(conn, "order", 0, 10, at)]
        inbox.park(conn, [(seqs[0], PARENT, None), (seqs[1], None, at)])

        assert inbox.ready(conn) == {"order": 1, "customer": 1}
        assert inbox.ready(conn, "order") == {"order": 1}


def test_a_delivery_is_received_once(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert inbox.receive(conn, CRM, "delivery-1", at)
        assert not inbox.receive(conn, CRM, "delivery-1", at)
        assert inbox.receive(conn, ERP, "delivery-1", at)


@pytest.mark.parametrize("keys", [3, 40])
def test_an_event_between_take_and_settle_is_never_lost(store: Store, at: datetime, keys: int) -> None:
    """One thread puts versions of a few keys, another takes and settles: the last version of each is always seen."""
    rounds, last_seen, finished = 60, Counter[str](), threading.Event()

    def produce() -> None:
        for version in range(1, rounds + 1):
            with store.write() as conn:
                inbox.put(conn, [arrival(str(key))._replace(why=str(version)) for key in range(keys)], at)
        finished.set()

    def drain() -> int:
        with store.read() as conn:
            rows = inbox.take(conn, "order", 0, 100, at)
        last_seen.update({row.id: max(0, int(row.why) - last_seen[row.id]) for row in rows})
        with store.write() as conn:
            inbox.settle(conn, [row.seq for row in rows])
        return len(rows)

    producer = threading.Thread(target=produce)
    producer.start()
    while not finished.is_set():
        drain()
    producer.join()
    while drain():
        pass

    assert last_seen == {str(key): rounds for key in range(keys)}
