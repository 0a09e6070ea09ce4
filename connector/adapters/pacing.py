"""What holds requests back: a rate, a rest that the system asked for, a system that is down.

One client has one of each, and all its threads share them. All take a clock in seconds that never goes backwards.
"""

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

from typing_extensions import override

Clock: TypeAlias = Callable[[], float]
Sleep: TypeAlias = Callable[[float], None]

LONGEST_REST = 86_400.0
"""Seconds; a longer Retry-After is a mistake, and must not silence the connector for ever."""


class Pacer(Protocol):
    """Tells requests when to leave."""

    def wait(self) -> None:
        """Return when the next request may leave."""

    def ask(self, seconds: float) -> None:
        """The system asked for rest: whoever shares this pace lets so much time go by."""


Pacing: TypeAlias = Callable[[float, Sleep, Clock], Pacer]
"""Makes the pacer of a client that may send so many requests a second."""


class Pace(Pacer):
    """Spaces requests evenly over all threads."""

    def __init__(self, rate: float, sleep: Sleep, clock: Clock) -> None:
        self._gap = 1 / rate
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    @override
    def wait(self) -> None:
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)

    @override
    def ask(self, seconds: float) -> None:
        """Nobody but this client is paced by it, and that one has its own `Rest`."""


class Rest:
    """Remembers until when the system asked to be left alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.until: float | None = None

    def ask(self, seconds: float) -> None:
        """The system asked for rest; a shorter one never ends a longer one."""
        until = self._clock() + min(seconds, LONGEST_REST)
        with self._lock:
            self.until = until if self.until is None else max(until, self.until)

    def left(self) -> float:
        """Seconds until requests may be sent again; 0 when they may now."""
        until = self.until
        return 0.0 if until is None else max(0.0, until - self._clock())


class Circuit:
    """Keeps calls away from a system after `threshold` of them failed in a row.

    While it is open, calls fail at once. After `cool_down` seconds one call goes through as a trial; any call that is
    answered closes the circuit again.
    """

    def __init__(self, threshold: int, cool_down: float, clock: Clock) -> None:
        self._threshold = threshold
        self._cool_down = cool_down
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self.reason = ""
        """Why the last call failed."""

    @property
    def is_open(self) -> bool:
        """Whether calls are kept away; still so while a trial is under way."""
        return self._open_until is not None

    def left(self) -> float:
        """Seconds until the next trial; 0 lets this call go, as the trial where the circuit is open."""
        return self._turn() if self.is_open else 0.0

    def succeed(self) -> None:
        """A call was answered."""
        if self._failures:
            with self._lock:
                self._failures, self._open_until, self.reason = 0, None, ""

    def fail(self, reason: str) -> None:
        """A call failed as a whole, after whatever repeating was safe."""
        with self._lock:
            self._failures += 1
            self.reason = reason
            if self._failures >= self._threshold:
                self._open_until = self._clock() + self._cool_down

    def _turn(self) -> float:
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock()
            if left <= 0:
                # The trial's own time is limited, so that one that never comes back does not keep everybody away.
                self._open_until = self._clock() + self._cool_down
            return max(0.0, left)
