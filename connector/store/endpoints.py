"""Who answers on each side, and the mappings that bases were read with."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from connector.records import Fingerprint, Side
from connector.store import bulk
from connector.store.columns import from_json, maybe_instant, to_instant, to_json, to_micros
from connector.store.schema import endpoint, mapping
from connector.store.statements import Same

_COLUMNS = ("side", "system", "tenant", "environment", "first_seen", "confirmed_by")
_TIMES = ("clock", "answered_at")
_GET = select(*[endpoint.c[name] for name in (*_COLUMNS, *_TIMES)]).where(endpoint.c.side == bindparam("side"))


class Endpoint(NamedTuple):
    """The system, tenant and environment a side had when it was confirmed; `clock` is its own when it answered last."""

    side: Side
    system: str
    tenant: str
    environment: str
    first_seen: datetime
    confirmed_by: str | None
    clock: datetime | None = None
    answered_at: datetime | None = None


def get(conn: Connection, side: Side) -> Endpoint | None:
    """What is known to answer on a side; None before first contact."""
    row = conn.execute(_GET, {"side": str(side)}).first()
    if row is None:
        return None
    times = (maybe_instant(row.clock), maybe_instant(row.answered_at))
    return Endpoint(side, row.system, row.tenant, row.environment, to_instant(row.first_seen), row.confirmed_by, *times)


def note_clock(conn: Connection, side: Side, clock: datetime, at: datetime) -> None:
    """Remember a side's own clock, and when it answered by ours."""
    times = {"clock": to_micros(clock), "answered_at": to_micros(at)}
    bulk.update_in(conn, endpoint, times, ("side", [str(side)]))


def save(conn: Connection, side: Side, fingerprint: Fingerprint, by: str, at: datetime) -> None:
    """Confirm who answers on a side; `first_seen` stays while it is the same tenant and environment."""
    known = get(conn, side)
    who = fingerprint[:3]
    first_seen = known.first_seen if known and known[1:4] == who else at
    bulk.upsert_rows(conn, endpoint, _COLUMNS, [(str(side), *who, to_micros(first_seen), by)], Same(keys=("side",)))


def mapping_rows(conn: Connection, mapping_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """For each known mapping the hash of every row, by canonical field."""
    rows = bulk.select_in(conn, mapping, ("mapping_id", "rows"), ("mapping_id", mapping_ids))
    return {number: from_json(data) for number, data in rows}


def known_mappings(conn: Connection, mapping_ids: Collection[int]) -> frozenset[int]:
    """Those of the mappings that are remembered."""
    rows = bulk.select_in(conn, mapping, ("mapping_id",), ("mapping_id", mapping_ids))
    return frozenset(number for (number,) in rows)


def save_mapping(conn: Connection, mapping_id: int, entity: str, side: Side, rows: Mapping[str, str]) -> None:
    """Remember a mapping's rows under its number, a signed 64-bit hash; storing it again changes nothing."""
    row = (mapping_id, entity, str(side), to_json(dict(rows)))
    bulk.insert_rows(conn, mapping, ("mapping_id", "entity", "side", "rows"), [row], lenient=True)
