"""The receiver of webhooks: proves who speaks, notes what needs a look, and only then says that it has heard.

What a webhook says is never believed, only where to look: a lost, doubled, late or forged one costs time, never truth.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.adapters.notices import Notice, ReadNotice
from connector.arrivals import FULL, STRANGER, TOO_EARLY, Arrivals, Delivery
from connector.errors import StoreError
from connector.logs import get_logger
from connector.records import Side
from connector.signatures import Refused, Request, Scheme, Terms

ACCEPTED, MALFORMED, REFUSED, TOO_LATE, TOO_LARGE, NOT_NOW = 202, 400, 401, 408, 413, 503
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""
MOST_WAITING = 2000
"""Deliveries that may wait to be stored; more are asked to come again."""
MOST_STORED = 500
"""Deliveries in one transaction."""
_NOT_TAKEN = {STRANGER: REFUSED, TOO_EARLY: NOT_NOW, FULL: NOT_NOW}
RETRY_SECONDS = 60
"""When to come again what cannot be taken now."""
_TELL_EVERY = timedelta(seconds=1)


class Port(NamedTuple):
    """One side's webhooks: how they are signed, with which secrets, and how they are read."""

    scheme: Scheme
    secrets: tuple[str, ...]
    read: ReadNotice
    url: str | None
    """The address as the sender knows it; None takes what the request says."""


class Limits(NamedTuple):
    """What is too old and too large."""

    tolerance: timedelta
    body: int


class Answer(Exception):
    """Ends a request with a status and the word that is counted; holds nothing that was sent."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Receiver:
    """Answers `POST /webhooks/{side}`; `count` is told the side and what became of each request."""

    def __init__(
        self,
        ports: Mapping[Side, Port],
        arrivals: Arrivals,
        limits: Limits,
        clock: Callable[[], datetime],
        count: Callable[[str, str], None] = lambda side, outcome: None,  # noqa: ARG005 -- nobody counts
    ) -> None:
        self._ports, self._limits, self._clock, self._count = ports, limits, clock, count
        self._shelf = Shelf(arrivals, clock)
        self._told: dict[tuple[str, str], datetime] = {}

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [Route("/webhooks/{side}", self.receive, methods=["POST"])]

    @asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Stores what arrives as long as the block lasts; what was taken in is stored before it ends."""
        async with self._shelf.running():
            yield

    async def receive(self, request: HttpRequest) -> Response:
        """Prove, read, store, and only then acknowledge."""
        name = request.path_params["side"]
        try:
            outcome = await self._take(request, name)
        except Answer as answer:
            self._count(name if name in set(Side) else "unknown", answer.reason)
            self._tell(name, answer)
            headers = {"Retry-After": str(RETRY_SECONDS)} if answer.status == NOT_NOW else None
            return JSONResponse({"error": answer.reason}, answer.status, headers)
        self._count(name, outcome)
        return Response(status_code=ACCEPTED)

    async def _take(self, request: HttpRequest, name: str) -> str:
        port = self._ports.get(Side(name)) if name in set(Side) else None
        if port is None or not port.secrets:
            raise Answer(REFUSED, "no webhooks expected")
        body = await self._body(request)
        sent = Request(request.method, port.url or str(request.url), request.headers, body)
        try:
            delivery = port.scheme(sent, Terms(port.secrets, self._clock(), self._limits.tolerance))
        except Refused as refused:
            raise Answer(REFUSED, refused.reason) from None
        outcome = await self._shelf.put(Delivery(Side(name), delivery, _read(port, body)))
        if outcome in _NOT_TAKEN:
            raise Answer(_NOT_TAKEN[outcome], outcome)
        return outcome

    async def _body(self, request: HttpRequest) -> bytes:
        """The body, given up as soon as it is too large or too slow."""
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > self._limits.body:
            raise Answer(TOO_LARGE, "too large")
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    if size > self._limits.body:
                        raise Answer(TOO_LARGE, "too large")
                    parts.append(part)
        except (TimeoutError, ClientDisconnect):
            raise Answer(TOO_LATE, "broken off") from None
        return b"".join(parts)

    def _tell(self, side: str, answer: Answer) -> None:
        """One line a reason and second: whoever knocks often must not fill the log."""
        now, key = self._clock(), (side if side in set(Side) else "unknown", answer.reason)
        if key not in self._told or abs(now - self._told[key]) >= _TELL_EVERY:
            self._told[key] = now
            get_logger().warning("webhook_refused", side=key[0], reason=answer.reason, status=answer.status)


def _read(port: Port, body: bytes) -> Notice:
    try:
        return port.read(orjson.loads(body))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Answer(MALFORMED, "malformed") from None


class Shelf:
    """Stores deliveries in the order they come, as many as have come in one transaction."""

    def __init__(self, arrivals: Arrivals, clock: Callable[[], datetime]) -> None:
        self._arrivals, self._clock = arrivals, clock
        self._waiting: asyncio.Queue[tuple[Delivery, asyncio.Future[str]]] = asyncio.Queue(MOST_WAITING)

    async def put(self, delivery: Delivery) -> str:
        """Answers once the delivery outlives a power cut, with what became of it."""
        stored: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((delivery, stored))
        except asyncio.QueueFull:
            raise Answer(NOT_NOW, "too many at once") from None
        return await stored

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Store as long as the block lasts."""
        storing = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            storing.cancel()
            with suppress(asyncio.CancelledError):
                await storing

    async def _go_on(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MOST_STORED and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._store(batch)

    async def _store(self, batch: Sequence[tuple[Delivery, "asyncio.Future[str]"]]) -> None:
        try:
            outcomes = await asyncio.to_thread(self._arrivals.store, [one for one, _ in batch], self._clock())
        except StoreError as error:
            get_logger().error("webhooks_not_stored", reason=str(error), deliveries=len(batch))
            _answer(batch, [Answer(NOT_NOW, "not stored")] * len(batch))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the senders are told and the next batch goes on
            get_logger().error("webhooks_not_stored", error=type(error).__name__, deliveries=len(batch))
            _answer(batch, [Answer(NOT_NOW, "not stored")] * len(batch))
        else:
            _answer(batch, outcomes)


def _answer(batch: Sequence[tuple[Delivery, "asyncio.Future[str]"]], outcomes: Sequence[str | Exception]) -> None:
    for (_, stored), outcome in zip(batch, outcomes, strict=True):
        if stored.done():
            continue  # whoever sent it has gone; it is stored, or will be sent again
        if isinstance(outcome, Exception):
            stored.set_exception(outcome)
        else:
            stored.set_result(outcome)
