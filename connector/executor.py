"""The executor port: a run reads ahead and sends behind on a second thread, or does everything in turn."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


def beside() -> Executor:
    """One thread beside the run's own: what is given to it is done in its order, while the run goes on."""
    return ThreadPoolExecutor(1)


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
