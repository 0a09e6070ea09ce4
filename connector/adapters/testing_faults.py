"""What can happen to a request between an adapter and its system, as faults for `Proxy.disturb`."""

from collections.abc import Callable
from typing import Any

import orjson

from connector.adapters.testing_proxy import Exchange, Fault, Reply

PLANTED = "planted-in-the-answer"
"""Stands in every answer that the system did not give; no error may quote it."""

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PAGE = f"<!DOCTYPE html><html><body><h1>Please wait</h1><p>{PLANTED}</p></body></html>".encode()


def lose(exchange: Exchange) -> None:
    """The system processes the request, and its answer is lost."""
    exchange.forward()
    exchange.hang_up()


def reset(exchange: Exchange) -> None:
    """The connection breaks before the system has seen the request."""
    exchange.hang_up()


def stall(exchange: Exchange) -> None:
    """The system processes the request, and its answer does not come in time."""
    exchange.forward()
    exchange.wait()
    exchange.hang_up()


def break_off(exchange: Exchange) -> None:
    """The system processes the request, and the connection breaks in the middle of its answer."""
    exchange.break_off(exchange.forward())


def cut(exchange: Exchange) -> None:
    """The system processes the request, and something in between cuts the answer and passes it off as whole."""
    reply = exchange.forward()
    exchange.answer(reply._replace(body=reply.body[: len(reply.body) // 2]))


def decline(status: int, *, rest: int | None = None) -> Fault:
    """The request is not passed on; the answer is a status, and how long to rest where that is told."""
    told = {} if rest is None else {"Retry-After": str(rest)}

    def fault(exchange: Exchange) -> None:
        exchange.answer(Reply(status, {**_JSON, **told}, orjson.dumps({"error": PLANTED, "message": PLANTED})))

    return fault


def blur(status: int) -> Fault:
    """The system processes the request, and the answer is a status that does not say so."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        decline(status)(exchange)

    return fault


def mask(status: int) -> Fault:
    """The system processes the request, and a page for people comes instead of its answer."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.answer(Reply(status, _HTML, _PAGE))

    return fault


def redirect(address: str) -> Fault:
    """The request is not passed on; the answer points elsewhere and asks to repeat it there."""

    def fault(exchange: Exchange) -> None:
        exchange.answer(Reply(307, {"Location": address + exchange.request.target}, b""))

    return fault


def rewrite(change: Callable[[Any], Any]) -> Fault:
    """The system processes the request, and its JSON is changed on the way back."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        exchange.answer(reply._replace(body=orjson.dumps(change(orjson.loads(reply.body)))))

    return fault
