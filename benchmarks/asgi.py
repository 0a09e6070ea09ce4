"""A bare ASGI application: no framework, so that what is measured is the connector and not the server."""

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

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b"" if scope["method"] == "GET" else await _body(receive)
        path = tuple(scope["path"].strip("/").split("/"))
        params = dict(parse_qsl(scope["query_string"].decode()))
        answer = self._counted(Asked(scope["method"], path, params, dict(scope["headers"]), body))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """What the system answers."""

    @abstractmethod
    def touch(self, collection: str | None, count: int) -> int:
        """Change so many records as a person would; answers how many there were to change."""

    def _counted(self, asked: Asked) -> Answer:
        if asked.path[0] == "_bench":
            return self._bench(asked)
        self.requests[asked.method] += 1
        return self.answer(asked)

    def _bench(self, asked: Asked) -> Answer:
        if asked.path[1:] == ("touch",):
            wish = asked.json()
            return encoded(OK, {"touched": self.touch(wish.get("collection"), wish["count"])})
        cpu = time.process_time()
        return encoded(OK, {"requests": self.requests, "records": self.records, "cpu_seconds": cpu})


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
