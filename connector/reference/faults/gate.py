"""The way through the faults into a server."""

import asyncio
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import cast

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from connector.reference.faults.calls import UNAUTHORIZED
from connector.reference.faults.exchange import LENGTH, Ask, Ending, Proceed, Reply, World
from connector.reference.faults.plane import Plane
from connector.reference.faults.protocol import TRANSPORT
from connector.reference.faults.rules import CallRule
from connector.reference.web import Gate

NO_LINGER = struct.pack("ii", 1, 0)
"""Closing with this resets the connection."""


class FaultGate:
    """Lets a request through the faults that strike it, the first one outermost."""

    def __init__(self, gate: Gate, plane: Plane, world: World) -> None:
        self._gate, self._plane, self._world = gate, plane, world
        self._spared = f"{world.base}/_"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the faults in force want it."""
        if scope["type"] != "http" or scope["path"].startswith(self._spared):
            return await self._gate(scope, receive, send)
        authorization = Headers(scope=scope).get("authorization", "")
        struck = self._plane.struck(scope["method"], scope["path"])
        is_expired = authorization in self._plane.expired
        if not struck and not is_expired:
            return await self._gate(scope, receive, send)
        if is_expired:
            reply = self._world.refuse(UNAUTHORIZED)
        else:
            ask = Ask(scope["method"], scope["path"], authorization, await _read(receive))
            reply = await self._chain(struck, scope, receive)(ask)
        if reply.own:
            self._gate.note(scope, reply.status, 0.0)
        return await _answer(reply, scope, receive, send)

    def _chain(self, struck: Sequence[CallRule], scope: Scope, receive: Receive) -> Proceed:
        async def pass_on(ask: Ask) -> Reply:
            return await _exchange(self._gate, ask, scope, receive)

        proceed: Proceed = pass_on
        for rule in reversed(struck):
            proceed = partial(rule.strike, proceed=proceed, world=self._world)
        return proceed


async def _read(receive: Receive) -> bytes:
    """The body of a request."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _exchange(gate: Gate, ask: Ask, scope: Scope, receive: Receive) -> Reply:
    """What the server answers."""
    bodies = [ask.body]
    start: Message = {}
    parts: list[bytes] = []

    async def give() -> Message:
        return {"type": "http.request", "body": bodies.pop()} if bodies else await receive()

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    length = str(len(ask.body)).encode()
    headers = [(name, length if name == LENGTH else value) for name, value in scope["headers"]]
    await gate({**scope, "headers": headers}, give, take)
    return Reply(start["status"], tuple(start["headers"]), b"".join(parts))


async def _answer(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    if reply.ending in (Ending.CLOSED, Ending.RESET):
        with suppress(TimeoutError):
            await asyncio.wait_for(_gone(receive), reply.held)
        return await _close(scope, receive, reset=reply.ending is Ending.RESET)
    start = {"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)}
    await send(start)
    is_short = reply.ending is Ending.SHORT
    await send({"type": "http.response.body", "body": reply.body, "more_body": is_short})
    return await _close(scope, receive, reset=False) if is_short else None


async def _close(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """End the connection as it is, and wait until the server has seen that."""
    transport = cast("asyncio.Transport", scope[TRANSPORT])
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    else:
        transport.close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        continue
