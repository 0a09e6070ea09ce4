"""Readings in ranges: a side's first read, or the listing of all its ids, cut into stretches that several may read.

Each keeps how far it was read with what it brought. The window with what changed meanwhile begins before the first of
them was cut, and is read when all of them are: only then the reading is complete.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from typing_extensions import override

from connector.adapters.base import Split
from connector.context import Work
from connector.deposits import Moved, keep_stretches
from connector.paging import AHEAD, Reading
from connector.parts import Lane, Part, pages, read_parts, scan
from connector.pull import BYTES, CHUNKS, Asked, Storing, find_absent, mark_listed, pull, refuse_nothing
from connector.records import Page, Side
from connector.store import cursors, stretches
from connector.store.stretches import LISTING, READING, Stretch
from connector.survey import Gathered, survey

PAGES = 5
"""So many pages make a range, so that one is on its way while another is looked at."""


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


def read_first(work: Work, asked: Asked) -> list[Side]:
    """A pull that reads in ranges what is read for the first time and takes more than a page; gives what it gives."""
    large = pull(work, asked=asked._replace(glances=True))
    for side in large:
        cut_reading(work, side, PAGES * work.capabilities(side).page_size)
    finish_reading(work, *large)
    return pull(work, *large, asked=asked) if large else []


def finish_reading(work: Work, *sides: Side) -> None:
    """Read what is left of first reads in ranges, several at a time; the windows after them are left to a pull."""
    lanes: list[Lane] = []
    with ExitStack() as kept:
        for side in sides:
            if numbers := undone(work, side, READING):
                ranges = kept.enter_context(_Ranges(work, side).kept())
                most = min(work.capabilities(side).parallel, len(numbers))
                # Of each that is read beside others only the page that is taken next is asked for.
                lanes += [ranges.parts(numbers, ahead=1 if most > 1 else AHEAD)] * most
        read_parts(lanes)


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
    if kind == LISTING:
        _list(work, side, number)
        return
    with _Ranges(work, side).kept() as ranges:
        read_parts([ranges.parts([number], AHEAD)])


def _list(work: Work, side: Side, number: int) -> None:
    with work.store.read() as connection:
        stretch = stretches.get(connection, work.name, side, LISTING, number)
        position = cursors.get(connection, work.name, side)
    if stretch is None or stretch.cursor is None:
        return
    for page in pages(work, side, stretch.cursor, keys_only=True):
        stretch = stretch.after(page)
        with work.write() as connection:
            new = mark_listed(connection, work, position, page.remotes)
            stretches.save(connection, stretch)
            # Last, as whoever else lists this side waits for this row until the transaction ends.
            cursors.bump(connection, work.name, side, known=new)
        work.step(f"comparing {side}", len(page.remotes))


class _Ranges:
    """What ranges of one side bring together, until it is stored with how far each of them was read."""

    def __init__(self, work: Work, side: Side) -> None:
        self.work, self.side = work, side
        self._most = work.context.limits.chunk * CHUNKS
        self._storing = Storing(work)
        self._forget()

    def _forget(self) -> None:
        self._read, self._found = 0, Gathered()
        self._moved: dict[int, Moved] = {}

    @contextmanager
    def kept(self) -> "Iterator[_Ranges]":
        """Gather, and store what is left when everything went well."""
        self.work.context.keeper.prepare()
        yield self
        self._store()
        self._storing.settle(self.side, 0)

    def parts(self, numbers: Iterable[int], ahead: int) -> Lane:
        """A part for each range that is not read to its end, of which so many pages are asked for."""
        for number in numbers:
            with self.work.store.read() as connection:
                stretch = stretches.get(connection, self.work.name, self.side, READING, number)
            if stretch is not None and stretch.cursor is not None:
                reading = scan(self.work, self.side, stretch.cursor, keys_only=False, ahead=ahead)
                yield _Range(self, stretch, reading)

    def take(self, stretch: Stretch, page: Page) -> Stretch:
        """Translate one page more; of a first read every record needs a look. Gives how far the range is read now."""
        alive = [remote for remote in page.remotes if not remote.deleted]
        gone = [remote for remote in page.remotes if remote.deleted]
        self._found.add(survey(self.work, self.side, alive), gone)
        self._read += len(page.remotes)
        after, before = stretch.after(page), self._moved.get(stretch.number)
        self._moved[stretch.number] = Moved(before.since if before else stretch.cursor, after)
        if self._read >= self._most or self._found.bytes >= BYTES:
            self._store()
        return after

    def _store(self) -> None:
        if not self._moved:
            return
        moved, brought = list(self._moved.values()), self._found.brought()
        self._storing.begin(self.side, self._read, keep_stretches, moved, brought)
        self._forget()


class _Range(Part):
    """One range, perhaps of several that are read at a time."""

    def __init__(self, ranges: _Ranges, stretch: Stretch, reading: Reading) -> None:
        super().__init__(ranges.work, ranges.side, reading)
        self._ranges, self._stretch = ranges, stretch

    @override
    def take(self, page: Page) -> bool:
        self._stretch = self._ranges.take(self._stretch, page)
        return True

    @override
    def finish(self) -> None:
        """It is stored with what the other ranges brought."""
