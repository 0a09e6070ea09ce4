"""The road between the connector and the systems: what gets lost, refused, delayed, cut, or dies on the way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol, TypeVar

from connector.errors import (
    AuthenticationFailed,
    OutcomeUnknown,
    RateLimited,
    RunError,
    Sent,
    SystemDown,
    UnreadableAnswer,
)
from connector.records import Outcome
from tests.simulation.system import System

T = TypeVar("T")


class Crash(BaseException):
    """The process is dead; nothing in the connector can catch it."""


class Trouble(NamedTuple):
    """How a run is disturbed; nothing is by default."""

    faults: float = 0.0
    """Share of reading calls with a fault."""
    write_faults: float = 0.0
    """Share of writing calls with a fault."""
    moves: float = 0.0
    """Share of boundaries at which somebody does something."""
    crash: int = 0
    """Number of the boundary at which the process dies."""
    stall: int = 0
    """Number of the boundary at which the process sleeps until its lease is over and another one works."""
    near: str = ""
    """Around which calls the boundaries are numbered, with those of the transactions that follow: all, if none."""


CALM = Trouble()


class Surroundings(Protocol):
    """What goes on while the connector works."""

    def meanwhile(self, name: str) -> None:
        """A moment passes at a boundary; raises `Crash` where the process ends."""

    def later(self, do: Callable[[], Any]) -> None:
        """Something reaches its system only after a while."""


@dataclass(slots=True)
class Wire:
    """One process's way to both systems."""

    around: Surroundings
    chance: Random
    trouble: Trouble = CALM
    counts: Counter[str] = field(default_factory=Counter)
    planned: dict[str, list[str]] = field(default_factory=dict)
    """Faults that are not left to chance, by verb: the first for the next call."""
    writing: bool = False
    """Whether the process is inside a store transaction, where no call may be made."""

    def ask(self, system: System, verb: str, answer: Callable[[], T]) -> T:
        """A request that changes nothing."""
        self._set_out(system, verb)
        fault = self._fault(_READ_FAULTS)
        if fault is not None:
            raise fault
        found = answer()
        self.around.meanwhile(f"after {verb}")
        return found

    def _set_out(self, system: System, verb: str) -> None:
        if self.writing:
            system.watch.breaches.append(f"transaction: {verb} on {system.side} came from inside a store transaction")
        self.around.meanwhile(f"before {verb}")
        system.requests += 1
        self.counts["calls"] += 1

    def _fault(self, choice: Sequence[str]) -> RunError | None:
        if self.chance.random() >= self.trouble.faults:
            return None
        return self._raised(self.chance.choice(choice))

    def _raised(self, kind: str) -> RunError:
        self.counts[kind] += 1
        return _ERRORS[kind]()

    def tell(self, system: System, verb: str, items: Sequence[Any], one: Callable[[Any], Outcome]) -> list[Outcome]:
        """A write: item by item, and anything can happen to any of it."""
        self._set_out(system, verb)
        kind = self._fate(verb)
        if kind in _BEFORE:
            raise self._raised(kind)
        if kind == "late":
            self.around.later(lambda: [one(item) for item in items])
            raise self._raised(kind)
        done = items[: self.chance.randrange(len(items) + 1)] if kind == "half" else items
        outcomes = [self._item(system, one, item, disliked=kind == "disliked") for item in done]
        self.around.meanwhile(f"during {verb}")
        if kind in _AFTER:
            raise self._raised(kind)
        self.around.meanwhile(f"after {verb}")
        return self._reported(kind, outcomes)

    def _fate(self, verb: str) -> str:
        if self.planned.get(verb):
            return self.planned[verb].pop(0)
        return self.chance.choice(WRITE_FAULTS) if self.chance.random() < self.trouble.write_faults else ""

    def _item(self, system: System, one: Callable[[Any], Outcome], item: Any, *, disliked: bool) -> Outcome:
        """One item; now and then the system does not like it."""
        system.moody = self.chance.random() < self.trouble.write_faults / 5 or disliked
        try:
            return one(item)
        finally:
            system.moody = False

    def _reported(self, kind: str, outcomes: list[Outcome]) -> list[Outcome]:
        """A partial answer: a tail that is missing, or an item that says nothing."""
        if kind == "cut":
            self.counts[kind] += 1
            return outcomes[: self.chance.randrange(len(outcomes))]
        if kind == "unreported":
            self.counts[kind] += 1
            spot = self.chance.randrange(len(outcomes))
            outcomes[spot] = Outcome(None, error=OutcomeUnknown("nobody knows"))
        return outcomes


_ERRORS: dict[str, Callable[[], RunError]] = {
    "down": lambda: SystemDown("the system is down", sent=Sent.NO),
    "rest": lambda: RateLimited("the system asks for rest", sent=Sent.NO, retry_after=30),
    "refused": lambda: AuthenticationFailed("the token has expired"),
    "vanished": lambda: SystemDown("the request got lost", sent=Sent.MAYBE),
    "lost": lambda: SystemDown("the answer got lost", sent=Sent.MAYBE),
    "garbled": lambda: UnreadableAnswer("the answer is HTML", sent=Sent.MAYBE),
    "half": lambda: SystemDown("the system died half way", sent=Sent.MAYBE),
    "late": lambda: SystemDown("the call timed out", sent=Sent.MAYBE),
}
_READ_FAULTS = ("down", "rest", "refused", "garbled")
WRITE_FAULTS = ("down", "rest", "refused", "vanished", "lost", "lost", "garbled", "half", "late", "cut", "unreported")
_BEFORE = frozenset({"down", "rest", "refused", "vanished"})
_AFTER = frozenset({"lost", "garbled", "half"})
