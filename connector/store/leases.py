"""Who works on what, until when. An epoch grows with every new holder, so that a late one can be told apart."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, text

from connector.store.columns import to_instant, to_micros
from connector.store.schema import lease

_ACQUIRE = text(
    "INSERT INTO lease (name, owner, epoch, until) VALUES (:name, :owner, 1, :until)"
    " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = lease.epoch + 1, until = excluded.until"
    " WHERE lease.owner = excluded.owner OR lease.until <= :now RETURNING epoch"
)

# Made once, as every run needs them: to put a statement together each time costs several times what it does.
_RENEW = text("UPDATE lease SET until = :until WHERE name = :name AND epoch = :epoch AND until > :now")
_RELEASE = text("UPDATE lease SET until = 0, owner = '' WHERE name = :name AND epoch = :epoch")
_HOLDER = select(lease).where(lease.c.name == bindparam("name"), lease.c.owner != "")


class Lease(NamedTuple):
    """A lease somebody holds, or held until `until`."""

    name: str
    owner: str
    epoch: int
    until: datetime


def acquire(conn: Connection, name: str, owner: str, ttl: timedelta, now: datetime) -> int | None:
    """Take a lease and say its epoch; None while another owner's runs."""
    bound = {"name": name, "owner": owner, "until": to_micros(now + ttl), "now": to_micros(now)}
    epoch: int | None = conn.execute(_ACQUIRE, bound).scalar()
    return epoch


def renew(conn: Connection, name: str, epoch: int, ttl: timedelta, now: datetime) -> bool:
    """Extend a lease that is still ours and not yet over; False means that it is lost, and the work with it.

    Called inside the transaction that stores results, it keeps a late holder from storing any.
    """
    bound = {"name": name, "epoch": epoch, "until": to_micros(now + ttl), "now": to_micros(now)}
    return conn.execute(_RENEW, bound).rowcount == 1


def release(conn: Connection, name: str, epoch: int) -> None:
    """Give a lease back, if it is still ours; its epoch stays known."""
    conn.execute(_RELEASE, {"name": name, "epoch": epoch})


def holder(conn: Connection, name: str) -> Lease | None:
    """Who holds or last held a lease; None when nobody does or it was given back."""
    row = conn.execute(_HOLDER, {"name": name}).first()
    return Lease(row.name, row.owner, row.epoch, to_instant(row.until)) if row else None
