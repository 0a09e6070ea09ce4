"""Bars on a terminal while a run goes on; silence everywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress, TaskID

    from connector.context import Progress


class Bars:
    """One line an entity: what is being done, and to how many records so far."""

    def __init__(self, bars: "RichProgress") -> None:
        self._bars = bars
        self._lines: dict[str, TaskID] = {}
        self._done: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def step(self, entity: str, activity: str, done: int) -> None:
        """So many more records went through one activity; may be told by several threads."""
        key = (entity, activity)
        with self._lock:
            self._done[key] = self._done.get(key, 0) + done
            if entity not in self._lines:
                self._lines[entity] = self._bars.add_task(entity, total=None, activity="")
            self._bars.update(self._lines[entity], activity=f"{activity}: {self._done[key]:,}")


@contextmanager
def bars(*, quiet: bool = False) -> "Iterator[Progress]":
    """Progress for the length of a run, drawn on stderr where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        from connector.context import Quiet

        yield Quiet()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from connector.cli.output import console

    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(20),
        TextColumn("{task.fields[activity]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as drawn:
        yield Bars(drawn)
