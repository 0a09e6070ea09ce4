"""Records that were merged or renamed: their links follow or sleep, and their old ids lead to the present ones.

A move writes nothing to either system and is told by the system itself, so no guard counts it; what comes of it is
written as any change is, and counted there. It is never evidence of a delete.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.gather import Chunk, Seen, is_canary_alive, is_settled_long_enough, look_up, rows_across
from connector.observe import keys_of, remember
from connector.reconcile.moves import (
    MOST_STEPS,
    Course,
    Goal,
    Use,
    choose,
    destination,
    is_over,
    is_parted,
    needs_person,
)
from connector.records import Arrival, Event, Link, LinkStatus, Presence, Problem, Ref, Side, Sighting, Waiting
from connector.store import aliases, conflicts, history, inbox, journal, links, problems, sightings

MERGED = "merged"
"""The cause of the problem that a merged record's counterpart is left over."""

MISSING = frozenset({Presence.ABSENT, Presence.GONE})
_STATUS, _ARCHIVED = "status", "inactive"
"""How the canonical entities say that a record is archived."""


class Trail(NamedTuple):
    """An old id and the one it leads to, whose record may be gone as well."""

    side: Side
    old: str
    new: str
    is_alive: bool


@dataclass(slots=True)
class Moves:
    """What one chunk's moves come to; `store_moves` makes it durable."""

    trails: list[Trail] = field(default_factory=list)
    pointed: list[tuple[int, Side, str]] = field(default_factory=list)
    """The links that follow, on which side, and to which id."""
    statuses: dict[int, LinkStatus] = field(default_factory=dict)
    sighted: list[tuple[Side, Sighting]] = field(default_factory=list)
    left: list[tuple[Side, Sighting]] = field(default_factory=list)
    """Counterparts whose own record became another one: what they are matched by is no longer found through it."""
    arrivals: list[Arrival] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    over: list[Ref] = field(default_factory=list)
    """Counterparts that nobody need do anything about any more."""
    parted: list[Ref] = field(default_factory=list)
    """Records that are there again."""
    postponed: list[Waiting] = field(default_factory=list)


Places = Mapping[Side, Mapping[str, str]]
Holders = dict[tuple[Side, str], Link]


def follow_moves(work: Work, chunk: Chunk) -> Moves:
    """Let the chunk's links follow their records, and take those out of it that sleep or have to wait."""
    moves = Moves()
    met = {side: {link.id_on(side) for link in chunk.linked.values()} for side in Side}
    _wait_for_creates(work, chunk, moves)
    _recall(work, chunk)
    _look_at_sleepers(work, chunk, moves)
    ends = {side: _ends(work, chunk, side) for side in Side}
    if any(ends.values()):
        busy, holders = _holders(work, ends)
        for link in sorted(chunk.linked.values(), key=lambda one: one.id):
            goals = _goals(link, ends, busy, holders)
            if goals:
                _move(work, chunk, moves, link, goals, holders)
    _keep_trails(work, chunk, moves, ends, met)
    return moves


def _wait_for_creates(work: Work, chunk: Chunk, moves: Moves) -> None:
    """What is gone while its counterpart is being made is looked at again once the two are linked."""
    for side in Side:
        seen = chunk.seen[side]
        gone = [row for row in chunk.loose if row.side is side and row.id in seen and seen[row.id].presence in MISSING]
        if gone:
            with work.store.read() as connection:
                live = journal.live_keys(connection, work.name, side.other, [f"new:{row.id}" for row in gone])
            held = [row for row in gone if f"new:{row.id}" in live]
            moves.postponed += held
            chunk.loose = [row for row in chunk.loose if row not in held]


def _recall(work: Work, chunk: Chunk) -> None:
    """Where ids lead of which their system says no more than that they are not there: they may arrive late."""
    sleepers = [link for link in chunk.linked.values() if link.status is LinkStatus.DORMANT]
    for side in Side:
        seen, moved = chunk.seen[side], chunk.moved[side]
        ids = {row.id for row in chunk.loose if row.side is side} | {link.id_on(side) for link in sleepers}
        late = [one for one in ids if one not in moved and one in seen and seen[one].presence in MISSING]
        if late:
            with work.store.read() as connection:
                moved |= aliases.resolve(connection, work.name, side, late)


def _look_at_sleepers(work: Work, chunk: Chunk, moves: Moves) -> None:
    """A sleeping link never carries anything across: it wakes when the merge was taken back, or is over for good."""
    for link in [link for link in chunk.linked.values() if link.status is LinkStatus.DORMANT]:
        uses = _uses(work, chunk, link)
        if is_parted(uses):
            moves.parted += _refs(work, link)
            moves.events.append(Event(work.name, Side.CRM, link.crm_id, "parted", {"erp_id": link.erp_id}, link.id))
            moves.statuses[link.id] = LinkStatus.ACTIVE
            chunk.linked[link.id] = link._replace(status=LinkStatus.ACTIVE)
            continue
        if is_over(uses):
            moves.over += _refs(work, link)
        chunk.dropped.extend(_take_out(chunk, link))


def _take_out(chunk: Chunk, link: Link) -> list[Waiting]:
    """Leave a link out of the chunk; gives the rows that stood for it."""
    del chunk.linked[link.id]
    return chunk.by_link.pop(link.id, [])


def _refs(work: Work, link: Link) -> list[Ref]:
    return [Ref(work.name, side, link.id_on(side)) for side in Side]


def _uses(work: Work, chunk: Chunk, link: Link) -> dict[Side, Use]:
    return {side: _use(work, Ref(work.name, side, link.id_on(side)), chunk.seen[side]) for side in Side}


def _use(work: Work, ref: Ref, states: Mapping[str, Seen]) -> Use:
    """How a record stands; a new one may only not show yet."""
    seen, side = states.get(ref.id), ref.side
    if seen is None or seen.presence is Presence.FORBIDDEN:
        return Use.UNKNOWN
    if seen.presence is Presence.PRESENT:
        return Use.ARCHIVED if seen.record.get(_STATUS) == _ARCHIVED else Use.IN_USE
    is_proved = is_canary_alive(work, side) and is_settled_long_enough(work, side, [ref.id])[ref.id]
    return Use.MISSING if is_proved else Use.UNKNOWN


def _ends(work: Work, chunk: Chunk, side: Side) -> dict[str, str]:
    """Where each moved id leads in the end, as far as the system shows a record of this kind there."""
    moved, seen = chunk.moved[side], chunk.seen[side]
    asked: set[str] = set()
    for _ in range(MOST_STEPS):
        further = set(moved.values()) - seen.keys() - asked
        if not further:
            break
        asked |= further
        look_up(work, chunk, side, further)
    found = {old: destination(old, moved) for old in moved}
    return {old: end for old, end in found.items() if end is not None and end in seen}


def _holders(work: Work, ends: Places) -> tuple[set[Ref], Holders]:
    """The ends whose counterpart is being made, and the links of those that have one.

    In this order, and creates are journalled by this thread only: what is made in between is found linked.
    """
    busy: set[Ref] = set()
    holders: Holders = {}
    with work.store.read() as connection:
        for side in Side:
            for live in journal.live_keys(connection, work.name, side.other, [f"new:{i}" for i in ends[side].values()]):
                busy.add(Ref(work.name, side, live.removeprefix("new:")))
        for side in Side:
            found = links.find(connection, work.name, side, set(ends[side].values()))
            holders |= {(side, record_id): link for record_id, link in found.items()}
    return busy, holders


def _goals(link: Link, ends: Places, busy: set[Ref], holders: Holders) -> dict[Side, Goal]:
    goals = {}
    for side in Side:
        new = ends[side].get(link.id_on(side))
        if new is not None:
            holder = holders.get((side, new))
            is_busy = Ref(link.entity, side, new) in busy
            goals[side] = Goal(new, None if holder is None else holder.id, is_busy)
    return goals


def _move(work: Work, chunk: Chunk, moves: Moves, link: Link, goals: Mapping[Side, Goal], holders: Holders) -> None:
    course = choose(goals)
    if course is Course.WAIT:
        moves.postponed += _take_out(chunk, link)
        return
    followed = link
    for side, goal in goals.items():
        if goal.holder is None:
            followed = _point(work, chunk, moves, followed, side, goal.id)
            holders[side, goal.id] = followed
    if course is Course.SLEEP:
        winners = {side: holders[side, goal.id] for side, goal in goals.items() if goal.holder is not None}
        _put_to_sleep(work, chunk, moves, followed, winners)


def _point(work: Work, chunk: Chunk, moves: Moves, link: Link, side: Side, new: str) -> Link:
    """Let a link follow its record, which may wait in the inbox under its new id: both rows are settled together."""
    old = link.id_on(side)
    link = link._replace(crm_id=new) if side is Side.CRM else link._replace(erp_id=new)
    chunk.linked[link.id] = link
    mine = [row for row in chunk.loose if row.side is side and row.id == new]
    chunk.loose = [row for row in chunk.loose if row not in mine]
    if not mine:
        mine = list(rows_across(work, side, [new]).values())
        chunk.rows.extend(mine)
    chunk.by_link.setdefault(link.id, []).extend(mine)
    kind = MERGED if chunk.seen[side][old].presence is Presence.GONE else "renamed"
    moves.pointed.append((link.id, side, new))
    moves.events.append(
        Event(work.name, side, old, kind, {"old": old, "new": new, "then": "its link follows"}, link.id)
    )
    moves.sighted.append((side, _sighting(work, side, new, chunk.seen[side][new])))
    _remember_left(work, chunk, moves, link, side.other)
    return link


def _remember_left(work: Work, chunk: Chunk, moves: Moves, link: Link, side: Side) -> None:
    record_id = link.id_on(side)
    seen = chunk.seen[side].get(record_id)
    if seen is not None and seen.presence is Presence.PRESENT:
        moves.left.append((side, _sighting(work, side, record_id, seen)))


def _sighting(work: Work, side: Side, record_id: str, seen: Seen) -> Sighting:
    """A renamed record is a new one to whoever asks how long it has been known: it may stay invisible as long."""
    is_there = seen.presence is Presence.PRESENT
    return Sighting(record_id, seen.version, keys_of(work, side, seen.record) if is_there else None)


def _put_to_sleep(work: Work, chunk: Chunk, moves: Moves, link: Link, winners: Mapping[Side, Link]) -> None:
    """A merge of two linked records: the merged one's link carries nothing across any more, a delete least of all."""
    uses = _uses(work, chunk, link)
    for side, winner in winners.items():
        told = {"old": link.id_on(side), "new": winner.id_on(side)}
        then = f"its counterpart {side.other}:{link.id_on(side.other)} is left alone"
        moves.events.append(Event(work.name, side, told["old"], MERGED, {**told, "then": then}, link.id))
        moves.events.append(Event(work.name, side, told["new"], "absorbed", told, winner.id))
        if needs_person(winners, uses):
            moves.problems.append(_left_over(work, link, side, winner))
        _remember_left(work, chunk, moves, link, side.other)
    moves.statuses[link.id] = LinkStatus.DORMANT
    chunk.dropped.extend(_take_out(chunk, link))


def _left_over(work: Work, link: Link, side: Side, winner: Link) -> Problem:
    across = side.other
    left, stays = f"{across}:{link.id_on(across)}", f"{across}:{winner.id_on(across)}"
    message = (
        f"{work.name} {side}:{link.id_on(side)} was merged into {side}:{winner.id_on(side)}, and both had a "
        f"counterpart: {left} belongs to the merged one, {stays} to the one that stays. Nothing was deleted. Merge "
        f"{left} into {stays}, or archive {left}, and this closes by itself; or let both stand: "
        f"connector problems dismiss"
    )
    return Problem(work.name, across, link.id_on(across), MERGED, message)


def _keep_trails(work: Work, chunk: Chunk, moves: Moves, ends: Places, met: Mapping[Side, set[str]]) -> None:
    """Old ids that were asked for lead to the present ones, which get a look where nothing else brings one."""
    for side in Side:
        seen = chunk.seen[side]
        asked = {row.id for row in chunk.rows if row.side is side}
        known = asked | {link.id_on(side) for link in chunk.linked.values()}
        for old, new in ends[side].items():
            moves.trails.append(Trail(side, old, new, seen[new].presence is Presence.PRESENT))
        wanted = {ends[side][one] for one in asked & ends[side].keys()} - known
        wanted |= _passed(work, side, ends[side].keys() - met[side])
        moves.arrivals += [Arrival(work.name, side, record_id, "moved") for record_id in sorted(wanted)]


def _passed(work: Work, side: Side, ids: Collection[str]) -> set[str]:
    """Those of the records merged away that were only passed, and whose links nobody has let follow them yet."""
    if not ids:
        return set()
    with work.store.read() as connection:
        ties = links.ties(connection, work.name, side, ids)
    return {crm_id if side is Side.CRM else erp_id for _, crm_id, erp_id in ties}


def store_moves(connection: Connection, work: Work, moves: Moves) -> None:
    """Make a chunk's moves durable, in the transaction that stores what else was decided about it."""
    at = work.now()
    for ref in moves.parted:
        aliases.drop(connection, work.name, ref.side, [ref.id])
    for side, old, new, is_alive in moves.trails:
        aliases.add(connection, work.name, side, old, new, at)
        if is_alive:
            aliases.drop(connection, work.name, side, [new])
    links.repoint(connection, moves.pointed, at)
    for number, status in moves.statuses.items():
        links.set_status(connection, [number], status, at)
    asleep = [number for number, status in moves.statuses.items() if status is LinkStatus.DORMANT]
    _close_conflicts(connection, work, asleep)
    _sight(connection, work, moves.sighted)
    for side, sighting in moves.left:
        remember(connection, work, side, [sighting])
    inbox.put(connection, moves.arrivals, at)
    olds = [Ref(work.name, trail.side, trail.old) for trail in moves.trails]
    inbox.release(connection, olds)
    history.append(connection, work.run, moves.events, at)
    problems.clear(connection, [*olds, *moves.over], [MERGED, "unproved_delete"], at)
    work.tally.problems += problems.report(connection, moves.problems, at)


def _close_conflicts(connection: Connection, work: Work, asleep: Sequence[int]) -> None:
    """Nothing is carried between the records of a sleeping link, so nobody has to decide between their values."""
    unsettled = conflicts.of_links(connection, asleep) if asleep else {}
    pairs = [(number, item.conflict.field) for number, items in unsettled.items() for item in items]
    if pairs:
        conflicts.close(connection, pairs, MERGED, work.now())


def _sight(connection: Connection, work: Work, sighted: Iterable[tuple[Side, Sighting]]) -> None:
    for side, sighting in sighted:
        if not sightings.known(connection, work.name, side, [sighting.id]):
            remember(connection, work, side, [sighting])


def awaited(connection: Connection, parents: Sequence[Ref]) -> list[Ref]:
    """The parents to wait for: those that merged or renamed ones go on as."""
    if not parents or not aliases.is_any(connection):
        return list(parents)
    found = {
        Ref(entity, side, old): Ref(entity, side, new)
        for entity, side in {parent[:2] for parent in parents}
        for old, new in aliases.resolve(
            connection, entity, side, [one.id for one in parents if one[:2] == (entity, side)]
        ).items()
    }
    return [found.get(parent, parent) for parent in parents]
