"""The simulated systems behind the real adapter port: bodies on the wire, pages, windows, lags."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from typing_extensions import override

from connector.adapters.base import Adapter, Capabilities, Split
from connector.records import (
    Cursor,
    Draft,
    Fetched,
    Fingerprint,
    LiveField,
    Outcome,
    Page,
    Patch,
    Presence,
    Remote,
    Removal,
    Resource,
    Transition,
    Version,
)
from tests.simulation.forms import RESOURCES, show, understand
from tests.simulation.system import Row, System
from tests.simulation.wire import Wire


class Spot(NamedTuple):
    """A cursor: where the window begins, where it ends once it is open, and the last number read in it.

    A range ends with a number.
    """

    since: str = ""
    until: str = ""
    after: int = 0
    last: int | None = None

    @property
    def cursor(self) -> Cursor:
        return Cursor(orjson.dumps(list(self)).decode())


class Port(Adapter):
    """An honest adapter: what goes wrong goes wrong on the wire and in the system."""

    def __init__(self, system: System, wire: Wire) -> None:
        self.system, self.wire = system, wire
        self.known: Capabilities = system.traits.capabilities(system.side)

    @override
    def capabilities(self, resource: str) -> Capabilities:
        return self.known

    @override
    def identify(self) -> Fingerprint:
        return self.wire.ask(
            self.system, "identify", lambda: Fingerprint(f"sim-{self.system.side}", "t1", "test", self.system.time())
        )

    @override
    def describe(self, resource: str) -> list[LiveField]:
        return []

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        return self.wire.ask(
            self.system, "scan", lambda: self._page(self._entity(resource), cursor, keys_only=keys_only)
        )

    def _entity(self, resource: Resource) -> str:
        return RESOURCES[self.system.side][resource.name]

    def _page(self, entity: str, cursor: Cursor | None, *, keys_only: bool) -> Page:
        spot = Spot(*orjson.loads(cursor)) if cursor else Spot()
        until = spot.until or self._end()
        window = self._window(entity, spot.since)
        rest = [row for row in window if spot.after < int(row.id) <= (spot.last or int(row.id))]
        size = self.known.keys_page_size if keys_only else self.known.page_size
        page = rest[:size]
        more = len(rest) > size
        following = Spot(spot.since, until, int(page[-1].id), spot.last) if more else Spot(self._start(until))
        remotes = [self._remote(row, keys_only=keys_only) for row in page]
        return Page(remotes, following.cursor, more)

    @override
    def split(self, resource: Resource, size: int) -> Split:
        return self.wire.ask(self.system, "split", lambda: self._split(self._entity(resource), size))

    def _split(self, entity: str, size: int) -> Split:
        until = self._end()
        there = self._window(entity, "")
        width = -(-int(there[-1].id) // -(-len(there) // size)) if there else 1
        most = int(there[-1].id) if there else 0
        ranges = [Spot("", until, start, start + width).cursor for start in range(0, most, width)]
        return Split(ranges, Spot(self._start(until)).cursor)

    def _end(self) -> str:
        """The end of a window is fixed when it is opened, less what may come late."""
        return (self.system.time() - self.system.traits.visibility_lag).isoformat()

    def _start(self, until: str) -> str:
        """The next window begins where this one ended, less one step of the system's clock."""
        return (datetime.fromisoformat(until) - self.system.traits.granularity).isoformat()

    def _window(self, entity: str, since: str) -> list[Row]:
        system, traits = self.system, self.system.traits
        if system.blind:
            return []
        first = datetime.fromisoformat(since) if since else None
        listed = [system.seen(row) for (kind, _), row in system.rows.items() if kind == entity]
        rows = [
            row
            for row in listed
            if row is not None
            and row.id not in system.forbidden
            and (first is None or row.changed >= first)
            and (not row.gone or (traits.tombstones and first is not None))
        ]
        return sorted(rows, key=lambda row: int(row.id))

    def _remote(self, row: Row, *, keys_only: bool = False) -> Remote:
        if not keys_only:
            self.system.rows[row.entity, row.id].shown = row.revision
        body = None if keys_only or row.gone else self._body(row)
        return Remote(row.id, self._version(row), row.changed, body, row.gone)

    def _version(self, row: Row) -> Version | None:
        return Version(self.system.version(row)) if self.system.traits.versions else None

    def _body(self, row: Row) -> dict[str, Any]:
        body = show(self.system.side, row.entity, row.fields)
        if self.known.marker_field:
            body[self.known.marker_field] = row.marker
        return body

    @override
    def count(self, resource: Resource) -> int | None:
        if not self.known.counts:
            return None
        return self.wire.ask(self.system, "count", lambda: self._count(self._entity(resource)))

    def _count(self, entity: str) -> int:
        if self.system.blind:
            return 0
        return sum(row.id not in self.system.forbidden for row in self.system.of(entity))

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        entity, size = self._entity(resource), self.known.fetch_size
        answers: list[Fetched] = []
        for start in range(0, len(ids), size):
            batch = ids[start : start + size]
            answers += self.wire.ask(
                self.system, "fetch", lambda batch=batch: [self._fetched(entity, one) for one in batch]
            )
        return answers

    def _fetched(self, entity: str, record_id: str) -> Fetched:
        row, system = self.system.rows.get((entity, record_id)), self.system
        if row is None or system.blind or self._is_too_new(row):
            return Fetched(record_id, Presence.ABSENT)
        if record_id in system.forbidden:
            return Fetched(record_id, Presence.FORBIDDEN)
        if row.gone:
            presence = Presence.GONE if system.traits.knows_gone else Presence.ABSENT
            return Fetched(record_id, presence, moved_to=row.moved_to)
        return Fetched(record_id, Presence.PRESENT, self._remote(row))

    def _is_too_new(self, row: Row) -> bool:
        return self.system.clock() - row.born < self.known.lookup_lag

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        entity = self._entity(resource)
        return self.wire.ask(self.system, "find", lambda: self._found(entity, field, values))

    def _found(self, entity: str, field: str, values: Sequence[str]) -> list[Remote]:
        if self.system.blind:
            return []
        return [
            self._remote(row)
            for row in self.system.of(entity)
            if self._body(row).get(field) in values
            and not self._is_too_new(row)
            and row.id not in self.system.forbidden
        ]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        entity = self._entity(resource)

        def make(draft: Draft) -> Row:
            fields = understand(self.system.side, entity, draft.body)
            return self.system.create(entity, fields, draft.key, draft.marker)

        return self._write("create", drafts, make)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        entity = self._entity(resource)

        def change(patch: Patch) -> Row:
            fields = understand(self.system.side, entity, patch.body)
            return self.system.update(entity, patch, fields)

        return self._write("update", patches, change)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return self._take_out(resource, removals, deleting=True)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return self._take_out(resource, removals, deleting=False)

    def _take_out(self, resource: Resource, removals: Sequence[Removal], *, deleting: bool) -> list[Outcome]:
        entity, verb = self._entity(resource), "delete" if deleting else "archive"

        def take(item: Removal) -> Row:
            return self.system.take_out(entity, item, deleting=deleting)

        return self._write(verb, removals, take)

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        self.system.watch.breaches.append(f"transition: {self.system.side} declares none")
        return []

    def _write(self, verb: str, items: Sequence[Any], write: Callable[[Any], Row]) -> list[Outcome]:
        if not 0 < len(items) <= self.known.write_size:
            self.system.watch.breaches.append(f"size: {len(items)} items in one {verb} on {self.system.side}")

        def one(item: Any) -> Outcome:
            row, error = self.system.attempt(lambda: write(item))
            if row is None:
                return Outcome(getattr(item, "id", None), error=error)
            return self._outcome(row)

        return self.wire.tell(self.system, verb, items, one)

    def _outcome(self, row: Row) -> Outcome:
        self.system.rows[row.entity, row.id].shown = row.revision
        body = self._body(row) if self.system.traits.answers and not row.gone else None
        return Outcome(row.id, self._version(row), body)
