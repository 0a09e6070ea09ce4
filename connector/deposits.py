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


class Scan(NamedTuple):
    """What some pages of a scan brought, as columns of one length, and what else they told."""

    since: Cursor | None
    """Where the first of them was asked for."""
    cursor: Cursor | None
    more: bool
    read: int
    """How many records they showed."""
    fresh: int
    """How many of those need a look."""
    ids: Sequence[str]
    versions: Sequence[Version | None]
    modified: Sequence[datetime | None]
    records: Sequence[bytes]
    keys: Sequence[tuple[int, ...]]
    deleted: Sequence[tuple[str, Version | None]]
    hidden: Sequence[tuple[str, Version | None]]
    """Listed by their ids, and not to be looked up."""
    problems: Sequence[Problem]


def keep_scan(store: Store, tenure: Tenure, side: Side, scan: Scan) -> int:
    """Put what was read into the inbox and the sightings, with the cursor behind it; says how many problems are new.

    Where what came before it could not be stored it is not stored either: the cursor would move past that.
    """
    at = tenure.clock()
    with tenure.write(store) as connection:
        position = cursors.get(connection, tenure.entity, side)
        if position.cursor != scan.since:
            raise StoreError(f"{side}: {_GAP}")
        new, told = _remember(connection, tenure.entity, position, scan, at)
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


def keep_stretch(store: Store, tenure: Tenure, stretch: Stretch, scan: Scan) -> int:
    """The same for a range of a first read, whose cursor is its own: others read other ranges at the same time."""
    at = tenure.clock()
    with tenure.write(store) as connection:
        before = stretches.get(connection, stretch.entity, stretch.side, stretch.kind, stretch.number)
        if before is None or before.cursor != scan.since:
            raise StoreError(f"{stretch.side}: {_GAP}")
        position = cursors.get(connection, tenure.entity, stretch.side)
        met, told = _remember(connection, tenure.entity, position, scan, at)
        stretches.save(connection, stretch)
        # Last, as whoever else reads this side waits for this row until the transaction ends.
        cursors.bump(connection, tenure.entity, stretch.side, known=met)
    return told


def _is_read(connection: Connection, position: Position) -> bool:
    """Whether nothing is left of a side that was read in ranges; the window after them was read now."""
    rest = stretches.undone(connection, position.entity, position.side, READING)
    if not rest:
        stretches.clear(connection, position.entity, position.side, READING)
    return not rest


def _remember(connection: Connection, entity: str, position: Position, scan: Scan, at: datetime) -> tuple[int, int]:
    """How many records were never seen before, and how many problems are new."""
    side, new = position.side, _see(connection, entity, position, scan, at)
    told = problems.report(connection, scan.problems, at) if scan.problems else 0
    # Last, as the numbers of keys are given in the order of commits: whoever else gives some waits from here on.
    inbox.put_scanned(connection, entity, side, Scanned(scan.ids, scan.versions, scan.modified, scan.records), at)
    gone = [Arrival(entity, side, one, "tombstone", version, deleted=True) for one, version in scan.deleted]
    unknown = [Arrival(entity, side, one, "scan", version) for one, version in scan.hidden]
    inbox.put(connection, gone + unknown, at)
    return new, told


def _see(connection: Connection, entity: str, position: Position, scan: Scan, at: datetime) -> int:
    """Remember that the records were seen; says how many never were before."""
    side = position.side
    columns = Seen(scan.ids, scan.versions, scan.keys)
    unread = [Sighting(problem.id, None) for problem in scan.problems] + [Sighting(one, None) for one, _ in scan.hidden]
    if not position.complete:
        later = position.known >= MANY
        new = sightings.meet(connection, entity, side, columns, position.generation, at, indexed=not later)
        if later and not scan.more:
            sightings.index_keys(connection, entity, side)
        return new + sightings.see(connection, entity, side, unread, position.generation, at)
    seen = [*map(Sighting, *columns), *unread]
    return sightings.see(connection, entity, side, seen, position.generation, at)


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
