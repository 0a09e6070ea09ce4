"""What a run stores in bulk, each in one transaction: pages that were read, newcomers about to be sent, creates made.

These are the steps that a keeper does, perhaps in another process: they know the store, and nothing of the systems.
"""

import marshal
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from typing_extensions import override

from connector.errors import StoreError
from connector.records import Arrival, Cursor, Problem, Ref, Side, Sighting, Version
from connector.store import creating, cursors, inbox, journal, links, problems, sightings, stretches
from connector.store.cursors import Position
from connector.store.database import Store
from connector.store.inbox import Scanned
from connector.store.journal import OperationTaken
from connector.store.links import Born, LinkTaken
from connector.store.sightings import Seen
from connector.store.stretches import READING, Stretch
from connector.tenure import Tenure

MANY = 250_000
"""From so many on a first read leaves match keys to its end; what is read until then is indexed at once, beside it."""

_GAP = "what was read just before could not be stored; run again, and it is read again"


class Documents(list[bytes]):
    """Canonical bytes that go to another process in one piece: one by one they take twenty times as long."""

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return marshal.loads, (marshal.dumps(list(self)),)


class Brought(NamedTuple):
    """What some pages brought, as columns of one length, and what else they told."""

    ids: Sequence[str]
    versions: Sequence[Version | None]
    modified: Sequence[datetime | None]
    records: Sequence[bytes]
    keys: Sequence[tuple[int, ...]]
    deleted: Sequence[tuple[str, Version | None]]
    hidden: Sequence[tuple[str, Version | None]]
    """Listed by their ids, and not to be looked up."""
    problems: Sequence[Problem]


class Scan(NamedTuple):
    """Some pages of one scan, and how far it is read with them."""

    since: Cursor | None
    """Where the first of them was asked for."""
    cursor: Cursor | None
    more: bool
    read: int
    """How many records they showed."""
    fresh: int
    """How many of those need a look."""
    brought: Brought


class Moved(NamedTuple):
    """How far a range is read with some pages, and where the first of them was asked for."""

    since: Cursor | None
    stretch: Stretch


def keep_scan(store: Store, tenure: Tenure, side: Side, scan: Scan) -> int:
    """Put what was read into the inbox and the sightings, with the cursor behind it; says how many problems are new.

    Where what came before it could not be stored it is not stored either: the cursor would move past that.
    """
    at = tenure.clock()
    with tenure.write(store) as connection:
        position = cursors.get(connection, tenure.entity, side)
        if position.cursor != scan.since:
            raise StoreError(f"{side}: {_GAP}")
        new, told = _remember(connection, tenure.entity, position, scan.brought, at)
        if not scan.more and not position.complete and position.known >= MANY:
            sightings.index_keys(connection, tenure.entity, side)
        position = position._replace(
            cursor=scan.cursor,
            complete=position.complete or (not scan.more and _is_read(connection, position)),
            known=position.known + new,
            # Windows overlap: what the last page showed in vain will mostly be shown once more.
            echoes=position.echoes if scan.more else scan.read - scan.fresh,
            enumerated_at=position.enumerated_at or at,
        )
        cursors.save(connection, position, at)
    return told


def keep_stretches(store: Store, tenure: Tenure, side: Side, moved: Sequence[Moved], brought: Brought) -> int:
    """The same for ranges of a first read, which have cursors of their own: others read others at the same time."""
    at = tenure.clock()
    with tenure.write(store) as connection:
        for since, stretch in moved:
            before = stretches.get(connection, tenure.entity, side, stretch.kind, stretch.number)
            if before is None or before.cursor != since:
                raise StoreError(f"{side}: {_GAP}")
        position = cursors.get(connection, tenure.entity, side)
        met, told = _remember(connection, tenure.entity, position, brought, at)
        for _, stretch in moved:
            stretches.save(connection, stretch)
        # Last, as whoever else reads this side waits for this row until the transaction ends.
        cursors.bump(connection, tenure.entity, side, known=met)
    return told


def _is_read(connection: Connection, position: Position) -> bool:
    """Whether nothing is left of a side that was read in ranges; the window after them was read now."""
    rest = stretches.undone(connection, position.entity, position.side, READING)
    if not rest:
        stretches.clear(connection, position.entity, position.side, READING)
    return not rest


def _remember(
    connection: Connection, entity: str, position: Position, brought: Brought, at: datetime
) -> tuple[int, int]:
    """How many records were never seen before, and how many problems are new."""
    side, new = position.side, _see(connection, entity, position, brought, at)
    told = problems.report(connection, brought.problems, at) if brought.problems else 0
    # Last, as the numbers of keys are given in the order of commits: whoever else gives some waits from here on.
    columns = Scanned(brought.ids, brought.versions, brought.modified, brought.records)
    inbox.put_scanned(connection, entity, side, columns, at)
    gone = [Arrival(entity, side, one, "tombstone", version, deleted=True) for one, version in brought.deleted]
    unknown = [Arrival(entity, side, one, "scan", version) for one, version in brought.hidden]
    inbox.put(connection, gone + unknown, at)
    return new, told


def _see(connection: Connection, entity: str, position: Position, brought: Brought, at: datetime) -> int:
    """Remember that the records were seen; says how many never were before."""
    side, columns = position.side, Seen(brought.ids, brought.versions, brought.keys)
    unread = [*(problem.id for problem in brought.problems), *(one for one, _ in brought.hidden)]
    others = [Sighting(one, None) for one in unread]
    if not position.complete:
        indexed = position.known < MANY
        new = sightings.meet(connection, entity, side, columns, position.generation, at, indexed=indexed)
        return new + sightings.see(connection, entity, side, others, position.generation, at)
    return sightings.see(connection, entity, side, [*map(Sighting, *columns), *others], position.generation, at)


def keep_newcomers(store: Store, tenure: Tenure, side: Side, creates: Mapping[str, Sequence[Any]]) -> bool:
    """Journal creates as sending, which settles their inbox rows; False where another operation is in one's way.

    `creates` are the columns that `creating.take_over` takes. Before the first call the store has to be hardened, as
    this does not wait for the disk.
    """
    try:
        with tenure.write(store) as connection:
            creating.take_over(connection, (tenure.entity, side, tenure.run), creates, tenure.clock())
            inbox.settle(connection, creates["seq"])
    except OperationTaken:
        return False
    return True


def keep_born(store: Store, tenure: Tenure, side: Side, born: Born, mappings: Mapping[Side, int]) -> bool:
    """Links with both bases, journal, sightings, echoes to expect, children that waited; False where one is linked."""
    if not born.operations:
        return True
    try:
        with tenure.write(store) as connection:
            _link(connection, tenure, side, born, mappings)
    except LinkTaken:
        return False
    return True


def _link(connection: Connection, tenure: Tenure, side: Side, born: Born, mappings: Mapping[Side, int]) -> None:
    at, source, entity = tenure.clock(), side.other, tenure.entity
    links.pair(connection, entity, side, born, mappings, at)
    journal.complete(connection, list(zip(born.operations, born.targets, strict=True)), at)
    generation = cursors.get(connection, entity, side).generation
    seen = Seen(born.targets, born.versions, [None] * len(born.targets))
    met = sightings.meet(connection, entity, side, seen, generation, at)
    cursors.bump(connection, entity, side, known=met, echoes=len(born.targets))
    refs = [(source, one) for one in born.sources], [(side, one) for one in born.targets]
    inbox.release(connection, (Ref(entity, *ref) for both in refs for ref in both))
    problems.clear_any(connection, entity, (Ref(entity, source, one) for one in born.sources), at)
