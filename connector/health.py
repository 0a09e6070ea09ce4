"""Health for those who start, watch and route: is it alive, is it well, and the figures."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connector.errors import StoreError
from connector.standing import Status

_FRESH = timedelta(seconds=1)
"""How long one look at the store stands for all who ask."""
OK, REFUSED, UNWELL = 200, 401, 503


class Doors(NamedTuple):
    """What health is read from: the store's standing, the figures, and whether this process still works."""

    status: Callable[[], Status]
    figures: Callable[[], tuple[bytes, str]]
    is_alive: Callable[[], bool]


class Health:
    """Answers `/healthz`, `/readyz` and `/metrics`; details and figures are for those who have the token, if any."""

    def __init__(self, doors: Doors, clock: Callable[[], datetime], token: str | None) -> None:
        self._doors, self._clock, self._token = doors, clock, token
        self._known: tuple[datetime, int, dict[str, Any]] | None = None

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/healthz", self.alive),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
        ]

    def alive(self, _request: Request) -> Response:
        """Whether the process works at all; says nothing about the two systems."""
        return PlainTextResponse("ok\n") if self._doors.is_alive() else PlainTextResponse("stopped\n", UNWELL)

    def ready(self, request: Request) -> Response:
        """Whether all is well: nothing halted, nothing stale, the store within reach."""
        code, found = self._look()
        shown = found if self._may_see(request) else {"ready": found["ready"]}
        return JSONResponse(shown, code)

    def metrics(self, request: Request) -> Response:
        """The figures, as Prometheus reads them."""
        if not self._may_see(request):
            return PlainTextResponse("a token is needed\n", REFUSED, {"WWW-Authenticate": "Bearer"})
        content, kind = self._doors.figures()
        return Response(content, media_type=kind)

    def _look(self) -> tuple[int, dict[str, Any]]:
        now = self._clock()
        if self._known is None or abs(now - self._known[0]) > _FRESH:
            self._known = (now, *self._read(now))
        return self._known[1:]

    def _read(self, now: datetime) -> tuple[int, dict[str, Any]]:
        try:
            status = self._doors.status()
        except StoreError as error:
            return UNWELL, {"ready": False, "store": str(error)}
        halted, stale = status.halted(), status.stale(now)
        ready = not halted and not status.is_stale(now)
        found = {
            "ready": ready,
            "halted": halted,
            "stale": stale,
            "paused": [one.name for one in status.pauses],
            "last_good_sync": status.last_good.isoformat() if status.last_good else None,
        }
        return (OK if ready else UNWELL), found

    def _may_see(self, request: Request) -> bool:
        if self._token is None:
            return True
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return hmac.compare_digest(given.encode(), self._token.encode()) and kind.lower() == "bearer"
