"""What both servers do around every call: count, limit, let in, read JSON, and answer in their own spelling."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.reference.options import Options
from connector.reference.refusals import Reason, Refusal, malformed

Spell = Callable[[int, str, Refusal | None], bytes]
"""A server's own spelling of an error: status, message, and the refusal where there is one."""
LetIn = Callable[[Headers], str]
"""The user behind a request's headers; raises `Refusal`."""

JSON = "application/json"
STATUSES: Mapping[Reason, int] = {
    Reason.MALFORMED: 400,
    Reason.UNAUTHENTICATED: 401,
    Reason.FORBIDDEN: 403,
    Reason.ABSENT: 404,
    Reason.DUPLICATE: 409,
    Reason.STALE: 409,
    Reason.GONE: 410,
    Reason.INVALID: 422,
    Reason.LOCKED: 423,
}
TOO_MANY = 429


class Meter:
    """Counts what was asked and written since the start: a witness for tests."""

    def __init__(self, webhooks: Counter[str], queued: Callable[[], int]) -> None:
        """`webhooks` counts what became of messages, `queued` how many are not delivered yet."""
        self.requests: dict[str, Counter[str]] = {}
        self.writes: dict[str, Counter[str]] = {}
        self._webhooks, self._queued = webhooks, queued

    def count_request(self, method: str, template: str) -> None:
        """One request, by the path as the server declares it."""
        self.requests.setdefault(method, Counter())[template] += 1

    def count_write(self, collection: str, kind: str) -> None:
        """One record that was created, updated, deleted or acted on."""
        self.writes.setdefault(collection, Counter())[kind] += 1

    def report(self) -> dict[str, Any]:
        """All counts, with their sums."""
        return {
            "requests": self.requests,
            "writes": self.writes,
            "webhooks": {**self._webhooks, "queued": self._queued()},
            "total": {
                "requests": sum(each.total() for each in self.requests.values()),
                "writes": sum(each.total() for each in self.writes.values()),
            },
        }


class Face(NamedTuple):
    """How one server shows itself: where its calls begin, whom it lets in, and how it words what goes wrong."""

    base: str
    let_in: LetIn
    spell: Spell
    statuses: Mapping[Reason, int]
    document: Mapping[str, Any]
    """Its calls in OpenAPI."""


def new_app(title: str, running: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """An app without calls; `running` is open as long as it is served."""
    return FastAPI(title=title, version="1", openapi_url=None, docs_url=None, redoc_url=None, lifespan=running)


class Gate:
    """The way into a server: a limit on the pace, a check of the credentials, a line in the log for every request."""

    def __init__(self, app: ASGIApp, face: Face, meter: Meter, options: Options) -> None:
        self._app, self._face, self._meter = app, face, meter
        self._uncounted = f"{face.base}/_"
        self._pace = Pace(options.rate_limit) if options.rate_limit else None
        self._log = options.log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http" or scope["path"].startswith(self._uncounted):
            return await self._enter(scope, receive, send)
        began = time.perf_counter()

        async def watch(message: Message) -> None:
            # Noted before it is sent, so that whoever has the answer finds it counted.
            if message["type"] == "http.response.start":
                self.note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        if self._pace and (wait := self._pace.wait()):
            return await self._slow_down(wait)(scope, receive, watch)
        return await self._enter(scope, receive, watch)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._face.base):
            try:
                scope["client_name"] = self._face.let_in(Headers(scope=scope))
            except Refusal as refusal:
                return await refused(self._face.spell, refusal)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _slow_down(self, wait: int) -> Response:
        body = self._face.spell(TOO_MANY, "too many requests", None)
        return Response(body, TOO_MANY, {"Retry-After": str(wait)}, JSON)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request and write it down; the status is 0 where nothing was answered."""
        template = getattr(scope.get("route"), "path", "(other)")
        self._meter.count_request(scope["method"], template)
        if self._log:
            with self._log.open("a", encoding="utf-8") as file:
                query = scope["query_string"].decode("ascii", "replace")
                path = f"{scope['path']}?{query}" if query else scope["path"]
                file.write(f"{scope['method']} {path!r} {status} {seconds * 1000:.1f} ms\n")


def enclose(app: FastAPI, face: Face, meter: Meter, options: Options) -> Gate:
    """A server with everything around it that both have."""
    document = orjson.dumps(face.document)

    async def openapi(_: Request) -> Response:
        return answer(document)

    async def stats(_: Request) -> Response:
        return answer(meter.report())

    app.add_api_route("/openapi.json", openapi)
    app.add_api_route(f"{face.base}/_stats", stats)
    speak_errors(app, face.spell, face.statuses)
    return Gate(app, face, meter, options)


class Pace:
    """At most so many requests in any second of the clock."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._second, self._used = -1, 0

    def wait(self) -> int:
        """Nothing, or the seconds after which to come again."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._used = second, 0
        self._used += 1
        return 1 if self._used > self._limit else 0


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, from bytes that are JSON already or from plain values."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, status, dict(headers or {}), JSON)


def refused(spell: Spell, refusal: Refusal, status: int | None = None) -> Response:
    """A refusal as an answer of its own."""
    code = status or STATUSES[refusal.reason]
    return answer(spell(code, refusal.message, refusal), code)


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body."""
    try:
        content = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise malformed("the body is no JSON") from error
    if not isinstance(content, dict):
        raise malformed("the body must be a JSON object")
    return content


def read_items(content: Mapping[str, Any], name: str, most: int) -> list[Any]:
    """A list in a request's body, of at most so many items."""
    items = content.get(name)
    if not isinstance(items, list):
        raise malformed(f"{name} must be a list", name)
    if len(items) > most:
        raise malformed(f"{name} holds more than {most} items", name)
    return items


def speak_errors(app: FastAPI, spell: Spell, statuses: Mapping[Reason, int]) -> None:
    """Answer everything that goes wrong in the server's own spelling."""

    async def on_refusal(_: Request, error: Exception) -> Response:
        refusal = error if isinstance(error, Refusal) else malformed(str(error))
        return refused(spell, refusal, statuses.get(refusal.reason))

    async def on_http(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        return answer(spell(status, "there is no such call", None), status, headers)

    async def on_fault(_: Request, __: Exception) -> Response:
        return answer(spell(500, "the server failed", None), 500)

    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_fault)
