"""No query that a run with nothing to do, or a small batch, makes reads a whole table."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, event

from connector.records import Arrival, Base, LinkStatus, OperationState, Rebase, Ref, Side, Sighting
from connector.store import conflicts, cursors, endpoints, history, inbox, journal, links, problems, sightings
from connector.store.database import Store
from connector.store.schema import CHANGED

CRM = Side.CRM
SCAN = re.compile(r"\bSCAN (?!j\b|fresh\b|json_each\b|\(|CONSTANT|\d+ CONSTANT|anon_)(\w+)")
AT = datetime(2026, 11, 23, 20, 44, 10, tzinfo=UTC)
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "cursors.get": lambda conn: cursors.get(conn, "order", CRM),
    "inbox.due": lambda conn: inbox.due(conn, "order", AT),
    "inbox.head": inbox.head,
    "inbox.take": lambda conn: inbox.take(conn, "order", 5, 10, AT, upto_seq=100),
    "inbox.rows": lambda conn: inbox.rows(conn, "order", CRM, ["a"]),
    "inbox.waiting": lambda conn: inbox.waiting(conn, "order"),
    "inbox.put": lambda conn: inbox.put(conn, [Arrival("order", CRM, "a", "poll")], AT),
    "inbox.settle": lambda conn: inbox.settle(conn, [1, 2]),
    "inbox.park": lambda conn: inbox.park(conn, [(inbox.head(conn), None, AT)]),
    "inbox.release": lambda conn: inbox.release(conn, [Ref("customer", CRM, "a")]),
    "links.find": lambda conn: links.find(conn, "order", CRM, ["a"]),
    "links.counterparts": lambda conn: links.counterparts(conn, "order", CRM, ["a"]),
    "links.versions": lambda conn: links.versions(conn, "order", CRM, ["a"]),
    "links.are_at_least": lambda conn: links.are_at_least(conn, "order", 10),
    "links.page": lambda conn: links.page(conn, "order", 0, 10),
    "links.set_status": lambda conn: links.set_status(conn, [1], LinkStatus.DORMANT, AT),
    "links.rebase": lambda conn: links.rebase(conn, [Rebase(1, CRM, Base(b"", None, 1))], AT),
    "links.remove": lambda conn: links.remove(conn, [1]),
    "sightings.see": lambda conn: sightings.see(conn, "order", CRM, [Sighting("a", None, (AT.second,))], 1, AT),
    "sightings.known": lambda conn: sightings.known(conn, "order", CRM, ["a"]),
    "sightings.candidates": lambda conn: sightings.candidates(conn, "order", CRM, [1]),
    "sightings.mark": lambda conn: sightings.mark(conn, "order", CRM, ["a"], 2),
    "sightings.forget": lambda conn: sightings.forget(conn, "order", CRM, ["a"]),
    "journal.is_any_live": lambda conn: journal.is_any_live(conn, "order"),
    "journal.by_state, live": lambda conn: journal.by_state(conn, [OperationState.SENDING]),
    "journal.by_state, of a run": lambda conn: journal.by_state(conn, [OperationState.PLANNED], "order", "r", 9),
    "journal.by_state, rejected": lambda conn: journal.by_state(conn, [OperationState.REJECTED]),
    "journal.live_keys": lambda conn: journal.live_keys(conn, "order", CRM, ["a"]),
    "journal.advance": lambda conn: journal.advance(conn, ["a"], OperationState.SENDING, AT),
    "journal.complete": lambda conn: journal.complete(conn, [("a", "b")], AT),
    "journal.removals_since": lambda conn: journal.removals_since(conn, "order", CRM, AT),
    "journal.records_changed_since": lambda conn: journal.records_changed_since(conn, "order", CRM, AT),
    "journal.changed_since": lambda conn: journal.changed_since(conn, "order", CRM, ["phone"], AT),
    "journal.done_since": lambda conn: list(journal.done_since(conn, CHANGED, "order", CRM, AT, 9)),
    "journal.written_since": lambda conn: journal.written_since(conn, "order", CRM, ["a"], AT),
    "journal.of_record": lambda conn: journal.of_record(conn, "order", CRM, "a", 5),
    "conflicts.of_links": lambda conn: conflicts.of_links(conn, [1]),
    "problems.of": lambda conn: problems.of(conn, [Ref("order", CRM, "a")]),
    "problems.clear": lambda conn: problems.clear(conn, [Ref("order", CRM, "a")], None, AT),
    "history.of": lambda conn: history.of(conn, "order", CRM, "a", 5),
    "history.of_link": lambda conn: history.of_link(conn, 1, 5),
    "endpoints.get": lambda conn: endpoints.get(conn, CRM),
}


def statements(store: Store, ask: Callable[[Connection], object]) -> list[tuple[str, object]]:
    """What a question sends to the database."""
    sent: list[tuple[str, object]] = []

    def note(_conn: Connection, _cursor: object, sql: str, bound: object, *_: object) -> None:
        sent.append((sql, bound))

    event.listen(store._writer, "before_cursor_execute", note)
    with store.write() as conn:
        ask(conn)
    event.remove(store._writer, "before_cursor_execute", note)
    return [one for one in sent if one[0].startswith(("SELECT", "UPDATE", "DELETE", "WITH"))]


def explain(store: Store, name: str, prefix: str) -> list[str]:
    """The steps by which the database answers a question."""
    steps: list[str] = []
    for sql, bound in statements(store, QUESTIONS[name]):
        with store.write() as conn:
            if store.dialect == "postgresql":
                # The tables are empty, so that only a plan without an index would still scan.
                conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
            steps += [row[-1] for row in conn.exec_driver_sql(f"{prefix} {sql}", bound)]
    return steps


def test_sqlite_scans_no_table(sqlite_store: Store) -> None:
    plans = {name: explain(sqlite_store, name, "EXPLAIN QUERY PLAN") for name in QUESTIONS}

    assert {name: steps for name, steps in plans.items() if any(SCAN.search(step) for step in steps)} == {}


@pytest.mark.postgres
def test_postgresql_can_do_without_scanning(postgres_store: Store) -> None:
    plans = {name: explain(postgres_store, name, "EXPLAIN") for name in QUESTIONS}

    assert {name: steps for name, steps in plans.items() if any("Seq Scan" in step for step in steps)} == {}
