"""The executor port: a run reads ahead and sends behind on threads of its own, or does everything in turn.

Where a run is shared among several, a `Crew` is who may be asked for help: threads of this process, other processes.
"""

import gc
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait as wait_for
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


_MANY = 1000
"""Threads that a process may keep; how many there are is decided by who borrows them."""


def beside(threads: int) -> Executor:
    """So many threads beside the run's own; one of them alone does what it is given in its order."""
    return Lent(threads)


@cache
def _kept() -> ThreadPoolExecutor:
    """The threads of this process. An idle one is taken before one is started."""
    return ThreadPoolExecutor(_MANY, "beside")


def in_turn(_threads: int) -> Executor:
    """No thread at all."""
    return InTurn()


def begin(step: Callable[[], T]) -> Future[T]:
    """Do something on a thread for which the end of the process does not wait."""
    told: Future[T] = Future()
    threading.Thread(target=_fulfil, args=(told, step), name="beginning", daemon=True).start()
    return told


class Lent(Executor):
    """Some of the threads that the process keeps, until it is shut down.

    To start a thread takes longer than a short call does: with five started for each sync with nothing to do, that one
    took nearly twice as long.
    """

    def __init__(self, threads: int) -> None:
        self._most, self._busy, self._is_shut = threads, 0, False
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._under_way: set[Future[Any]] = set()
        self._lock = threading.Lock()

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        told: Future[T] = Future()
        with self._lock:
            if self._is_shut:
                raise RuntimeError("these threads were given back")
            self._under_way.add(told)
            self._waiting.append((told, partial(fn, *args, **kwargs)))
            is_free = self._busy < self._most
            self._busy += is_free
        told.add_done_callback(self._under_way.discard)
        if is_free:
            _kept().submit(self._work)
        return told

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._is_shut = True
            left = list(self._under_way)
        if cancel_futures:
            for one in left:
                one.cancel()
        if wait:
            wait_for(left)

    def _work(self) -> None:
        """One thread's share: what waits, until nothing does."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy -= 1
                    return
                told, step = self._waiting.popleft()
            if told.set_running_or_notify_cancel():
                _fulfil(told, step)


def _fulfil(told: Future[T], step: Callable[[], T]) -> None:
    try:
        told.set_result(step())
    except BaseException as error:  # noqa: BLE001 -- handed on to whoever asks for the result
        told.set_exception(error)


class InTurn(Executor):
    """Does what it is given at once, so that the same input always takes the same course."""

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- handed on to whoever asks for the result
            done.set_exception(error)
        return done


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave a run at its work: what the interpreter does beside it takes a quarter of an initial sync.

    Records hold no cycles, so they are looked for far less often, and not at all in the program itself. Threads that
    compute take turns less often: those that wait for a system or the store give way by themselves.
    """
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.unfreeze()


class Crew(ABC):
    """Who may work on portions of a run; it is only asked: what is done by whom stands in the store."""

    @abstractmethod
    def ask(self, run: str, portions: int) -> None:
        """Have somebody look at a run of which so many portions are free; asking again is harmless."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Sleep so long, or until one of them is known to have ended."""

    @abstractmethod
    def close(self) -> None:
        """Give back what asking took."""


class Threads(Crew):
    """Slots in this process: each works on a run until no portion of it is free."""

    def __init__(self, slots: int, work_on: Callable[[str], object]) -> None:
        self._slots, self._work_on = slots, work_on
        self._busy, self._lock, self._ended = 0, threading.Lock(), threading.Event()

    @override
    def ask(self, run: str, portions: int) -> None:
        with self._lock:
            more = min(portions, self._slots - self._busy)
            self._busy += max(more, 0)
        for _ in range(more):
            threading.Thread(target=self._help, args=(run,), name="slot").start()

    @override
    def wait(self, seconds: float) -> None:
        self._ended.wait(seconds)
        self._ended.clear()

    @override
    def close(self) -> None:
        """They end by themselves, when no portion is left."""

    def _help(self, run: str) -> None:
        try:
            self._work_on(run)
        finally:
            with self._lock:
                self._busy -= 1
            self._ended.set()


class Together(Crew):
    """Several crews as one; the first is asked first, and waited for."""

    def __init__(self, crews: Sequence[Crew]) -> None:
        self._crews = crews

    @override
    def ask(self, run: str, portions: int) -> None:
        for crew in self._crews:
            crew.ask(run, portions)

    @override
    def wait(self, seconds: float) -> None:
        self._crews[0].wait(seconds)

    @override
    def close(self) -> None:
        for crew in self._crews:
            crew.close()
