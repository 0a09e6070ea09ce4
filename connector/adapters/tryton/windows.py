"""Reading what changed since a time, page by page by id, so that nothing is missed while it changes.

Tryton stamps a change with the time at which its transaction began, not ended: a long one shows up in the past. So each
window begins some time before the one before it did; what is read twice is known by its version. Within a window
records come in the order of their ids, so ties hide nothing, and what changes meanwhile is in the next window.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from connector.adapters.wire import pack, unpack
from connector.records import Cursor


class Window(NamedTuple):
    """Where a scan stands: changes since `start`, ids above `after`; `begun` is when this window's reading began."""

    start: str | None = None
    after: int = 0
    begun: str | None = None
    is_second: bool = False
    """What changed is found in two models, and the first of them was read."""
    mark: int | None = None
    """The row of the log of deletes that was read last."""

    @classmethod
    def of(cls, cursor: Cursor | None, system: str) -> "Window":
        """The window that a cursor tells of; without one, everything."""
        return cls() if cursor is None else unpack(cursor, cls, system)

    def timed(self, now: datetime | None) -> "Window":
        """The same window, knowing when its reading began; where nobody told, its own start serves again."""
        if self.begun is not None:
            return self
        return self._replace(begun=self.start if now is None else now.isoformat())

    def next_page(self, last: int) -> "Window":
        """What stands after the record that was read last."""
        return self._replace(after=last)

    def second(self) -> "Window":
        """The same window in the other model."""
        return self._replace(after=0, is_second=True)

    def next_window(self, overlap: timedelta) -> "Window":
        """What changed from now on, and shortly before."""
        if self.begun is None:
            return Window(mark=self.mark)
        start = datetime.fromisoformat(self.begun).astimezone(UTC) - overlap
        return Window(start=start.isoformat(), mark=self.mark)

    def cursor(self) -> Cursor:
        """As the engine keeps it."""
        return pack(self._asdict())


def beyond(after: int) -> list[Any]:
    """The condition that a record stands after one that was read."""
    return [["id", ">", after]] if after else []
