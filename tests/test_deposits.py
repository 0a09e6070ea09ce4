"""Deposits: what a scan brought is found again, however much of it there was."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from connector import deposits
from connector.deposits import Brought, Moved, Scan, keep_scan, keep_stretches
from connector.errors import StoreError
from connector.records import Cursor, Side, Version
from connector.store import cursors, inbox, leases, sightings, stretches
from connector.store.cursors import Position
from connector.store.database import Store
from connector.store.stretches import READING
from connector.tenure import LEASE, Tenure

KEYS = {"a": (1, 2), "b": (3,), "c": (4, 2), "d": (5,), "e": (1,)}


def scan(*ids: str, more: bool, since: str | None = None) -> Scan:
    """What one page brought."""
    count, records = len(ids), [b"{}"] * len(ids)
    versions = [Version("1")] * count
    keys = [KEYS[one] for one in ids]
    brought = Brought(ids, versions, [None] * count, records, keys, [], [], [])
    return Scan(Cursor(since) if since else None, Cursor(ids[-1]), more, count, count, brought)


@pytest.fixture
def tenure(store: Store, at: datetime) -> Tenure:
    """That of somebody who holds the lease."""
    with store.write() as conn:
        epoch = leases.acquire(conn, LEASE, "me", timedelta(minutes=1), at)
    return Tenure("customer", "run", epoch or 0, timedelta(minutes=1), lambda: at)


@pytest.mark.parametrize("many", [0, 2, 3, 100])
def test_every_record_of_a_first_read_is_matched_once_it_is_at_its_end(
    store: Store, tenure: Tenure, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(deposits, "MANY", many)
    pages = scan("a", "b", more=True), scan("c", "b", more=True, since="b"), scan("d", "e", more=False, since="b")

    for page in pages:
        assert keep_scan(store, tenure, Side.CRM, page) == 0

    with store.read() as conn:
        assert cursors.get(conn, "customer", Side.CRM).known == len(KEYS)
        assert sightings.candidates(conn, "customer", Side.CRM, range(1, 6)) == {
            1: ["a", "e"],
            2: ["a", "c"],
            3: ["b"],
            4: ["c"],
            5: ["d"],
        }


def test_no_cursor_moves_past_a_page_that_was_not_stored(store: Store, tenure: Tenure) -> None:
    keep_scan(store, tenure, Side.CRM, scan("a", more=True))

    with pytest.raises(StoreError, match="run again"):
        keep_scan(store, tenure, Side.CRM, scan("c", more=True, since="b"))

    with store.read() as conn:
        position = cursors.get(conn, "customer", Side.CRM)
    assert (position.cursor, position.known) == ("a", 1)


def test_a_cursor_stays_where_it_is_when_what_came_with_it_cannot_be_stored(store: Store, tenure: Tenure) -> None:
    page = scan("a", more=True)
    nameless = page._replace(brought=page.brought._replace(ids=[None]))  # type: ignore[list-item]  # no database takes it

    with pytest.raises(IntegrityError):
        keep_scan(store, tenure, Side.CRM, nameless)

    with store.read() as conn:
        position = cursors.get(conn, "customer", Side.CRM)
    assert (position.cursor, position.known) == (None, 0)


def read_range(store: Store, tenure: Tenure, number: int, page: Scan) -> None:
    with store.read() as conn:
        stretch = stretches.get(conn, "customer", Side.CRM, READING, number)
    assert stretch is not None
    moved = Moved(page.since, stretch._replace(cursor=page.cursor if page.more else None))
    keep_stretches(store, tenure, Side.CRM, [moved], page.brought)


@pytest.mark.parametrize("many", [0, 2, 100])
def test_a_first_read_in_ranges_is_whole_when_all_of_them_and_the_window_after_them_are(
    store: Store, tenure: Tenure, at: datetime, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(deposits, "MANY", many)
    with store.write() as conn:
        stretches.cut(conn, "customer", Side.CRM, READING, [Cursor("r0"), Cursor("r1")])
        cursors.save(conn, Position("customer", Side.CRM, Cursor("w")), at)

    read_range(store, tenure, 1, scan("c", "d", more=False, since="r1"))
    keep_scan(store, tenure, Side.CRM, scan("d", more=False, since="w"))
    with store.read() as conn:
        early = cursors.get(conn, "customer", Side.CRM)
    read_range(store, tenure, 0, scan("a", "b", more=False, since="r0"))
    keep_scan(store, tenure, Side.CRM, scan("e", more=False, since=early.cursor))

    with store.read() as conn:
        position = cursors.get(conn, "customer", Side.CRM)
        found = sightings.candidates(conn, "customer", Side.CRM, range(1, 6))
    assert (early.complete, position.complete, position.known) == (False, True, len(KEYS))
    assert found == {1: ["a", "e"], 2: ["a", "c"], 3: ["b"], 4: ["c"], 5: ["d"]}


def test_no_range_moves_past_a_page_that_was_not_stored(store: Store, tenure: Tenure) -> None:
    with store.write() as conn:
        stretches.cut(conn, "customer", Side.CRM, READING, [Cursor("r0")])

    with pytest.raises(StoreError, match="run again"):
        read_range(store, tenure, 0, scan("c", more=True, since="b"))

    with store.read() as conn:
        stretch = stretches.get(conn, "customer", Side.CRM, READING, 0)
    assert stretch is not None
    assert stretch.cursor == "r0"


def test_what_was_listed_and_could_not_be_looked_up_is_looked_for_later(
    store: Store, at: datetime, tenure: Tenure
) -> None:
    page = scan("a", more=False)
    listed = page.brought._replace(hidden=[("z", Version("7"))])

    keep_scan(store, tenure, Side.CRM, page._replace(brought=listed))

    with store.read() as conn:
        assert [(row.id, row.carries) for row in inbox.take(conn, "customer", 0, 9, at)] == [("a", True), ("z", False)]
        assert sightings.known(conn, "customer", Side.CRM, ["z"]) == {"z": None}
