"""The adapter: the port's verbs as calls on models, the same way for every resource."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from typing_extensions import override

from connector.adapters.base import Adapter, Capabilities, Rights
from connector.adapters.tryton.collection import Collection, Domain
from connector.adapters.tryton.deletions import Deletions
from connector.adapters.tryton.delivery import before_writing
from connector.adapters.tryton.levels import MOVE, Levels
from connector.adapters.tryton.names import Schema
from connector.adapters.tryton.refusals import Refused
from connector.adapters.tryton.rpc import NAME, Rpc, no_time
from connector.adapters.tryton.values import plain
from connector.adapters.tryton.windows import Window, beyond
from connector.adapters.tryton.writer import Writer, place_of
from connector.adapters.wire import batches, read_all
from connector.errors import ConfigError, Forbidden, NotFound, ProtocolError, Rejected
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
)

LARGEST_ID = 2**31 - 1
BY_ID = [["id", "ASC"]]


class Tryton(Adapter):
    """Speaks with one company of a Tryton database.

    Nothing is concluded from what a search leaves out: it hides what the user may not see, so each such id is asked
    for by itself. Deletes leave nothing in the models; a count that shrank tells that ids have to be listed.
    """

    def __init__(
        self,
        rpc: Rpc,
        schema: Schema,
        collections: Mapping[str, Collection],
        *,
        overlap: timedelta,
        page_size: int | None = None,
        delete_log: bool = False,
    ) -> None:
        self._rpc, self._schema, self._collections = rpc, schema, collections
        self._overlap, self._page_size = overlap, page_size
        self._writer, self._levels = Writer(rpc), Levels(rpc)
        self._deletions, self._delete_log = Deletions(rpc, overlap), delete_log

    @override
    def capabilities(self, resource: str) -> Capabilities:
        claims = Levels.claims if resource == Levels.name else self._of(resource).claims
        if claims.can_create:
            # A create whose answer was lost may still be under way, for as long as the longest request takes.
            logged = self._delete_log and self._of(resource).has_logged_deletes
            claims = replace(claims, lookup_lag=self._overlap, tombstones=logged)
        if self._page_size is None:
            return claims
        return replace(claims, page_size=self._page_size, keys_page_size=self._page_size)

    @override
    def identify(self) -> Fingerprint:
        company = self._rpc.company
        self._schema.learn()
        rows, now = self._rpc.dated("company.company", "read", [company], ["create_date"])
        if now is None:
            raise no_time()
        # When the company was made tells two databases apart in which it has the same id.
        return Fingerprint(NAME, f"company {company} of {plain(rows[0]['create_date'])}", self._rpc.database, now)

    @override
    def describe(self, resource: str) -> list[LiveField]:
        return self._levels.described() if resource == Levels.name else self._of(resource).described()

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        """One page of what changed since a time; why nothing is missed stands in `windows`."""
        claims = self.capabilities(resource.name)
        size = claims.keys_page_size if keys_only else claims.page_size
        if resource.name == Levels.name:
            return self._levels.scan(cursor, size, self._overlap, keys_only=keys_only)
        collection, window = self._of(resource.name), Window.of(cursor, NAME)
        if claims.tombstones and window.mark is None:
            window = window._replace(mark=self._deletions.mark())
        changed = collection.alive() if window.start is None else [collection.since(window.start)]
        domain = [*collection.domain(resource.where), *changed, *beyond(window.after)]
        paths = collection.key_paths() if keys_only else collection.paths()
        asked = (domain, 0, size, BY_ID, paths)
        rows, now = self._rpc.dated(collection.model, "search_read", *asked, **collection.reading)
        window = window.timed(now)
        remotes = read_all(rows, _reader(collection, keys_only=keys_only), f"{NAME}: {resource.name}")
        if len(rows) == size:
            return Page(remotes, window.next_page(rows[-1]["id"]).cursor(), more=True)
        if claims.tombstones and window.start is not None and window.mark is not None and now is not None:
            gone = self._deletions.since(collection.model, window.mark, now)
            remotes += [Remote(each, None, None, None, deleted=True) for each in gone.ids]
            window = window._replace(mark=gone.mark)
        return Page(remotes, window.next_window(self._overlap).cursor(), more=False)

    @override
    def count(self, resource: Resource) -> int | None:
        if resource.name == Levels.name:
            return self._levels.count()
        collection = self._of(resource.name)
        domain = [*collection.domain(resource.where), *collection.alive()]
        found: int = self._rpc.ask(collection.model, "search_count", domain)
        return found

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        size = self.capabilities(resource.name).fetch_size
        if resource.name == Levels.name:
            return [each for batch in batches(ids, size) for each in self._levels.fetch(batch)]
        collection = self._of(resource.name)
        return [each for batch in batches(ids, size) for each in self._fetched(collection, batch)]

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        if resource.name == Levels.name:
            raise ProtocolError(f"{NAME}: {resource.name}: levels are counted, not kept: they cannot be searched")
        collection = self._of(resource.name)
        asked = [collection.searched(field, value) for value in values]
        domain = [*collection.domain(resource.where), *collection.alive(), [collection.path(field), "in", asked]]
        rows = self._search(collection, domain) if values else []
        if collection.unfinished and any(row["state"] in collection.unfinished for row in rows):
            self._writer.finish(collection, rows)
            rows = self._search(collection, domain)
        return self._remotes(collection, rows)

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        """Never sent twice: a create whose answer was lost is looked up by its marker."""
        if not self.capabilities(resource.name).can_create:
            return self._impossible(resource, [None] * len(drafts), "create one")
        collection = self._of(resource.name)
        marker = collection.claims.marker_field
        bodies = [{**each.body, marker: each.marker} if marker and each.marker else each.body for each in drafts]
        with before_writing():
            values = collection.new(bodies)
        return self._writer.create(collection, bodies, values)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_update:
            return self._impossible(resource, [each.id for each in patches], "change it")
        collection = self._of(resource.name)
        with before_writing():
            rows = self._rows(collection, [each.id for each in patches])
            known = [self._known(collection, each, rows) for each in patches]
            items = [(each.body, row) for each, row in zip(patches, known, strict=True) if isinstance(row, dict)]
            made = iter(collection.changed(items))
        values = [next(made) if isinstance(row, dict) else row for row in known]
        return self._writer.update(collection, patches, known, values)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_delete:
            return self._impossible(resource, [each.id for each in removals], "delete it")
        collection = self._of(resource.name)
        with before_writing():
            rows = self._rows(collection, [each.id for each in removals])
            known = [self._known(collection, each, rows) for each in removals]
        # What is gone already is done.
        return self._writer.delete(collection, removals, known)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_archive:
            return self._impossible(resource, [each.id for each in removals], "archive it")
        patches = [Patch(each.key, each.id, each.version, {"active": False}) for each in removals]
        return self.update(resource, patches)

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        if not transitions or transitions[0].name not in self.capabilities(resource.name).transitions:
            return self._impossible(resource, [each.id for each in transitions], "do that to it")
        collection = self._of(resource.name)
        with before_writing():
            rows = self._rows(collection, [each.id for each in transitions])
            known = [self._known(collection, each, rows) for each in transitions]
        return self._writer.perform(collection, transitions, known)

    @override
    def rights(self, resource: str) -> Rights | None:
        model = MOVE if resource == Levels.name else self._of(resource).model
        told = self._schema.rights(model)
        return Rights(*(bool(told[verb]) for verb in ("read", "create", "write", "delete")))

    @override
    def own_fields(self, resource: str) -> Sequence[LiveField]:
        return [] if resource == Levels.name else self._of(resource).own_fields()

    @override
    def prepare(self, resource: str, fields: Sequence[LiveField]) -> None:
        for field in fields:
            try:
                self._of(resource).prepare(field)
            except Refused as refusal:
                place = f"{NAME}: {resource}, {field.name}"
                reason = "the user may not make it; let an administrator run this, or make it in Tryton"
                raise ConfigError.of(f"{place}: {reason} ({refusal.kind})") from None

    @override
    def close(self) -> None:
        self._rpc.close()

    def _of(self, resource: str) -> Collection:
        try:
            return self._collections[resource]
        except KeyError:
            raise ConfigError.of(f"{NAME}: there is no resource {resource!r}") from None

    def _impossible(self, resource: Resource, ids: Sequence[str | None], what: str) -> list[Outcome]:
        self.capabilities(resource.name)
        place = f"{NAME}: {resource.name}"
        return [Outcome(each, error=Rejected(f"{place} {each or ''}: there is no way to {what}")) for each in ids]

    def _search(self, collection: Collection, domain: Domain) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._rpc.ask(
            collection.model, "search_read", domain, 0, None, BY_ID, collection.paths(), **collection.reading
        )
        return rows

    def _remotes(self, collection: Collection, rows: Sequence[Any]) -> list[Remote]:
        return read_all(rows, _reader(collection, keys_only=False), f"{NAME}: {collection.name}")

    def _rows(self, collection: Collection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records of these ids that the user can see, by id."""
        numbers = sorted({int(each) for each in ids if _is_id(each)})
        rows = self._search(collection, [["id", "in", numbers]]) if numbers else []
        return {str(row["id"]): row for row in rows}

    def _fetched(self, collection: Collection, ids: Sequence[str]) -> list[Fetched]:
        rows = self._rows(collection, ids)
        remotes = {each.id: each for each in self._remotes(collection, list(rows.values()))}
        found = []
        for each in ids:
            moved_to = collection.moved_to(rows[each]) if each in rows else None
            if moved_to is not None:
                found.append(Fetched(each, Presence.ABSENT, moved_to=moved_to))
            elif each in remotes:
                found.append(Fetched(each, Presence.PRESENT, remotes[each]))
            else:
                found.append(Fetched(each, self._presence(collection, each)))
        return found

    def _presence(self, collection: Collection, record_id: str) -> Presence:
        """Why a search does not show an id: only the server's word that there is no such record makes it absent."""
        if not _is_id(record_id):
            return Presence.ABSENT
        try:
            self._rpc.probe(collection.model, int(record_id))
        except Refused as refusal:
            return Presence.ABSENT if refusal.meaning is NotFound else Presence.FORBIDDEN
        return Presence.FORBIDDEN

    def _known(
        self, collection: Collection, item: Patch | Removal | Transition, rows: Mapping[str, dict[str, Any]]
    ) -> Any:
        """The record that an item is about, or the error that says why nothing can be done with it."""
        place = place_of(collection, item.id)
        row = rows.get(item.id)
        if row is None:
            absent = self._presence(collection, item.id) is Presence.ABSENT
            return NotFound(f"{place}: there is no such record") if absent else Forbidden(f"{place}: not allowed")
        if collection.moved_to(row) is not None:
            return NotFound(f"{place}: it was merged into {collection.moved_to(row)}")
        return self._writer.stale(collection, item, row) or row


def _reader(collection: Collection, *, keys_only: bool) -> Any:
    """How a row becomes a record; one that was merged into another is told as gone, so that it is asked for."""

    def read(row: dict[str, Any]) -> Remote:
        version = collection.version(row)
        if keys_only:
            return Remote(str(row["id"]), version, None, None)
        if collection.moved_to(row) is not None:
            return Remote(str(row["id"]), version, None, None, deleted=True)
        return Remote(str(row["id"]), version, collection.modified(row), collection.body(row))

    return read


def _is_id(record_id: str) -> bool:
    return record_id.isascii() and record_id.isdecimal() and int(record_id) <= LARGEST_ID
