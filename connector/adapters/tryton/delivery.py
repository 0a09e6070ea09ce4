"""Sending a batch to a server that does all of a call or nothing: where one item spoils it, the others go in halves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from connector.adapters.tryton.refusals import Refused
from connector.errors import OutcomeUnknown, RunError, Sent, TransportError

Item = TypeVar("Item")


class Delivery(Generic[Item]):
    """Sends items and tells what became of each: what the server answered, `Refused`, or `OutcomeUnknown`.

    Once something is done, a failure of the whole call is told item by item, so that what was done is not forgotten.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Sequence[Any]]) -> None:
        self._send = send
        self._is_begun = False

    def results(self, items: Sequence[Item]) -> list[Any]:
        """One result an item, in order; an item that the server did not report is unknown."""
        if not items:
            return []
        try:
            told = list(self._send(items))
        except Refused as refusal:
            return self._halves(items, refusal)
        except RunError:
            if not self._is_begun:
                raise
            return [_unknown() for _ in items]
        self._is_begun = True
        return told[: len(items)] + [_unknown() for _ in items[len(told) :]]

    def _halves(self, items: Sequence[Item], refusal: Refused) -> list[Any]:
        if len(items) == 1:
            return [refusal]
        middle = len(items) // 2
        return self.results(items[:middle]) + self.results(items[middle:])


def _unknown() -> OutcomeUnknown:
    return OutcomeUnknown("tryton: the server did not report what became of this item; read it again")


@contextmanager
def before_writing() -> Iterator[None]:
    """What is read before a write: where that fails, nothing of the write was sent."""
    try:
        yield
    except TransportError as error:
        error.sent = Sent.NO
        raise
