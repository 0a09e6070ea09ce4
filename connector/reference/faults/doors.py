"""The calls that set faults; a server has them only when it was started with faults."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.types import ASGIApp

from connector.reference.faults.exchange import World
from connector.reference.faults.gate import FaultGate
from connector.reference.faults.plane import RULES, Plane
from connector.reference.filters import short_number
from connector.reference.refusals import Reason, Refusal, invalid, malformed
from connector.reference.web import Gate, Spell, answer


def spoil(app: FastAPI, gate: Gate, spell: Spell, plane: Plane) -> ASGIApp:
    """A server whose faults can be set, by calls of its own."""
    _add_calls(app, plane.base, FaultCalls(plane))
    return FaultGate(gate, plane, World(plane.base, spell, plane.habits, plane))


class FaultCalls:
    """Who may call the server at all may spoil it, and bring a backup back."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    async def show(self, _: Request) -> Response:
        """The rules in force, and how often each struck."""
        return answer({"rules": self._plane.report()})

    async def put(self, request: Request) -> Response:
        """Let these rules be the only ones."""
        seed = short_number(request.query_params.get("seed", "0"))
        if seed is None:
            raise malformed("seed must be a whole number", "seed")
        try:
            rules = RULES.validate_json(await request.body())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "rules") from error
        self._plane.put(rules, seed)
        return answer({"rules": self._plane.report()})

    async def heal(self, _: Request) -> Response:
        """End all faults."""
        self._plane.put([], 0)
        return Response(status_code=204)

    async def snapshot(self, _: Request) -> Response:
        """Keep the file as it is."""
        self._plane.snapshot()
        return Response(status_code=204)

    async def restore(self, _: Request) -> Response:
        """Bring the file back as it was kept."""
        if not self._plane.restore():
            raise Refusal(Reason.ABSENT, "there is no snapshot")
        return Response(status_code=204)


def _add_calls(app: FastAPI, base: str, calls: FaultCalls) -> None:
    root = f"{base}/_faults"
    app.add_api_route(root, calls.show)
    app.add_api_route(root, calls.put, methods=["PUT"])
    app.add_api_route(root, calls.heal, methods=["DELETE"])
    app.add_api_route(f"{root}/snapshot", calls.snapshot, methods=["POST"])
    app.add_api_route(f"{root}/restore", calls.restore, methods=["POST"])
