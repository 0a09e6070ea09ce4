"""A sync with nothing to do scans nothing that grows: its very statements, as the database would run them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Engine, event

from benchmarks.cases import CONFIGURATION, Pair, bench_pair
from connector.cli.invocation import Invocation
from connector.context import Context
from connector.store.database import Store
from connector.sync import sync

SCANS = re.compile(r"\bSCAN (\w+)\b|Seq Scan on (\w+)")
OPEN_ONLY = ("USING INDEX uq_conflict_open", "USING INDEX uq_problem_open")
"""Indexes that hold nothing but what is open, from end to end."""
PLAIN = frozenset({"j", "fresh", "json_each", "CONSTANT", "SUBQUERY"})
"""What is read from the statement itself, not from a table."""
SMALL = frozenset({"lease", "endpoint", "cursor", "standing", "counter", "mapping", "remark", "portion"})
"""Tables with a row a side, an entity or a process, whatever the number of records; remarks are of what is open."""
MOST_STATEMENTS, MOST_TRANSACTIONS = 36, 16
"""Of a sync of one entity with nothing to do: what is known is not asked again, and one step reads in one go."""


class Sent(NamedTuple):
    """One statement as it went to the database."""

    sql: str
    bound: Any


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Both systems."""
    with bench_pair(customers=5, orders=3) as found:
        yield found


@pytest.fixture
def settled(pair: Pair, tmp_path: Path, store_url: str) -> Iterator[Context]:
    """Two systems that tell one story already."""
    config = tmp_path / "connector.yaml"
    text = CONFIGURATION.format(crm=pair.crm.url, erp=pair.erp.url, store=store_url)
    config.write_text(text, encoding="utf-8")
    with Invocation(config, as_json=False, debug=False).context() as context:
        while sync(context).writes:
            pass
        yield context


@contextmanager
def noted() -> Iterator[list[Sent]]:
    """Every statement that is sent within the block."""
    sent: list[Sent] = []

    def note(_conn: Connection, _cursor: object, sql: str, bound: Any, _context: object, many: bool) -> None:  # noqa: FBT001
        sent.append(Sent(sql, bound[0] if many else bound))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def counted() -> Iterator[list[Connection]]:
    """Every transaction that begins within the block."""
    begun: list[Connection] = []

    def note(conn: Connection) -> None:
        begun.append(conn)

    event.listen(Engine, "begin", note)
    try:
        yield begun
    finally:
        event.remove(Engine, "begin", note)


def steps(store: Store, one: Sent) -> list[str]:
    """The steps by which the database runs a statement."""
    prefix = "EXPLAIN QUERY PLAN" if store.dialect == "sqlite" else "EXPLAIN"
    with store.write() as conn:
        if store.dialect == "postgresql":
            # Among so few rows it would scan anything: only a plan that cannot do without still does.
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return [row[-1] for row in conn.exec_driver_sql(f"{prefix} {one.sql}", one.bound)]


def scanned(store: Store, sent: list[Sent]) -> set[tuple[str, str]]:
    """Each table that grows and is scanned, with the statement that does it."""
    found = set()
    for one in sent:
        if one.sql.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            for step in steps(store, one):
                names = {name for match in SCANS.findall(step) for name in match if name}
                grows = names - PLAIN - SMALL if not step.endswith(OPEN_ONLY) else ()
                found |= {(name, f"{step}: {one.sql}") for name in grows}
    return found


def test_a_sync_with_nothing_to_do_scans_no_table_that_grows(settled: Context) -> None:
    with noted() as sent:
        report = sync(settled)

    assert report.writes == 0
    assert len(sent) > len(settled.entities)
    assert scanned(settled.store, sent) == set()


def test_a_sync_with_nothing_to_do_asks_the_database_little(settled: Context) -> None:
    with noted() as sent, counted() as begun:
        report = sync(settled, entities=["customer"])

    assert report.writes == 0
    assert 0 < len(sent) <= MOST_STATEMENTS
    assert 0 < len(begun) <= MOST_TRANSACTIONS
