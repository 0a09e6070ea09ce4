"""Waiting, being woken, and being told to stop: safe from signals and from other threads."""

import os
import queue
import threading

from typing_extensions import override

from connector.context import Quiet

TERMINATED = 143
"""The exit code of a process that could not end in time by itself."""


class Stop:
    """One process's wish to end, and the bell that wakes whoever waits.

    A queue serves as the bell: unlike an event's, its lock may be met by a signal that arrives while it is waited for.
    """

    def __init__(self) -> None:
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._requested = False

    def request(self) -> None:
        """End soon."""
        self._requested = True
        self._bell.put(None)

    def is_requested(self) -> bool:
        """Whether the process is to end."""
        return self._requested

    def wake(self) -> None:
        """Something arrived: do not wait on."""
        self._bell.put(None)

    def wait(self, seconds: float) -> None:
        """Sleep so long, or until something arrives."""
        if self._requested:
            return
        try:
            self._bell.get(timeout=seconds)
            while True:
                self._bell.get_nowait()
        except queue.Empty:
            return

    def exit_after(self, seconds: float) -> None:
        """End the process in so many seconds, whatever it does then: the journal is made for that."""
        clock = threading.Timer(seconds, os._exit, [TERMINATED])
        clock.daemon = True
        clock.start()


class Breaks(Quiet):
    """Progress that ends a run between two batches once a stop is requested."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    @override
    def step(self, entity: str, activity: str, done: int) -> None:
        """Go on, or end here: everything up to this step is stored."""
        if self._stop.is_requested():
            raise SystemExit(TERMINATED)
