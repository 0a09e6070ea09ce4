"""Read what moved: pages of a scan go into the inbox and the sightings, in one transaction with their cursor."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection
from typing_extensions import override

from connector.context import Work
from connector.deposits import Scan, keep_scan
from connector.errors import NothingShown
from connector.keeper import Step
from connector.observe import fetch
from connector.paging import AHEAD
from connector.parts import Lane, Part, read_parts, scan
from connector.pressure import Gauge
from connector.reconcile.guards import digest_empty, removal_limit
from connector.records import Arrival, Cursor, Page, Presence, Remote, Side, Sighting
from connector.store import approvals, cursors, inbox, links, sightings
from connector.store.cursors import Position
from connector.survey import Gathered, survey

CHUNKS, BYTES = 2, 4 << 20
"""What is stored in one transaction: so many chunks or bytes, whichever comes first."""
_STORING = 1
"""So many batches may wait to be stored while another one is translated: each of them is held twice."""


@dataclass(slots=True)
class _Batch:
    """Some pages of one scan, until they are stored."""

    since: Cursor | None
    page: Page
    """The last one, without its records."""
    read: int = 0
    fresh: int = 0
    found: Gathered = field(default_factory=Gathered)

    @property
    def scan(self) -> Scan:
        """All of it, as it is stored."""
        return Scan(self.since, self.page.cursor, self.page.more, self.read, self.fresh, self.found.brought())


class Asked(NamedTuple):
    """What else a pull is to see to."""

    gauge: Gauge | None = None
    """Has reading pause when too much waits."""
    counts: bool = False
    """Ask the sides meanwhile how many records they hold, where `sides_to_list` will want to know it."""
    glances: bool = False
    """Leave a side of which nothing was read yet, if it takes more than a page and can be read in ranges."""


def pull(work: Work, *sides: Side, asked: Asked = Asked()) -> list[Side]:  # noqa: B008 -- a value
    """Bring the changes of these sides, or of both, into the inbox; gives the sides left when reading was to pause.

    It goes on where it paused when it is called again, as after any stop: what was read is stored with its cursor.
    """
    with work.store.read() as connection:
        positions = cursors.both(connection, work.name)
    storing = Storing(work)
    chosen = [positions[side] for side in sides or work.context.systems]
    return read_parts(_alone(partial(_Pull, work, position, storing, asked)) for position in chosen)


def _alone(make: Callable[[], Part]) -> Lane:
    yield make()


class Storing:
    """Batches that are being stored beside the reading of more."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._under_way: dict[Side, deque[Future[int]]] = {side: deque() for side in Side}

    def is_idle(self) -> bool:
        """Whether nothing is being stored."""
        return all(one.done() for side in self._under_way.values() for one in side)

    def begin(self, side: Side, read: int, step: Step[int], *values: Any) -> None:
        """Have so many records stored beside what goes on, after what of this side is under way."""
        self._under_way[side].append(self._work.keep(step, side, *values))
        self._tell(side, read)

    def store(self, side: Side, batch: _Batch) -> None:
        """Store what some pages brought, with the cursor behind it; where nothing would go on beside it, at once."""
        work = self._work
        if batch.page.more or not self.is_idle():
            self.begin(side, batch.read, keep_scan, batch.scan)
            return
        self.settle(side, 0)
        work.tally.problems += keep_scan(work.store, work.tenure, side, batch.scan)
        self._tell(side, batch.read)

    def _tell(self, side: Side, read: int) -> None:
        self._work.tally.read[side] += read
        self._work.step(f"reading {side}", read)
        self.settle(side, _STORING)

    def settle(self, side: Side, room: int) -> None:
        """Wait until no more than so many batches of a side are being stored."""
        while len(self._under_way[side]) > room:
            self._work.tally.problems += self._under_way[side].popleft().result()


class _Pull(Part):
    """What one side's scan brings.

    After many writes of our own the next window is mostly their echo: then only ids and versions are asked for, and
    what already has the version we recorded costs nothing more. The same goes for the next window of the same run where
    lists lag, as it begins that much before the last one's end: it mostly shows once more what that one did. Where
    look-ups lag it is not done: a new record would be listed without what it is matched by.
    """

    def __init__(self, work: Work, position: Position, storing: Storing, asked: Asked) -> None:
        self._position, self._storing, self._gauge = position, storing, asked.gauge
        claims = work.capabilities(position.side)
        is_new = position.cursor is None and not position.complete
        self._glances = asked.glances and is_new and claims.ranges and claims.parallel > 1
        again = work.tally.shown[position.side] if claims.visibility_lag else 0
        self._keys_only = position.echoes + again > claims.page_size and not claims.lookup_lag
        self._batch: _Batch | None = None
        self._since, self._read = position.cursor, 0
        ahead = 0 if self._glances else AHEAD
        reading = scan(work, position.side, position.cursor, keys_only=self._keys_only, ahead=ahead)
        super().__init__(work, position.side, reading)
        counts = asked.counts and not (position.enumeration or _is_due(work, position)) and _tells_loss(work, position)
        self._count = self.reading.ask(work.adapter(self.side).count) if counts else None

    @override
    def take(self, page: Page) -> bool:
        """Pages are put together: one transaction for several of them costs less than one for each."""
        work = self.work
        if page.more and not self._position.complete:
            work.context.keeper.prepare()
        if page.more and self._glances:
            return False
        batch = self._batch = self._batch or _Batch(self._since, page)
        _look_at(work, self._position, batch, page.remotes, keys_only=self._keys_only)
        batch.page, self._since = page._replace(remotes=[]), page.cursor
        self._read += len(page.remotes)
        if self._position.cursor is None and not (self._read or page.more):
            refuse_nothing(work, self.side, self._position)
        if not self._is_full(batch):
            return True
        self._store()
        return self._gauge is None or not page.more or not self._gauge.rises(batch.fresh)

    def _is_full(self, batch: _Batch) -> bool:
        """Whether it is to be stored: it is large, or the last one, or there is nothing else to do meanwhile."""
        if batch.read >= self.work.context.limits.chunk * CHUNKS or batch.found.bytes >= BYTES or not batch.page.more:
            return True
        return not self.reading.coming.done() and self._storing.is_idle()

    def _store(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            self._storing.store(self.side, batch)

    @override
    def finish(self) -> None:
        self._store()
        self._storing.settle(self.side, 0)
        if self.reading.is_done:
            self.work.tally.shown[self.side] = self._read
        if self._count is not None:
            self.work.counted[self.side] = self._count.result()


def _look_at(work: Work, position: Position, batch: _Batch, remotes: Sequence[Remote], *, keys_only: bool) -> None:
    side = position.side
    fresh = _fresh(work, side, position, remotes)
    if any(remote.body is not None for remote in remotes):
        work.alive.add(side)
    alive = [remote for remote in fresh if not remote.deleted]
    shown = _with_bodies(work, side, alive) if keys_only else alive
    batch.read += len(remotes)
    batch.fresh += len(fresh)
    batch.found.add(survey(work, side, shown), [remote for remote in fresh if remote.deleted])
    if len(shown) < len(alive):
        # What is listed and cannot be looked up is looked for later: no list may ever show it again.
        known = {remote.id for remote in shown}
        batch.found.hidden += [remote for remote in alive if remote.id not in known]


def sides_to_list(work: Work, *, full: bool, again: bool = False) -> list[Side]:
    """Where ids and versions are to be enumerated: on request, when due, or when records are missing.

    The last is asked once a run, not `again`: a system may have to go through all of its records to count them.
    """
    with work.store.read() as connection:
        positions = cursors.both(connection, work.name)
    return [
        side
        for side, position in positions.items()
        if full or position.enumeration or _is_due(work, position) or (not again and _is_short(work, side, position))
    ]


def find_absent(work: Work, *sides: Side) -> None:
    """Enumerate ids and versions, as deletes cannot be seen; one that was broken off goes on where it was.

    What the enumeration does not show goes into the inbox to be read once more: only that read is evidence.
    """
    with work.store.read() as connection:
        positions = cursors.both(connection, work.name)
    read_parts(_alone(partial(_Listing, work, positions[side])) for side in sides)


class _Listing(Part):
    """One side's enumeration."""

    def __init__(self, work: Work, position: Position) -> None:
        self._position = position
        # One that goes on from an earlier run may have shown everything then.
        self._shown = position.enumeration is not None
        super().__init__(work, position.side, scan(work, position.side, position.enumeration, keys_only=True))

    @override
    def take(self, page: Page) -> bool:
        self._shown = self._shown or any(not remote.deleted for remote in page.remotes)
        if not (self._shown or page.more):
            refuse_nothing(self.work, self.side, self._position)
        self._position = _mark_page(self.work, self._position, page)
        self.work.step(f"comparing {self.side}", len(page.remotes))
        return True

    @override
    def finish(self) -> None:
        _collect_absent(self.work, self.side, self._position)


def refuse_nothing(work: Work, side: Side, position: Position) -> None:
    """End the entity's run where a side shows none of its records, if those are more than a guard lets be deleted."""
    if position.known <= removal_limit(work.entity.guard, position.known):
        return
    with work.write() as connection:
        if approvals.approved(connection, work.name, side, [digest_empty(work.name, side)], work.now()):
            return
        cursors.save(connection, position._replace(enumeration=None), work.now())
    raise NothingShown(
        f"{side} shows none of the {position.known} {work.name} records it is known to hold: rights may have been "
        f"taken, or the address answers for another tenant: nothing was concluded. Look at: connector endpoints. If "
        f"they are really gone: connector endpoints allow-empty {side} {work.name}"
    )


def _is_due(work: Work, position: Position) -> bool:
    last = position.enumerated_at
    return last is not None and work.now() - last > work.context.limits.enumerate_every


def _is_short(work: Work, side: Side, position: Position) -> bool:
    """Whether the side holds fewer records than were seen there: somebody deleted without a trace.

    The number that came beside the scan is older than what it showed: it tells only that nothing is missing. What the
    last enumeration missed is no news, while a person decides what becomes of it.
    """
    if not _tells_loss(work, position) or (work.counted.pop(side, None) or 0) >= position.known:
        return False
    count = work.adapter(side).count(work.resource(side))
    lost = 0 if count is None else position.known - count
    if lost <= 0:
        return False
    with work.store.read() as connection:
        return sightings.count_unseen(connection, work.name, side, position.generation, lost) < lost


def _tells_loss(work: Work, position: Position) -> bool:
    """Whether a number of records would tell that some are gone, and nothing else would."""
    capabilities = work.capabilities(position.side)
    return not capabilities.tombstones and capabilities.counts and position.known > 0


def _fresh(work: Work, side: Side, position: Position, remotes: Sequence[Remote]) -> list[Remote]:
    """The records that need a look; while a side is read for the first time that is every one."""
    if not (position.complete and remotes):
        return list(remotes)
    with work.store.read() as connection:
        return _unseen_versions(connection, work, side, remotes)


def _unseen_versions(connection: Connection, work: Work, side: Side, remotes: Sequence[Remote]) -> list[Remote]:
    """The records whose version is not the recorded one; the rest are echoes and overlap."""
    if not remotes:
        return []
    given = {remote.id: remote.version for remote in remotes}
    # Nearly all of what comes back after our own writes has the recorded version.
    differing = set(links.differing(connection, work.name, side, given))
    suspects = [remote for remote in remotes if remote.version is None or remote.id in differing]
    ids = [remote.id for remote in suspects]
    settled: dict[str, str | None] = {}
    settled.update(links.versions(connection, work.name, side, ids))
    unlinked = [record_id for record_id in ids if record_id not in settled]
    if unlinked:
        settled.update(sightings.known(connection, work.name, side, unlinked))
    return [remote for remote in suspects if remote.version is None or settled.get(remote.id, "") != remote.version]


def _with_bodies(work: Work, side: Side, remotes: Sequence[Remote]) -> list[Remote]:
    answers = fetch(work, side, [remote.id for remote in remotes]).values()
    return [found.remote for found in answers if found.presence is Presence.PRESENT and found.remote is not None]


def _mark_page(work: Work, position: Position, page: Page) -> Position:
    with work.write() as connection:
        new = mark_listed(connection, work, position, page.remotes)
        position = position._replace(enumeration=page.cursor if page.more else None, known=position.known + new)
        cursors.save(connection, position, work.now())
    return position


def mark_listed(connection: Connection, work: Work, position: Position, remotes: Sequence[Remote]) -> int:
    """Note what a listing shows, and what of it needs a look; says how many ids were never seen before."""
    side, generation = position.side, position.generation + 1
    there = [remote for remote in remotes if not remote.deleted]
    fresh = _unseen_versions(connection, work, side, there)
    known = sightings.known(connection, work.name, side, [remote.id for remote in fresh])
    sightings.mark(connection, work.name, side, [remote.id for remote in there], generation)
    missed = [Arrival(work.name, side, remote.id, "enumeration", remote.version) for remote in fresh]
    inbox.put(connection, missed, work.now())
    unknown = [Sighting(remote.id, None) for remote in fresh if remote.id not in known]
    return sightings.see(connection, work.name, side, unknown, generation, work.now())


def _collect_absent(work: Work, side: Side, position: Position) -> None:
    """Everything the finished enumeration did not show gets a look; the new generation is now the one that counts."""
    generation, after = position.generation + 1, ""
    while True:
        with work.write() as connection:
            absent = sightings.unseen(connection, work.name, side, generation, after, work.context.limits.chunk)
            inbox.put(
                connection, [Arrival(work.name, side, item, "absent", deleted=True) for item in absent], work.now()
            )
            if len(absent) < work.context.limits.chunk:
                done = position._replace(generation=generation, enumeration=None, enumerated_at=work.now())
                cursors.save(connection, done, work.now())
                return
        after = absent[-1]
