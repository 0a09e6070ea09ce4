"""The executor port: a run reads ahead and sends behind on threads of its own, or does everything in turn."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


def beside(threads: int) -> Executor:
    """So many threads beside the run's own; one of them alone does what it is given in its order."""
    return ThreadPoolExecutor(threads)


def in_turn(_threads: int) -> Executor:
    """No thread at all."""
    return InTurn()


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
