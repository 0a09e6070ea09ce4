"""The pace of a system that several processes send to: each takes the next turns from the store."""

import threading
from collections import deque
from collections.abc import Callable

from typing_extensions import override

from connector.adapters.pacing import LONGEST_REST, Clock, Pacer, Pacing, Sleep
from connector.store import paces
from connector.store.database import Store

_BLOCK_SECONDS = 0.1
"""Turns are taken for so long at once: a pace of hundreds a second asks the store ten times a second."""
_MILLION = 1_000_000


class SharedPace(Pacer):
    """Spaces requests evenly over all processes; a turn that was not used in time is lost, never caught up."""

    def __init__(self, store: Callable[[], Store], name: str, rate: float, sleep: Sleep, clock: Clock) -> None:
        self._store, self._name, self._gap = store, name, 1 / rate
        self._sleep, self._clock = sleep, clock
        self._count = max(1, int(rate * _BLOCK_SECONDS))
        self._lock = threading.Lock()
        self._turns: deque[float] = deque()

    @override
    def wait(self) -> None:
        with self._lock:
            turn = self._next()
        left = turn - self._clock()
        if left > 0:
            self._sleep(left)

    @override
    def ask(self, seconds: float) -> None:
        with self._lock:
            self._turns.clear()
        with self._store().write() as connection:
            paces.rest(connection, self._name, round(min(seconds, LONGEST_REST) * _MILLION))

    def _next(self) -> float:
        while self._turns and self._turns[0] < self._clock() - self._gap:
            self._turns.popleft()
        if not self._turns:
            with self._store().write() as connection:
                begins = paces.reserve(connection, self._name, round(self._count * self._gap * _MILLION))
            first = self._clock() + begins
            self._turns.extend(first + number * self._gap for number in range(self._count))
        return self._turns.popleft()


class Paces:
    """The shared paces of one process; they need the store when the first request leaves, not before."""

    def __init__(self) -> None:
        self._store: Store | None = None

    def keep_in(self, store: Store) -> None:
        """Where they are kept from now on."""
        self._store = store

    def of(self, name: str) -> Pacing:
        """What makes the pacer of one system's client."""
        return lambda rate, sleep, clock: SharedPace(self._kept, name, rate, sleep, clock)

    def _kept(self) -> Store:
        if self._store is None:
            raise RuntimeError("a request was about to leave before the store was open")
        return self._store
