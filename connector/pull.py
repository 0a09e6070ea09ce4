"""Read what moved: pages of a scan go into the inbox and the sightings, in one transaction with their cursor."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy import Connection

from connector.context import Work
from connector.deposits import Documents, Scan, keep_scan
from connector.errors import NothingShown
from connector.observe import fetch
from connector.pressure import Gauge
from connector.reconcile.guards import digest_empty, removal_limit
from connector.records import Arrival, Cursor, Page, Presence, Remote, Side, Sighting
from connector.store import approvals, cursors, inbox, links, sightings
from connector.store.cursors import Position
from connector.survey import Survey, survey

_CHUNKS, _BYTES = 2, 8 << 20
"""What is stored in one transaction: so many chunks or bytes, whichever comes first."""
_STORING = 2
"""So many batches may wait to be stored while another one is translated: memory is bounded by them."""


@dataclass(slots=True)
class _Batch:
    """What some pages brought, until it is stored."""

    page: Page
    """The last one, without its records."""
    read: int = 0
    fresh: int = 0
    bytes: int = 0
    survey: Survey = field(default_factory=Survey.empty)
    deleted: list[Remote] = field(default_factory=list)


def pull(work: Work, side: Side, gauge: Gauge | None = None) -> bool:
    """Bring one side's changes into the inbox; False where that paused as the gauge says that too many wait.

    It goes on where it paused when it is called again, as after any stop: what was read is stored with its cursor.
    After many writes of our own the next window is mostly their echo: then only ids and versions are asked for, and
    what already has the version we recorded costs nothing more.
    """
    with work.store.read() as connection:
        position = cursors.get(connection, work.name, side)
    keys_only = position.echoes > work.capabilities(side).page_size
    batches = _batches(work, position, pages(work, side, position.cursor, keys_only=keys_only), keys_only=keys_only)
    storing: deque[Future[int]] = deque()
    for batch in batches:
        if position.cursor is None and not (storing or batch.read):
            _refuse_nothing(work, side, position)
        if storing or batch.page.more:
            storing.append(work.keep(keep_scan, side, _scan(batch)))
        else:  # nothing would go on beside it
            work.tally.problems += keep_scan(work.store, work.tenure, side, _scan(batch))
        work.tally.read[side] += batch.read
        work.step(f"reading {side}", batch.read)
        _settle(work, storing, _STORING)
        if gauge is not None and batch.page.more and gauge.rises(batch.fresh):
            _settle(work, storing, 0)
            return False
    _settle(work, storing, 0)
    return True


def _settle(work: Work, storing: "deque[Future[int]]", room: int) -> None:
    """Wait until no more than so many batches are being stored."""
    while len(storing) > room:
        work.tally.problems += storing.popleft().result()


def _scan(batch: "_Batch") -> Scan:
    found, page = batch.survey.last_of_each(), batch.page
    deleted = [(remote.id, remote.version) for remote in batch.deleted]
    columns = found.ids, found.versions, found.modified, Documents(found.records), found.keys
    return Scan(page.cursor, page.more, batch.read, batch.fresh, *columns, deleted, found.problems)


def pages(work: Work, side: Side, cursor: Cursor | None, *, keys_only: bool) -> Iterator[Page]:
    """The pages of a scan; the next one is on its way while one is being worked on, never more than that."""
    scan, resource = work.adapter(side).scan, work.resource(side)
    page = scan(resource, cursor, keys_only=keys_only)
    with work.context.executor(1) as reader:
        while True:
            coming = reader.submit(scan, resource, page.cursor, keys_only=keys_only) if page.more else None
            yield page
            if coming is None:
                return
            page = coming.result()


def _batches(work: Work, position: Position, pages: Iterator[Page], *, keys_only: bool) -> Iterator[_Batch]:
    """Pages translated and put together: one transaction for several of them costs less than one for each."""
    most, batch = work.context.limits.chunk * _CHUNKS, None
    for page in pages:
        if page.more and not position.complete:
            work.context.keeper.prepare()
        batch = batch or _Batch(page)
        _look_at(work, position, batch, page.remotes, keys_only=keys_only)
        batch.page = page._replace(remotes=[])
        if batch.read >= most or batch.bytes >= _BYTES or not page.more:
            yield batch
            batch = None


def _look_at(work: Work, position: Position, batch: _Batch, remotes: Sequence[Remote], *, keys_only: bool) -> None:
    side = position.side
    fresh = _fresh(work, side, position, remotes)
    if any(remote.body is not None for remote in remotes):
        work.alive.add(side)
    alive = [remote for remote in fresh if not remote.deleted]
    found = survey(work, side, _with_bodies(work, side, alive) if keys_only else alive)
    batch.read += len(remotes)
    batch.fresh += len(fresh)
    batch.bytes += sum(map(len, found.records))
    batch.survey.add(found)
    batch.deleted += [remote for remote in fresh if remote.deleted]


def sides_to_list(work: Work, *, full: bool) -> list[Side]:
    """Where ids and versions are to be enumerated: on request, when due, or when records are missing."""
    with work.store.read() as connection:
        positions = cursors.both(connection, work.name)
    return [
        side
        for side, position in positions.items()
        if full or position.enumeration or _is_due(work, position) or _is_short(work, side, position)
    ]


def find_absent(work: Work, side: Side) -> None:
    """Enumerate ids and versions, as deletes cannot be seen; one that was broken off goes on where it was.

    What the enumeration does not show goes into the inbox to be read once more: only that read is evidence.
    """
    with work.store.read() as connection:
        position = cursors.get(connection, work.name, side)
    # One that goes on from an earlier run may have shown everything then.
    shown = position.enumeration is not None
    for page in pages(work, side, position.enumeration, keys_only=True):
        shown = shown or any(not remote.deleted for remote in page.remotes)
        if not (shown or page.more):
            _refuse_nothing(work, side, position)
        position = _mark_page(work, side, position, page)
        work.step(f"comparing {side}", len(page.remotes))
    _collect_absent(work, side, position)


def _refuse_nothing(work: Work, side: Side, position: Position) -> None:
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
    if position.enumerated_at is None:
        return False
    return work.now() - position.enumerated_at > work.context.limits.enumerate_every


def _is_short(work: Work, side: Side, position: Position) -> bool:
    """Whether the side holds fewer records than were seen there: somebody deleted without a trace."""
    capabilities = work.capabilities(side)
    if capabilities.tombstones or not capabilities.counts or position.known == 0:
        return False
    count = work.adapter(side).count(work.resource(side))
    return count is not None and count < position.known


def _fresh(work: Work, side: Side, position: Position, remotes: Sequence[Remote]) -> list[Remote]:
    """The records that need a look; while a side is read for the first time that is every one."""
    if not position.complete:
        return list(remotes)
    if not remotes:
        return []
    with work.store.read() as connection:
        return _unseen_versions(connection, work, side, remotes)


def _unseen_versions(connection: Connection, work: Work, side: Side, remotes: Sequence[Remote]) -> list[Remote]:
    """The records whose version is not the recorded one; the rest are echoes and overlap."""
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
    answers = fetch(work, side, [remote.id for remote in remotes])
    return [
        found.remote for found in answers.values() if found.presence is Presence.PRESENT and found.remote is not None
    ]


def _mark_page(work: Work, side: Side, position: Position, page: Page) -> Position:
    ids = [remote.id for remote in page.remotes if not remote.deleted]
    generation = position.generation + 1
    with work.write() as connection:
        fresh = _unseen_versions(connection, work, side, [remote for remote in page.remotes if not remote.deleted])
        known = sightings.known(connection, work.name, side, [remote.id for remote in fresh])
        sightings.mark(connection, work.name, side, ids, generation)
        missed = [Arrival(work.name, side, remote.id, "enumeration", remote.version) for remote in fresh]
        inbox.put(connection, missed, work.now())
        unknown = [Sighting(remote.id, None) for remote in fresh if remote.id not in known]
        new = sightings.see(connection, work.name, side, unknown, generation, work.now())
        position = position._replace(enumeration=page.cursor if page.more else None, known=position.known + new)
        cursors.save(connection, position, work.now())
    return position


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
