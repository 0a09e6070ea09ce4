"""A live system whose clock is off: the real one, behind a proxy that turns the time of its answers on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

from connector.adapters.testing_proxy import ALWAYS, Exchange, Proxy

AHEAD = timedelta(hours=1)


@contextmanager
def an_hour_ahead(url: str) -> Iterator[str]:
    """Where the same system answers as if its clock was an hour ahead."""
    with Proxy(url) as proxy:
        proxy.disturb(_turn_on, times=ALWAYS)
        yield proxy.url


def _turn_on(exchange: Exchange) -> None:
    reply = exchange.forward()
    told = format_datetime(parsedate_to_datetime(reply.headers["Date"]) + AHEAD, usegmt=True)
    exchange.answer(reply._replace(headers={**reply.headers, "Date": told}))
