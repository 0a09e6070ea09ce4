"""The history: every decision with its inputs, appended and never changed; it feeds `explain`, `undo` and audits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.sql.elements import ColumnElement

from connector.records import Event, Side
from connector.store import bulk
from connector.store.columns import from_json, to_instant, to_json, to_micros
from connector.store.schema import history

_COLUMNS = ("at", "run", "entity", "side", "id", "kind", "detail", "link", "operation")


def append(conn: Connection, run: str, events: Sequence[Event], at: datetime) -> None:
    """Note what was decided in a run."""
    now = to_micros(at)
    rows = [
        (now, run, one.entity, str(one.side), one.id, one.kind, to_json(one.detail), one.link, one.operation)
        for one in events
    ]
    bulk.insert_rows(conn, history, _COLUMNS, rows)


def of(conn: Connection, entity: str, side: Side, record_id: str, limit: int) -> list[tuple[datetime, str, Event]]:
    """The newest events of one record, newest first, each with its instant and run."""
    same = (history.c.entity == entity, history.c.side == str(side), history.c.id == record_id)
    return _newest(conn, same, limit)


def of_link(conn: Connection, link: int, limit: int) -> list[tuple[datetime, str, Event]]:
    """The newest events of one link, newest first, each with its instant and run."""
    return _newest(conn, (history.c.link == link,), limit)


def newest(
    conn: Connection, limit: int, entity: str | None = None, run: str | None = None, since: datetime | None = None
) -> list[tuple[datetime, str, Event]]:
    """The newest events across records, newest first, each with its instant and run."""
    conditions = []
    if entity is not None:
        conditions.append(history.c.entity == entity)
    if run is not None:
        conditions.append(history.c.run == run)
    if since is not None:
        conditions.append(history.c.at >= to_micros(since))
    return _newest(conn, conditions, limit)


def of_links(conn: Connection, link_ids: Collection[int], kind: str) -> list[Event]:
    """Every event of one kind about these links, oldest first."""
    rows = bulk.select_in(conn, history, ("seq", *_COLUMNS), ("link", link_ids), {"kind": kind})
    return [_read(row[1:])[2] for row in sorted(rows, key=itemgetter(0))]


def _newest(
    conn: Connection, conditions: Sequence[ColumnElement[bool]], limit: int
) -> list[tuple[datetime, str, Event]]:
    columns: list[Any] = [history.c[name] for name in _COLUMNS]
    query = select(*columns).where(*conditions).order_by(history.c.seq.desc()).limit(limit)
    return [_read(tuple(row)) for row in conn.execute(query)]


def _read(row: bulk.Row) -> tuple[datetime, str, Event]:
    at, run, entity, side, record_id, kind, detail, link, operation = row
    return to_instant(at), run, Event(entity, Side(side), record_id, kind, from_json(detail), link, operation)
