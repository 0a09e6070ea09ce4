"""How the demo plays a scene: somebody does something, the connector syncs, and the other side is looked at."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from connector.cli.demo_edits import Sight


class Step(NamedTuple):
    """What somebody did, where, and a look at what became of it."""

    what: str
    where: str
    look: Callable[[], Sight]


class Told(NamedTuple):
    """One step as it went: what the other side shows, and how long the sync took."""

    what: str
    where: str
    shows: str
    as_expected: bool
    seconds: float


def play(steps: Iterable[Step], sync: Callable[[], object]) -> Iterator[Told]:
    """The scene, step by step; each is done only when the one before has been looked at."""
    for what, where, look in steps:
        started = time.perf_counter()
        sync()
        seconds = round(time.perf_counter() - started, 2)
        shows, as_expected = look()
        yield Told(what, where, shows, as_expected, seconds)
