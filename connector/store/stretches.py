"""Stretches: ranges of a side's records, each with a cursor of its own, that together are one large reading.

What was read of a stretch is stored with its cursor, so whoever goes on with it begins where it stopped.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.elements import ColumnElement

from connector.records import Cursor, Page, Side
from connector.store import bulk
from connector.store.schema import stretch

READING, LISTING = "reading", "listing"
"""A side is read for the first time; or all of its ids are listed."""


class Stretch(NamedTuple):
    """One range and how far it was read: without a cursor, to its end."""

    entity: str
    side: Side
    kind: str
    number: int
    cursor: Cursor | None
    seen: int = 0
    """How many records it has shown."""

    def after(self, page: Page) -> "Stretch":
        """How far it is read with one page more."""
        return self._replace(cursor=page.cursor if page.more else None, seen=self.seen + len(page.remotes))


def cut(conn: Connection, entity: str, side: Side, kind: str, ranges: Sequence[Cursor]) -> None:
    """Begin a reading in ranges, in place of one that was begun before."""
    clear(conn, entity, side, kind)
    rows = [(entity, str(side), kind, number, cursor, 0) for number, cursor in enumerate(ranges)]
    bulk.insert_rows(conn, stretch, Stretch._fields, rows)


def undone(conn: Connection, entity: str, side: Side, kind: str) -> list[int]:
    """The numbers of those that were not read to their end."""
    query = select(stretch.c.number).where(*_of(entity, side, kind), stretch.c.cursor.is_not(None))
    return list(conn.execute(query.order_by(stretch.c.number)).scalars())


def get(conn: Connection, entity: str, side: Side, kind: str, number: int) -> Stretch | None:
    """One stretch, as far as it was read."""
    row = conn.execute(select(stretch).where(*_of(entity, side, kind), stretch.c.number == number)).first()
    return None if row is None else Stretch(*row)._replace(side=side)


def save(conn: Connection, moved: Stretch) -> None:
    """Store how far a stretch was read."""
    mine = (*_of(moved.entity, moved.side, moved.kind), stretch.c.number == moved.number)
    conn.execute(stretch.update().where(*mine).values(cursor=moved.cursor, seen=moved.seen))


def seen(conn: Connection, entity: str, side: Side, kind: str) -> int | None:
    """How many records a reading in ranges has shown; None where there is none."""
    return conn.execute(select(func.sum(stretch.c.seen)).where(*_of(entity, side, kind))).scalar()


def left(conn: Connection) -> dict[tuple[str, Side], int]:
    """For each side of an entity that is being read in ranges, how many of them are not read to their end."""
    query = select(stretch.c.entity, stretch.c.side, func.count()).where(stretch.c.cursor.is_not(None))
    rows = conn.execute(query.group_by(stretch.c.entity, stretch.c.side))
    return {(row[0], Side(row[1])): row[2] for row in rows}


def clear(conn: Connection, entity: str, side: Side, kind: str | None = None) -> None:
    """Forget the ranges of one reading, or of both kinds."""
    conn.execute(stretch.delete().where(*_of(entity, side, kind)))


def _of(entity: str, side: Side, kind: str | None) -> list[ColumnElement[bool]]:
    mine = [stretch.c.entity == entity, stretch.c.side == str(side)]
    return mine if kind is None else [*mine, stretch.c.kind == kind]
