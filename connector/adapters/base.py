"""The port: what the engine asks of a system, and what a system declares about itself.

An adapter has an HTTP client, declares capabilities, and translates wire errors. It never decides, never retries a
write and never raises for one item of a batch: item failures come back as values, whole-call failures as `RunError`s
(`TransportError.sent` says whether a write can have been processed).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from connector.errors import ConfigError
from connector.records import (
    Cursor,
    Draft,
    Fetched,
    Fingerprint,
    LiveField,
    Outcome,
    Page,
    Patch,
    Remote,
    Removal,
    Resource,
    Transition,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one resource of a system can do; each entry changes what the engine does."""

    page_size: int = 200
    """Records on a scanned page."""
    keys_page_size: int = 1000
    """Records on a page of ids and versions only."""
    fetch_size: int = 200
    write_size: int = 200
    """Items in one fetch, and in one create, update, delete or perform."""
    parallel: int = 1
    """How many calls the system serves well at a time: of those that create, and of pages that `ahead` foretells."""
    idempotency_key: bool = False
    """A repeated create with the same key is answered with the first one's result."""
    marker_field: str | None = None
    """Wire field that can hold our id and can be searched with `find`."""
    marker_unique: bool = False
    """The server refuses a second record with the same marker."""
    unique_fields: tuple[str, ...] = ()
    """Wire fields the server keeps unique."""
    conditional_write: bool = False
    """Updates are refused by the server when the version has moved."""
    ordered_versions: bool = False
    """Versions are whole numbers that only grow: a larger one is newer, wherever it was shown.

    One smaller than before tells that a backup was restored.
    """
    trustworthy_times: bool = False
    """`Remote.modified` is exact enough to ask who was later."""
    tombstones: bool = False
    """Deleted records appear in scans."""
    ranges: bool = False
    """`split` cuts a scan of everything into ranges, which several may read at once."""
    counts: bool = False
    """`count` is cheap and exact."""
    can_create: bool = True
    can_update: bool = True
    can_delete: bool = True
    can_archive: bool = False
    transitions: frozenset[str] = frozenset()
    granularity: timedelta = timedelta(0)
    """The step of the system's modification times."""
    visibility_lag: timedelta = timedelta(0)
    """How long a change can be missing from scans."""
    lookup_lag: timedelta = timedelta(0)
    """How long a new record can be missing from `find` and `fetch`."""
    normalising_fields: frozenset[str] = field(default_factory=frozenset)
    """Wire fields the server may store differently from what was sent."""

    @property
    def repeats_creates(self) -> bool:
        """Whether a create whose answer never came may simply be sent again."""
        return self.idempotency_key or self.marker_unique


class Split(NamedTuple):
    """A scan of everything in ranges, and the cursor of the window with what changes from before they were cut."""

    ranges: Sequence[Cursor]
    after: Cursor


class Rights(NamedTuple):
    """What credentials may do with the records of one resource."""

    read: bool
    create: bool
    update: bool
    delete: bool


class Adapter(ABC):
    """One system on one side."""

    @abstractmethod
    def capabilities(self, resource: str) -> Capabilities:
        """What this resource can do; makes no request."""

    @abstractmethod
    def identify(self) -> Fingerprint:
        """Ask who answers at this address; also proves the credentials."""

    @abstractmethod
    def describe(self, resource: str) -> list[LiveField]:
        """The live schema of one resource."""

    @abstractmethod
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        """One page of everything changed since `cursor` (from the beginning without one), each record at least once.

        A page's cursor resumes after that page; the last page's cursor starts the next window: inclusive, less the
        system's granularity and visibility lag, so that ties and late commits lose nothing. With `keys_only`, bodies
        are None, and times may be. An enumeration is a scan without a cursor.
        """

    def ahead(self, resource: Resource, cursor: Cursor, *, keys_only: bool = False) -> Iterable[Cursor]:  # noqa: ARG002 -- for those that can tell
        """The cursors that will probably follow this one in a scan, the next one first; makes no request.

        Pages are then asked for out of turn, and one counts if the page before it leads to just that cursor: so a
        cursor has to hold whatever would show that something moved between the two.
        """
        return ()

    def split(self, resource: Resource, size: int) -> Split:  # noqa: ARG002 -- for those that can
        """Cut a scan without a cursor into ranges of about `size` records, for a resource that claims `ranges`.

        Each cursor begins a range, which `scan` follows until a page has no more. The ranges may be read in any order
        and at once, while records come, change and go: what was there all the time and did not change is shown by one
        of them, everything else by the window that begins at `after`.
        """
        raise ConfigError.of(f"{resource.name}: its system lists nothing by ranges")

    @abstractmethod
    def count(self, resource: Resource) -> int | None:
        """How many records the resource holds now, or None where the system cannot tell cheaply."""

    @abstractmethod
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        """The current state of these ids, in their order; any number of ids."""

    @abstractmethod
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        """Every record whose wire `field` holds one of the values: the look-up behind adoption."""

    @abstractmethod
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        """Create up to `write_size` records in one call; one outcome an item, in order."""

    @abstractmethod
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        """Change the given fields of up to `write_size` records."""

    @abstractmethod
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        """Delete up to `write_size` records; one that is already gone is done."""

    @abstractmethod
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        """Take up to `write_size` records out of use, where the system can."""

    @abstractmethod
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        """Run a named action on up to `write_size` records; all in one call carry the same name."""

    def rights(self, resource: str) -> Rights | None:  # noqa: ARG002 -- for those that can tell
        """What these credentials may do with the resource, or None where the system does not tell."""
        return None

    def own_fields(self, resource: str) -> Sequence[LiveField]:  # noqa: ARG002 -- most use none
        """Custom fields that the adapter itself works with, besides those that a mapping names."""
        return ()

    def home(self, resource: str) -> str:
        """What holds the resource's fields, where several resources are parts of one and the same."""
        return resource

    def prepare(self, resource: str, fields: Sequence[LiveField]) -> None:
        """Make custom fields of these names and types, and these choices of a field that is a list elsewhere.

        A mapping needs them, and a person has agreed.
        """
        names = ", ".join(field.name for field in fields)
        raise ConfigError.of(f"{resource}: create the fields {names} in the system itself; it takes none from here")

    def close(self) -> None:  # noqa: B027 -- most have nothing to give back
        """Give back connections."""
