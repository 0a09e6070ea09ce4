"""One collection of an Odoo, as the port asks for it: most are records of a model, some are worked out of several."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from connector.adapters.odoo.calls import NAME, Calls
from connector.adapters.odoo.models import kind_of
from connector.adapters.odoo.reading import Reader
from connector.adapters.wire import impossible
from connector.errors import Rejected
from connector.records import Draft, Fetched, LiveField, Outcome, Patch, Remote, Removal, Resource, Transition

SECOND = timedelta(seconds=1)


class Spot(NamedTuple):
    """Where a scan stands: what it asks for, how far it came, and when the next one must begin."""

    since: str | None = None
    last: int = 0
    began: str | None = None


class Found(NamedTuple):
    """A page of what changed, the last number on it, and whether there may be more."""

    remotes: list[Remote]
    last: int
    more: bool
    at: datetime
    """The server's time at the end of the answer."""


class Collection(ABC):
    """What can be done with one collection; what is not overridden cannot."""

    def __init__(self, calls: Calls, reader: Reader, resource: Resource) -> None:
        self._calls, self._reader, self._resource = calls, reader, resource
        self._kind = kind_of(resource.name)

    @abstractmethod
    def describe(self) -> list[LiveField]:
        """The live fields."""

    @abstractmethod
    def changed(self, since: str | None, last: int, size: int) -> Found:
        """What changed since a time, in the order of numbers, beyond the last one."""

    @abstractmethod
    def fetch(self, ids: Sequence[str]) -> list[Fetched]:
        """The state of each id, in order; no more than one call takes."""

    @abstractmethod
    def find(self, field: str, values: Sequence[str]) -> list[Remote]:
        """The records whose field holds one of the values."""

    def count(self) -> int | None:
        """How many there are, where that is cheap to tell."""
        return None

    def create(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Make records."""
        return [Outcome(None, error=self._refusal(None, "make it")) for _ in drafts]

    def update(self, patches: Sequence[Patch]) -> list[Outcome]:
        """Change records."""
        return [Outcome(each.id, error=self._refusal(each.id, "change it")) for each in patches]

    def delete(self, removals: Sequence[Removal]) -> list[Outcome]:
        """Delete records."""
        return impossible(removals, self.place, "delete it")

    def perform(self, steps: Sequence[Transition]) -> list[Outcome]:
        """Call a method on records."""
        return impossible(steps, self.place, steps[0].name if steps else "")

    @property
    def place(self) -> str:
        """How errors call it."""
        return f"{NAME}: {self._resource.name}"

    def _refusal(self, record_id: str | None, what: str) -> Rejected:
        return Rejected(f"{self.place} {record_id or ''}: there is no way to {what}".replace(" :", ":"))
