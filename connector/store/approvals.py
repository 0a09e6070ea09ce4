"""What people released although a guard had stopped it: bound to the exact change, and only for a while."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from connector.records import Side
from connector.store import bulk
from connector.store.columns import to_instant, to_micros
from connector.store.schema import approval
from connector.store.statements import Same

_COLUMNS = ("entity", "side", "digest", "record_id", "kind", "approved_by", "at", "expires")


class Approval(NamedTuple):
    """One change that a person released; `digest` covers record, kind and old -> new."""

    entity: str
    side: Side
    digest: str
    record_id: str
    kind: str
    by: str
    at: datetime
    expires: datetime


def approve(  # noqa: PLR0913, PLR0917 -- one row, written where a person types it
    conn: Connection,
    entity: str,
    side: Side,
    record_id: str,
    kind: str,
    digest: str,
    by: str,
    at: datetime,
    expires: datetime,
) -> None:
    """Release one change until it expires; releasing it again renews that."""
    row = (entity, str(side), digest, record_id, str(kind), by, to_micros(at), to_micros(expires))
    bulk.upsert_rows(conn, approval, _COLUMNS, [row], Same(keys=("entity", "side", "digest")))


def approved(conn: Connection, entity: str, side: Side, digests: Collection[str], now: datetime) -> set[str]:
    """Which of these changes are released now."""
    where = {"entity": entity, "side": str(side)}
    rows = bulk.select_in(conn, approval, ("digest", "expires"), ("digest", digests), where)
    return {digest for digest, expires in rows if expires > to_micros(now)}


def listed(conn: Connection) -> list[Approval]:
    """Every approval, the newest first, expired ones included."""
    columns: list[Any] = [approval.c[name] for name in _COLUMNS]
    query = select(*columns).order_by(approval.c.at.desc(), approval.c.digest)
    return [_read(tuple(row)) for row in conn.execute(query)]


def _read(row: bulk.Row) -> Approval:
    entity, side, digest, record_id, kind, by, at, expires = row
    return Approval(entity, Side(side), digest, record_id, kind, by, to_instant(at), to_instant(expires))
