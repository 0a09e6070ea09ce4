"""Links and their bases: which record is which on the other side, and what both held when they last agreed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.exc import IntegrityError

from connector.errors import StoreError
from connector.records import Base, Link, LinkStatus, NewLink, Rebase, Ref, Side, Version
from connector.store import aliases, bulk, counters
from connector.store.carrying import Carried, insert_carried
from connector.store.columns import maybe_version, to_micros
from connector.store.schema import base, link

_READ_LINK = ("id", "entity", "crm_id", "erp_id", "status")
_BASE = ("record", "version", "mapping", "whole")
_READ_BASE = ("link", *(f"{side}_{name}" for side in Side for name in _BASE))
_STATUSES = {str(status): status for status in LinkStatus}
_ACTIVE = f"status = '{LinkStatus.ACTIVE}'"
_USABLE = f"status IN ('{LinkStatus.ACTIVE}', '{LinkStatus.DORMANT}')"
_NTH = (
    select(link.c.id)
    .where(link.c.entity == bindparam("entity"))
    .order_by(link.c.id)
    .offset(bindparam("before"))
    .limit(1)
)
_COUNT = select(func.count()).where(link.c.entity == bindparam("entity"))


class LinkTaken(StoreError):
    """A record is linked already; nothing was stored. `taken` names the records."""

    def __init__(self, taken: Sequence[Ref]) -> None:
        super().__init__(f"Already linked, so not linked again: {', '.join(str(ref) for ref in taken[:10])}.")
        self.taken = tuple(taken)


def find(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, Link]:
    """The links of these records, whatever their status, by the id on `side`."""
    column = f"{side}_id"
    rows = bulk.select_in(conn, link, _READ_LINK, (column, ids), {"entity": entity})
    return {found.id_on(side): found for found in _with_bases(conn, rows)}


def get(conn: Connection, link_ids: Collection[int]) -> dict[int, Link]:
    """The links with these numbers."""
    rows = bulk.select_in(conn, link, _READ_LINK, ("id", link_ids))
    return {found.id: found for found in _with_bases(conn, rows)}


def counterparts(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, str]:
    """The id on the other side for each of these ids that has an active or dormant link.

    Where a record was merged or renamed, on either side, it is the one that goes on which counts.
    """
    if not aliases.is_any(conn):
        return _linked(conn, entity, side, ids)
    present = aliases.resolve(conn, entity, side, ids)
    found = _linked(conn, entity, side, {present.get(one, one) for one in ids})
    across = aliases.resolve(conn, entity, side.other, set(found.values()))
    pairs = ((one, found.get(present.get(one, one))) for one in ids)
    return {one: across.get(other, other) for one, other in pairs if other is not None}


def _linked(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, str]:
    columns = (f"{side}_id", f"{side.other}_id")
    return dict(bulk.select_in(conn, link, columns, (columns[0], ids), {"entity": entity}, _USABLE))


Tie: TypeAlias = tuple[int, str, str]
"""An active link without its bases: its number, the CRM's id, the ERP's id."""
_TIE = ("id", "crm_id", "erp_id")


def ties(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> list[Tie]:
    """The active links of these records."""
    return cast("list[Tie]", bulk.select_in(conn, link, _TIE, (f"{side}_id", ids), {"entity": entity}, _ACTIVE))


def ties_after(conn: Connection, entity: str, after: int, limit: int) -> list[Tie]:
    """The next active links after a number, in the order of their numbers."""
    query = select(*(link.c[name] for name in _TIE)).where(link.c.entity == entity, link.c.id > after)
    return cast("list[Tie]", bulk.fetch_query(conn, query.where(text(_ACTIVE)).order_by(link.c.id).limit(limit)))


def linked(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> set[str]:
    """Those of these records that have a link, whatever its status."""
    column = f"{side}_id"
    return {row[0] for row in bulk.select_in(conn, link, (column,), (column, ids), {"entity": entity})}


def versions(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, Version | None]:
    """The version of each linked record's base on `side`; ids without a link are left out."""
    rows = bulk.select_joined(conn, _versions(side), ids, {"entity": entity})
    return {record_id: maybe_version(version) for record_id, version in rows}


def differing(conn: Connection, entity: str, side: Side, given: Mapping[str, Version | None]) -> list[str]:
    """Those of these records that are not linked, or whose base on `side` has another version than the given one."""
    return bulk.select_differing(conn, _versions(side), given, {"entity": entity})


def _versions(side: Side) -> bulk.Joined:
    return bulk.Joined(link, f"{side}_id", "id", base, f"{side}_version", "link")


def add(conn: Connection, rows: Sequence[NewLink], at: datetime) -> list[int]:
    """Store active links with both bases and say their numbers, in the order of `rows`.

    Raises `LinkTaken` and stores none of them when an id of either side is linked already.
    """
    if not rows:
        return []
    now = to_micros(at)
    numbers = counters.draw(conn, "link_number", len(rows))
    entities, crm_ids, erp_ids, *bases = zip(*rows, strict=True)
    pairs = {"id": numbers, "entity": entities, "crm_id": crm_ids, "erp_id": erp_ids}
    fresh = {"status": str(LinkStatus.ACTIVE), "created_at": now, "changed_at": now}
    if bulk.insert_columns(conn, link, pairs, fresh, lenient=True) != len(rows):
        raise _refuse(conn, numbers, rows)
    held: dict[str, Sequence[Any]] = {"link": numbers}
    for side, mine in zip(Side, bases, strict=True):
        held |= dict(zip([f"{side}_{name}" for name in _BASE], zip(*mine, strict=True), strict=True))
    bulk.insert_columns(conn, base, held, {"crm_at": now, "erp_at": now})
    return numbers


class Born(NamedTuple):
    """Records that creates in the journal made on one side, as columns of one length."""

    operations: Sequence[str]
    sources: Sequence[str]
    targets: Sequence[str]
    records: Sequence[bytes]
    """What the new ones hold; what their sources do, the journal knows."""
    versions: Sequence[Version | None]
    whole: bool = False
    """Whether that is all of what both sides hold."""


def pair(conn: Connection, entity: str, side: Side, born: Born, mappings: Mapping[Side, int], at: datetime) -> None:
    """Like `add`, for what creates have made on `side`; raises `LinkTaken` without names: then roll it back.

    The base of each source is what the journal holds as sent.
    """
    now, source = to_micros(at), side.other
    numbers = counters.draw(conn, "link_number", len(born.targets))
    ids = {"id": numbers, f"{source}_id": born.sources, f"{side}_id": born.targets}
    fresh = {"entity": entity, "status": str(LinkStatus.ACTIVE), "created_at": now, "changed_at": now}
    columns = {"link": numbers, "operation": born.operations, "record": born.records, "version": born.versions}
    alike = {f"{one}_mapping": mappings[one] for one in Side} | {f"{one}_at": now for one in Side}
    alike |= {f"{one}_whole": born.whole for one in Side}
    try:
        bulk.insert_columns(conn, link, ids, fresh)
    except IntegrityError as error:
        raise LinkTaken([]) from error
    if insert_carried(conn, base, _born(side), columns, alike) < len(numbers):
        raise LinkTaken([])


@cache
def _born(side: Side) -> Carried:
    return Carried(
        kinds={"link": "bigint", "operation": "text", "record": "bytea", "version": "text"},
        told={
            "link": "fresh.link",
            f"{side.other}_record": 'o."values"',
            f"{side.other}_version": "o.source_version",
            f"{side}_record": "fresh.record",
            f"{side}_version": "fresh.version",
        },
        join="CROSS JOIN operation o WHERE o.id = fresh.operation",
    )


def rebase(conn: Connection, rows: Sequence[Rebase], at: datetime) -> None:
    """Replace bases; the last one wins where one side of a link comes twice. Where both sides come it is one write."""
    latest = {side: {row.link: row.base for row in rows if row.side is side} for side in Side}
    both = latest[Side.CRM].keys() & latest[Side.ERP].keys()
    _replace(conn, {side: {number: latest[side][number] for number in sorted(both)} for side in Side}, at)
    for side, bases in latest.items():
        _replace(conn, {side: {number: new for number, new in bases.items() if number not in both}}, at)


def _replace(conn: Connection, bases: Mapping[Side, Mapping[int, Base]], at: datetime) -> None:
    """Replace the bases of the same links on each of these sides."""
    columns = tuple(f"{side}_{name}" for side in bases for name in _BASE)
    numbers = next(iter(bases.values()))
    rows = [(number, *chain.from_iterable([one[number] for one in bases.values()])) for number in numbers]
    same = {f"{side}_at": to_micros(at) for side in bases}
    bulk.update_rows(conn, base, ("link",), columns, rows, same)


def repoint(conn: Connection, rows: Sequence[tuple[int, Side, str]], at: datetime) -> None:
    """Let links follow records that have other ids now; bases stay, but are not of these records' versions."""
    for side in Side:
        moved = [(number, new, to_micros(at)) for number, one, new in rows if one is side]
        bulk.update_rows(conn, link, ("id",), (f"{side}_id", "changed_at"), moved)
        bulk.update_in(conn, base, {f"{side}_whole": False}, ("link", [number for number, _, _ in moved]))


def set_status(conn: Connection, link_ids: Collection[int], status: LinkStatus, at: datetime) -> None:
    """Say what the engine may do with these links from now on."""
    bulk.update_in(conn, link, {"status": str(status), "changed_at": to_micros(at)}, ("id", link_ids))


def remove(conn: Connection, link_ids: Collection[int]) -> None:
    """Forget links and their bases; both records are unlinked then."""
    bulk.delete_in(conn, base, ("link", link_ids))
    bulk.delete_in(conn, link, ("id", link_ids))


def count(conn: Connection, entity: str) -> int:
    """How many links there are, whatever their status."""
    return conn.execute(_COUNT, {"entity": entity}).scalar_one()


def count_active(conn: Connection, entity: str) -> tuple[int, int]:
    """How many active links there are, and the sum of their numbers: where both agree, they are the same links."""
    query = select(func.count(), func.coalesce(func.sum(link.c.id), 0)).where(link.c.entity == entity)
    count, total = conn.execute(query.where(text(_ACTIVE))).one()
    return count, int(total)


def are_at_least(conn: Connection, entity: str, number: int) -> bool:
    """Whether there are so many links, whatever their status; only so many are looked at."""
    return conn.execute(_NTH, {"entity": entity, "before": number - 1}).first() is not None


def page(conn: Connection, entity: str, after: int, limit: int) -> list[Link]:
    """The next links after a number, in the order of their numbers."""
    query = select(*(link.c[name] for name in _READ_LINK)).where(link.c.entity == entity, link.c.id > after)
    return _with_bases(conn, bulk.fetch_query(conn, query.order_by(link.c.id).limit(limit)))


def sample(conn: Connection, entity: str, side: Side, each: int) -> list[str]:
    """Ids of one side's linked records: so many of the oldest, of the newest, and from the middle of their numbers."""
    mine = link.c.entity == entity
    # Each end by itself, as only then an index tells it.
    ends = (select(end(link.c.id)).where(mine).scalar_subquery() for end in (func.min, func.max))
    query = select(link.c.id, link.c[f"{side}_id"]).where(mine, text(_USABLE)).limit(each)
    rising = query.order_by(link.c.id)
    parts = (rising, query.order_by(link.c.id.desc()), rising.where(link.c.id >= sum(ends) // 2))
    found = {row[0]: row[1] for part in parts for row in conn.execute(part)}
    return [found[number] for number in sorted(found)]


def keys(conn: Connection, after: int, limit: int) -> list[tuple[int, str, str, str]]:
    """Number, entity and both ids of the next links after a number, of any entity, that the engine may work with."""
    columns = (link.c.id, link.c.entity, link.c.crm_id, link.c.erp_id)
    query = select(*columns).where(link.c.id > after, text(_USABLE)).order_by(link.c.id).limit(limit)
    return [tuple(row) for row in conn.execute(query)]


def _with_bases(conn: Connection, rows: list[bulk.Row]) -> list[Link]:
    bases = {row[0]: row for row in bulk.select_in(conn, base, _READ_BASE, ("link", [row[0] for row in rows]))}
    return [_read(row, bases[row[0]]) for row in rows]


def _read(row: bulk.Row, bases: bulk.Row) -> Link:
    number, entity, crm_id, erp_id, status = row
    _, crm, crm_version, crm_mapping, crm_whole, erp, erp_version, erp_mapping, erp_whole = bases
    crm_base = Base(crm, crm_version, crm_mapping, bool(crm_whole))
    erp_base = Base(erp, erp_version, erp_mapping, bool(erp_whole))
    return Link(number, entity, crm_id, erp_id, _STATUSES[status], crm_base, erp_base)


def _refuse(conn: Connection, numbers: Sequence[int], rows: Sequence[NewLink]) -> LinkTaken:
    """Take back what was stored and name the records that stand in the way."""
    missing = set(numbers) - {row[0] for row in bulk.select_in(conn, link, ("id",), ("id", numbers))}
    refused = [row for number, row in zip(numbers, rows, strict=True) if number in missing]
    taken = [ref for row in refused for ref in _taken(conn, row)]
    bulk.delete_in(conn, link, ("id", numbers))
    return LinkTaken(taken)


def _taken(conn: Connection, row: NewLink) -> list[Ref]:
    refs = (Ref(row.entity, Side.CRM, row.crm_id), Ref(row.entity, Side.ERP, row.erp_id))
    return [
        ref for ref in refs if bulk.select_in(conn, link, ("id",), (f"{ref.side}_id", [ref.id]), {"entity": row.entity})
    ]
