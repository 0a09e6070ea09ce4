"""The journal: every planned write and what became of it, and one row a run."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from connector.errors import StoreError
from connector.records import Operation, OperationKind, OperationState, Record, Side, decode, encode
from connector.store import bulk
from connector.store.columns import SIDES, from_json, maybe_instant, to_instant, to_json, to_micros
from connector.store.schema import CHANGED, LIVE, REMOVED, STOPPED, TARGETED, operation, run
from connector.store.statements import quoted

_LIVE_STATES = frozenset({OperationState.PLANNED, OperationState.HELD, OperationState.SENDING, OperationState.UNKNOWN})
_STOPPED_STATES = frozenset({OperationState.REJECTED, OperationState.ABANDONED})
_READ = Operation._fields
_COLUMNS = (*_READ, "key", "phase", "created_at", "changed_at", "done_at")
_KINDS = {str(kind): kind for kind in OperationKind}
_STATES = {str(state): state for state in OperationState}
_NOTHING = encode({})
_PAGE = 2000
# Made once, as every run needs them: to put a statement together each time costs several times what it does.
_ANY_LIVE = (
    select(operation.c.id)
    .where(text(LIVE), operation.c.id > "", operation.c.entity == bindparam("entity"))
    .order_by(operation.c.id)
    .limit(1)
)
_RECORDS_CHANGED = text(
    f"SELECT count(DISTINCT target) FROM operation WHERE {CHANGED}"  # noqa: S608 -- our own words
    " AND entity = :entity AND side = :side AND done_at >= :since"
)
_ERASED = {"values": _NOTHING, "old": _NOTHING, "settles": _NOTHING}


class OperationTaken(StoreError):
    """A live operation on the same record or match key stands in the way; nothing was stored. `ids` were refused."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"A live operation on the same record or match key exists, so refused: {', '.join(ids[:10])}.")
        self.ids = tuple(ids)


class Run(NamedTuple):
    """One pass; `finished_at` and `outcome` are None while it goes on, and for good if its process died."""

    id: str
    kind: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    counts: dict[str, Any]


def start_run(conn: Connection, run_id: str, kind: str, at: datetime) -> None:
    """Note that a run began."""
    bulk.insert_rows(conn, run, ("id", "kind", "started_at"), [(run_id, kind, to_micros(at))])


def finish_run(conn: Connection, run_id: str, outcome: str, counts: dict[str, Any], at: datetime) -> None:
    """Note how a run ended."""
    ended = {"finished_at": to_micros(at), "outcome": outcome, "counts": to_json(counts)}
    bulk.update_in(conn, run, ended, ("id", [run_id]))


def last_runs(conn: Connection, limit: int) -> list[Run]:
    """The newest runs, newest first."""
    return [
        Run(
            row.id,
            row.kind,
            to_instant(row.started_at),
            maybe_instant(row.finished_at),
            row.outcome,
            from_json(row.counts) or {},
        )
        for row in conn.execute(select(run).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit))
    ]


def has_run(conn: Connection, run_id: str) -> bool:
    """Whether there was a run with this id."""
    return conn.execute(select(run.c.id).where(run.c.id == run_id)).first() is not None


def unfinished_runs(conn: Connection) -> list[str]:
    """The ids of the runs that began and never said how they ended."""
    return list(conn.execute(select(run.c.id).where(text("finished_at IS NULL")).order_by(run.c.id)).scalars())


def add(conn: Connection, operations: Sequence[Operation], at: datetime) -> None:
    """Store operations as they are; raises `OperationTaken` and stores none if one stands in the way of another."""
    now = to_micros(at)
    rows = [_row(one, now) for one in operations]
    try:
        with conn.begin_nested():
            bulk.insert_rows(conn, operation, _COLUMNS, rows)
    except IntegrityError as error:
        raise OperationTaken(_refused(conn, rows)) from error


def advance(
    conn: Connection,
    ids: Collection[str],
    state: OperationState,
    at: datetime,
    error: str | None = None,
    drop_values: bool = False,  # noqa: FBT001, FBT002 -- the journal's callers name it
) -> None:
    """Move operations on to a state; sending counts as an attempt, and dropped values leave only what happened.

    An operation that has come to an end is never made live again: what is wanted still is planned anew.
    """
    changes = _changes(state, to_micros(at), error, drop_values=drop_values)
    if state in _LIVE_STATES:
        # Without the phase, which cannot change here, the database need not look at any partial index.
        del changes["phase"]
        bulk.update_in(conn, operation, changes, ("id", ids), also=LIVE)
    else:
        bulk.update_in(conn, operation, changes, ("id", ids))


def complete(conn: Connection, created: Sequence[tuple[str, str]], at: datetime) -> None:
    """Creates that are done: pairs of operation id and the id their record got; the values they sent are dropped."""
    changes = _changes(OperationState.DONE, to_micros(at), None, drop_values=True)
    bulk.update_rows(conn, operation, ("id",), ("target",), created, changes)


def changed_at(conn: Connection, ids: Collection[str]) -> dict[str, datetime]:
    """When these operations last moved on."""
    rows = bulk.select_in(conn, operation, ("id", "changed_at"), ("id", ids))
    return {operation_id: to_instant(micros) for operation_id, micros in rows}


def evolve(conn: Connection, operation_id: str, at: datetime, **changes: Any) -> None:
    """Change single fields of one operation; for the cold paths."""
    before = get(conn, [operation_id]).get(operation_id)
    if before is None:
        raise StoreError(f"Operation {operation_id} is not in the journal.")
    now = to_micros(at)
    row = dict(zip(_COLUMNS, _row(before._replace(**changes), now), strict=True))
    del row["created_at"]
    try:
        conn.execute(operation.update().where(operation.c.id == operation_id).values(row))
    except IntegrityError as error:
        raise OperationTaken([operation_id]) from error


def get(conn: Connection, ids: Collection[str]) -> dict[str, Operation]:
    """The operations with these ids."""
    return {row[0]: _read(row) for row in bulk.select_in(conn, operation, _READ, ("id", ids))}


def live_keys(conn: Connection, entity: str, side: Side, keys: Collection[str]) -> dict[str, Operation]:
    """The live operation about each of these records (see `Operation.key`), where there is one."""
    where = {"entity": entity, "side": str(side)}
    found = [_read(row) for row in bulk.select_in(conn, operation, _READ, ("key", keys), where, LIVE)]
    return {one.key: one for one in found}


def by_state(
    conn: Connection,
    states: Collection[OperationState],
    entity: str | None = None,
    run: str | None = None,
    limit: int | None = None,
    after: str = "",
) -> list[Operation]:
    """Operations in any of these states, by id (their order in time), from the one after `after` on."""
    given = {name: value for name, value in (("entity", entity), ("run", run)) if value is not None}
    sql = _by_state_sql(tuple(sorted(states)), tuple(given), bulk.mark(conn))
    bound = (after, *given.values())
    rows = bulk.fetch(conn, f"{sql} LIMIT {int(limit)}" if limit is not None else sql, bound)
    return [_read(row) for row in rows]


@cache
def _by_state_sql(states: tuple[OperationState, ...], given: tuple[str, ...], mark: str) -> str:
    """Written out and kept: every run asks it several times an entity, and mostly of nothing."""
    listed = ", ".join(f"'{state}'" for state in states)
    equal = "".join(f' AND "{name}" = {mark}' for name in given)
    indexed = "".join(f" AND {words}" for words in _indexed(states))
    where = f'"id" > {mark} AND "state" IN ({listed}){equal}{indexed}'
    return f'SELECT {quoted(_READ)} FROM "{operation.name}" WHERE {where} ORDER BY "id"'  # noqa: S608 -- made of our own names


def is_any_live(conn: Connection, entity: str) -> bool:
    """Whether any operation of an entity has not come to its end: nearly always there is none."""
    return conn.execute(_ANY_LIVE, {"entity": entity}).first() is not None


def of_record(
    conn: Connection, entity: str, side: Side, record_id: str, limit: int
) -> list[tuple[Operation, datetime, datetime]]:
    """The operations that changed a record or were caused by it, newest first, with when planned and last moved.

    What created it is found by its source, on the other side.
    """
    written = and_(operation.c.target == record_id, operation.c.side == str(side), text(TARGETED))
    caused = and_(operation.c.source == record_id, operation.c.side == str(side.other))
    query = select(*_columns((*_READ, "created_at", "changed_at"))).where(operation.c.entity == entity)
    newest = query.where(or_(written, caused)).order_by(operation.c.id.desc()).limit(limit)
    return [(_read(tuple(row[:-2])), to_instant(row[-2]), to_instant(row[-1])) for row in conn.execute(newest)]


def newest(
    conn: Connection, limit: int, entity: str | None = None, run: str | None = None, since: datetime | None = None
) -> list[tuple[Operation, datetime, datetime]]:
    """The newest operations, newest first, with when planned and last moved; what was only planned is left out."""
    told = [operation.c.state != OperationState.PLANNED, or_(operation.c.phase != "stopped", operation.c.attempts > 0)]
    if entity is not None:
        told.append(operation.c.entity == entity)
    if run is not None:
        # A run's operations have later ids than the run itself.
        told += [operation.c.id > run, operation.c.run == run]
    if since is not None:
        told.append(operation.c.created_at >= to_micros(since))
    query = select(*_columns((*_READ, "created_at", "changed_at"))).where(*told)
    found = conn.execute(query.order_by(operation.c.id.desc()).limit(limit))
    return [(_read(tuple(row[:-2])), to_instant(row[-2]), to_instant(row[-1])) for row in found]


def removals_since(conn: Connection, entity: str, side: Side, since: datetime) -> int:
    """How many records of one side were archived or deleted since an instant."""
    done = _done_since(REMOVED, entity, side, since)
    return conn.execute(select(func.count()).select_from(operation).where(*done)).scalar_one()


def records_changed_since(conn: Connection, entity: str, side: Side, since: datetime) -> int:
    """How many records of one side were updated since an instant, but for first contacts; an index answers it."""
    asked = {"entity": entity, "side": str(side), "since": to_micros(since)}
    found: int = conn.execute(_RECORDS_CHANGED, asked).scalar_one()
    return found


def changed_since(
    conn: Connection, entity: str, side: Side, names: Collection[str], since: datetime
) -> dict[str, set[str]]:
    """For each field the records of one side on which it was updated since an instant, but for first contacts."""
    found: dict[str, set[str]] = {name: set() for name in names}
    marks = {f'"{name}":'.encode(): name for name in names}
    query = select(operation.c.target, operation.c["values"]).where(*_done_since(CHANGED, entity, side, since))
    with conn.execute(query.execution_options(yield_per=_PAGE)) as result:
        for target, data in result:
            # Most updates do not hold the field: their bytes tell, and need not be read.
            for mark, name in marks.items():
                if mark in data and name in decode(data):
                    found[name].add(target)
    return found


def done_since(
    conn: Connection, kind: str, entity: str, side: Side, since: datetime, page: int
) -> Iterator[list[Operation]]:
    """The operations of a kind (`REMOVED`, `CHANGED`) that were done on one side since an instant, page by page."""
    query = select(*_columns(_READ)).where(*_done_since(kind, entity, side, since))
    with conn.execute(query.execution_options(yield_per=page)) as result:
        for rows in result.partitions():
            yield [_read(tuple(row)) for row in rows]


def _done_since(kind: str, entity: str, side: Side, since: datetime) -> tuple[ColumnElement[bool] | Any, ...]:
    at = to_micros(since)
    return (text(kind), operation.c.entity == entity, operation.c.side == str(side), operation.c.done_at >= at)


def written_since(
    conn: Connection, entity: str, side: Side, records: Collection[str], since: datetime
) -> list[tuple[str, int, str, Record]]:
    """The updates of these records that were done since an instant: record, when in microseconds, id, and values."""
    columns, where = ("target", "done_at", "id", "values"), {"entity": entity, "side": str(side)}
    # The instant is a number of our own making, so it may stand in the condition.
    also = f"{TARGETED} AND kind = 'update' AND done_at >= {to_micros(since)}"
    rows = bulk.select_in(conn, operation, columns, ("target", records), where, also)
    return [(target, at, operation_id, decode(values)) for target, at, operation_id, values in rows]


def state_counts(conn: Connection) -> dict[OperationState, int]:
    """How many operations there are in each state but done."""
    found: dict[OperationState, int] = {}
    # One question an index, rather than one that reads the table.
    for condition in (LIVE, STOPPED):
        query = select(operation.c.state, func.count()).where(text(condition)).group_by(operation.c.state)
        found |= {OperationState(state): number for state, number in conn.execute(query)}
    return found


def _changes(state: OperationState, now: int, error: str | None, *, drop_values: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": str(state), "phase": _phase(state), "changed_at": now, "error": error}
    if drop_values:
        changes |= _ERASED
    if state is OperationState.DONE:
        changes["done_at"] = now
    if state is OperationState.SENDING:
        changes["attempts"] = bulk.Plus(1)
    return changes


def _phase(state: OperationState) -> str:
    if state in _LIVE_STATES:
        return "live"
    return "done" if state is OperationState.DONE else "stopped"


def _refused(conn: Connection, rows: Sequence[bulk.Row]) -> list[str]:
    """Which of these the database would not store: found by storing the others, and taking that back."""
    ids = [row[0] for row in rows]
    before = get(conn, ids)
    with conn.begin_nested() as trial:
        bulk.insert_rows(conn, operation, _COLUMNS, rows, lenient=True)
        stored = {row[0] for row in bulk.select_in(conn, operation, ("id",), ("id", ids))}
        trial.rollback()
    return [one for one in ids if one in before or one not in stored]


def _columns(names: tuple[str, ...]) -> list[Any]:
    return [operation.c[name] for name in names]


def _indexed(states: Collection[OperationState]) -> list[str]:
    """The words that let the database use a partial index for these states."""
    if _LIVE_STATES.issuperset(states):
        return [LIVE]
    return [STOPPED] if _STOPPED_STATES.issuperset(states) else []


def _row(one: Operation, now: int) -> tuple[Any, ...]:
    *named, values, old, settles, action, source_version, reason, reserved, state, attempts, run_id, error = one
    operation_id, entity, side, kind, target, source, link, version = named
    return (
        operation_id,
        entity,
        str(side),
        str(kind),
        target,
        source,
        link,
        version,
        encode(values),
        encode(old) if old else _NOTHING,
        encode(settles) if settles else _NOTHING,
        action,
        source_version,
        reason,
        reserved,
        str(state),
        attempts,
        run_id,
        error,
        one.key,
        _phase(state),
        now,
        now,
        now if state is OperationState.DONE else None,
    )


def _read(row: bulk.Row) -> Operation:
    # By position, as one that is made and replaced costs three times as much.
    records, state = map(decode, row[8:11]), _STATES[row[15]]
    return Operation._make(
        (*row[:2], SIDES[row[2]], _KINDS[row[3]], *row[4:8], *records, *row[11:15], state, *row[16:])
    )
