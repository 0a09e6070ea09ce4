"""Keys known to need a look.

Each put gives a key a new sequence number, and settling removes only the number that was read: an event that arrives
meanwhile is never lost.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, text
from sqlalchemy.sql.elements import ColumnElement

from connector.records import Arrival, Ref, Side, Version, Waiting
from connector.store import bulk, counters
from connector.store.columns import (
    SIDES,
    maybe_instant,
    maybe_micros,
    ref_to_text,
    text_to_ref,
    to_instant,
    to_micros,
)
from connector.store.schema import POSTPONED, READY, WAITING, counter, inbox, link, receipt
from connector.store.statements import Same, quoted

STAYS = "stays with its parent"
"""Why a key waits as long as it takes: what its record belongs to is not meant to have a counterpart yet."""

_READ = Waiting._fields
_SETTLE = text("DELETE FROM inbox WHERE seq BETWEEN :first AND :last")
_COUNTER = "inbox"
_UNTRIED = {"attempts": 0, "waits_for": None, "next_try": None}
_SAME = Same(keys=("entity", "side", "id"), keep=("since",), rare=True)


def put(conn: Connection, rows: Sequence[Arrival], at: datetime) -> None:
    """Note keys; one that waits already gets a new number and the newer state, and keeps the time since when.

    The last one wins where a key comes twice.
    """
    latest = {row[:3]: row for row in rows}
    if not latest:
        return
    first, now = counters.allocate(conn, _COUNTER, len(latest)), to_micros(at)
    entities, sides, ids, whys, versions, records, deleted, modified = zip(*latest.values(), strict=True)
    columns = {
        "seq": range(first, first + len(latest)),
        "entity": entities,
        "side": list(map(str, sides)),
        "id": ids,
        "why": whys,
        "version": versions,
        "record": records,
        "deleted": deleted,
        "modified": list(map(maybe_micros, modified)),
    }
    bulk.upsert_columns(conn, inbox, columns, {**_UNTRIED, "since": now, "seen_at": now}, _SAME)


class Scanned(NamedTuple):
    """Present records that a scan brought along, as columns of one length; no id comes twice."""

    ids: Sequence[str]
    versions: Sequence[Version | None]
    modified: Sequence[datetime | None]
    records: Sequence[bytes]


def put_scanned(conn: Connection, entity: str, side: Side, scanned: Scanned, at: datetime) -> None:
    """Note what a scan showed, as `put` does: no row exists in Python."""
    count = len(scanned.ids)
    if not count:
        return
    first, now = counters.allocate(conn, _COUNTER, count), to_micros(at)
    columns = {
        "seq": range(first, first + count),
        "id": scanned.ids,
        "version": scanned.versions,
        "modified": list(map(maybe_micros, scanned.modified)),
        "record": scanned.records,
    }
    alike = {
        **_UNTRIED,
        "entity": entity,
        "side": str(side),
        "why": "scan",
        "deleted": False,
        "since": now,
        "seen_at": now,
    }
    bulk.upsert_columns(conn, inbox, columns, alike, _SAME)


def take(  # noqa: PLR0913, PLR0917 -- the window and the filter of one question
    conn: Connection,
    entity: str,
    after_seq: int,
    limit: int,
    now: datetime,
    upto_seq: int | None = None,
    only: Collection[tuple[Side, str]] | None = None,
) -> list[Waiting]:
    """The next keys that are due after a number, in the order of their numbers; they stay until they are settled."""
    window = [inbox.c.entity == entity, inbox.c.seq > after_seq]
    if upto_seq is not None:
        window.append(inbox.c.seq <= upto_seq)
    if only is not None:
        window.append(_among(only))
    # Two questions, each in the order of its index: one for both would sort the records themselves.
    rows = bulk.fetch_query(conn, _first([text(READY), *window], limit))
    retried = bulk.fetch_query(conn, _first([text(POSTPONED), inbox.c.next_try <= to_micros(now), *window], limit))
    found = sorted(rows + retried, key=itemgetter(0))[:limit] if retried else rows
    return [_waiting(row) for row in found]


class Taken(NamedTuple):
    """Keys that are due, as columns of one length; a record that did not come along is empty."""

    seqs: Sequence[int]
    sides: Sequence[str]
    ids: Sequence[str]
    versions: Sequence[Version | None]
    deleted: Sequence[bool]
    records: Sequence[bytes]

    def on(self, side: Side) -> "Taken":
        """Those of one side."""
        chosen = [one == side for one in self.sides]
        return self if all(chosen) else Taken._make([list(compress(column, chosen)) for column in self])


_TAKEN = {**dict.fromkeys(("seq", "side", "id", "version", "deleted"), bulk.Kind.PLAIN), "record": bulk.Kind.DOCUMENT}


def take_columns(conn: Connection, entity: str, after_seq: int, limit: int, now: datetime, upto_seq: int) -> Taken:
    """What `take` gives, as columns; `numbered` tells the rest of some of them."""
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    window = f"entity = {mark} AND seq > {mark} AND seq <= {mark}"
    bound = (entity, after_seq, upto_seq)
    late = f"SELECT seq FROM inbox WHERE {POSTPONED} AND next_try <= {mark} AND {window} LIMIT 1"  # noqa: S608
    if bulk.fetch(conn, late, (to_micros(now), *bound)):
        rows = take(conn, entity, after_seq, limit, now, upto_seq)
        fields = [(one.seq, str(one.side), one.id, one.version, one.deleted, one.record or b"") for one in rows]
        return Taken._make(zip(*fields, strict=True)) if fields else Taken((), (), (), (), (), ())
    inner = f"SELECT {quoted(_TAKEN)} FROM inbox WHERE {READY} AND {window} ORDER BY seq LIMIT {mark}"  # noqa: S608
    return Taken._make(bulk.fetch_columns(conn, _TAKEN, inner, (*bound, limit)))


def numbered(conn: Connection, seqs: Collection[int], now: datetime) -> list[Waiting]:
    """The keys that still have one of these numbers and are due, in their order.

    What was parked since, such as together with the other key of its pair, is not due: deciding it once more would
    meet the pair's own operations under way, and put it off for long.
    """
    found = bulk.select_in(conn, inbox, (*_READ, "next_try"), ("seq", seqs))
    due = [row[:-1] for row in sorted(found) if row[-2] is None and (row[-1] is None or row[-1] <= to_micros(now))]
    return [_waiting(row) for row in due]


def is_more(conn: Connection, entity: str, upto_seq: int, size: int) -> bool:
    """Whether more than so many keys are ready."""
    ready = text(READY), inbox.c.entity == entity, inbox.c.seq <= upto_seq
    return (
        conn.execute(select(inbox.c.seq).where(*ready).order_by(inbox.c.seq).offset(size).limit(1)).first() is not None
    )


def ready(conn: Connection, entity: str | None = None) -> dict[str, int]:
    """For each entity, or one, how many keys are ready; those that have none are left out."""
    window = [text(READY)] if entity is None else [text(READY), inbox.c.entity == entity]
    query = select(inbox.c.entity, func.count()).where(*window).group_by(inbox.c.entity)
    return {row[0]: row[1] for row in conn.execute(query)}


def cuts(conn: Connection, entity: str, side: Side, upto_seq: int, size: int) -> list[int]:
    """The numbers after which every so many of one side's ready keys end."""
    ready = text(READY), inbox.c.entity == entity, inbox.c.side == str(side), inbox.c.seq <= upto_seq
    place = func.row_number().over(order_by=inbox.c.seq).label("place")
    placed = select(inbox.c.seq, place).where(*ready).subquery()
    ends = conn.execute(select(placed.c.seq).where(placed.c.place % size == 0).order_by(placed.c.seq))
    return list(ends.scalars())


def linked(conn: Connection, entity: str, upto_seq: int, now: datetime) -> list[tuple[int, int]]:
    """The numbers of due keys whose records are linked, with their links."""
    due = inbox.c.waits_for.is_(None), or_(inbox.c.next_try.is_(None), inbox.c.next_try <= to_micros(now))
    found: list[tuple[int, int]] = []
    for side in Side:
        same = and_(link.c[f"{side}_id"] == inbox.c.id, link.c.entity == inbox.c.entity)
        mine = inbox.c.entity == entity, inbox.c.side == str(side), inbox.c.seq <= upto_seq
        query = select(inbox.c.seq, link.c.id).join(link, same).where(*due, *mine)
        found += [(row.seq, row.id) for row in conn.execute(query)]
    return found


def awaited(conn: Connection, entity: str) -> list[Ref]:
    """What the keys of an entity wait for, where it ought to come."""
    parked = (text(WAITING), inbox.c.entity == entity, inbox.c.why != STAYS)
    return [
        ref
        for name in conn.execute(select(inbox.c.waits_for).where(*parked).distinct()).scalars()
        if (ref := text_to_ref(name))
    ]


def head(conn: Connection) -> int:
    """The highest number given so far."""
    return conn.execute(_HEAD).scalar() or 0


def rows(conn: Connection, entity: str, side: Side, ids: Collection[str]) -> dict[str, Waiting]:
    """What waits for these ids, due or not."""
    found = bulk.select_in(conn, inbox, _READ, ("id", ids), {"entity": entity, "side": str(side)})
    return {row[3]: _waiting(row) for row in found}


def settle(conn: Connection, seqs: Collection[int]) -> None:
    """Remove the keys that still have one of these numbers; a key that was put again meanwhile stays."""
    first, last = (min(seqs), max(seqs)) if seqs else (0, 0)
    if last - first == len(seqs) - 1 and len(set(seqs)) == len(seqs):
        # One walk along the index, where each number by itself is a search from its top.
        conn.execute(_SETTLE, {"first": first, "last": last})
        return
    bulk.delete_in(conn, inbox, ("seq", seqs))


def park(conn: Connection, rows: Sequence[tuple[int, Ref | None, datetime | None]]) -> None:
    """Let keys wait for a parent, for a time, or both, and count the attempt; a key that was put again stays due."""
    stored: dict[int, int] = dict(bulk.select_in(conn, inbox, ("seq", "attempts"), ("seq", [row[0] for row in rows])))
    bulk.update_rows(
        conn,
        inbox,
        ("seq",),
        ("waits_for", "next_try", "attempts"),
        [
            (seq, None if parent is None else ref_to_text(parent), maybe_micros(next_try), stored[seq] + 1)
            for seq, parent, next_try in rows
            if seq in stored
        ],
    )


def mark_staying(conn: Connection, seqs: Collection[int]) -> None:
    """Note of keys that wait for a parent that they wait for as long as it takes."""
    bulk.update_in(conn, inbox, {"why": STAYS}, ("seq", seqs))


def release(conn: Connection, parents: Iterable[Ref]) -> int:
    """Make due what waits for one of these records; says how many keys."""
    if conn.execute(_ANY_WAITING).first() is None:
        return 0
    waited = {ref_to_text(parent) for parent in parents}
    return bulk.update_in(conn, inbox, {"waits_for": None, "next_try": None}, ("waits_for", waited))


def distrust(conn: Connection) -> None:
    """Keep every key that waits, and nothing of what came along with it: each record is read again."""
    unknown = {"version": None, "record": None, "modified": None, "deleted": False, "next_try": None}
    conn.execute(inbox.update().values(unknown))


def waiting(conn: Connection, entity: str, limit: int = 1000) -> list[Waiting]:
    """The keys that wait for a parent that ought to come, oldest first."""
    return [_waiting(tuple(row)) for row in conn.execute(_PARKED, {"entity": entity, "limit": limit})]


def depth(conn: Connection) -> dict[str, tuple[int, datetime | None]]:
    """For each entity how many keys wait, and since when the oldest does."""
    query = select(inbox.c.entity, func.count(), func.min(inbox.c.since)).group_by(inbox.c.entity)
    return {entity: (number, maybe_instant(oldest)) for entity, number, oldest in conn.execute(query)}


def due(conn: Connection, entity: str, now: datetime) -> bool:
    """Whether a key of this entity can be taken now."""
    return bool(conn.execute(_DUE, {"entity": entity, "now": to_micros(now)}).scalar_one())


def receive(conn: Connection, side: Side, delivery_id: str, at: datetime) -> bool:
    """Note a webhook's delivery; False when it was received before."""
    columns = ("side", "delivery_id", "at")
    return bulk.insert_rows(conn, receipt, columns, [(str(side), delivery_id, to_micros(at))], lenient=True) == 1


def _first(conditions: Iterable[Any], limit: Any) -> Select[Any]:
    columns: list[Any] = [inbox.c[name] for name in _READ]
    return select(*columns).where(*conditions).order_by(inbox.c.seq).limit(limit)


_OF_ENTITY = inbox.c.entity == bindparam("entity")
# Made once, as every run needs them: to put a statement together each time costs several times what it does.
_HEAD = select(counter.c.value).where(counter.c.name == _COUNTER)
# In the order of an index, as without it PostgreSQL looks through the whole table for one.
_ANY_WAITING = select(inbox.c.seq).where(text(WAITING)).order_by(inbox.c.waits_for).limit(1)
_PARKED = _first((text(WAITING), _OF_ENTITY, inbox.c.why != STAYS), bindparam("limit"))
_RETRIED = (text(POSTPONED), _OF_ENTITY, inbox.c.next_try <= bindparam("now"))
_DUE = select(
    or_(
        select(inbox.c.seq)
        .where(text(READY), _OF_ENTITY)
        .order_by(inbox.c.seq)
        .limit(1)
        .scalar_subquery()
        .is_not(None),
        select(inbox.c.seq).where(*_RETRIED).order_by(inbox.c.next_try).limit(1).scalar_subquery().is_not(None),
    )
)


def _among(keys: Collection[tuple[Side, str]]) -> ColumnElement[bool]:
    sides = [
        and_(inbox.c.side == str(side), inbox.c.id.in_([record_id for kept, record_id in keys if kept is side]))
        for side in Side
    ]
    return or_(*sides)


def _waiting(row: bulk.Row) -> Waiting:
    seq, entity, side, record_id, why, since, seen_at, attempts, version, record, deleted, modified, waits_for = row
    return Waiting(
        seq,
        entity,
        SIDES[side],
        record_id,
        why,
        to_instant(since),
        to_instant(seen_at),
        attempts,
        version,
        record,
        bool(deleted),
        None if modified is None else to_instant(modified),
        None if waits_for is None else text_to_ref(waits_for),
    )
