"""`python -m tests.simulation`: play many lives, and say what was played and what was checked."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from typing import Any

from tests.simulation.disk import template
from tests.simulation.shrinking import law_of, shrink
from tests.simulation.trial import Verdict, be_quiet, try_seed

BATCH = 20
"""Lives that a worker plays before it tells how they went."""
SHOWN = 3
"""Broken lives whose story is told."""


class Total:
    """What all lives came to."""

    def __init__(self) -> None:
        self.lives = 0
        self.counts: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.broken: list[Verdict] = []

    def add(self, verdicts: list[Verdict]) -> None:
        """Count some more lives in."""
        for verdict in verdicts:
            self.lives += 1
            self.counts += verdict.counts
            self.checks += verdict.checks
            self.causes += verdict.causes
            if verdict.violations:
                self.broken.append(verdict)
                # Told at once: whoever ends a long run early knows it too.
                print(f"seed {verdict.seed}: {'; '.join(verdict.violations)}", file=sys.stderr, flush=True)

    def report(self, seconds: float) -> str:
        """Everything that was played and checked, as a table."""
        lines = [f"{self.lives} lives in {seconds:.1f} s, {self.lives / seconds:.1f} a second"]
        lines += _table("played", self.counts) + _table("each law, and how often it was checked", self.checks)
        lines += _table("left open for a person", self.causes)
        lines.append(f"{len(self.broken)} lives broke a law" + (f": {_seeds(self.broken)}" if self.broken else ""))
        return "\n".join(lines)


def _seeds(broken: list[Verdict]) -> str:
    return ", ".join(str(verdict.seed) for verdict in broken[:20])


def _table(title: str, counts: Counter[str]) -> list[str]:
    return [f"\n{title}", *(f"  {name:<28} {number:>9}" for name, number in sorted(counts.items()))]


def play(seeds: list[int]) -> list[Verdict]:
    """Some lives, in this process; the stories of those that went well are dropped."""
    be_quiet()
    verdicts = [try_seed(seed) for seed in seeds]
    for verdict in verdicts:
        if not verdict.violations:
            verdict.story, verdict.finals, verdict.script = [], {}, None
    return verdicts


def _batches(first: int, number: int | None) -> Iterator[list[int]]:
    seeds = iter(range(first, first + number)) if number is not None else count(first)
    while batch := list(islice(seeds, BATCH)):
        yield batch


def simulate(first: int, number: int | None, jobs: int, seconds: float | None) -> tuple[Total, float]:
    """Play so many lives, or as many as fit in some seconds."""
    template()  # made here, so that worker processes share it
    total, began = Total(), time.monotonic()
    over = partial(_is_over, began, seconds)
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        batches = _batches(first, number)
        running = [pool.submit(play, batch) for batch in islice(batches, jobs * 2)]
        while running:
            total.add(running.pop(0).result())
            if not over() and (batch := next(batches, None)):
                running.append(pool.submit(play, batch))
    return total, time.monotonic() - began


def _is_over(began: float, seconds: float | None) -> bool:
    return seconds is not None and time.monotonic() - began > seconds


def tell(verdict: Verdict) -> str:
    """A broken life in as few steps as could be found: the seed, the story, both final states."""
    short = shrink(verdict)
    lines = [f"\nseed {verdict.seed}: {'; '.join(verdict.violations)}", f"as short as could be: {short.violations[0]}"]
    if short.script is not None:
        lines += [f"{side}: {traits}" for side, traits in short.script.traits.items()]
        lines += [str(short.script.rules), f"conflicts are decided in the end: {short.script.decisive}"]
    lines += short.story
    for side, rows in short.finals.items():
        lines += [f"{side} in the end", *(f"  {name}: {fields}" for name, fields in rows.items())]
    return "\n".join(lines)


def hunt(seeds: Iterable[int]) -> int:
    """Play lives until one breaks a law; says which law, and by which seed."""
    for seed in seeds:
        verdict = try_seed(seed)
        if verdict.violations:
            print(f"{seed}\t{law_of(verdict)}")
            return 1
    return 0


def _arguments(given: list[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--seeds", type=int, default=None, help="how many lives to play (200, unless --seconds is given)"
    )
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument("--seconds", type=float, default=None, help="begin no new lives after so many seconds")
    parser.add_argument("--hunt", action="store_true", help="stop at the first life that breaks a law, and name both")
    parser.add_argument("--before", type=int, nargs="*", default=[], help="seeds that a hunt tries before the others")
    parser.add_argument("--story", action="store_true", help="tell the story of the first seed, whatever became of it")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """0 where every law held, 1 where one was broken."""
    asked = _arguments(given)
    be_quiet()
    if asked.story:
        verdict = try_seed(asked.first)
        print("\n".join([*verdict.story, *verdict.violations]))
        return bool(verdict.violations)
    if asked.hunt:
        return hunt([*asked.before, *range(asked.first, asked.first + asked.seeds)])
    number = 200 if asked.seeds is None and asked.seconds is None else asked.seeds
    total, seconds = simulate(asked.first, number, asked.jobs, asked.seconds)
    print(total.report(seconds))
    for verdict in total.broken[:SHOWN]:
        print(tell(verdict))
    return bool(total.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
