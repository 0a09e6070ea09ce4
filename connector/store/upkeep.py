"""What is done now and then: old runs and receipts are forgotten, and problems that are tried again rest anew."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.store import bulk
from connector.store.columns import to_micros
from connector.store.schema import OPEN, problem, receipt, run

_DRAINS_KEPT = timedelta(days=1)
"""There are many of them, and each says little."""


def rest_anew(conn: Connection, problems: Collection[int], at: datetime) -> None:
    """Let open problems rest from now on, as if they had just been met; how often they were is left alone."""
    bulk.update_in(conn, problem, {"seen_at": to_micros(at)}, ("number", problems), also=OPEN)


def forget_old(conn: Connection, now: datetime, keep: timedelta) -> None:
    """Forget runs and receipts that are older than `keep`."""
    limit = to_micros(now - keep)
    conn.execute(run.delete().where(run.c.started_at < limit))
    conn.execute(run.delete().where(run.c.started_at < to_micros(now - _DRAINS_KEPT), run.c.kind == "drain"))
    conn.execute(receipt.delete().where(receipt.c.at < limit))
