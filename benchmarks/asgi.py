"""A bare ASGI application: no framework, so that what is measured is the connector and not the server."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import orjson

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

OK, CREATED, BAD_REQUEST, UNAUTHORISED, NOT_FOUND = 200, 201, 400, 401, 404


class Asked(NamedTuple):
    """One request."""

    method: str
    path: tuple[str, ...]
    params: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)


class Answer(NamedTuple):
    """A status and the JSON that goes with it."""

    status: int
    body: bytes


class Application(ABC):
    """What both benchmark servers are: requests in, bytes out, everything counted."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.latency = 0.0
        self.busy_seconds = 0.0
        self.written_at = 0.0
        """When a record was written last; the clock is the machine's own, so that other processes can compare."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b"" if scope["method"] == "GET" else await _body(receive)
        path = tuple(scope["path"].strip("/").split("/"))
        params = dict(parse_qsl(scope["query_string"].decode()))
        asked = Asked(scope["method"], path, params, dict(scope["headers"]), body)
        answer, milliseconds = self._timed(asked)
        if self.latency and path[0] != "_bench":
            await asyncio.sleep(self.latency)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer.body)).encode()),
            (b"server-timing", f"app;dur={milliseconds:.3f}".encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """What the system answers."""

    @abstractmethod
    def touch(self, collection: str | None, count: int) -> int:
        """Change so many records as a person would; answers how many there were to change."""

    def _timed(self, asked: Asked) -> tuple[Answer, float]:
        """The answer, and the milliseconds that it took, which are told in its `Server-Timing` too."""
        if asked.path[0] == "_bench":
            return self._bench(asked), 0.0
        begun, written = time.perf_counter(), self.records["written"]
        self.requests[asked.method] += 1
        answer = self.answer(asked)
        seconds = time.perf_counter() - begun
        self.busy_seconds += seconds
        if self.records["written"] > written:
            self.written_at = time.time()
        return answer, seconds * 1000

    def _bench(self, asked: Asked) -> Answer:
        if asked.path[1:] == ("touch",):
            wish = asked.json()
            return encoded(OK, {"touched": self.touch(wish.get("collection"), wish["count"])})
        cpu = time.process_time()
        told = {"requests": self.requests, "records": self.records, "cpu_seconds": cpu}
        return encoded(OK, {**told, "busy_seconds": self.busy_seconds, "written_at": self.written_at})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def encoded(status: int, value: Any) -> Answer:
    """An answer from a value."""
    return Answer(status, orjson.dumps(value))


def utc() -> datetime:
    """The server's clock."""
    return datetime.fromtimestamp(time.time(), UTC)
