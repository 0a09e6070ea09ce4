"""Play a life to its end and judge it."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from traceback import format_exception
from typing import Any

import structlog

from connector.records import Side
from tests.simulation import hands
from tests.simulation.laws import Court, listen
from tests.simulation.life import Life, Script, write_script

FEW_REQUESTS, FEW_SHARED = 60, 150
"""Where a run is shared, a listing is cut into ranges of a few records, and each of them is asked for by itself."""


@dataclass(slots=True)
class Verdict:
    """What became of one life."""

    seed: int
    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    finals: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    script: Script | None = None


def be_quiet() -> None:
    """The engine's log is not what a trial is about."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def try_seed(seed: int) -> Verdict:
    """The life behind a seed."""
    return try_script(write_script(seed))


def try_script(script: Script) -> Verdict:
    """Live, come to rest, and be judged."""
    life = Life(script)
    try:
        life.play()
        life.settle()
        return judge(life)
    except Exception as error:  # noqa: BLE001 -- no life may end like this, and the others go on
        told = [*life.told, *"".join(format_exception(error)).splitlines()]
        return Verdict(script.seed, [f"survival: the engine broke down: {type(error).__name__}"], told, script=script)
    finally:
        life.close()


def judge(life: Life) -> Verdict:
    """Hold a life that came to rest to every law."""
    world = life.world
    told = listen(world, life.desk)
    court = Court(world, told, life.script.rules)
    court.judge()
    writes, requests = life.rest()
    court.hold("no echo", f"{writes} writes at rest", fine=writes == 0)
    few = requests <= (FEW_SHARED if hands.PORTION else FEW_REQUESTS)
    court.hold("quiescence", f"{requests} requests at rest", fine=few)
    checks = court.checks + life.checks + sum((system.watch.checks for system in world.systems.values()), Counter())
    breaches = [breach for side in Side for breach in world.systems[side].watch.breaches]
    counts = life.counts + Counter({f"crash {name}": number for name, number in life.crashed_at.items()})
    if life.process is not None:
        counts += life.wire_counts
    counts["edits"] = len(world.chronicle.edits) + sum(map(len, world.chronicle.moves.values()))
    counts["unguarded overwrites"] = world.chronicle.unguarded
    return Verdict(
        life.script.seed,
        [*life.violations, *breaches, *court.violations],
        life.told,
        {str(side): world.systems[side].snapshot() for side in Side},
        counts,
        checks,
        Counter(cause for causes in told.named.values() for cause in causes),
        life.script,
    )
