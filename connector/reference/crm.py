"""The reference CRM's HTTP face."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp

from connector.reference.crm_availability import availability
from connector.reference.crm_front import FrontOffice, Promotions
from connector.reference.crm_merges import Merges
from connector.reference.crm_openapi import describe
from connector.reference.crm_queries import cut, read_cut, read_query
from connector.reference.crm_records import Records, Written, number
from connector.reference.crm_tables import COLLECTIONS, with_strict_vat
from connector.reference.crm_webhooks import SubscriptionCalls, add_subscription_calls, envelope
from connector.reference.faults.doors import spoil
from connector.reference.faults.exchange import Habits
from connector.reference.faults.plane import Plane
from connector.reference.fields import Collection
from connector.reference.filters import short_number
from connector.reference.options import Options
from connector.reference.outbox import Outbox
from connector.reference.refusals import Reason, Refusal, malformed
from connector.reference.schema import live_fields
from connector.reference.sender import Sender
from connector.reference.stamps import milliseconds_text
from connector.reference.storage import Store
from connector.reference.web import (
    STATUSES,
    Face,
    Meter,
    answer,
    enclose,
    new_app,
    read_items,
    read_object,
)

BASE = "/api/v1"
MOST = 200
BEARER = "Bearer "
CODES = {
    Reason.MALFORMED: "MALFORMED",
    Reason.UNAUTHENTICATED: "INVALID_TOKEN",
    Reason.FORBIDDEN: "FORBIDDEN",
    Reason.ABSENT: "NOT_FOUND",
    Reason.DUPLICATE: "DUPLICATE",
    Reason.STALE: "VERSION_MISMATCH",
    Reason.GONE: "GONE",
    Reason.INVALID: "VALIDATION_FAILED",
    Reason.LOCKED: "LOCKED",
}
OWN_STATUSES = {**STATUSES, Reason.STALE: 412}
OTHER_CODES = {
    401: "INVALID_TOKEN",
    404: "NOT_FOUND",
    405: "MALFORMED",
    429: "RATE_LIMITED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
HABITS = Habits(
    "organization",
    {"id": "org-another", "name": "Another CRM"},
    "records",
    {"nextCursor": None},
    "modifiedAt",
    milliseconds_text,
)

Call = Callable[[Request], Awaitable[Response]]


def spell_error(refusal: Refusal) -> dict[str, Any]:
    """A refusal as the CRM writes it."""
    code = CODES[refusal.reason]
    if refusal.reason is Reason.DUPLICATE and refusal.field == "externalId":
        code = "DUPLICATE_EXTERNAL_ID"
    error: dict[str, Any] = {"code": code, "message": refusal.message, "field": refusal.field}
    if refusal.existing is not None:
        error["existingId"] = str(refusal.existing)
    if refusal.moved is not None:
        error |= {"code": "MERGED", "mergedInto": refusal.moved}
    return {name: value for name, value in error.items() if value is not None}


def spell(status: int, message: str, refusal: Refusal | None) -> bytes:
    """An error's body."""
    error = spell_error(refusal) if refusal else {"code": OTHER_CODES.get(status, "MALFORMED"), "message": message}
    return orjson.dumps({"error": error})


class Tokens:
    """The access tokens that were given out; a restart forgets them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._clients = {options.client_id: options.client_secret, options.sales_id: options.sales_secret}
        self._ends: dict[str, tuple[float, str]] = {}

    def give(self, form: dict[str, list[str]]) -> str:
        """A new token for the right credentials."""
        client, secret = (form.get(name, [""])[0] for name in ("client_id", "client_secret"))
        if form.get("grant_type") != ["client_credentials"]:
            raise malformed("grant_type must be client_credentials", "grant_type")
        right = secrets.compare_digest(secret.encode(), self._clients.get(client, "").encode())
        if client not in self._clients or not right:
            raise Refusal(Reason.UNAUTHENTICATED, "unknown client, or wrong secret")
        now = self._options.clock()
        self._ends = {token: held for token, held in self._ends.items() if held[0] > now}
        token = secrets.token_urlsafe(24)
        self._ends[token] = (now + self._options.token_lifetime, client)
        return token

    def let_in(self, headers: Headers) -> str:
        """The client behind a request."""
        given = headers.get("authorization", "")
        end, client = self._ends.get(given.removeprefix(BEARER), (0.0, ""))
        if not given.startswith(BEARER) or end <= self._options.clock():
            raise Refusal(Reason.UNAUTHENTICATED, "the access token is missing, wrong or expired")
        return client


class CollectionCalls:
    """The calls of one collection."""

    def __init__(self, collection: Collection, records: Records, store: Store, meter: Meter) -> None:
        self._collection, self._records, self._store, self._meter = collection, records, store, meter
        self._name = collection.name

    async def list_records(self, request: Request) -> Response:
        """A page of records, by id."""
        asked = read_query(self._collection, request.query_params)
        now = milliseconds_text(self._store.now())
        if asked.is_keys:
            rows = self._store.select_keys(self._name, asked.selection, asked.limit + 1)
        else:
            rows = self._store.select(self._name, asked.selection, asked.limit + 1)
        more, rows = len(rows) > asked.limit, rows[: asked.limit]
        bodies = b",".join([asked.body(self._collection, row) for row in rows])
        follows = f'"{asked.next_cursor(rows[-1].num)}"' if more else "null"
        tail = f'],"nextCursor":{follows},"serverTime":"{now}"}}'
        return answer(b'{"records":[' + bodies + tail.encode())

    async def count(self, request: Request) -> Response:
        """How many records there are."""
        asked = read_query(self._collection, request.query_params)
        return answer({"count": self._store.count(self._name, asked.live)})

    async def ranges(self, request: Request) -> Response:
        """Cursors that together begin a list of all records, each of a range of its own."""
        selection, size = read_cut(self._collection, request.query_params)
        now = milliseconds_text(self._store.now())
        return answer({"cursors": cut(*self._store.span(self._name, selection), size), "serverTime": now})

    async def schema(self, _: Request) -> Response:
        """What fields the records have."""
        return answer({"fields": live_fields(self._collection)})

    async def read(self, request: Request) -> Response:
        """One record."""
        row = self._records.read(self._collection, request.path_params["id"])
        return answer(row.body, headers={"ETag": f'"{row.version}"'})

    async def create(self, request: Request) -> Response:
        """One new record."""
        sent = await read_object(request)
        with self._store.transaction():
            written = self._records.create(self._collection, sent, request.scope["client_name"])
        self._meter.count_write(self._name, "create")
        return answer(written.row.body, 201, {"ETag": '"1"'})

    async def change(self, request: Request) -> Response:
        """Some fields of a record."""
        sent = await read_object(request)
        version = _if_match(request)
        with self._store.transaction():
            user = request.scope["client_name"]
            written = self._records.update(self._collection, request.path_params["id"], sent, user, version)
        self._meter.count_write(self._name, "update")
        return answer(written.row.body, headers={"ETag": f'"{written.row.version}"'})

    async def delete(self, request: Request) -> Response:
        """Leave a tombstone."""
        with self._store.transaction():
            user = request.scope["client_name"]
            self._records.delete(self._collection, request.path_params["id"], user, _if_match(request))
        self._meter.count_write(self._name, "delete")
        return Response(status_code=204)

    async def merge(self, request: Request) -> Response:
        """Make this record part of another."""
        sent = await read_object(request)
        user, merges = request.scope["client_name"], Merges(self._store, self._records.collections, self._records)
        with self._store.transaction():
            written = merges.merge(
                self._collection, request.path_params["id"], sent.get("into"), user, _if_match(request)
            )
        self._meter.count_write(self._name, "merge")
        return answer(written.row.body, headers={"ETag": f'"{written.row.version}"'})

    async def act(self, request: Request) -> Response:
        """Let one of the front office's great moments happen."""
        sent = await read_object(request) if await request.body() else {}
        record_id, action = request.path_params["id"], request.url.path.rpartition("/")[2]
        with self._store.transaction():
            office = FrontOffice(self._store, self._records)
            written = office.act(action, record_id, sent, request.scope["client_name"], _if_match(request))
        self._meter.count_write(self._name, action)
        return answer(written.row.body, headers={"ETag": f'"{written.row.version}"'})

    async def read_batch(self, request: Request) -> Response:
        """Many records by their ids."""
        ids = read_items(await read_object(request), "ids", MOST)
        results = b",".join([self._read_one(each) for each in ids])
        return answer(b'{"results":[' + results + b"]}")

    async def write_batch(self, request: Request) -> Response:
        """Many operations, each done or refused by itself."""
        operations = read_items(await read_object(request), "operations", MOST)
        minimal = _is_minimal(request)
        user = request.scope["client_name"]
        done: list[str] = []
        with self._store.transaction():
            results = [self._write_one(each, user, done, minimal=minimal) for each in operations]
        for kind in done:
            self._meter.count_write(self._name, kind)
        return answer(b'{"results":[' + b",".join(results) + b"]}")

    def _read_one(self, record_id: Any) -> bytes:
        named = record_id if isinstance(record_id, str) else str(record_id)
        head = orjson.dumps({"id": record_id})[:-1]
        row = self._store.look_up(self._name, number(self._collection, named))
        if row is None:
            return head + b',"status":404}'
        if not row.deleted:
            return head + b',"status":200,"record":' + row.body + b"}"
        merged = row.values.get("mergedInto")
        told = b',"mergedInto":' + orjson.dumps(merged) if merged else b""
        return head + b',"status":410' + told + b"}"

    def _write_one(self, operation: Any, user: str, done: list[str], *, minimal: bool) -> bytes:
        try:
            with self._store.step():
                kind, result = self._perform(operation, user, minimal=minimal)
        except Refusal as refusal:
            return orjson.dumps({"status": OWN_STATUSES[refusal.reason], "error": spell_error(refusal)})
        done.append(kind)
        return result

    def _perform(self, operation: Any, user: str, *, minimal: bool) -> tuple[str, bytes]:
        if not isinstance(operation, dict):
            raise malformed("an operation must be an object")
        kind, record, version = operation.get("op"), operation.get("record"), operation.get("version")
        if kind == "create":
            written = self._records.create(self._collection, record, user, operation.get("externalId"))
            return kind, _result(201, written, record, minimal=minimal)
        record_id = operation.get("id")
        if kind not in ("update", "delete") or not isinstance(record_id, str):
            raise malformed("op must be create, update or delete, and the last two name an id", "op")
        if kind == "update":
            written = self._records.update(self._collection, record_id, record, user, version)
            return kind, _result(200, written, record, minimal=minimal)
        row = self._records.delete(self._collection, record_id, user, version)
        return kind, orjson.dumps({"status": 204, "id": record_id, "version": row.version})


def build(options: Options, store: Store, plane: Plane | None = None) -> ASGIApp:
    """The whole CRM over one store; with a plane, faults can be set."""
    collections = with_strict_vat(COLLECTIONS) if options.strict else COLLECTIONS
    tokens, records = Tokens(options), Records(store, collections, people=frozenset((options.sales_id,)))
    identity = store.setting("organization", lambda: f"org-{secrets.token_hex(6)}")
    outbox = Outbox(store, envelope(identity))
    Promotions(store, records)
    sender = Sender(outbox, store.seconds)
    meter = Meter(sender.counts, outbox.queued)
    app = new_app("Reference CRM", sender.running)

    async def token(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        content = {"access_token": tokens.give(form), "token_type": "Bearer", "expires_in": options.token_lifetime}
        return answer(content, headers={"Cache-Control": "no-store"})

    async def organization(_: Request) -> Response:
        now = milliseconds_text(store.now())
        return answer({"id": identity, "name": "Reference CRM", "environment": "reference", "serverTime": now})

    async def promise(request: Request) -> Response:
        return answer(availability(records, store, request.path_params["id"]))

    add = app.add_api_route
    add("/oauth/token", token, methods=["POST"])
    add(f"{BASE}/products/{{id}}/availability", promise)
    add(f"{BASE}/organization", organization)
    for collection in collections:
        _add_calls(app, CollectionCalls(collection, records, store, meter), collection)
    add_subscription_calls(app, BASE, SubscriptionCalls(outbox, collections, options))
    face = Face(BASE, tokens.let_in, spell, OWN_STATUSES, describe(BASE, collections))
    gate = enclose(app, face, meter, options)
    if plane is None:
        return gate
    plane.attach(store, outbox, BASE, HABITS)
    return spoil(app, gate, face.spell, plane)


def _add_calls(app: FastAPI, calls: CollectionCalls, collection: Collection) -> None:
    root, one = f"{BASE}/{collection.name}", f"{BASE}/{collection.name}/{{id}}"
    add = app.add_api_route
    add(f"{BASE}/schema/{collection.name}", calls.schema)
    add(root, calls.list_records)
    add(f"{root}/count", calls.count)
    add(f"{root}/ranges", calls.ranges)
    add(f"{root}/batch/read", calls.read_batch, methods=["POST"])
    add(f"{root}/batch", calls.write_batch, methods=["POST"])
    add(root, calls.create, methods=["POST"])
    add(one, calls.read)
    add(one, calls.change, methods=["PATCH"])
    add(one, calls.delete, methods=["DELETE"])
    if "merge" in collection.actions:
        add(f"{one}/merge", calls.merge, methods=["POST"])
    for action in collection.actions:
        if action != "merge":
            add(f"{one}/{action}", calls.act, methods=["POST"])


def _if_match(request: Request) -> int | None:
    given = request.headers.get("if-match")
    if given is None:
        return None
    version = short_number(given.strip().removeprefix("W/").strip('"'))
    if version is None:
        raise malformed("If-Match must hold a version", "If-Match")
    return version


def _is_minimal(request: Request) -> bool:
    given = request.query_params.get("return", "representation")
    if given not in ("minimal", "representation"):
        raise malformed("return must be minimal or representation", "return")
    return given == "minimal"


def _result(status: int, written: Written, sent: Any, *, minimal: bool) -> bytes:
    row, values = written.row, written.values
    result = {"status": status, "id": values["id"], "version": row.version}
    if minimal:
        return orjson.dumps({**result, "modifiedAt": values["modifiedAt"], "changed": written.changed(sent)})
    return orjson.dumps(result)[:-1] + b',"record":' + row.body + b"}"
