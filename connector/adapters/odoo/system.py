"""Odoo as an adapter: any model that a mapping names, read by number and time, written with its own import."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from typing_extensions import override

from connector.adapters.base import Adapter, Capabilities, Rights
from connector.adapters.odoo.adjustments import Adjustments
from connector.adapters.odoo.calls import NAME, Calls, Fault, make_calls
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.collection import SECOND, Collection, Spot
from connector.adapters.odoo.fetching import failed
from connector.adapters.odoo.levels import Levels
from connector.adapters.odoo.models import ADJUSTMENTS, LEVELS, OVERLAP, kind_of
from connector.adapters.odoo.names import GIVEN
from connector.adapters.odoo.preparing import VERBS, allowed, make_choices, make_fields
from connector.adapters.odoo.reading import Reader
from connector.adapters.odoo.records import Records
from connector.adapters.odoo.schema import Schema
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

FIND = 500
SPECIAL: Mapping[str, type[Collection]] = {LEVELS: Levels, ADJUSTMENTS: Adjustments}


def connect(settings: Mapping[str, Any]) -> "Odoo":
    """The adapter for `url`, `database`, `api_key`, and what `HttpClient.of` takes; `login` for JSON-RPC."""
    overlap = timedelta(seconds=settings.get("overlap", OVERLAP))
    database = settings.get("database") or "default"
    return Odoo(make_calls(settings), overlap=overlap, database=database, page_size=settings.get("page_size"))


class Odoo(Adapter):
    """Speaks with one Odoo.

    A scan reads the records that changed since a time in the order of their numbers: what changes meanwhile is read
    now or in the next window, which begins when this one began, less the overlap that late commits need. Nothing can
    leave a window, so no page hides a record.
    """

    def __init__(
        self,
        calls: Calls,
        *,
        overlap: timedelta,
        database: str = "default",
        page_size: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls, self._database, self._clock = calls, database, clock
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
        return Fingerprint(NAME, f"company {company['id']} of {company['create_date']}", self._database, reply.at)

    @override
    def describe(self, resource: str) -> list[LiveField]:
        return self._collection(Resource(resource)).describe()

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        spot = unpack(cursor, Spot, NAME) if cursor else Spot()
        claims = self.capabilities(resource.name)
        started = self._clock()
        size = claims.keys_page_size if keys_only else claims.page_size
        found = self._collection(resource).changed(spot.since, spot.last, size)
        # The answer's time is that of its end, in whole seconds; what was asked for was read before.
        asked_at = found.at - timedelta(seconds=self._clock() - started) - SECOND
        began = spot.began or _stamp(asked_at - self._overlap)
        following = Spot(spot.since, found.last, began) if found.more else Spot(since=began)
        remotes = [each._replace(body=None) for each in found.remotes] if keys_only else found.remotes
        return Page(remotes, pack(following._asdict()), more=found.more)

    @override
    def count(self, resource: Resource) -> int | None:
        return self._collection(resource).count()

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        collection, size = self._collection(resource), self.capabilities(resource.name).fetch_size
        return [each for batch in batches(ids, size) for each in collection.fetch(batch)]

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        collection = self._collection(resource)
        return [remote for batch in batches(values, FIND) for remote in collection.find(field, batch)]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        return self._collection(resource).create(drafts)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        return self._collection(resource).update(patches)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        return self._collection(resource).delete(removals)

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
        return self._collection(resource).perform(transitions)

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

    def _collection(self, resource: Resource) -> Collection:
        return SPECIAL.get(resource.name, Records)(self._calls, self._reader, resource)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
