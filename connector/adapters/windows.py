"""Reading a time window of a source that has only page numbers, so that nothing is missed while it changes.

For systems whose times are whole seconds and whose pages come in the order of ids with a `total`. What fits one page is
one request. More than a page is read in two windows:

- The first one ends with the last second that is over. No record can enter it any more; one that is changed or deleted
  leaves it and moves all behind it one place forward. `total` tells how many left since the page before, so reading
  steps back by as many places, and no record slips past between two pages.
- The second one holds what changed since then, and what left the first one. It is still open. When it does not fit one
  page, records in it could hide each other; so the next scan begins where it began and reads it again, closed.

What began moments ago and fits a few pages is all read as the second one: that is fewer requests than its two halves
take.

A range is a part of the first window, whose places were counted when it was cut. What left the window since moved all
behind it forward, so each range steps back in the same way, and what it then reads twice does no harm. What changed
since is in the window that begins where this one ends.

Both begin a second before the one before them ended, so ties and late commits are read twice rather than never.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

SECOND = timedelta(seconds=1)
MOMENTS, FEW = timedelta(seconds=10), 4
PATIENCE = 5
"""Requests in a row that may bring nothing new, and times that a closed window may grow."""


class Window(NamedTuple):
    """Where a scan stands: its window, how many of the window's records are surely read, and how many it held."""

    start: str | None = None
    end: str | None = None
    read: int = 0
    total: int | None = None
    tail: bool = False
    """This window is the scan's second one: what changed since the first was closed."""
    stalled: int = 0
    """Requests in a row that brought nothing new."""
    restarts: int = 0
    upto: int | None = None
    """How many of the window's records come before the end of the range that this scan reads."""

    @property
    def is_hopeless(self) -> bool:
        """Whether the source changes faster than it can be read."""
        return max(self.stalled, self.restarts) > PATIENCE

    def page(self, size: int) -> int:
        """The number of the page in which the first unread record stands."""
        return self.read // size + 1

    def bounded(self, now: str, pages: float) -> "Window":
        """The same window with an end: the last second that is over, in the second window the one that still runs."""
        if self.tail or (pages <= FEW and self.start is not None and self.start >= _earlier(now, MOMENTS)):
            return self._replace(end=now, tail=True)
        return self._replace(end=_earlier(now))

    def ranges(self, total: int, size: int) -> "list[Window]":
        """The closed window in ranges, when it held `total` records."""
        places = [(start, min(start + size, total)) for start in range(0, total, size)]
        return [self._replace(read=start, upto=upto, total=total) for start, upto in places]

    def after(self, size: int, count: int, total: int, now: str) -> "Window":
        """Where the scan stands after a page of `count` records, when the window held `total` of them."""
        if self.end is None:
            return Window(start=_earlier(now))
        left = (total if self.total is None else self.total) - total
        if left < 0 and not self.tail:
            # Where a range lies in a window that has grown is not known any more: all of it is read.
            return self._replace(read=0, total=total, upto=None, restarts=self.restarts + 1)
        surely = max(0, self.read - max(0, left))
        begin = self.read // size * size
        read = max(surely, begin + count) if begin <= surely else surely
        if self.upto is not None and read >= min(self.upto, total):
            return Window(start=self.end)
        if read >= total:
            return Window(start=self.start) if self.tail else Window(start=self.end, tail=True)
        stalled = 0 if read > surely else self.stalled + 1
        return self._replace(read=read, total=total, stalled=stalled)

    def following(self, size: int) -> "Iterator[Window]":
        """Where the scan will stand after this page and the ones behind it, as long as nobody leaves the window.

        They may be read in any order, but only where the window is closed: nobody can enter it, so that `total` tells
        whether somebody left between one page and the next, whichever of them was read first; and it never shows two
        states of one record, of which the older one could come last.
        """
        read = self.read // size * size + size
        if self.end is None or self.total is None or self.tail:
            return
        last = self.total if self.upto is None else min(self.upto, self.total)
        while read < last:
            yield self._replace(read=read, stalled=0)
            read += size


def _earlier(moment: str, by: timedelta = SECOND) -> str:
    return (datetime.fromisoformat(moment) - by).isoformat(sep=" ")
