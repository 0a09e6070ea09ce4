"""What was told of records in their own systems: its kind, and a digest of its words, which may name people."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from connector.records import Side
from connector.store import bulk
from connector.store.columns import to_instant, to_micros
from connector.store.schema import remark
from connector.store.statements import Same

_COLUMNS = ("entity", "side", "id", "status", "digest", "at")
_SAME = Same(keys=("entity", "side", "id"))
_TOLD = select(remark).where(remark.c.entity == bindparam("entity"), remark.c.side == bindparam("side"))


class Remark(NamedTuple):
    """What stands on one record, and since when."""

    status: str
    digest: str
    at: datetime


def told(conn: Connection, entity: str, side: Side) -> dict[str, Remark]:
    """Everything that stands on records of one side, by their ids."""
    rows = conn.execute(_TOLD, {"entity": entity, "side": str(side)})
    return {row.id: Remark(row.status, row.digest, to_instant(row.at)) for row in rows}


def note(conn: Connection, entity: str, side: Side, remarks: Mapping[str, Remark]) -> None:
    """Remember what stands on these records now."""
    rows = [(entity, str(side), one, item.status, item.digest, to_micros(item.at)) for one, item in remarks.items()]
    bulk.upsert_rows(conn, remark, _COLUMNS, rows, _SAME)


def drop(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> None:
    """Nothing stands on these records any more."""
    bulk.delete_in(conn, remark, ("id", ids), {"entity": entity, "side": str(side)})
