"""What is forgotten after a while: how old runs went, and which webhooks were received."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.store.columns import to_micros
from connector.store.schema import receipt, run

_DRAINS_KEPT = timedelta(days=1)
"""There are many of them, and each says little."""


def forget_old(conn: Connection, now: datetime, keep: timedelta) -> None:
    """Forget runs and receipts that are older than `keep`."""
    limit = to_micros(now - keep)
    conn.execute(run.delete().where(run.c.started_at < limit))
    conn.execute(run.delete().where(run.c.started_at < to_micros(now - _DRAINS_KEPT), run.c.kind == "drain"))
    conn.execute(receipt.delete().where(receipt.c.at < limit))
