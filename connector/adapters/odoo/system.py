"""Odoo as an adapter: any model that a mapping names, read by number and time, written with its own import."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from typing_extensions import override

from connector.adapters.base import Adapter, Capabilities, Rights
from connector.adapters.odoo.calls import NAME, Calls, Fault, make_calls
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.fetching import failed, fetch
from connector.adapters.odoo.living import described
from connector.adapters.odoo.models import OVERLAP, Kind, kind_of
from connector.adapters.odoo.names import GIVEN
from connector.adapters.odoo.preparing import VERBS, allowed, make_choices, make_fields
from connector.adapters.odoo.reading import Reader, Rows
from connector.adapters.odoo.schema import LINKS, Schema, Tree, tree_of
from connector.adapters.odoo.writing import Writer
from connector.adapters.wire import batches, impossible, pack, unpack
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

SECOND = timedelta(seconds=1)
FIND = 500


def connect(settings: Mapping[str, Any]) -> "Odoo":
    """The adapter for `url`, `database`, `api_key`, and what `HttpClient.of` takes; `login` for JSON-RPC."""
    overlap = timedelta(seconds=settings.get("overlap", OVERLAP))
    return Odoo(make_calls(settings), overlap=overlap, page_size=settings.get("page_size"))


class Spot(NamedTuple):
    """Where a scan stands: what it asks for, how far it came, and the server's time when it began."""

    since: str | None = None
    last: int = 0
    began: str | None = None


class Odoo(Adapter):
    """Speaks with one Odoo.

    A scan reads the records that changed since a time in the order of their numbers: what changes meanwhile is read
    now or in the next window, which begins when this one began, less the overlap that late commits need. Nothing can
    leave a window, so no page hides a record.
    """

    def __init__(self, calls: Calls, *, overlap: timedelta, page_size: int | None = None) -> None:
        self._calls = calls
        self._overlap, self._page_size = overlap, page_size
        self._reader = Reader(calls, Schema(calls))

    @override
    def capabilities(self, resource: str) -> Capabilities:
        claims = replace(kind_of(resource).claims, visibility_lag=self._overlap)
        size = self._page_size
        return replace(claims, page_size=size, keys_page_size=size) if size else claims

    @override
    def identify(self) -> Fingerprint:
        """The database by its first company's birth: the database's own number is for administrators only."""
        asked = {"domain": [], "fields": ["create_date"], "order": "id", "limit": 1, "context": CONTEXT}
        try:
            reply = self._calls.call("res.company", "search_read", asked, safe=True)
        except Fault as fault:
            raise failed(fault, "res.company") from None
        company = reply.value[0]
        return Fingerprint(NAME, f"company {company['id']} of {company['create_date']}", "odoo", reply.at)

    @override
    def describe(self, resource: str) -> list[LiveField]:
        return described(self._calls, self._reader.schema, kind_of(resource))

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        spot = unpack(cursor, Spot, NAME) if cursor else Spot()
        claims = self.capabilities(resource.name)
        size = claims.keys_page_size if keys_only else claims.page_size
        started = time.monotonic()
        rows = self._rows(resource, [*self._changed(resource, spot.since), ["id", ">", spot.last]], size)
        # The answer's time is that of its end, in whole seconds; what was asked for was read before.
        asked_at = rows.at - timedelta(seconds=time.monotonic() - started) - SECOND
        began = spot.began or _stamp(asked_at - self._overlap)
        remotes = [each._replace(body=None) for each in rows.remotes] if keys_only else rows.remotes
        if len(remotes) < size:
            return Page(remotes, pack(Spot(since=began)._asdict()), more=False)
        return Page(remotes, pack(Spot(spot.since, int(remotes[-1].id), began)._asdict()), more=True)

    @override
    def count(self, resource: Resource) -> int | None:
        asked = {"domain": _domain(resource), "context": CONTEXT}
        try:
            return int(self._calls.call(kind_of(resource.name).model, "search_count", asked, safe=True).value)
        except Fault as fault:
            raise failed(fault, resource.name) from None

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        size, model, tree = self.capabilities(resource.name).fetch_size, kind_of(resource.name).model, _tree(resource)
        return [each for batch in batches(ids, size) for each in fetch(self._reader, model, batch, tree)]

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        asked = [[*_domain(resource), [field, "in", list(batch)]] for batch in batches(values, FIND)]
        return [remote for domain in asked for remote in self._rows(resource, domain).remotes]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return self._writer(resource).create(drafts)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        return self._writer(resource).update(patches)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return self._writer(resource).delete(removals)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_archive:
            return impossible(removals, f"{NAME}: {resource.name}", "archive it")
        return self.update(resource, [Patch(each.key, each.id, each.version, {"active": False}) for each in removals])

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        known = self.capabilities(resource.name).transitions
        if transitions and transitions[0].name not in known:
            return impossible(transitions, f"{NAME}: {resource.name}", transitions[0].name)
        return self._writer(resource).perform(transitions)

    @override
    def rights(self, resource: str) -> Rights:
        return Rights(*(allowed(self._calls, kind_of(resource).model, verb) for verb in VERBS))

    @override
    def own_fields(self, resource: str) -> Sequence[LiveField]:
        return [LiveField(GIVEN, "text")] if resource == "res.partner/contacts" else ()

    @override
    def home(self, resource: str) -> str:
        return kind_of(resource).model

    @override
    def prepare(self, resource: str, fields: Sequence[LiveField]) -> None:
        model, plain = kind_of(resource).model, [field for field in fields if not field.choices]
        if plain:
            make_fields(self._calls, model, plain)
        for field in fields:
            if field.choices:
                make_choices(self._calls, self._reader.schema.of(model)[field.name.partition(".")[0]], field)
        self._reader.schema.forget()

    @override
    def close(self) -> None:
        self._calls.close()

    def _writer(self, resource: Resource) -> Writer:
        return Writer(self._calls, self._reader, kind_of(resource.name).model, _tree(resource))

    def _rows(self, resource: Resource, domain: Sequence[Any], limit: int | None = None) -> Rows:
        model = kind_of(resource.name).model
        try:
            return self._reader.search(model, domain, _tree(resource), limit)
        except Fault as fault:
            raise failed(fault, resource.name) from None

    def _changed(self, resource: Resource, since: str | None) -> list[Any]:
        """What changed itself, or in one of its lines: Odoo stamps only the line where an amount stays the same."""
        domain = _domain(resource)
        if since is None:
            return domain
        columns = self._reader.schema.of(kind_of(resource.name).model)
        lists = [name for name, inner in _tree(resource).items() if inner and columns[name].type in LINKS]
        dates = [["write_date", ">=", since], *([f"{name}.write_date", ">=", since] for name in lists)]
        return [*domain, *["|"] * len(lists), *dates]


def _tree(resource: Resource) -> Tree:
    """What to read: what the mapping asks for, and always what tells which records count, and are in use."""
    kind: Kind = kind_of(resource.name)
    constant = [name for name, _ in resource.where] + (["active"] if kind.claims.can_archive else [])
    return tree_of([*(resource.paths or kind.paths), *constant])


def _domain(resource: Resource) -> list[Any]:
    return [*kind_of(resource.name).domain, *([name, "=", value] for name, value in resource.where)]


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
