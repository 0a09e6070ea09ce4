"""The bundled reference CRM: cursor paging, integer versions, batches with a result an item, tombstones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from typing_extensions import override

from connector.adapters.authentication import ClientCredentials
from connector.adapters.base import Adapter, Capabilities, Split
from connector.adapters.http import Answer, HttpClient
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
from connector.errors import AlreadyExists, ConfigError, RecordError
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

NAME = "reference-crm"
API = "/api/v1"
PAGE, KEYS_PAGE, BATCH, FIND = 1000, 5000, 200, 100
KEY_FIELDS = "id,version,modifiedAt"
MARKER = "externalId"
INACTIVE = {"status": "INACTIVE"}
LAG = timedelta(seconds=1)
NO_VERSION = Version("0")
TEXTS = frozenset(("name", "email", "phone", "website", "notes", "firstName", "lastName", "jobTitle", "description"))
DUPLICATES = frozenset(("DUPLICATE_EXTERNAL_ID", "DUPLICATE"))
PRESENCES = {200: Presence.PRESENT, 403: Presence.FORBIDDEN, 404: Presence.ABSENT, 410: Presence.GONE}


def connect(settings: Mapping[str, Any]) -> "ReferenceCrm":
    """The adapter for `url`, `client_id`, `client_secret`, and what `HttpClient.of` takes."""
    secret = settings["client_secret"]
    auth = ClientCredentials("/oauth/token", settings["client_id"], lambda: secret)
    return ReferenceCrm(HttpClient.of(settings, name=NAME, auth=auth))


class ReferenceCrm(Adapter):
    """Speaks with the reference CRM.

    A create answers with the complete record; an update with the fields that were sent, as they are stored now, and
    with those the server changed besides. A field that an outcome's body leaves out is empty after a create, and as it
    was after an update.
    """

    def __init__(self, client: HttpClient, *, page_size: int = PAGE, keys_page_size: int = KEYS_PAGE) -> None:
        self._client = client
        self._page_size, self._keys_page_size = page_size, keys_page_size

    @override
    def capabilities(self, resource: str) -> Capabilities:
        try:
            claims = COLLECTIONS[resource]
        except KeyError:
            raise ConfigError.of(f"{NAME}: there is no collection {resource!r}") from None
        return replace(claims, page_size=self._page_size, keys_page_size=self._keys_page_size)

    @override
    def identify(self) -> Fingerprint:
        answer = self._read(f"{API}/organization", {})
        return read_all([answer.data], _identified, NAME)[0]

    @override
    def describe(self, resource: str) -> list[LiveField]:
        answer = self._read(f"{API}/schema/{resource}", {})
        return read_all(promised(answer, self._at(resource), "fields", list), _field, self._at(resource))

    @override
    def scan(self, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        """One page, by id, of what changed since a time.

        Nothing can be missed: pages go by id, so no record moves between pages. One that is created, changed or deleted
        while its window is read either shows on a page still to come, or has a time not before the first page's server
        time, where the next window begins. A first scan leaves out what was deleted before it began.
        """
        spot = unpack(cursor, _Spot, NAME) if cursor else _Spot()
        params = {"limit": self._keys_page_size if keys_only else self._page_size, **filters(resource), **spot.params()}
        if keys_only:
            params["fields"] = KEY_FIELDS
        answer = self._read(f"{API}/{resource.name}", params)
        remotes = self._remotes(answer, resource, _key if keys_only else _remote)
        follows = answer.data.get("nextCursor")
        began = spot.began or promised(answer, self._at(resource.name), "serverTime", str)
        after = spot._replace(page=follows, began=began) if follows else _Spot(since=_earlier(began, LAG))
        return Page(remotes, pack(after._asdict()), more=bool(follows))

    @override
    def split(self, resource: Resource, size: int) -> Split:
        """The CRM's own ranges of ids; what is made after they were cut has a time not before its answer's."""
        answer = self._read(f"{API}/{resource.name}/ranges", {"size": size, **filters(resource)})
        place = self._at(resource.name)
        began = promised(answer, place, "serverTime", str)
        cursors = [_Spot(page=each, began=began) for each in promised(answer, place, "cursors", list)]
        return Split([pack(each._asdict()) for each in cursors], pack(_Spot(since=_earlier(began, LAG))._asdict()))

    @override
    def count(self, resource: Resource) -> int | None:
        answer = self._read(f"{API}/{resource.name}/count", filters(resource))
        return promised(answer, self._at(resource.name), "count", int)

    @override
    def fetch(self, resource: Resource, ids: Sequence[str]) -> list[Fetched]:
        fetched: list[Fetched] = []
        for batch in batches(ids, BATCH):
            path = f"{API}/{resource.name}/batch/read"
            answer = self._client.request("POST", path, json={"ids": list(batch)}, safe=True)
            results = promised(accepted(answer, self._at(resource.name)), self._at(resource.name), "results", list)
            told = {each.id: each for each in read_all(results, _fetched, self._at(resource.name))}
            fetched += read_all(batch, told.__getitem__, self._at(resource.name))
        return fetched

    @override
    def find(self, resource: Resource, field: str, values: Sequence[str]) -> list[Remote]:
        """Markers are asked for together, other fields value by value."""
        place = self._at(resource.name)
        asked = [listed(batch, place) for batch in batches(values, FIND)] if field == MARKER else values
        return [remote for each in asked for remote in self._matching(resource, {field: each})]

    @override
    def create(self, resource: Resource, drafts: Sequence[Draft]) -> list[Outcome]:
        def read(draft: Draft, result: Mapping[str, Any]) -> Outcome:
            if result["status"] >= BAD_REQUEST:
                return Outcome(None, error=self._refused(resource, None, draft.body, result))
            return _written(result)

        operations = [_creation(draft) for draft in drafts]
        return outcomes(drafts, self._batch(resource, operations), read)

    @override
    def update(self, resource: Resource, patches: Sequence[Patch]) -> list[Outcome]:
        """Change records; one without a version is read first, as the CRM takes no change without."""

        def read(patch: Patch, result: Mapping[str, Any]) -> Outcome:
            if result["status"] >= BAD_REQUEST:
                return Outcome(patch.id, error=self._refused(resource, patch.id, patch.body, result))
            return _written(result)

        present = self._versions(resource, [each.id for each in patches if each.version is None])
        operations = [
            {
                "op": "update",
                "id": each.id,
                "version": int(each.version or present.get(each.id, NO_VERSION)),
                "record": each.body,
            }
            for each in patches
        ]
        return outcomes(patches, self._batch(resource, operations), read)

    @override
    def delete(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        def read(removal: Removal, result: Mapping[str, Any]) -> Outcome:
            if result["status"] < BAD_REQUEST or result["status"] in (404, 410):
                return Outcome(removal.id)
            return Outcome(removal.id, error=self._refused(resource, removal.id, {}, result))

        operations = [_deletion(each) for each in removals]
        return outcomes(removals, self._batch(resource, operations), read)

    @override
    def archive(self, resource: Resource, removals: Sequence[Removal]) -> list[Outcome]:
        if not self.capabilities(resource.name).can_archive:
            return impossible(removals, self._at(resource.name), "archive it")
        return self.update(resource, [Patch(each.key, each.id, each.version, INACTIVE) for each in removals])

    @override
    def perform(self, resource: Resource, transitions: Sequence[Transition]) -> list[Outcome]:
        """Refuses: in this system a change of state is a change of a field."""
        return impossible(transitions, self._at(resource.name), "change its state by an action")

    @override
    def close(self) -> None:
        self._client.close()

    def _read(self, path: str, params: Mapping[str, Any]) -> Answer:
        return accepted(self._client.request("GET", path, params=params, safe=True), f"{NAME}: {path}")

    def _remotes(self, answer: Answer, resource: Resource, read: Callable[[Body], Remote]) -> list[Remote]:
        return read_all(promised(answer, self._at(resource.name), "records", list), read, self._at(resource.name))

    def _matching(self, resource: Resource, condition: Mapping[str, Any]) -> list[Remote]:
        found: list[Remote] = []
        params = {"limit": PAGE, **filters(resource), **condition}
        while True:
            answer = self._read(f"{API}/{resource.name}", params)
            found += self._remotes(answer, resource, _remote)
            if not answer.data.get("nextCursor"):
                return found
            params["cursor"] = answer.data["nextCursor"]

    def _versions(self, resource: Resource, ids: Sequence[str]) -> dict[str, Version]:
        remotes = [each.remote for each in self.fetch(resource, ids)]
        return {each.id: each.version for each in remotes if each and each.version}

    def _batch(self, resource: Resource, operations: list[dict[str, Any]]) -> list[Any]:
        """The results of a batch; not repeated after silence, as a repeated update would meet its own new version."""
        path = f"{API}/{resource.name}/batch"
        content = {"operations": operations}
        answer = self._client.request("POST", path, params={"return": "minimal"}, json=content, safe=False)
        return promised(accepted(answer, self._at(resource.name)), self._at(resource.name), "results", list)

    def _refused(self, resource: Resource, record_id: str | None, sent: Body, result: Mapping[str, Any]) -> RecordError:
        told = result.get("error") or {}
        code = told.get("code", "")
        kind = AlreadyExists if code in DUPLICATES else None
        existing = told.get("existingId") or result.get("existingId")
        refusal = Refusal(result["status"], code, told.get("message", ""), told.get("field"), existing, kind)
        return refused(refusal, self._at(resource.name, record_id), sent)

    def _at(self, collection: str, record_id: str | None = None) -> str:
        return f"{NAME}: {collection} {record_id}" if record_id else f"{NAME}: {collection}"


class _Spot(NamedTuple):
    """Where a scan stands: the window's start, the page to read next, and the server's time when the window began."""

    since: str | None = None
    page: str | None = None
    began: str | None = None

    def params(self) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        if self.since:
            asked |= {"modifiedSince": self.since, "includeDeleted": "true"}
        if self.page:
            asked["cursor"] = self.page
        return asked


def _remote(record: Body) -> Remote:
    is_deleted = "deleted" in record
    modified = datetime.fromisoformat(record["modifiedAt"])
    return Remote(record["id"], version_of(record["version"]), modified, None if is_deleted else record, is_deleted)


def _key(record: Body) -> Remote:
    return Remote(record["id"], version_of(record["version"]), None, None, "deleted" in record)


def _fetched(result: Mapping[str, Any]) -> Fetched:
    presence = PRESENCES[result["status"]]
    remote = _remote(result["record"]) if presence is Presence.PRESENT else None
    return Fetched(result["id"], presence, remote, result.get("mergedInto"))


def _written(result: Mapping[str, Any]) -> Outcome:
    return Outcome(result["id"], version_of(result["version"]), result["changed"])


def _creation(draft: Draft) -> dict[str, Any]:
    return {"op": "create", "record": draft.body, **_marked(draft)}


def _marked(draft: Draft) -> dict[str, str]:
    return {} if draft.marker is None else {MARKER: draft.marker}


def _deletion(removal: Removal) -> dict[str, Any]:
    if removal.version is None:
        return {"op": "delete", "id": removal.id}
    return {"op": "delete", "id": removal.id, "version": int(removal.version)}


def _field(told: Mapping[str, Any]) -> LiveField:
    return LiveField(
        told["name"],
        told["type"],
        nullable=told.get("nullable", True),
        read_only=told.get("readOnly", False),
        length=told.get("maxLength"),
        choices=tuple(told.get("choices") or ()),
    )


def _earlier(moment: str, lag: timedelta) -> str:
    start = datetime.fromisoformat(moment) - lag
    return start.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identified(organization: Mapping[str, Any]) -> Fingerprint:
    clock = datetime.fromisoformat(organization["serverTime"])
    return Fingerprint(NAME, organization["id"], organization["environment"], clock)


_COMMON = Capabilities(
    fetch_size=BATCH,
    write_size=BATCH,
    parallel=4,
    marker_field=MARKER,
    marker_unique=True,
    unique_fields=(MARKER,),
    conditional_write=True,
    ordered_versions=True,
    trustworthy_times=True,
    tombstones=True,
    ranges=True,
    counts=True,
    granularity=timedelta(milliseconds=1),
    visibility_lag=LAG,
    normalising_fields=TEXTS,
)
_ARCHIVED_BY_STATUS = replace(_COMMON, can_archive=True)

COLLECTIONS: Mapping[str, Capabilities] = {
    "accounts": _ARCHIVED_BY_STATUS,
    "contacts": _ARCHIVED_BY_STATUS,
    "products": replace(_ARCHIVED_BY_STATUS, unique_fields=(MARKER, "productCode")),
    "orders": _COMMON,
    "stock-levels": _COMMON,
    "stock-adjustments": _COMMON,
    "shipments": _COMMON,
    "returns": _COMMON,
    "invoices": _COMMON,
    "payments": _COMMON,
    "account-balances": _COMMON,
    "campaigns": _COMMON,
    "leads": _COMMON,
    "campaign-members": _COMMON,
    "opportunities": _COMMON,
    "activities": replace(_COMMON, unique_fields=(MARKER, "reference")),
    "cases": replace(_COMMON, unique_fields=(MARKER, "caseNumber")),
    "projects": _COMMON,
}
"""What each collection can do; of a stock adjustment only `erpDocument` can be changed, as `describe` says."""
