"""Problems: records that are parked, one open row a record and cause."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text

from connector.records import Problem, Ref, Side
from connector.store import bulk
from connector.store.columns import ref_to_text, text_to_ref, to_instant, to_micros
from connector.store.schema import OPEN, problem
from connector.store.statements import Same

_PROBLEM = ("entity", "side", "id", "cause", "message", "field", "waits_for")
_READ = ("number", *_PROBLEM, "opened_at", "seen_at", "attempts")
_COUNT, _CAUSES = (
    select(column, func.count()).where(text(OPEN)).group_by(column) for column in (problem.c.entity, problem.c.cause)
)
_SAME = Same(keys=("entity", "side", "id", "cause"), keep=("opened_at",), added=("attempts",), where=OPEN)


class OpenProblem(NamedTuple):
    """A problem as stored: how often it was met, first and last when."""

    id: int
    problem: Problem
    opened_at: datetime
    seen_at: datetime
    attempts: int


def report(conn: Connection, rows: Sequence[Problem], at: datetime) -> int:
    """Store problems and say how many are new; one that is open already takes the newer message and counts on."""
    latest = {row[:4]: row for row in rows}
    known = {item.problem[:4] for item in of(conn, {Ref(row.entity, row.side, row.id) for row in rows})}
    now = to_micros(at)
    bulk.upsert_rows(conn, problem, _READ[1:], [_row(row, now) for row in latest.values()], _SAME)
    return len(latest.keys() - known)


def clear(conn: Connection, refs: Collection[Ref], causes: Collection[str] | None, at: datetime) -> None:
    """Close the open problems of records that went well, of these causes or of any."""
    closed = {"closed_at": to_micros(at)}
    for (entity, side), ids in bulk.by_side(refs).items():
        where = {"entity": entity, "side": side}
        if causes is None:
            bulk.update_in(conn, problem, closed, ("id", ids), where, also=OPEN)
        for cause in causes or ():
            bulk.update_in(conn, problem, closed, ("id", ids), {**where, "cause": cause}, also=OPEN)


def clear_any(conn: Connection, entity: str, refs: Iterable[Ref], at: datetime) -> None:
    """Close all open problems of records that went well; who they are is asked only where the entity has any."""
    if count(conn).get(entity):
        clear(conn, list(refs), None, at)


def listed(conn: Connection, entity: str | None = None) -> list[OpenProblem]:
    """Open problems, oldest first."""
    rows = conn.execute(_LISTED) if entity is None else conn.execute(_LISTED_OF, {"entity": entity})
    # Sorted here: for the order's sake SQLite would read the closed ones, too.
    return [_read(row) for row in sorted(map(tuple, rows), key=itemgetter(0))]


def get(conn: Connection, number: int) -> OpenProblem | None:
    """The problem with this number, open or closed."""
    row = conn.execute(_query().where(problem.c.number == number)).first()
    return _read(tuple(row)) if row else None


def of(conn: Connection, refs: Collection[Ref]) -> list[OpenProblem]:
    """The open problems of these records, oldest first."""
    rows: list[bulk.Row] = []
    for (entity, side), ids in bulk.by_side(refs).items():
        rows += bulk.select_in(conn, problem, _READ, ("id", ids), {"entity": entity, "side": side}, OPEN)
    return [_read(row) for row in sorted(rows)]


def dismiss(conn: Connection, number: int, at: datetime) -> bool:
    """Close one problem by hand; False when there is no open one with this number."""
    return bulk.update_in(conn, problem, {"closed_at": to_micros(at)}, ("number", [number]), also=OPEN) == 1


def count(conn: Connection) -> dict[str, int]:
    """How many open problems each entity has."""
    return dict(bulk.fetch_query(conn, _COUNT))


def causes(conn: Connection) -> dict[str, int]:
    """How many open problems each cause has."""
    return dict(bulk.fetch_query(conn, _CAUSES))


def caused(conn: Connection, entity: str, cause: str) -> list[Ref]:
    """The records of an entity with an open problem of this cause."""
    rows = conn.execute(_CAUSED, {"entity": entity, "cause": cause})
    return [Ref(entity, Side(row.side), row.id) for row in rows]


def _query() -> Any:
    return select(*[problem.c[name] for name in _READ])


_LISTED = _query().where(text(OPEN))
_CAUSED = (
    select(problem.c.side, problem.c.id)
    .where(text(OPEN), problem.c.entity == bindparam("entity"), problem.c.cause == bindparam("cause"))
    .order_by(problem.c.number)
)
_LISTED_OF = _LISTED.where(problem.c.entity == bindparam("entity"))


def _row(row: Problem, now: int) -> bulk.Row:
    parent = None if row.waits_for is None else ref_to_text(row.waits_for)
    return (row.entity, str(row.side), row.id, row.cause, row.message, row.field, parent, now, now, 1)


def _read(row: bulk.Row) -> OpenProblem:
    number, entity, side, record_id, cause, message, field, parent, opened_at, seen_at, attempts = row
    found = Problem(entity, Side(side), record_id, cause, message, field, text_to_ref(parent))
    return OpenProblem(number, found, to_instant(opened_at), to_instant(seen_at), attempts)
