"""Readings in ranges: a side's first read, or the listing of all its ids, cut into stretches that several may read.

Each keeps how far it was read with what it brought. The window with what changed meanwhile begins before the first of
them was cut, and is read when all of them are: only then the reading is complete.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from connector.adapters.base import Split
from connector.context import Work
from connector.deposits import Documents, Scan, keep_stretch
from connector.pull import BYTES, CHUNKS, STORING, find_absent, mark_listed, pages, refuse_nothing
from connector.records import Cursor, Remote, Side
from connector.store import cursors, stretches
from connector.store.cursors import Position
from connector.store.stretches import LISTING, READING, Stretch
from connector.survey import Survey, survey


def cut_reading(work: Work, side: Side, size: int) -> None:
    """Cut a first read that has not begun, where the system can and there is more than one range to read."""
    with work.store.read() as connection:
        position = cursors.get(connection, work.name, side)
    if position.complete or position.cursor is not None:
        return
    if (found := _cut(work, side, size)) is not None:
        ranges, after = found
        with work.write() as connection:
            stretches.cut(connection, work.name, side, READING, ranges)
            cursors.save(connection, position._replace(cursor=after), work.now())


def cut_listing(work: Work, side: Side, size: int) -> None:
    """Cut a listing of all ids that has not begun."""
    with work.store.read() as connection:
        position = cursors.get(connection, work.name, side)
    if position.enumeration is None and (found := _cut(work, side, size)) is not None:
        ranges, after = found
        with work.write() as connection:
            stretches.cut(connection, work.name, side, LISTING, ranges)
            cursors.save(connection, position._replace(enumeration=after), work.now())


def _cut(work: Work, side: Side, size: int) -> Split | None:
    if not work.capabilities(side).ranges:
        return None
    found = work.adapter(side).split(work.resource(side), size)
    return found if len(found.ranges) > 1 else None


def undone(work: Work, side: Side, kind: str) -> list[int]:
    """The stretches of a reading that somebody has yet to read to their end."""
    with work.store.read() as connection:
        return stretches.undone(connection, work.name, side, kind)


def finish_reading(work: Work, side: Side) -> None:
    """Read what is left of a first read in ranges, one after the other; the window after them is left to a pull."""
    for number in undone(work, side, READING):
        read_stretch(work, side, READING, number)


def finish_listing(work: Work, *sides: Side) -> None:
    """List the ids of sides, or what is left of them where that was begun in ranges, and look at what is absent."""
    for side in sides:
        for number in undone(work, side, LISTING):
            read_stretch(work, side, LISTING, number)
        _end_listing(work, side)
    find_absent(work, *sides)


def _end_listing(work: Work, side: Side) -> None:
    """What ranges were cut is forgotten; the window after them is still to be listed."""
    with work.store.read() as connection:
        seen = stretches.seen(connection, work.name, side, LISTING)
        position = cursors.get(connection, work.name, side)
    if seen is not None:
        with work.write() as connection:
            stretches.clear(connection, work.name, side, LISTING)
    if seen == 0:
        refuse_nothing(work, side, position)


def read_stretch(work: Work, side: Side, kind: str, number: int) -> None:
    """Read one stretch on to its end from where it stands."""
    with work.store.read() as connection:
        stretch = stretches.get(connection, work.name, side, kind, number)
        position = cursors.get(connection, work.name, side)
    if stretch is not None and stretch.cursor is not None:
        (_list if kind == LISTING else _read)(work, position, stretch)


def _list(work: Work, position: Position, stretch: Stretch) -> None:
    for page in pages(work, stretch.side, stretch.cursor, keys_only=True):
        stretch = stretch.after(page, len(page.remotes))
        with work.write() as connection:
            new = mark_listed(connection, work, position, page.remotes)
            stretches.save(connection, stretch)
            # Last, as whoever else lists this side waits for this row until the transaction ends.
            cursors.bump(connection, work.name, stretch.side, known=new)
        work.step(f"comparing {stretch.side}", len(page.remotes))


def _read(work: Work, _position: Position, stretch: Stretch) -> None:
    """Page after page, several of them in one transaction, while the next ones are on their way."""
    most, found = work.context.limits.chunk * CHUNKS, _Found()
    storing: deque[Future[int]] = deque()
    for page in pages(work, stretch.side, stretch.cursor, keys_only=False):
        found.add(work, stretch.side, page.remotes)
        if found.read >= most or found.bytes >= BYTES or not page.more:
            since, stretch = stretch.cursor, stretch.after(page, found.read)
            storing.append(work.keep(keep_stretch, stretch, found.scan(since)))
            work.tally.read[stretch.side] += found.read
            work.step(f"reading {stretch.side}", found.read)
            found = _Found()
        while len(storing) > (STORING if page.more else 0):
            work.tally.problems += storing.popleft().result()


class _Found:
    """What some pages of a stretch brought, until it is stored; of a first read every record needs a look."""

    def __init__(self) -> None:
        self.read = self.bytes = 0
        self._survey = Survey.empty()
        self._deleted: list[Remote] = []

    def add(self, work: Work, side: Side, remotes: Sequence[Remote]) -> None:
        """Translate one page more."""
        found = survey(work, side, [remote for remote in remotes if not remote.deleted])
        self.read += len(remotes)
        self.bytes += sum(map(len, found.records))
        self._survey.add(found)
        self._deleted += [remote for remote in remotes if remote.deleted]

    def scan(self, since: Cursor | None) -> Scan:
        """All of it as columns; the side's own cursor is no part of it."""
        found = self._survey.last_of_each()
        deleted = [(remote.id, remote.version) for remote in self._deleted]
        columns = found.ids, found.versions, found.modified, Documents(found.records), found.keys
        return Scan(since, None, True, self.read, self.read, *columns, deleted, [], found.problems)  # noqa: FBT003 -- more follows
