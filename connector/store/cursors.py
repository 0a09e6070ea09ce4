"""How far each side was read, for each entity."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from connector.records import Cursor, Side
from connector.store import bulk
from connector.store.columns import maybe_instant, maybe_micros, to_micros
from connector.store.schema import cursor
from connector.store.statements import Same


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


_ALL = select(*[cursor.c[name] for name in Position._fields]).order_by(cursor.c.entity, cursor.c.side)


def get(conn: Connection, entity: str, side: Side) -> Position:
    """The position of one entity on one side; a fresh one if nothing was read yet."""
    rows = bulk.select_in(conn, cursor, Position._fields, ("entity", [entity]), {"side": str(side)})
    return _position(rows[0]) if rows else Position(entity, side)


def are_complete(conn: Connection, entity: str) -> bool:
    """Whether both sides of an entity were read to their end once."""
    return False not in {position.complete for position in both(conn, entity).values()}


def both(conn: Connection, entity: str) -> dict[Side, Position]:
    """The positions of one entity on both sides."""
    found = [_position(row) for row in bulk.select_in(conn, cursor, Position._fields, ("entity", [entity]))]
    known = {position.side: position for position in found}
    return {side: known.get(side, Position(entity, side)) for side in Side}


def save(conn: Connection, position: Position, at: datetime) -> None:
    """Store a position as it is, its `known` and `echoes` included; `moved_at` becomes `at`."""
    times = (maybe_micros(position.enumerated_at), to_micros(at))
    row = (position.entity, str(position.side), *position[2:-2], *times)
    bulk.upsert_rows(conn, cursor, Position._fields, [row], Same(keys=("entity", "side")))


def bump(conn: Connection, entity: str, side: Side, *, known: int = 0, echoes: int = 0) -> None:
    """Add to the counts, whoever else adds to them."""
    columns = ("entity", "side", "generation", "complete", "known", "echoes")
    same = Same(keys=("entity", "side"), keep=("generation", "complete"), added=("known", "echoes"))
    bulk.upsert_rows(conn, cursor, columns, [(entity, str(side), 0, False, known, echoes)], same)


def make_due(conn: Connection, side: Side) -> None:
    """Let everything on a side be listed whole in the next run, where it was before."""
    was = (cursor.c.side == str(side), cursor.c.enumerated_at.is_not(None))
    conn.execute(cursor.update().where(*was).values(enumerated_at=0))


def all(conn: Connection) -> list[Position]:  # noqa: A001 -- reads as `cursors.all`
    """Every position, in order."""
    return [_position(row) for row in conn.execute(_ALL)]


def _position(row: Any) -> Position:
    read = Position(*row)
    return read._replace(
        side=Side(read.side),
        complete=bool(read.complete),
        enumerated_at=maybe_instant(row[-2]),
        moved_at=maybe_instant(row[-1]),
    )
