"""The bundled reference ERP: page numbers, whole seconds, revisions in the body, idempotency keys, no tombstones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any
from urllib.parse import quote

from typing_extensions import override

from connector.adapters.authentication import ApiKey
from connector.adapters.base import Adapter, Capabilities, Split
from connector.adapters.http import Answer, HttpClient
from connector.adapters.windows import Window
from connector.adapters.wire import (
    BAD_REQUEST,
    Refusal,
    accepted,
    batches,
    filters,
    impossible,
    listed,
    outcomes,
    pack,
    promised,
    read_all,
    refused,
    unpack,
    version_of,
)
from connector.errors import AlreadyExists, ConfigError, ProtocolError, RecordError, VersionConflict
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

NAME = "reference-erp"
API = "/api"
PAGE, KEYS_PAGE, BATCH, FIND = 500, 5000, 200, 100
KEY_FIELDS = "id,revision,write_date"
MARKER = "external_ref"
NOT_FOUND = 404
NO_VERSION = Version("0")
KINDS: Mapping[str, type[RecordError]] = {"stale_revision": VersionConflict, "duplicate": AlreadyExists}
PRESENCES: Mapping[str, Presence] = {
    "forbidden": Presence.FORBIDDEN,
    "not_found": Presence.ABSENT,
    "moved": Presence.ABSENT,
}
"""By the ERP's own word: another 404 may come from anything in between, and is no evidence of a delete."""


def connect(settings: Mapping[str, Any]) -> "ReferenceErp":
    """The adapter for `url` and `api_key`, and what `HttpClient.of` takes."""
    key = settings["api_key"]
    auth = ApiKey("X-API-Key", lambda: key)
    return ReferenceErp(HttpClient.of(settings, name=NAME, auth=auth))


class ReferenceErp(Adapter):
    """Speaks with the reference ERP.

    It tells what it stored otherwise than it was sent, and what it filled in besides; that is what outcomes hold.
    """

    def __init__(self, client: HttpClient, *, page_size: int = PAGE, keys_page_size: int = KEYS_PAGE) -> None:
        self._client = client
        self._page_size, self._keys_page_size = page_size, keys_page_size

    @override
    def capabilities(self, resource: str) -> Capabilities:
        try:
            claims = RESOURCES[resource]
        except KeyError:
            raise ConfigError.of(f"{NAME}: there is no resource {resource!r}") from None
        return replace(claims, page_size=self._page_size, keys_page_size=self._keys_page_size)

    @override
    def identify(self) -> Fingerprint:
        answer = self._read(f"{API}/company", {})
        return read_all([answer.data], _identified, NAME)[0]

    @override
    def describe(self, resource: str) -> list[LiveField]:
        answer = self._read(f"{API}/{resource}/fields", {})
        fields = promised(answer, self._at(resource), "fields", dict)
        return read_all(list(fields.items()), _field, self._at(resource))

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        """One page of what changed since a time; why nothing is missed stands in `windows`."""
        spot = unpack(cursor, Window, NAME) if cursor else Window()
        size = self._keys_page_size if keys_only else self._page_size
        answer = self._page(resource, spot, size, keys_only=keys_only)
        if spot.end is None and _total(answer) > size:
            spot = spot.bounded(_now(answer), _total(answer) / size)
            if not spot.tail:
                # Without what was changed in the second that still runs.
                answer = self._page(resource, spot, size, keys_only=keys_only)
        remotes = self._remotes(answer, resource, _key if keys_only else _remote)
        after = spot.after(size, len(remotes), _total(answer), _now(answer))
        if after.is_hopeless:
            place = self._at(resource.name)
            raise ProtocolError(f"{place}: changes faster than it can be read; try again when it is quieter")
        return Page(remotes, pack(after._asdict()), more=after.end is not None or after.tail)

    @override
    def ahead(self, resource: Resource, cursor: Cursor, *, keys_only: bool = False) -> Iterator[Cursor]:
        spot = unpack(cursor, Window, NAME)
        for following in spot.following(self._keys_page_size if keys_only else self._page_size):
            yield pack(following._asdict())

    @override
    def split(self, resource: Resource, size: int) -> Split:
        """Ranges of places in the window that ends with the last second that is over; see `windows`."""
        whole = Window().bounded(_now(self._page(resource, Window(), 1, keys_only=True)), inf)
        total = _total(self._page(resource, whole, 1, keys_only=True))
        ranges = [pack(each._asdict()) for each in whole.ranges(total, size)]
        return Split(ranges, pack(Window(start=whole.end)._asdict()))

    @override
    def count(self, resource: Resource) -> int | None:
        return _total(self._read(f"{API}/{resource.name}", {"per_page": 1, "fields": KEY_FIELDS, **filters(resource)}))

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        """The current state of the ids; each one that a list leaves out is asked for by itself, for the reason."""
        fetched: list[Fetched] = []
        for batch in batches(ids, PAGE):
            answer = self._read(f"{API}/{resource.name}", {"id": ",".join(batch), "per_page": PAGE})
            told = {each.id: each for each in self._remotes(answer, resource, _remote)}
            fetched += [
                Fetched(each, Presence.PRESENT, told[each]) if each in told else self._fetch_one(resource, each)
                for each in batch
            ]
        return fetched

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        asked = [listed(batch, self._at(resource.name)) for batch in batches(values, FIND)]
        return [remote for each in asked for remote in self._matching(resource, {field: each})]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        """Safe to repeat after silence: the idempotency keys make the ERP answer with what it did the first time."""

        def read(draft: Draft, result: Mapping[str, Any]) -> Outcome:
            if result["status"] < BAD_REQUEST:
                return _written(result)
            return self._outcome(resource, None, draft.body, result)

        items = [{"idempotency_key": key, "values": _values(body, marker)} for key, body, marker in drafts]
        return outcomes(drafts, self._bulk(resource, {"create": items}, safe=True), read)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        """Change records; one without a version is read first, as the ERP takes no change without."""

        def read(patch: Patch, result: Mapping[str, Any]) -> Outcome:
            return self._outcome(resource, patch.id, patch.body, result)

        present = self._versions(resource, [each.id for each in patches if each.version is None])
        known = [each if each.version else each._replace(version=present.get(each.id, NO_VERSION)) for each in patches]
        items = [{**_addressed(each), "values": each.body} for each in known]
        return outcomes(patches, self._bulk(resource, {"update": items}), read)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        def read(removal: Removal, result: Mapping[str, Any]) -> Outcome:
            if result["status"] < BAD_REQUEST or result["status"] == NOT_FOUND:
                return Outcome(removal.id)
            return self._outcome(resource, removal.id, {}, result)

        if not self.capabilities(resource.name).can_delete:
            return impossible(removals, self._at(resource.name), "delete it")
        items = [_addressed(each) for each in removals]
        return outcomes(removals, self._bulk(resource, {"delete": items}), read)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_archive:
            return impossible(removals, self._at(resource.name), "archive it")
        if resource.name == "partners":
            steps = [Transition(each.key, each.id, each.version, "archive") for each in removals]
            return self._act(resource, steps)
        return self.update(resource, [Patch(each.key, each.id, each.version, {"active": False}) for each in removals])

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        known = self.capabilities(resource.name).transitions
        if transitions and transitions[0].name not in known:
            return impossible(transitions, self._at(resource.name), transitions[0].name)
        return self._act(resource, transitions)

    @override
    def close(self) -> None:
        self._client.close()

    def _read(self, path: str, params: Mapping[str, Any]) -> Answer:
        return accepted(self._client.request("GET", path, params=params, safe=True), f"{NAME}: {path}")

    def _page(self, resource: Resource, spot: Window, size: int, *, keys_only: bool) -> Answer:
        params = {**filters(resource), **_window(spot, size)}
        if keys_only:
            params["fields"] = KEY_FIELDS
        return self._read(f"{API}/{resource.name}", params)

    def _remotes(self, answer: Answer, resource: Resource, read: Callable[[Body], Remote]) -> list[Remote]:
        return read_all(promised(answer, self._at(resource.name), "items", list), read, self._at(resource.name))

    def _matching(self, resource: Resource, condition: Mapping[str, Any]) -> list[Remote]:
        found: list[Remote] = []
        page, total = 1, 1
        while (page - 1) * PAGE < total:
            params = {"page": page, "per_page": PAGE, **filters(resource), **condition}
            answer = self._read(f"{API}/{resource.name}", params)
            found += self._remotes(answer, resource, _remote)
            page, total = page + 1, _total(answer)
        return found

    def _fetch_one(self, resource: Resource, record_id: str) -> Fetched:
        place = f"{API}/{resource.name}/{quote(record_id, safe='')}"
        answer = self._client.request("GET", place, safe=True)
        said = str(answer.data.get("error")) if isinstance(answer.data, dict) else ""
        if answer.status >= BAD_REQUEST and said in PRESENCES:
            moved_to = answer.data.get("moved_to")
            return Fetched(record_id, PRESENCES[said], moved_to=None if moved_to is None else str(moved_to))
        data = accepted(answer, f"{NAME}: {place}").data
        return Fetched(record_id, Presence.PRESENT, read_all([data], _remote, self._at(resource.name))[0])

    def _versions(self, resource: Resource, ids: Sequence[str]) -> dict[str, Version]:
        remotes = [each.remote for each in self.fetch(resource, ids)]
        return {each.id: each.version for each in remotes if each and each.version}

    def _act(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        def read(transition: Transition, result: Mapping[str, Any]) -> Outcome:
            return self._outcome(resource, transition.id, {}, result)

        items = [_addressed(each) for each in transitions]
        action = transitions[0].name if transitions else ""
        return outcomes(transitions, self._bulk(resource, {"perform": items, "action": action}), read)

    def _bulk(self, resource: Resource, content: Mapping[str, Any], *, safe: bool = False) -> list[Any]:
        answer = self._client.request("POST", f"{API}/{resource.name}/bulk", json=content, safe=safe)
        return promised(accepted(answer, self._at(resource.name)), self._at(resource.name), "results", list)

    def _outcome(self, resource: Resource, known: str | None, sent: Body, result: Mapping[str, Any]) -> Outcome:
        if result["status"] < BAD_REQUEST:
            return _written(result)
        code, existing = result.get("error", ""), result.get("existing_id")
        refusal = Refusal(
            result["status"],
            code,
            result.get("message", ""),
            result.get("field"),
            None if existing is None else str(existing),
            KINDS.get(code),
        )
        return Outcome(known, error=refused(refusal, self._at(resource.name, known), sent))

    def _at(self, resource: str, record_id: str | None = None) -> str:
        return f"{NAME}: {resource} {record_id}" if record_id else f"{NAME}: {resource}"


def _remote(record: Body) -> Remote:
    return Remote(str(record["id"]), version_of(record["revision"]), _instant(record["write_date"]), record)


def _key(record: Body) -> Remote:
    return Remote(str(record["id"]), version_of(record["revision"]), None, None)


def _written(result: Mapping[str, Any]) -> Outcome:
    return Outcome(str(result["id"]), version_of(result["revision"]), result["changed"])


def _values(body: Body, marker: str | None) -> Body:
    return body if marker is None else {**body, MARKER: marker}


def _addressed(item: Patch | Removal | Transition) -> dict[str, Any]:
    number: int | str = int(item.id) if item.id.isdecimal() else item.id
    return {"id": number} if item.version is None else {"id": number, "revision": int(item.version)}


def _total(answer: Answer) -> int:
    return promised(answer, NAME, "total", int)


def _now(answer: Answer) -> str:
    return promised(answer, NAME, "now", str)


def _instant(moment: str) -> datetime:
    # With its offset in the text: to replace that of a time costs five times as much, for every record.
    return datetime.fromisoformat(f"{moment}+00:00")


def _window(spot: Window, size: int) -> dict[str, Any]:
    bounds = {"write_date_from": spot.start, "write_date_to": spot.end}
    asked = {"page": spot.page(size), "per_page": size, **bounds}
    return {name: value for name, value in asked.items() if value is not None}


def _identified(company: Mapping[str, Any]) -> Fingerprint:
    return Fingerprint(NAME, str(company["company_id"]), company["database"], _instant(company["now"]))


def _field(told: tuple[str, Mapping[str, Any]]) -> LiveField:
    name, about = told
    return LiveField(
        name,
        about["type"],
        nullable=not about.get("required", False),
        read_only=about.get("readonly", False),
        length=about.get("size"),
        choices=tuple(about.get("selection") or ()),
    )


_COMMON = Capabilities(
    fetch_size=PAGE,
    write_size=BATCH,
    parallel=4,
    idempotency_key=True,
    marker_field=MARKER,
    conditional_write=True,
    ordered_versions=True,
    ranges=True,
    counts=True,
    granularity=timedelta(seconds=1),
)
_DERIVED = replace(
    _COMMON, idempotency_key=False, marker_field=None, can_create=False, can_update=False, can_delete=False
)
_POSTED = replace(_COMMON, can_delete=False)
_ORDER_ACTIONS = (
    "confirm",
    "release",
    "hold",
    "refuse",
    "reopen",
    "request_cancel",
    "deny_cancel",
    "cancel",
    "split",
    "drop_rest",
    "close",
)

RESOURCES: Mapping[str, Capabilities] = {
    "partners": replace(
        _COMMON,
        can_archive=True,
        normalising_fields=frozenset(("name", "vat", "email", "phone", "website", "credit_limit")),
    ),
    "items": replace(
        _COMMON,
        can_archive=True,
        unique_fields=("code",),
        normalising_fields=frozenset(("name", "list_price", "cost_price")),
    ),
    "warehouses": _COMMON,
    "stock_moves": replace(_COMMON, can_update=False, can_delete=False),
    "stock_levels": _DERIVED,
    "sales_orders": replace(_COMMON, transitions=frozenset(_ORDER_ACTIONS)),
    "purchase_orders": replace(_COMMON, transitions=frozenset(("receive", "cancel"))),
    "production_orders": replace(_COMMON, transitions=frozenset(("finish", "cancel"))),
    "boms": _COMMON,
    "shipments": replace(_POSTED, transitions=frozenset(("deliver",))),
    "returns": replace(_POSTED, transitions=frozenset(("receive", "cancel"))),
    "invoices": replace(_COMMON, transitions=frozenset(("post", "cancel"))),
    "payments": replace(_POSTED, can_update=False),
    "customer_balances": _DERIVED,
    "service_orders": replace(_COMMON, transitions=frozenset(("receive", "start", "finish", "refuse", "cancel"))),
    "projects": replace(_COMMON, transitions=frozenset(("start", "complete", "cancel"))),
    "events": _DERIVED,
}
"""What each resource can do."""
