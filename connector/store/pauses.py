"""Pauses: what a person has told the daemon to leave alone, one entity or all of them."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from connector.store import bulk
from connector.store.columns import to_instant, to_micros
from connector.store.schema import pause

_NAMES = select(pause.c.name)
ALL = "*"
"""The name under which everything is paused."""


class Pause(NamedTuple):
    """What is paused (`ALL` for everything), by whom, since when."""

    name: str
    by: str
    at: datetime


def add(conn: Connection, names: Collection[str], by: str, at: datetime) -> None:
    """Pause these; what is paused already stays as it was."""
    rows = [(name, by, to_micros(at)) for name in names]
    bulk.insert_rows(conn, pause, ("name", "by", "at"), rows, lenient=True)


def lift(conn: Connection, names: Collection[str] | None = None) -> int:
    """Resume these, or everything; says how many pauses ended."""
    if names is None:
        return conn.execute(pause.delete()).rowcount
    return conn.execute(pause.delete().where(pause.c.name.in_(sorted(names)))).rowcount


def listed(conn: Connection) -> list[Pause]:
    """Every pause, by name."""
    return [Pause(row.name, row.by, to_instant(row.at)) for row in conn.execute(select(pause).order_by(pause.c.name))]


def names(conn: Connection) -> frozenset[str]:
    """What is paused; holds `ALL` when everything is."""
    return frozenset(conn.execute(_NAMES).scalars())
