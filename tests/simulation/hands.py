"""Hands for runs that are shared: they work on every portion in the thread that asks them, so that a life stays one."""

import os
from dataclasses import replace

from typing_extensions import override

from connector.context import Context
from connector.executor import Crew
from connector.sharing import Shared
from connector.worker import Worker

PORTION = int(os.environ.get("CONNECTOR_SIMULATED_PORTION", "0"))
"""Most keys or operations in a portion; 0 lets every process do its runs alone."""


class Hands(Crew):
    """One worker, who comes as soon as somebody asks."""

    def __init__(self, context: Context) -> None:
        self._worker = Worker(context, conducts=True, slot=lambda given: given)

    @override
    def ask(self, run: str, portions: int) -> None:
        self._worker.work_on(run)

    @override
    def wait(self, seconds: float) -> None:
        """Nobody is under way."""

    @override
    def close(self) -> None:
        """Nothing was taken."""


def shared(context: Context) -> Context:
    """What a process works with, where its runs are cut into portions."""
    return replace(context, sharing=Shared(Hands(context), PORTION)) if PORTION else context
