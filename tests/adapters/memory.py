"""An honest adapter of a system that lives in memory, for tests of the contract itself."""

import copy
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from typing_extensions import override

from connector.adapters.base import Adapter, Capabilities, Split
from connector.errors import AlreadyExists, Forbidden, Gone, NotFound, RecordError, Rejected, VersionConflict
from connector.records import (
    Body,
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

THINGS = Resource("things")
FIELDS = (
    LiveField("id", "text", nullable=False, read_only=True),
    LiveField("name", "text", nullable=False),
    LiveField("note", "text", length=100),
    LiveField("price", "decimal"),
    LiveField("colour", "choice", choices=("red", "blue")),
    LiveField("marker", "text"),
    LiveField("state", "choice", read_only=True, choices=("open", "closed")),
)


class Shelf:
    """What the system stores: ids with their remotes, and a clock that moves with every third write or not at all."""

    def __init__(self) -> None:
        self.rows: dict[str, Remote] = {}
        self.numbers = itertools.count(1)
        self.writes = 0
        self.forbidden: set[str] = set()
        self.moved: dict[str, str] = {}
        self.is_frozen = False

    @property
    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.writes // 3)

    def move(self, record_id: str) -> str:
        """A record gets another id."""
        new = str(next(self.numbers))
        self.store(new, {**(self.rows[record_id].body or {}), "id": new})
        self.store(record_id, None, deleted=True)
        self.moved[record_id] = new
        return new

    def store(self, record_id: str, body: Body | None, *, deleted: bool = False) -> Remote:
        before = self.rows.get(record_id)
        version = Version(str(int(str(before.version)) + 1 if before else 1))
        self.rows[record_id] = Remote(record_id, version, self.now, body, deleted)
        self.writes += 0 if self.is_frozen else 1
        return self.rows[record_id]


class Memory(Adapter):
    """An honest adapter of a system that lives in memory; its pages go by id."""

    claims = Capabilities(
        page_size=4,
        keys_page_size=6,
        fetch_size=5,
        write_size=3,
        marker_field="marker",
        marker_unique=True,
        conditional_write=True,
        ordered_versions=True,
        trustworthy_times=True,
        tombstones=True,
        ranges=True,
        counts=True,
        can_archive=True,
        transitions=frozenset(("close",)),
    )

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    @override
    def capabilities(self, resource: str) -> Capabilities:
        return self.claims

    @override
    def identify(self) -> Fingerprint:
        return Fingerprint("memory", "tenant-1", "test", self.shelf.now)

    @override
    def describe(self, resource: str) -> list[LiveField]:
        return list(FIELDS)

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        spot = orjson.loads(cursor) if cursor else {"since": "", "began": "", "after": 0}
        began = spot["began"] or self.shelf.now.isoformat()
        rows = [each for each in self.shelf.rows.values() if self.in_window(each, spot["since"])]
        rows = [each for each in sorted(rows, key=self.number) if self.number(each) > spot["after"]]
        rows = [each for each in rows if self.number(each) <= spot.get("upto", self.number(each))]
        size = self.claims.keys_page_size if keys_only else self.claims.page_size
        page, more = rows[:size], len(rows) > size
        after = {**spot, "began": began, "after": self.number(page[-1])} if more else self.next_window(began)
        shown = [self.shown(each, keys_only=keys_only) for each in page]
        return Page(shown, Cursor(orjson.dumps(after).decode()), more=more)

    @override
    def split(self, resource: Resource, size: int) -> Split:
        began, last = self.shelf.now.isoformat(), max(map(int, self.shelf.rows), default=0)
        cuts = [{"since": "", "began": began, "after": start, "upto": start + size} for start in range(0, last, size)]
        return Split([Cursor(orjson.dumps(cut).decode()) for cut in cuts], self.cursor_after(began))

    def cursor_after(self, began: str) -> Cursor:
        return Cursor(orjson.dumps(self.next_window(began)).decode())

    def in_window(self, remote: Remote, since: str) -> bool:
        return str(remote.modified.isoformat() if remote.modified else "") >= since and bool(
            since or not remote.deleted
        )

    def next_window(self, began: str) -> dict[str, Any]:
        return {"since": began, "began": "", "after": 0}

    def number(self, remote: Remote) -> int:
        return int(remote.id)

    def shown(self, remote: Remote, *, keys_only: bool) -> Remote:
        return remote._replace(body=None if keys_only else copy.deepcopy(remote.body))

    @override
    def count(self, resource: Resource) -> int | None:
        return sum(not each.deleted for each in self.shelf.rows.values())

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        return [self.fetched(each) for each in ids]

    def fetched(self, record_id: str) -> Fetched:
        remote = self.shelf.rows.get(record_id)
        if record_id in self.shelf.forbidden:
            return Fetched(record_id, Presence.FORBIDDEN)
        if remote is None or remote.deleted:
            presence = Presence.GONE if remote else Presence.ABSENT
            return Fetched(record_id, presence, moved_to=self.shelf.moved.get(record_id))
        return Fetched(record_id, Presence.PRESENT, self.shown(remote, keys_only=False))

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        return [each for each in self.shelf.rows.values() if not each.deleted and (each.body or {})[field] in values]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return [self.attempt(None, lambda draft=draft: self.make(draft)) for draft in drafts]  # type: ignore[misc]

    def make(self, draft: Draft) -> Remote:
        held = self.find(THINGS, "marker", [str(draft.marker)])
        if held:
            raise AlreadyExists("the marker is taken", existing_id=held[0].id)
        if not draft.body.get("name"):
            raise Rejected("name is required")
        record_id = str(next(self.shelf.numbers))
        empty = dict.fromkeys(each.name for each in FIELDS)
        return self.shelf.store(
            record_id, {**empty, **draft.body, "id": record_id, "marker": draft.marker, "state": "open"}
        )

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        return [self.attempt(each.id, lambda each=each: self.change(each, each.body)) for each in patches]  # type: ignore[misc]

    def change(self, item: Patch | Removal | Transition, fields: Body) -> Remote:
        return self.shelf.store(item.id, {**(self.current(item).body or {}), **self.writable(fields)})

    def writable(self, fields: Body) -> Body:
        if not fields.get("name", "kept"):
            raise Rejected("name is required")
        fixed = {each.name for each in FIELDS if each.read_only and each.name != "state"}
        return {
            name: value for name, value in fields.items() if name not in fixed and (name, value) != ("state", "changed")
        }

    def current(self, item: Patch | Removal | Transition) -> Remote:
        remote = self.shelf.rows.get(item.id)
        if item.id in self.shelf.forbidden:
            raise Forbidden("it is somebody else's")
        if remote is None:
            raise NotFound("there is no such thing")
        if remote.deleted:
            raise Gone("it is gone")
        if item.version is not None and item.version != remote.version:
            raise VersionConflict("it has changed")
        return remote

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return [self.attempt(each.id, lambda each=each: self.remove(each)) for each in removals]  # type: ignore[misc]

    def remove(self, removal: Removal) -> Remote:
        gone = self.shelf.rows.get(removal.id)
        if gone is not None and gone.deleted:
            return gone
        self.current(removal)
        return self.shelf.store(removal.id, None, deleted=True)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return [self.attempt(each.id, lambda each=each: self.change(each, {"state": "closed"})) for each in removals]  # type: ignore[misc]

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        return [self.attempt(each.id, lambda each=each: self.act(each)) for each in transitions]  # type: ignore[misc]

    def act(self, transition: Transition) -> Remote:
        if transition.name not in self.claims.transitions:
            raise Rejected("there is no such action")
        return self.change(transition, {"state": "closed"})

    def attempt(self, record_id: str | None, write: Callable[[], Remote]) -> Outcome:
        try:
            remote = write()
        except RecordError as error:
            return Outcome(record_id, error=error)
        return Outcome(remote.id, remote.version, copy.deepcopy(remote.body))
