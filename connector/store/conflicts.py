"""Conflicts: one unsettled row a link and field, from the run that found it to the one that settles it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text

from connector.errors import StoreError
from connector.records import Conflict, Record, Side, decode, encode
from connector.store import bulk
from connector.store.columns import to_instant, to_micros
from connector.store.schema import UNSETTLED, conflict
from connector.store.statements import Same

_VALUES = ("crm_base", "erp_base", "crm_value", "erp_value")
_CONFLICT = ("entity", "link", "crm_id", "erp_id", "field", *_VALUES, "reason")
_STATE = ("opened_at", "changed_at", "status", "take", "chosen", "resolved_by")
_READ = ("id", *_CONFLICT, "opened_at", "status", "take", "resolved_by", "chosen", "how")
_COUNT = select(conflict.c.entity, func.count()).where(text(UNSETTLED)).group_by(conflict.c.entity)
_SAME = Same(keys=("link", "field"), keep=("opened_at",), where=UNSETTLED)


class OpenConflict(NamedTuple):
    """A conflict as stored: `open`, `resolved` (a person chose, not yet written) or `closed`.

    `resolution` is the side to take, or None where `values` were given instead; `how` tells how it was closed.
    """

    id: int
    conflict: Conflict
    opened_at: datetime
    status: str
    resolution: Side | None
    resolved_by: str | None
    values: Record | None = None
    how: str | None = None


def open(conn: Connection, rows: Sequence[Conflict], at: datetime) -> int:  # noqa: A001 -- reads as `conflicts.open`
    """Store conflicts and say how many are new; one that is there already takes the newer values.

    A resolution was given for the values it saw: other values make the conflict open again.
    """
    latest = {(row.link, row.field): row for row in rows}
    known = of_links(conn, {row.link for row in rows})
    before = {(link, item.conflict.field): item.conflict for link, items in known.items() for item in items}
    now = to_micros(at)
    changed = [_row(row, now) for key, row in latest.items() if before.get(key) != row]
    bulk.upsert_rows(conn, conflict, (*_CONFLICT, *_STATE), changed, _SAME)
    return len(latest.keys() - before.keys())


def close(conn: Connection, pairs: Collection[tuple[int, str]], how: str, at: datetime) -> None:
    """Close what is unsettled about these (link, field) pairs."""
    by_field: dict[str, list[int]] = {}
    for link, field in pairs:
        by_field.setdefault(field, []).append(link)
    closed = {"status": "closed", "how": how, "changed_at": to_micros(at)}
    for field, links in by_field.items():
        bulk.update_in(conn, conflict, closed, ("link", links), {"field": field}, also=UNSETTLED)


def listed(conn: Connection, entity: str | None = None, include_closed: bool = False) -> list[OpenConflict]:  # noqa: FBT001, FBT002 -- callers name it
    """Conflicts, oldest first."""
    query = _query() if include_closed else _query().where(text(UNSETTLED))
    if entity is not None:
        query = query.where(conflict.c.entity == entity)
    # Sorted here: for the order's sake SQLite would read the closed ones, too.
    return [_read(row) for row in sorted(map(tuple, conn.execute(query)), key=itemgetter(0))]


def get(conn: Connection, number: int) -> OpenConflict | None:
    """The conflict with this number, whatever its status."""
    row = conn.execute(_query().where(conflict.c.id == number)).first()
    return _read(tuple(row)) if row else None


def of_links(conn: Connection, link_ids: Collection[int]) -> dict[int, list[OpenConflict]]:
    """The unsettled conflicts of these links; links without one are left out."""
    found: dict[int, list[OpenConflict]] = {}
    for row in sorted(bulk.select_in(conn, conflict, _READ, ("link", link_ids), also=UNSETTLED)):
        item = _read(row)
        found.setdefault(item.conflict.link, []).append(item)
    return found


def resolve(conn: Connection, number: int, take: Side | None, values: Record | None, by: str, at: datetime) -> None:
    """Store a person's decision: a side to take, or values; it stays unsettled until it is written."""
    chosen = None if values is None else encode(values)
    changes = {"status": "resolved", "take": None if take is None else str(take), "chosen": chosen}
    changes |= {"resolved_by": by, "changed_at": to_micros(at)}  # type: ignore[dict-item]
    if not bulk.update_in(conn, conflict, changes, ("id", [number]), also=UNSETTLED):
        raise StoreError(f"There is no open conflict {number}; see: connector conflicts list")


def count(conn: Connection) -> dict[str, int]:
    """How many unsettled conflicts each entity has."""
    return dict(bulk.fetch_query(conn, _COUNT))


def _query() -> Any:
    return select(*[conflict.c[name] for name in _READ])


def _row(row: Conflict, now: int) -> bulk.Row:
    values = tuple(encode(record) for record in (row.crm_base, row.erp_base, row.crm_value, row.erp_value))
    return (*row[:5], *values, row.reason, now, now, "open", None, None, None)


def _read(row: bulk.Row) -> OpenConflict:
    number, entity, link, crm_id, erp_id, field, *rest = row
    crm_base, erp_base, crm_value, erp_value = (decode(data) for data in rest[:4])
    reason, opened_at, status, take, by, chosen, how = rest[4:]
    return OpenConflict(
        number,
        Conflict(entity, link, crm_id, erp_id, field, crm_base, erp_base, crm_value, erp_value, reason),
        to_instant(opened_at),
        status,
        Side(take) if take else None,
        by,
        None if chosen is None else decode(chosen),
        how,
    )
