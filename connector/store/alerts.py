"""Which alerts are on, since when, and when somebody was last told: shared by all processes, so that one tells."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from connector.store import bulk
from connector.store.columns import maybe_instant, maybe_micros, to_instant, to_micros
from connector.store.schema import alert
from connector.store.statements import Same


class Known(NamedTuple):
    """One alert that is on; `told_at` is None where nobody could be told yet."""

    name: str
    message: str
    since: datetime
    told_at: datetime | None


def keep(conn: Connection, one: Known) -> None:
    """Note an alert, or that it was told again."""
    row = (one.name, one.message, to_micros(one.since), maybe_micros(one.told_at))
    bulk.upsert_rows(conn, alert, ("name", "message", "since", "told_at"), [row], Same(keys=("name",)))


def forget(conn: Connection, name: str) -> None:
    """An alert is over."""
    conn.execute(alert.delete().where(alert.c.name == name))


def listed(conn: Connection) -> dict[str, Known]:
    """Every alert that is on."""
    return {
        row.name: Known(row.name, row.message, to_instant(row.since), maybe_instant(row.told_at))
        for row in conn.execute(select(alert))
    }
