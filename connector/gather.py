"""Everything a decision may read, for one chunk of inbox keys: links, bases, both sides' current state, the census."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.observe import fetch, keys_of, observe, remember
from connector.reconcile.carry import references
from connector.reconcile.flips import has_gone_on
from connector.reconcile.match import Census, marker_key
from connector.reconcile.merge import Half
from connector.reconcile.plan import Sight
from connector.records import (
    FOLLOW_UP,
    MARKER,
    Base,
    Link,
    LinkStatus,
    Presence,
    Problem,
    Record,
    Side,
    Sighting,
    Version,
    Waiting,
    decode,
)
from connector.store import conflicts, endpoints, inbox, links, sightings
from connector.store.conflicts import OpenConflict

_NOTHING: Record = {}


class Seen(NamedTuple):
    """The current state of one record, as read; `data` are its canonical bytes where they exist already."""

    presence: Presence
    record: Record = _NOTHING
    version: Version | None = None
    modified: datetime | None = None
    data: bytes | None = None


@dataclass(slots=True)
class Chunk:
    """One batch of keys with what is known about them."""

    rows: list[Waiting]
    linked: dict[int, Link] = field(default_factory=dict)
    by_link: dict[int, list[Waiting]] = field(default_factory=dict)
    loose: list[Waiting] = field(default_factory=list)
    dropped: list[Waiting] = field(default_factory=list)
    seen: dict[Side, dict[str, Seen]] = field(default_factory=lambda: {side: {} for side in Side})
    refs: dict[tuple[str, Side, str], str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    moved: dict[Side, dict[str, str]] = field(default_factory=lambda: {side: {} for side in Side})
    """From the ids that were read in vain to those under which their systems say that the records go on."""
    keys: dict[Side, dict[str, tuple[int, ...]]] = field(default_factory=lambda: {side: {} for side in Side})
    """The match keys of unlinked records."""
    referring: dict[Side, set[str]] = field(default_factory=lambda: {side: set() for side in Side})
    """The records whose references were looked up."""
    open: dict[int, list[OpenConflict]] = field(default_factory=dict)
    """The conflicts that are not settled, by link."""
    unread: dict[int, Side] = field(default_factory=dict)
    """By link the side that was not read, as its base stands for it."""


def gather(work: Work, rows: Sequence[Waiting]) -> Chunk:
    """Look up links and read what the inbox did not bring along."""
    chunk = Chunk(list(rows))
    with work.store.read() as connection:
        _find_links(connection, work, chunk)
    _read_states(work, chunk)
    return chunk


def _find_links(connection: Connection, work: Work, chunk: Chunk) -> None:
    found = {side: links.find(connection, work.name, side, _ids(chunk.rows, side)) for side in Side}
    for row in chunk.rows:
        link = found[row.side].get(row.id)
        if link is None:
            chunk.loose.append(row)
        elif link.status is LinkStatus.TOMBSTONED:
            chunk.dropped.append(row)
        else:
            chunk.linked[link.id] = link
            chunk.by_link.setdefault(link.id, []).append(row)
    for side in Side:
        _bring_along(connection, work, chunk, side)
    chunk.open = conflicts.of_links(connection, list(chunk.linked))


def _bring_along(connection: Connection, work: Work, chunk: Chunk, side: Side) -> None:
    """A pair's other key, wherever it stands in the inbox: a pair is decided once, from both, and settles both."""
    here = {row.id for row in chunk.rows if row.side is side}
    absent = {link.id_on(side): link.id for link in chunk.linked.values() if link.id_on(side) not in here}
    for record_id, row in inbox.rows(connection, work.name, side, list(absent)).items():
        chunk.rows.append(row)
        chunk.by_link[absent[record_id]].append(row)


def _ids(rows: Iterable[Waiting], side: Side) -> list[str]:
    return [row.id for row in rows if row.side is side]


def _read_states(work: Work, chunk: Chunk) -> None:
    """Take what came with a fresh scan as it is, and ask the systems for the rest.

    A record about to be created may be older: its source's base will be what was read here, so that a later edit shows.
    What was parked since is read again: our own writes may have moved it, and their echo brings no newer state. A
    follow-up stands as long as the servers refuse stale writes: if it is stale, they say so, and it is read again.
    """
    now = work.now()
    guarded = all(work.capabilities(side).conditional_write for side in Side)
    linked = [(chunk.linked[link], row) for link, rows in chunk.by_link.items() for row in rows if not row.attempts]
    fresh = [row for link, row in linked if _is_fresh(work, link, row, now - row.seen_at)]
    current = fresh + [row for _, row in linked if guarded and row.why == FOLLOW_UP]
    for row in current + chunk.loose if not work.rereads else ():
        if row.carries:
            chunk.seen[row.side][row.id] = carried(row)
    known = {} if work.rereads else {number: side for number in chunk.linked if (side := _known(work, chunk, number))}
    for side in Side:
        wanted = {row.id for row in chunk.rows if row.side is side}
        across = [link.id_on(side) for number, link in chunk.linked.items() if known.get(number) is not side]
        look_up(work, chunk, side, wanted.union(across))
    _take_for_read(work, chunk, known)


def _known(work: Work, chunk: Chunk, number: int) -> Side | None:
    """The side of a pair that nothing was heard of, and whose base tells what it held at a version that a write needs.

    Where a person is asked about the pair, or a mapping has changed, more than that version counts. So it does where
    something is tried again: what was heard of the other side then, such as that it is gone, is in no inbox any more.
    """
    link, heard = chunk.linked[number], {row.side for row in chunk.by_link[number]}
    if any(row.why == "retry" or row.attempts for row in chunk.by_link[number]):
        return None
    if len(heard) > 1 or link.status is not LinkStatus.ACTIVE or number in chunk.open:
        return None
    (side,) = (one for one in Side if one not in heard)
    base, today = link.base_on(side), {one: work.translator(one).id for one in Side}
    is_known = base.whole and base.version is not None and work.capabilities(side).conditional_write
    return side if is_known and all(link.base_on(one).mapping == today[one] for one in Side) else None


def _take_for_read(work: Work, chunk: Chunk, known: Mapping[int, Side]) -> None:
    """Let bases stand for records that were not read, as far as those across are there; the others are read."""
    absent: dict[Side, list[str]] = {side: [] for side in Side}
    for number, side in known.items():
        link = chunk.linked[number]
        across = chunk.seen[side.other].get(link.id_on(side.other))
        if across is None or across.presence is not Presence.PRESENT:
            absent[side].append(link.id_on(side))
            continue
        base = link.base_on(side)
        chunk.seen[side][link.id_on(side)] = Seen(
            Presence.PRESENT, decode(base.record), base.version, None, base.record
        )
        chunk.unread[number] = side
    for side, ids in absent.items():
        look_up(work, chunk, side, ids)


def _is_fresh(work: Work, link: Link, row: Waiting, age: timedelta) -> bool:
    """Whether what a list showed is at least as new as everything that is known of a linked record.

    A list that lags behind may not show our own last write yet: it would look as if somebody had taken that back. The
    base's version is the one which that write was answered with, or one that was looked at later. So where versions
    only grow, a higher one was made after both, and may be taken for the current state. That it may be older than the
    record is by now does no harm then: what has happened since has a version of its own, which a later list shows, and
    whatever is written here meanwhile is refused, as the server takes no write from a stale read.
    """
    claims, limits = work.capabilities(row.side), work.context.limits
    if not claims.visibility_lag and age <= limits.fresh:
        return True
    guarded = claims.ordered_versions and claims.conditional_write and age <= limits.news
    return guarded and has_gone_on(link.base_on(row.side).version, row.version)


def carried(row: Waiting) -> Seen:
    """The state that an inbox row brought along."""
    return Seen(Presence.PRESENT, decode(row.record), row.version, row.modified, row.record)


def look_up(work: Work, chunk: Chunk, side: Side, ids: Collection[str]) -> None:
    """Read the current state of ids that are not known yet."""
    seen = chunk.seen[side]
    missing = sorted([record_id for record_id in ids if record_id not in seen])
    answers = fetch(work, side, missing)
    present = [answer.remote for answer in answers.values() if answer.remote is not None]
    observation = observe(work, side, present)
    for item in observation.present:
        seen[item.id] = Seen(Presence.PRESENT, item.record, item.version, item.remote.modified)
    for answer in answers.values():
        if answer.presence is not Presence.PRESENT:
            seen[answer.id] = Seen(answer.presence)
            if answer.moved_to is not None:
                chunk.moved[side][answer.id] = answer.moved_to
    chunk.problems.extend(observation.problems)


def resolve_references(work: Work, chunk: Chunk) -> None:
    """Look up the counterparts of everything the chunk's records refer to, in one query an entity and side."""
    wanted: dict[tuple[str, Side], set[str]] = {}
    if not (work.entity.references or work.entity.part_references):
        return
    for side in Side:
        fresh = chunk.seen[side].keys() - chunk.referring[side]
        chunk.referring[side] |= fresh
        for record_id in fresh:
            for ref in references(work.entity, chunk.seen[side][record_id].record, side):
                wanted.setdefault((ref.entity, side), set()).add(ref.id)
    if not wanted:
        return
    with work.store.read() as connection:
        for (entity, side), ids in wanted.items():
            for own, other in links.counterparts(connection, entity, side, sorted(ids)).items():
                chunk.refs[entity, side, own] = other


def sight(work: Work, chunk: Chunk, side: Side, record_id: str, base: Record, *, proved: bool) -> Sight:
    """One side of a linked pair, as the planner wants it."""
    seen = chunk.seen[side].get(record_id, Seen(Presence.FORBIDDEN))
    half = Half(seen.record, base, seen.modified if work.capabilities(side).trustworthy_times else None)
    return Sight(record_id, seen.presence, half, seen.version, proved)


_NO_PROOFS: Mapping[Side, Collection[str]] = dict.fromkeys(Side, ())


def sights(
    work: Work, chunk: Chunk, link: Link, proofs: Mapping[Side, Collection[str]] = _NO_PROOFS
) -> dict[Side, Sight]:
    """Both sides of a linked pair; `proofs` are the absences that count as deletes."""
    found = {}
    for side in Side:
        base, record_id = link.base_on(side), link.id_on(side)
        seen = chunk.seen[side].get(record_id)
        held = seen.record if seen and seen.data is base.record else valid_base(work, side, base)
        one = sight(work, chunk, side, record_id, held, proved=record_id in proofs[side])
        found[side] = one._replace(remapped=True) if base.mapping != work.translator(side).id else one
    return found


def valid_base(work: Work, side: Side, base: Base) -> Record:
    """A base without the fields whose mapping row has changed since: those are first contact again."""
    record = decode(base.record)
    translator = work.translator(side)
    if base.mapping == translator.id:
        return record
    rows = _rows_of(work, base.mapping)
    return {name: value for name, value in record.items() if rows.get(name) == translator.rows.get(name)}


def _rows_of(work: Work, mapping: int) -> Mapping[str, str]:
    known = work.context.settled_mappings
    if mapping not in known:
        with work.store.read() as connection:
            known.update(endpoints.mapping_rows(connection, [mapping]))
        known.setdefault(mapping, {})
    return known[mapping]


def census(
    work: Work, side: Side, records: Mapping[str, Record], keys_by_id: Mapping[str, tuple[int, ...]]
) -> tuple[Census, dict[str, str]]:
    """Who else holds the keys of these unlinked records, and the counterparts that stored ids name outright."""
    keys = {key for held in keys_by_id.values() for key in held}
    across_side = side.other
    named = {marker_key(work.name, side, record_id): record_id for record_id in records}
    stamps = {str(record[MARKER]): record_id for record_id, record in records.items() if record.get(MARKER)}
    with work.store.read() as connection:
        own = sightings.shared(connection, work.name, side, keys)
        across = sightings.candidates(connection, work.name, across_side, keys | named.keys())
        stamped = sightings.known(connection, work.name, across_side, sorted(stamps))
        candidates = {other for others in across.values() for other in others} | stamped.keys()
        linked = links.versions(connection, work.name, across_side, sorted(candidates))
    outright = {stamps[other]: other for other in stamped if other not in linked}
    for key, record_id in named.items():
        carriers = [other for other in across.get(key, ()) if other not in linked]
        if len(carriers) == 1:
            outright[record_id] = carriers[0]
    return Census(own, across, frozenset(linked)), outright


def suspects(
    work: Work, side: Side, records: Mapping[str, Record], keys_by_id: Mapping[str, tuple[int, ...]]
) -> dict[str, Record]:
    """The unlinked records that anybody else might be: their keys have another holder, or an id names one outright.

    Most records of a first contact are nobody else, and this asks much less than the `census` does.
    """
    named = {marker_key(work.name, side, record_id): record_id for record_id in records}
    keys = [key for held in keys_by_id.values() for key in held]
    with work.store.read() as connection:
        contested = sightings.held(connection, keys, holders=2)
        carried = sightings.held(connection, list(named))
    found = {named[key] for key in carried} | {own for own, record in records.items() if record.get(MARKER)}
    if contested:
        found |= {record_id for record_id, held in keys_by_id.items() if not contested.isdisjoint(held)}
    return {record_id: record for record_id, record in records.items() if record_id in found} if found else {}


def known_keys(work: Work, chunk: Chunk, side: Side, records: Mapping[str, Record]) -> dict[str, tuple[int, ...]]:
    """The match keys of unlinked records: as hashed when their page was stored, or of what was read just now."""
    seen = chunk.seen[side]
    rows = [
        Sighting(record_id, seen[record_id].version, keys_of(work, side, record))
        for record_id, record in records.items()
        if seen[record_id].data is None
    ]
    if rows:
        remember_keys(work, side, rows)
    with work.store.read() as connection:
        return sightings.keys(connection, work.name, side, records)


def remember_keys(work: Work, side: Side, rows: Sequence[Sighting]) -> None:
    """Remember what was read just now, so that it is found by its match keys."""
    with work.write() as connection:
        remember(connection, work, side, rows)


def rows_across(work: Work, side: Side, ids: Collection[str]) -> dict[str, Waiting]:
    """The inbox rows of records about to be linked, so that both rows of a pair settle together."""
    if not ids:
        return {}
    with work.store.read() as connection:
        return inbox.rows(connection, work.name, side, sorted(ids))


_CANARIES = 20
"""So many records of each place are asked for, where nothing else tells that a side shows what it holds."""


def is_canary_alive(work: Work, side: Side) -> bool:
    """Whether the side shows any record it is known to hold: without that, an absence proves nothing.

    Records from several places are asked for, as those of one may be just what was deleted.
    """
    if side in work.alive:
        return True
    with work.store.read() as connection:
        sample = links.sample(connection, work.name, side, _CANARIES)
    fetch(work, side, sample)
    return side in work.alive


def is_settled_long_enough(work: Work, side: Side, ids: Collection[str]) -> dict[str, bool]:
    """Whether each record was first seen longer ago than a new one may stay invisible."""
    lag = work.capabilities(side).lookup_lag
    with work.store.read() as connection:
        first = sightings.first_seen(connection, work.name, side, sorted(ids))
    return {record_id: record_id not in first or work.now() - first[record_id] >= lag for record_id in ids}


def unproved(chunk: Chunk) -> dict[Side, set[str]]:
    """Linked records that their side no longer shows."""
    gone: dict[Side, set[str]] = {side: set() for side in Side}
    for link in chunk.linked.values():
        for side in Side:
            seen = chunk.seen[side].get(link.id_on(side))
            if seen is not None and seen.presence in (Presence.ABSENT, Presence.GONE):
                gone[side].add(link.id_on(side))
    return gone
