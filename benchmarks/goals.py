"""What the speed and the memory are held to: ratios within one round, and the share that must be reached."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.cases import (
    AGAIN,
    BARE,
    CHANGED,
    FLOOR,
    FULL,
    IMPORTS,
    INITIAL,
    INSIDE,
    LEAST,
    MANY,
    POSTGRES,
    READ,
    TOGETHER,
    VERIFY,
    Figure,
)
from benchmarks.peers.copies import DLT, SINGER

MIB, FLAT = 256.0, 1.25


class Goal(NamedTuple):
    """One demand: a case beside its basis, in the same round."""

    words: str
    case: str
    basis: str
    measure: Callable[[Figure, Figure], float]
    must: float
    goal: float
    at_least: bool = False

    def reaches(self, seen: float, wanted: float) -> bool:
        """Whether a figure is as good as wanted."""
        return seen >= wanted if self.at_least else seen <= wanted


class Found(NamedTuple):
    """What a demand came to: the middle of its rounds."""

    words: str
    seen: float
    must: float
    goal: float
    met: bool
    reached: bool
    """Whether it is the goal, too."""


def _speed(figure: Figure, basis: Figure) -> float:
    return figure.rate / basis.rate


def _time(figure: Figure, basis: Figure) -> float:
    return figure.seconds / basis.seconds


def _asked(figure: Figure, basis: Figure) -> float:
    return (figure.requests or 0) / (basis.requests or 1)


GOALS = (
    Goal("initial sync, to the floor", INITIAL, FLOOR, _speed, 0.5, 0.6, at_least=True),
    Goal("initial sync on PostgreSQL, to the floor", POSTGRES, FLOOR, _speed, 0.4, 0.5, at_least=True),
    Goal("initial sync, to dlt", INITIAL, DLT, _speed, 3, 5, at_least=True),
    Goal("initial sync, to Singer", INITIAL, SINGER, _speed, 3, 5, at_least=True),
    Goal("second sync, to its imports", AGAIN, IMPORTS, _time, 1.6, 1.3),
    Goal("work inside a second sync, to its bare requests", INSIDE, BARE, _time, 4, 2),
    Goal("100 changes, to the imports", CHANGED, IMPORTS, _time, 2.0, 1.5),
    Goal("full comparison by listing (sync --full), to reading both sides", FULL, READ, _time, 1.6, 1.3),
    Goal("full comparison of every field (verify), to reading both sides", VERIFY, READ, _time, 1.6, 1.3),
    Goal("requests for 5,000 changes, to the fewest", MANY, LEAST, _asked, 1.3, 1.1),
)
LARGER = (
    Goal("initial sync among more, to the floor", INITIAL, FLOOR, _speed, 0.5, 0.6, at_least=True),
    Goal("full comparison of every field (verify) among more, to reading both sides", VERIFY, READ, _time, 1.6, 1.3),
)
SLOW = (Goal("initial sync at 50 ms a call, to the floor with 4 threads", INITIAL, TOGETHER, _speed, 0.7, 0.85, True),)  # noqa: FBT003 -- a row of the table


def judged(goals: Sequence[Goal], rounds: Sequence[Sequence[Figure]]) -> Iterator[Found]:
    """Every demand whose cases were measured, in the median of the rounds; what failed has no figure, and misses."""
    for goal in goals:
        pairs = [(_case(each, goal.case), _case(each, goal.basis)) for each in rounds]
        both = [(figure, basis) for figure, basis in pairs if figure and basis]
        if both:
            seen = median(goal.measure(figure, basis) for figure, basis in both)
            fine = not any(figure.exit_code or basis.exit_code for figure, basis in both)
            met, reached = (fine and goal.reaches(seen, wanted) for wanted in (goal.must, goal.goal))
            yield Found(goal.words, seen, goal.must, goal.goal, met, reached)


def _case(figures: Sequence[Figure], case: str) -> Figure | None:
    return next((figure for figure in figures if figure.case == case), None)


def curve(figures: Sequence[Figure]) -> Iterator[Found]:
    """Whether memory stays flat and the cost of a record stays the same, from the fewest records to the most."""
    least, most = figures[0], figures[-1]
    peak = max(figure.peak_mib or 0.0 for figure in figures)
    yield _under(f"peak memory, {least.records:,} to {most.records:,} records, MiB", peak, MIB, 160)
    # The smallest run is mostly start, so that the growth is looked for above it.
    second = figures[1]
    growth = (most.cpu_seconds / most.records) / (second.cpu_seconds / second.records)
    yield _under(f"CPU a record, {most.records:,} to {second.records:,}", growth, FLAT, 1.1)


def _under(words: str, seen: float, must: float, goal: float) -> Found:
    return Found(words, seen, must, goal, seen <= must, seen <= goal)


def show_goals(console: Console, found: Sequence[Found]) -> None:
    """The demands as a table."""
    table = Table(title="What must be reached", title_justify="left")
    table.add_column("")
    for name in ("seen", "must", "goal", "met"):
        table.add_column(name, justify="right")
    for each in found:
        told = "goal" if each.reached else "must" if each.met else "MISSED"
        table.add_row(each.words, f"{each.seen:.2f}", f"{each.must:g}", f"{each.goal:g}", told)
    console.print(table)
