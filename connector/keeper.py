"""The keeper stores what a run has found: in its order and beside it, where there is much in a process of its own.

A thread that stores beside one that computes gains next to nothing: both want the interpreter. On a first sync of
50,000 records a process of its own takes a quarter from the clock, for 84 MiB and a start that nobody waits for.
"""

import gc
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from connector import memory
from connector.errors import StoreError
from connector.executor import InTurn
from connector.store.database import Store, open_store

T = TypeVar("T")
Step = Callable[..., T]
"""A function of a module, called with the store and with values that can be sent to another process."""

_COMMAND = "import sys; sys.path[:] = sys.argv[2:]; from connector.keeper import serve; serve(int(sys.argv[1]))"
_READY = "ready"
_END_SECONDS = 30


class Keeper(Protocol):
    """Does steps one after the other."""

    def submit(self, step: Step[T], *values: Any) -> "Future[T]":
        """Have a step done when all earlier ones are."""

    def prepare(self) -> None:
        """Much will have to be stored."""

    def rest(self) -> None:
        """End what the run has started; the next one may start it anew."""


class KeeperInTurn:
    """Does a step at once, so that the same input always takes the same course."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def submit(self, step: Step[T], *values: Any) -> "Future[T]":
        """Do it now."""
        return InTurn().submit(step, self._store, *values)

    def prepare(self) -> None:
        """Nothing is to be prepared."""

    def rest(self) -> None:
        """Nothing goes on."""


class KeeperBeside:
    """Does steps on a thread, and from when one has been prepared and is ready, in a process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread: ThreadPoolExecutor | None = None
        self._scribe: Scribe | None = None

    def submit(self, step: Step[T], *values: Any) -> "Future[T]":
        """Have a step done when all earlier ones are."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        return self._thread.submit(self._keep, step, values)

    def _keep(self, step: Step[T], values: tuple[Any, ...]) -> T:
        if self._scribe is not None and self._scribe.is_ready():
            return self._scribe.keep(step, values)
        return step(self._store, *values)

    def prepare(self) -> None:
        """Start a process, where that is possible and has not been done."""
        if self._scribe is None and os.name == "posix":
            memory.share()
            self._scribe = Scribe(self._store.url)

    def rest(self) -> None:
        """Wait for what was begun, then end thread and process."""
        thread, self._thread = self._thread, None
        scribe, self._scribe = self._scribe, None
        if thread is not None:
            thread.shutdown()
        if scribe is not None:
            scribe.end()


class Scribe:
    """A process that does steps with a store of its own; it ends with the one that started it."""

    def __init__(self, url: str) -> None:
        # Here, as a sync with nothing to do needs none of it.
        from multiprocessing import Pipe

        self._line, theirs = Pipe()
        number = theirs.fileno()
        self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and our own words
            [sys.executable, "-c", _COMMAND, str(number), *sys.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[number],
        )
        theirs.close()
        # Not as an argument, which every user of the machine could read.
        self._line.send(url)
        self._ready = self._usable = False

    def is_ready(self) -> bool:
        """Whether it has opened its store; until then, and where it could not, nobody waits for it."""
        if not self._ready and self._line.poll():
            self._ready = True
            with suppress(EOFError, OSError):
                self._usable = self._line.recv() == _READY
        return self._usable

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def keep(self, step: Step[T], values: tuple[Any, ...]) -> T:
        """Have one step done there; what it raises is raised here."""
        try:
            self._line.send((step, values))
            result, error = self._line.recv()
        except (EOFError, OSError) as error:
            raise StoreError(
                f"The process that stores what was read has ended (exit code {self._process.poll()}); what it had "
                f"committed is kept. Look whether the machine ran out of memory, then run again."
            ) from error
        if error is not None:
            raise error
        given: T = result
        return given

    def end(self) -> None:
        """Let it go; what it has in hand it still finishes."""
        self._line.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(number: int) -> None:
    """The process itself: does what comes down the line until that closes, which it does when the other one dies."""
    for each in (signal.SIGINT, signal.SIGTERM):
        # Whoever stops the run stops the other process; this one ends with it, between two transactions.
        signal.signal(each, signal.SIG_IGN)
    # What it does makes many tuples and no cycles: to look for those took a fifth of its time.
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)
    from multiprocessing.connection import Connection as Line

    line = Line(number)
    try:
        store = open_store(line.recv())
    except StoreError:
        return  # The run meets the same, and tells it.
    with suppress(EOFError, OSError):
        line.send(_READY)
        while True:
            step, values = line.recv()
            line.send(_done(store, step, values))
            del step, values
    store.close()
    # What else there is to tear down takes a tenth of a second, for which the run would wait.
    os._exit(0)


def _done(store: Store, step: Step[Any], values: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return step(store, *values), None
    except Exception as error:  # noqa: BLE001 -- handed on to whoever waits for it
        error.add_note(traceback.format_exc())
        return None, error
