"""Every id ever seen on a side, linked or not, with the hashes of its match keys: matching without keeping records."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, compress, repeat
from struct import Struct
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from connector.records import Side, Sighting, Version
from connector.store import bulk
from connector.store.columns import maybe_version, to_instant, to_micros
from connector.store.schema import match_key, sighting
from connector.store.statements import Same

_SAME = Same(keys=("entity", "side", "id"), keep=("first_at",))
_MATCH_KEY = ("hash", "entity", "side", "id")
_RUN = 20_000
"""So many sightings' match keys are put into the index in one go."""


class Seen(NamedTuple):
    """Sightings as columns of one length; no id comes twice."""

    ids: Sequence[str]
    versions: Sequence[Version | None]
    keys: Sequence[tuple[int, ...] | None]


def see(conn: Connection, entity: str, side: Side, rows: Sequence[Sighting], generation: int, at: datetime) -> int:
    """Remember what was seen and say how many ids were new; the last one wins where an id comes twice.

    A row whose match keys are None leaves those that are stored. Hashes are signed 64-bit numbers.
    """
    latest = {row[0]: row for row in rows}
    if not latest:
        return 0
    now, where = to_micros(at), {"entity": entity, "side": str(side)}
    before: dict[str, bytes] = dict(bulk.select_in(conn, sighting, ("id", "keys"), ("id", latest), where))
    ids, versions, held = zip(*latest.values(), strict=True)
    packed = [before.get(one, b"") if keys is None else _pack(keys) for one, keys in zip(ids, held, strict=True)]
    alike = {**where, "generation": generation, "first_at": now}
    bulk.upsert_columns(conn, sighting, {"id": ids, "version": versions, "keys": packed}, alike, _SAME)
    moved = {one: keys for one, keys in zip(ids, packed, strict=True) if keys != before.get(one, keys)}
    _replace_keys(conn, (entity, str(side)), before, moved)
    new = [one not in before for one in ids]
    _add_keys(conn, where, list(compress(ids, new)), list(compress(held, new)))
    return len(latest) - len(before)


def meet(  # noqa: PLR0913 -- what `see` takes, and the one thing more
    conn: Connection, entity: str, side: Side, seen: Seen, generation: int, at: datetime, *, indexed: bool = True
) -> int:
    """Like `see`, for ids that are most likely new: what is stored is only looked at when one of them is not.

    Where the keys of those that are new are not `indexed`, nothing is matched with them until `index_keys`.
    """
    if not seen.ids:
        return 0
    where, packed = {"entity": entity, "side": str(side)}, _pack_all(seen.keys)
    columns = {"id": seen.ids, "version": seen.versions, "keys": packed}
    alike = {**where, "generation": generation, "first_at": to_micros(at)}
    try:
        with conn.begin_nested():
            bulk.insert_columns(conn, sighting, columns, alike)
    except IntegrityError:
        return see(conn, entity, side, list(map(Sighting, *seen)), generation, at)
    if indexed:
        _add_keys(conn, where, seen.ids, seen.keys)
    return len(seen.ids)


def index_keys(conn: Connection, entity: str, side: Side) -> None:
    """Put the match keys of one side's sightings into their index, as far as they are not in it.

    Hashes lie all over the index: a few thousand at a time touch each of its pages every time, which among a million
    records took longer than all else. So a first read leaves them to its end, when many at a time go in in order.
    """
    after, where = "", {"entity": entity, "side": str(side)}
    columns = {"id": bulk.Kind.PLAIN, "keys": bulk.Kind.BLOB}
    mark = bulk.mark(conn)
    window = f"entity = {mark} AND side = {mark} AND id > {mark} ORDER BY id LIMIT {_RUN}"
    while True:
        query = f"SELECT id, keys FROM sighting WHERE {window}"  # noqa: S608 -- every word is a constant
        ids, packed = bulk.fetch_columns(conn, columns, query, (entity, str(side), after))
        held = list(map(_unpack, packed))
        there = set(_indexed(conn, where, list(chain.from_iterable(held)))) if held else set()
        _add_keys(conn, where, ids, [_without(there, one, keys) for one, keys in zip(ids, held, strict=True)])
        if len(ids) < _RUN:
            return
        after = ids[-1]


def _indexed(conn: Connection, where: dict[str, str], keys: Sequence[int]) -> list[bulk.Row]:
    return bulk.select_in(conn, match_key, ("id", "hash"), ("hash", keys), where)


def _without(there: set[bulk.Row], record_id: str, keys: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([key for key in keys if (record_id, key) not in there]) if there else keys


def _add_keys(
    conn: Connection, where: dict[str, str], ids: Sequence[str], keys: Sequence[tuple[int, ...] | None]
) -> None:
    hashes = list(chain.from_iterable(filter(None, keys)))
    if hashes:
        owners = chain.from_iterable(map(repeat, ids, [len(one or ()) for one in keys]))
        # In their order they meet the same pages of the index one after the other: a fifth less work.
        ordered, owned = zip(*sorted(zip(hashes, owners, strict=True)), strict=True)
        bulk.insert_columns(conn, match_key, {"hash": ordered, "id": owned}, where)


def candidates(conn: Connection, entity: str, side: Side, keys: Collection[int]) -> dict[int, list[str]]:
    """The ids that were seen with each of these match keys."""
    found: dict[int, list[str]] = {}
    rows = bulk.select_in(conn, match_key, ("hash", "id"), ("hash", set(keys)), {"entity": entity, "side": str(side)})
    # A set, because two processes that see one record at once may both have stored its keys.
    for hashed, record_id in sorted(set(rows)):
        found.setdefault(hashed, []).append(record_id)
    return found


def held(conn: Connection, keys: Collection[int], holders: int = 1) -> set[int]:
    """Those of these match keys that at least so many sightings hold, on either side: the quick question.

    It may name a key too many, and never one too few.
    """
    return set(bulk.held_in(conn, match_key, "hash", keys, holders))


def is_any_shared(conn: Connection) -> bool:
    """Whether any match key has more than one holder, of whatever entity; reads one narrow index from end to end."""
    repeated = "SELECT hash FROM match_key GROUP BY hash HAVING count(*) > 1 LIMIT 1"
    return bool(bulk.fetch(conn, repeated))


def shared(conn: Connection, entity: str, side: Side, keys: Collection[int]) -> dict[int, list[str]]:
    """Those of these match keys that more than one id was seen with, and the ids: usually none, and cheaper to ask."""
    where = {"entity": entity, "side": str(side)}
    repeated = bulk.repeated_in(conn, match_key, "id", ("hash", set(keys)), where)
    return candidates(conn, entity, side, repeated) if repeated else {}


def keys(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The match keys each of these ids was last seen with."""
    where = {"entity": entity, "side": str(side)}
    columns = {"id": bulk.Kind.PLAIN, "keys": bulk.Kind.BLOB}
    found, packed = bulk.select_columns(conn, sighting, columns, ids, where)
    return dict(zip(found, map(_unpack, packed), strict=True))


def known(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, Version | None]:
    """The version last seen of each of these ids; ids never seen are left out."""
    rows = bulk.select_in(conn, sighting, ("id", "version"), ("id", ids), {"entity": entity, "side": str(side)})
    return {record_id: maybe_version(version) for record_id, version in rows}


def mark(conn: Connection, entity: str, side: Side, ids: Collection[str], generation: int) -> None:
    """Say that these ids were seen in this enumeration."""
    where = {"entity": entity, "side": str(side)}
    bulk.update_in(conn, sighting, {"generation": generation}, ("id", ids), where)


def unseen(conn: Connection, entity: str, side: Side, generation: int, after: str, limit: int) -> list[str]:
    """The next ids after `after` that this enumeration did not show, in the database's order of ids."""
    query = select(sighting.c.id).where(
        sighting.c.entity == entity,
        sighting.c.side == str(side),
        sighting.c.id > after,
        sighting.c.generation < generation,
    )
    return list(conn.execute(query.order_by(sighting.c.id).limit(limit)).scalars())


def count_unseen(conn: Connection, entity: str, side: Side, generation: int, most: int) -> int:
    """How many ids the last enumeration did not show, counted up to so many."""
    old = select(sighting.c.id).where(
        sighting.c.entity == entity, sighting.c.side == str(side), sighting.c.generation < generation
    )
    return conn.execute(select(func.count()).select_from(old.limit(most).subquery())).scalar_one()


def first_seen(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, datetime]:
    """When each of these ids was seen for the first time."""
    rows = bulk.select_in(conn, sighting, ("id", "first_at"), ("id", ids), {"entity": entity, "side": str(side)})
    return {record_id: to_instant(micros) for record_id, micros in rows}


def forget(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> int:
    """Forget ids and their match keys; says how many were known."""
    where = {"entity": entity, "side": str(side)}
    before: dict[str, bytes] = dict(bulk.select_in(conn, sighting, ("id", "keys"), ("id", ids), where))
    _replace_keys(conn, (entity, str(side)), before, dict.fromkeys(before, b""))
    return bulk.delete_in(conn, sighting, ("id", before), where)


def clear(conn: Connection) -> None:
    """Forget everything that was seen, on both sides."""
    conn.execute(sighting.delete())
    conn.execute(match_key.delete())


def _replace_keys(conn: Connection, place: tuple[str, str], before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Bring the index of match keys from `before` to `after`, touching only what differs."""
    added: list[bulk.Row] = []
    dropped: list[bulk.Row] = []
    for record_id, packed in after.items():
        old = before.get(record_id)
        fresh, stale = set(_unpack(packed)), set(_unpack(old)) if old else set()
        added += [(hashed, *place, record_id) for hashed in fresh - stale]
        dropped += [(hashed, *place, record_id) for hashed in stale - fresh]
    bulk.insert_rows(conn, match_key, _MATCH_KEY, added)
    bulk.delete_rows(conn, match_key, _MATCH_KEY, dropped)


def _pack_all(keys: Sequence[tuple[int, ...] | None]) -> list[bytes]:
    """What `_pack` makes of each; where all have as many keys, they are packed in one go."""
    lengths = {len(one or ()) for one in keys}
    (length, *others) = lengths
    if others or not length:
        return [_pack(one or ()) for one in keys] if others else [b""] * len(keys)
    whole = Struct(f"<{length * len(keys)}q").pack(*chain.from_iterable(filter(None, keys)))
    return [whole[start : start + 8 * length] for start in range(0, len(whole), 8 * length)]


def _pack(keys: Sequence[int]) -> bytes:
    return _form(len(keys)).pack(*keys)


def _unpack(packed: bytes) -> tuple[int, ...]:
    return _form(len(packed) // 8).unpack(packed)


@lru_cache
def _form(count: int) -> Struct:
    return Struct(f"<{count}q")
