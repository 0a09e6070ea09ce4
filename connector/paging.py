"""The pages of scans, asked for ahead of whoever takes them apart: of one side, or of both at a time.

Of a source that is read by cursors the next page can be asked for when the one before it has come, which need not wait
for that one to be taken apart. Of one with page numbers several are on their way at a time (`Adapter.ahead`). Only the
adapter is used by other threads here.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from threading import RLock
from typing import TypeVar

from connector.adapters.base import Adapter
from connector.records import Cursor, Page, Resource

T = TypeVar("T")

AHEAD = 2
"""Pages that are asked for and not taken yet, where each one's cursor is told by the one before it."""


class Reading:
    """One scan: its pages in their order, while the ones behind are on their way.

    What was asked for ahead counts only where the page before it leads to just that cursor; otherwise it is dropped.
    """

    def __init__(
        self,
        adapter: Adapter,
        resource: Resource,
        cursor: Cursor | None,
        executor: Callable[[int], Executor],
        *,
        keys_only: bool,
        ahead: int = AHEAD,
    ) -> None:
        """A scan from a cursor; with less `ahead` it asks for one page at a time, with 0 only for one awaited."""
        self.is_done = False
        """Whether there is nothing left to take."""
        self._adapter, self._resource, self._keys_only = adapter, resource, keys_only
        self._most = adapter.capabilities(resource.name).parallel if ahead > 1 else 1
        self._ahead, self._readers = ahead, executor(self._most)
        self._lock = RLock()
        self._asked: dict[Cursor | None, Future[Page]] = {}
        self._next = cursor
        with self._lock:
            self._fill()

    @property
    def coming(self) -> "Future[Page]":
        """The page that is taken next."""
        with self._lock:
            if self._next not in self._asked:
                self._ask_for(self._next)
            return self._asked[self._next]

    def take(self) -> Page:
        """The next page; raises what asking for it came to."""
        page = self.coming.result()
        with self._lock:
            del self._asked[self._next]
            self._next, self.is_done = page.cursor, not page.more
            self._fill()
        return page

    def ask(self, question: Callable[[Resource], T]) -> "Future[T]":
        """Ask the system something else meanwhile."""
        return self._readers.submit(question, self._resource)

    def close(self) -> None:
        """Ask for nothing more; what is on its way is waited for and dropped."""
        with self._lock:
            self.is_done = True
        self._readers.shutdown(cancel_futures=True)

    def _fill(self) -> None:
        """Ask for what is worth asking for; with the lock held."""
        while not self.is_done:
            known, guessed = self._following()
            for stale in self._asked.keys() - {*known, *guessed}:
                self._asked.pop(stale).cancel()
            room = max(self._ahead, self._most) if guessed and self._ahead > 1 else self._ahead
            missing = [cursor for cursor in [*known, *guessed][:room] if cursor not in self._asked]
            if not missing:
                return
            self._ask_for(missing[0])

    def _ask_for(self, cursor: Cursor | None) -> None:
        page = self._readers.submit(self._adapter.scan, self._resource, cursor, keys_only=self._keys_only)
        self._asked[cursor] = page
        page.add_done_callback(self._note)

    def _note(self, page: "Future[Page]") -> None:
        """A page has come: what follows need not wait until it is taken."""
        if not page.cancelled() and page.exception() is None:
            with self._lock:
                self._fill()

    def _following(self) -> tuple[list[Cursor | None], list[Cursor]]:
        """The cursors of the pages that come next, as far as they are known, and those that probably follow."""
        known, page = [self._next], self._answered(self._next)
        while page is not None and page.more and page.cursor not in known:
            known.append(page.cursor)
            page = self._answered(page.cursor)
        last = known[-1]
        if page is not None or last is None:
            return known, []
        following = self._adapter.ahead(self._resource, last, keys_only=self._keys_only)
        return known, list(islice(following, self._most))

    def _answered(self, cursor: Cursor | None) -> Page | None:
        asked = self._asked.get(cursor)
        if asked is None or not asked.done() or asked.cancelled() or asked.exception() is not None:
            return None
        return asked.result()


def together(lanes: Sequence[Iterator[Reading]]) -> Iterator[Reading]:
    """Each lane's reading in turn whose next page has come, for that to be taken; then the lane goes on with its next.

    A reading that is closed is left out.
    """
    waiting = deque((reading, lane) for lane in lanes if (reading := next(lane, None)) is not None)
    while waiting:
        wait([reading.coming for reading, _ in waiting], return_when=FIRST_COMPLETED)
        found = next(one for one in waiting if one[0].coming.done())
        waiting.remove(found)
        reading, lane = found
        yield reading
        following = next(lane, None) if reading.is_done else reading
        if following is not None:
            waiting.append((following, lane))
        waiting = deque(one for one in waiting if not one[0].is_done)
