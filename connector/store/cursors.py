"""How far each side was read, for each entity."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from connector.records import Cursor, Side
from connector.store import bulk
from connector.store.columns import maybe_instant, maybe_micros, to_micros
from connector.store.schema import cursor


class Position(NamedTuple):
    """Where reading stands: the feed's cursor, and the enumeration's, which walks over everything now and then.

    `generation` numbers the enumerations, `complete` says that one was finished, `known` how many records there are,
    `echoes` how many arrivals were our own writes.
    """

    entity: str
    side: Side
    cursor: Cursor | None = None
    generation: int = 0
    complete: bool = False
    known: int = 0
    echoes: int = 0
    enumeration: Cursor | None = None
    enumerated_at: datetime | None = None
    moved_at: datetime | None = None


def get(conn: Connection, entity: str, side: Side) -> Position:
    """The position of one entity on one side; a fresh one if nothing was read yet."""
    query = select(*_columns()).where(cursor.c.entity == entity, cursor.c.side == str(side))
    row = conn.execute(query).first()
    return _position(row) if row else Position(entity, side)


def save(conn: Connection, position: Position, at: datetime) -> None:
    """Store a position as it is, its `known` and `echoes` included; `moved_at` becomes `at`."""
    stored = position._replace(enumerated_at=None, moved_at=None)
    row = (*stored[:1], str(position.side), *stored[2:-2], maybe_micros(position.enumerated_at), to_micros(at))
    bulk.upsert_rows(conn, cursor, Position._fields, [row], keys=("entity", "side"))


def bump(conn: Connection, entity: str, side: Side, *, known: int = 0, echoes: int = 0) -> None:
    """Add to the counts, whoever else adds to them."""
    row = (entity, str(side), 0, False, 0, 0)
    columns = ("entity", "side", "generation", "complete", "known", "echoes")
    bulk.insert_rows(conn, cursor, columns, [row], lenient=True)
    same = (cursor.c.entity == entity, cursor.c.side == str(side))
    conn.execute(cursor.update().where(*same).values(known=cursor.c.known + known, echoes=cursor.c.echoes + echoes))


def all(conn: Connection) -> list[Position]:  # noqa: A001 -- reads as `cursors.all`
    """Every position, in order."""
    return [_position(row) for row in conn.execute(select(*_columns()).order_by(cursor.c.entity, cursor.c.side))]


def _columns() -> list[object]:
    return [cursor.c[name] for name in Position._fields]


def _position(row: Row[tuple[object, ...]]) -> Position:
    found = Position(*row)
    return found._replace(
        side=Side(found.side),
        complete=bool(found.complete),
        enumerated_at=maybe_instant(row.enumerated_at),
        moved_at=maybe_instant(row.moved_at),
    )
