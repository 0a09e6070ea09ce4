"""Which tick of each schedule was taken last: several daemons on one store do together what one would do."""

from datetime import datetime

from sqlalchemy import Connection, text

from connector.store.columns import to_micros

# A tick that lies ahead was taken before the clock was set back.
_CLAIM = text(
    "INSERT INTO tick (name, at) VALUES (:name, :at)"
    " ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE tick.at <= :before OR tick.at > :now RETURNING at"
)


def claim(conn: Connection, name: str, at: datetime, before: datetime, now: datetime) -> bool:
    """Take a tick; False where another one has been taken since the one before."""
    bound = {"name": name, "at": to_micros(at), "before": to_micros(before), "now": to_micros(now)}
    return conn.execute(_CLAIM, bound).first() is not None
