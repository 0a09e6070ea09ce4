"""The reference ERP's HTTP face."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp
from typing_extensions import override

from connector.reference.erp_desks import Written
from connector.reference.erp_followers import Followers
from connector.reference.erp_openapi import describe
from connector.reference.erp_queries import read_query
from connector.reference.erp_records import Records
from connector.reference.erp_service_tables import EVENTS
from connector.reference.erp_tables import RESOURCES, STOCK_LEVELS
from connector.reference.erp_webhooks import SubscriptionCalls, add_subscription_calls, envelope
from connector.reference.faults.doors import spoil
from connector.reference.faults.exchange import Habits
from connector.reference.faults.plane import Plane
from connector.reference.fields import Collection
from connector.reference.options import Options
from connector.reference.outbox import Outbox
from connector.reference.refusals import Reason, Refusal, invalid, malformed
from connector.reference.schema import field_table
from connector.reference.sender import Sender
from connector.reference.stamps import seconds_text
from connector.reference.storage import Store
from connector.reference.web import STATUSES, Face, Meter, answer, enclose, new_app, read_items, read_object

BASE = "/api"
MOST = 200
LONGEST_KEY = 200
USER = "api"
ERRORS = {
    Reason.MALFORMED: "malformed",
    Reason.UNAUTHENTICATED: "bad_key",
    Reason.FORBIDDEN: "forbidden",
    Reason.ABSENT: "not_found",
    Reason.DUPLICATE: "duplicate",
    Reason.STALE: "stale_revision",
    Reason.GONE: "not_found",
    Reason.INVALID: "invalid",
    Reason.LOCKED: "locked",
}
OTHER_ERRORS = {
    401: "bad_key",
    404: "not_found",
    429: "slow_down",
    500: "internal",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}
HABITS = Habits(
    "company",
    {"company_id": 999_999_999, "name": "Another ERP", "database": "erp-another"},
    "items",
    {"total": 0},
    "write_date",
    seconds_text,
)
KINDS = ("create", "update", "delete", "perform")


def spell_error(refusal: Refusal) -> dict[str, Any]:
    """A refusal as the ERP writes it."""
    error = {
        "error": ERRORS[refusal.reason] if refusal.moved is None else "moved",
        "message": refusal.message,
        "field": refusal.field,
        "existing_id": refusal.existing,
        "moved_to": refusal.moved,
    }
    return {name: value for name, value in error.items() if value is not None}


def spell(status: int, message: str, refusal: Refusal | None) -> bytes:
    """An error's body."""
    if refusal:
        return orjson.dumps(spell_error(refusal))
    return orjson.dumps({"error": OTHER_ERRORS.get(status, "malformed"), "message": message})


def let_in(key: str) -> Callable[[Headers], str]:
    """The check of the API key."""

    def check(headers: Headers) -> str:
        if not secrets.compare_digest(headers.get("x-api-key", "").encode(), key.encode()):
            raise Refusal(Reason.UNAUTHENTICATED, "X-API-Key is missing or wrong")
        return USER

    return check


class ResourceCalls:
    """The calls of one resource."""

    def __init__(self, resource: Collection, records: Records, store: Store, meter: Meter) -> None:
        self._resource, self._records, self._store, self._meter = resource, records, store, meter
        self._name = resource.name

    async def list_records(self, request: Request) -> Response:
        """A page of records, by id."""
        asked = read_query(self._resource, request.query_params, self._records.number)
        now = seconds_text(self._store.now())
        # Only a level's id is not the number it is stored under.
        keys_only = asked.is_keys and self._resource is not STOCK_LEVELS
        select = self._store.select_keys if keys_only else self._store.select
        rows = select(self._name, asked.selection, asked.per_page, asked.offset)
        total = self._store.count(self._name, asked.selection)
        tail = f'],"page":{asked.page},"per_page":{asked.per_page},"total":{total},"now":"{now}"}}'
        return answer(b'{"items":[' + b",".join([asked.body(row) for row in rows]) + tail.encode())

    async def fields(self, _: Request) -> Response:
        """What fields the records have."""
        return answer({"fields": field_table(self._resource)})

    async def read(self, request: Request) -> Response:
        """One record."""
        return answer(self._records.read(self._resource, request.path_params["id"]).body)

    async def create(self, request: Request) -> Response:
        """One new record."""
        sent = await read_object(request)
        with self._store.transaction():
            body, repeated = self._create_once(request.headers.get("idempotency-key"), sent)
        if not repeated:
            self._meter.count_write(self._name, "create")
        return answer(body, 201)

    async def change(self, request: Request) -> Response:
        """Some fields of a record."""
        sent = await read_object(request)
        revision = sent.pop("revision", None)
        with self._store.transaction():
            written = self._records.update(self._resource, request.path_params["id"], sent, USER, revision)
        self._meter.count_write(self._name, "update")
        return answer(written.row.body)

    async def delete(self, request: Request) -> Response:
        """Take a record away."""
        with self._store.transaction():
            self._records.delete(self._resource, request.path_params["id"], USER, None)
        self._meter.count_write(self._name, "delete")
        return Response(status_code=204)

    async def act(self, request: Request) -> Response:
        """Bring a record into another state."""
        sent = await read_object(request) if await request.body() else {}
        action = request.path_params["action"]
        with self._store.transaction():
            revision = sent.pop("revision", None)
            written = self._records.act(self._resource, request.path_params["id"], action, USER, revision, sent)
        self._meter.count_write(self._name, action)
        return answer(written.row.body)

    async def write_many(self, request: Request) -> Response:
        """Many writes of one kind, each done or refused by itself."""
        content = await read_object(request)
        kind = next((each for each in KINDS if each in content), None)
        if kind is None:
            raise malformed(f"one of {', '.join(KINDS)} is needed")
        items = read_items(content, kind, MOST)
        action = content.get("action") if kind == "perform" else kind
        if not isinstance(action, str):
            raise malformed("action must be text", "action")
        with_record = request.query_params.get("full") == "true"
        done: list[str] = []
        with self._store.transaction():
            results = [self._write_one(kind, action, each, done, with_record=with_record) for each in items]
        for each in done:
            self._meter.count_write(self._name, each)
        return answer(b'{"results":[' + b",".join(results) + b"]}")

    def _write_one(self, kind: str, action: str, item: Any, done: list[str], *, with_record: bool) -> bytes:
        counted = len(done)
        try:
            if not isinstance(item, dict):
                raise malformed("an item must be an object")
            with self._store.step():
                result = self._perform(kind, action, item, done)
        except Refusal as refusal:
            del done[counted:]
            return orjson.dumps({"status": STATUSES[refusal.reason], **spell_error(refusal)})
        body = result.pop("body", None)
        told = orjson.dumps(result)
        return told[:-1] + b',"record":' + body + b"}" if with_record and body else told

    def _perform(self, kind: str, action: str, item: dict[str, Any], done: list[str]) -> dict[str, Any]:
        if kind == "create":
            return self._create_one(item, done)
        record_id, revision = item.get("id"), item.get("revision")
        done.append(action)
        if kind == "delete":
            row = self._records.delete(self._resource, record_id, USER, revision)
            return {"status": 204, "id": row.num}
        if kind == "perform":
            return _result(200, self._records.act(self._resource, record_id, action, USER, revision, item), {})
        values = item.get("values")
        return _result(200, self._records.update(self._resource, record_id, values, USER, revision), values)

    def _create_one(self, item: dict[str, Any], done: list[str]) -> dict[str, Any]:
        body, repeated = self._create_once(item.get("idempotency_key"), item.get("values"))
        if not repeated:
            done.append("create")
        values = orjson.loads(body)
        sent = item["values"]
        changed = {name: each for name, each in values.items() if each != sent.get(name) and name not in STAMPS}
        return {"status": 201, **{name: values[name] for name in STAMPS}, "changed": changed, "body": body}

    def _create_once(self, key: object, sent: object) -> tuple[bytes, bool]:
        """The new record, or the first answer where this key was used before; and whether it was."""
        if key is None:
            return self._records.create(self._resource, sent, USER).row.body, False
        if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
            raise invalid(f"an idempotency key is text of at most {LONGEST_KEY} characters", "idempotency_key")
        digest = hashlib.blake2b(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
        known = self._store.remembered(key, self._name)
        if known is None:
            body = self._records.create(self._resource, sent, USER).row.body
            self._store.remember(key, self._name, digest, body)
            return body, False
        if known[0] != digest:
            raise invalid("this idempotency key was used for other values", "idempotency_key")
        return known[1], True


class EventCalls(ResourceCalls):
    """The calls of the journal: whoever reads it also learns what has become overdue by now."""

    def __init__(self, followers: Followers, *rest: Any) -> None:
        super().__init__(*rest)
        self._followers = followers

    @override
    async def list_records(self, request: Request) -> Response:
        self._followers.dun()
        return await super().list_records(request)


STAMPS = ("id", "revision", "write_date")


def _result(status: int, written: Written, sent: Any) -> dict[str, Any]:
    stamps = {name: written.values[name] for name in STAMPS}
    return {"status": status, **stamps, "changed": written.changed(sent), "body": written.row.body}


def build(options: Options, store: Store, plane: Plane | None = None) -> ASGIApp:
    """The whole ERP over one store; with a plane, faults can be set."""
    records = Records(store)
    company_id = int(store.setting("company", lambda: str(secrets.randbelow(10**6))))
    database = store.setting("database", lambda: f"erp-{secrets.token_hex(6)}")
    outbox = Outbox(store, envelope(database))
    followers = Followers(store, records)
    sender = Sender(outbox, store.seconds)
    meter = Meter(sender.counts, outbox.queued)
    app = new_app("Reference ERP", sender.running)

    async def company(_: Request) -> Response:
        now = seconds_text(store.now())
        return answer({"company_id": company_id, "name": "Reference ERP", "database": database, "now": now})

    app.add_api_route(f"{BASE}/company", company)
    for resource in RESOURCES:
        calls = EventCalls(followers, resource, records, store, meter) if resource is EVENTS else None
        _add_calls(app, calls or ResourceCalls(resource, records, store, meter), resource)
    add_subscription_calls(app, BASE, SubscriptionCalls(outbox, RESOURCES, options))
    face = Face(BASE, let_in(options.api_key), spell, STATUSES, describe(BASE, RESOURCES))
    gate = enclose(app, face, meter, options)
    if plane is None:
        return gate
    plane.attach(store, outbox, BASE, HABITS)
    return spoil(app, gate, face.spell, plane)


def _add_calls(app: FastAPI, calls: ResourceCalls, resource: Collection) -> None:
    root, one = f"{BASE}/{resource.name}", f"{BASE}/{resource.name}/{{id}}"
    add = app.add_api_route
    add(root, calls.list_records)
    add(f"{root}/fields", calls.fields)
    add(one, calls.read)
    if resource.can_write:
        add(f"{root}/bulk", calls.write_many, methods=["POST"])
        add(root, calls.create, methods=["POST"])
    if resource.can_change:
        add(one, calls.change, methods=["PATCH"])
    if resource.can_delete:
        add(one, calls.delete, methods=["DELETE"])
    if resource.actions:
        add(f"{one}/{{action}}", calls.act, methods=["POST"])
