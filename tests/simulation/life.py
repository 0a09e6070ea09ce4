"""One life of the product, from one seed: a script of steps is drawn first, so that steps can be left out of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from connector.context import Limits
from connector.records import Side
from connector.report import Report
from connector.store.database import Store, open_store
from tests.simulation import desk, people
from tests.simulation.disk import Disk, template
from tests.simulation.laws import Court, listen
from tests.simulation.process import Process
from tests.simulation.tables import ENTITIES, Rules
from tests.simulation.traits import Traits
from tests.simulation.wire import CALM, Trouble
from tests.simulation.world import World

ENOUGH = 4
"""Runs without a write after which it rests, whatever people go on deciding."""
PATIENCE = 14
"""How many runs a world may need to come to rest once nobody edits any more."""


class Step(NamedTuple):
    """One step of a script; `chance` is the seed of everything random within it."""

    kind: str
    chance: str


class Script(NamedTuple):
    """A life before it is lived."""

    seed: int
    traits: dict[Side, Traits]
    rules: Rules
    steps: list[Step]
    decisive: bool
    """Whether people settle every conflict in the end."""
    fragile: bool = False
    """Whether a process dies of a power failure, which takes what was not made durable."""


def write_script(seed: int) -> Script:
    """The script behind a seed."""
    chance = Random(f"{seed}")  # a str seed is hashed the same way everywhere
    traits = {side: Traits.draw(chance) for side in Side}
    rules = Rules.draw(
        chance,
        exact=all(one.exact for one in traits.values()),
        timed=all(one.capabilities(side).trustworthy_times for side, one in traits.items()),
    )
    kinds = chance.choices(list(_STEPS), weights=[weight for weight, _ in _STEPS.values()], k=chance.randrange(10, 26))
    opening = ["act"] * chance.randrange(3, 8)
    steps = [Step(kind, f"{seed}/{number}") for number, kind in enumerate([*opening, *kinds])]
    return Script(seed, traits, rules, steps, decisive=chance.random() < 0.5, fragile=chance.random() < 0.25)


class Life:
    """A world, a state database, and the processes that come and go."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.world = World(script.traits)
        self.world.sweeping = script.rules.strict
        self.counts = self.world.counts
        for system in self.world.systems.values():
            system.tell = self.tell
        self.crashed_at: Counter[str] = Counter()
        self.limits = Limits(chunk=4, enumerate_every=timedelta(hours=20), high_water=3 if script.seed % 2 else 1000)
        self.pace = 0.0
        """How many seconds every boundary takes; left to chance where it is 0."""
        self.appointed: dict[str, Callable[[], Any]] = {}
        """What happens at the next boundary of a name, once; nothing, where all is left to chance."""
        self.told: list[str] = []
        self.had_rights_changed = False
        """Whether something was hidden for a while: what was edited meanwhile is found when everything is listed."""
        self.violations: list[str] = []
        self.checks: Counter[str] = Counter()
        self.disk = Disk(template(), keeps=script.fragile)
        self.desk: Store = open_store(self.disk.url)
        self.process: Process | None = None
        self.wire_counts: Counter[str] = Counter()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None:
            self.process.close()
        self.desk.close()
        self.disk.close()

    def tell(self, text: str) -> None:
        """One line of the story."""
        self.told.append(f"{self.world.now():%d %H:%M:%S} {text}")

    def play(self) -> None:
        """Live through the script."""
        for step in self.script.steps:
            self.take(step)

    def take(self, step: Step) -> None:
        """One step."""
        _STEPS[step.kind][1](self, Random(step.chance))

    def running(self, chance: Random) -> Process:
        """The process at work; a new one after a crash."""
        if self.process is not None and self.process.dead:
            self.process.close()
            self.process = None
            self._lose_power()
        if self.process is None:
            self.process = Process(self, self.disk.url, self.script.rules, Random(chance.random()))
        self.process.wire.chance = self.process.chance = chance
        return self.process

    def _lose_power(self) -> None:
        if self.script.fragile:
            self.counts["power failures"] += 1
            self.desk.close()
            self.disk.fail()
            self.desk = open_store(self.disk.url)

    def sync(self, chance: Random, trouble: Trouble = CALM, *, dry: bool = False, full: bool = False) -> Report | None:
        """One run of the connector."""
        process = self.running(chance)
        self.counts["runs"] += 1
        self.world.busy = True
        report = process.run(trouble, dry=dry, full=full)
        self.world.busy = False
        self.counts["boundaries"] += process.boundary
        ended = (
            "died"
            if process.dead
            else "was stopped"
            if report is None
            else f"wrote {report.writes}, {report.exit.name}"
        )
        self.tell(f"{'plan' if dry else 'sync'} with {trouble._asdict()}: {ended}")
        return report

    def take_over(self, sleeper: Process) -> None:
        """The process sleeps; another one comes, once the lease is over or, in vain, before."""
        chance = sleeper.chance
        self.world.wait(self.limits.lease.total_seconds() + 1 if chance.random() < 0.8 else 1)
        other = Process(self, self.disk.url, self.script.rules, Random(chance.random()))
        trouble = Trouble(write_faults=chance.choice([0, 0.2]), moves=0.05, crash=chance.choice([0, 0, 30]))
        report = other.run(trouble)
        self.counts["interleavings"] += 1
        self.tell(
            f"while it slept, another one {'was stopped or died' if report is None else f'wrote {report.writes}'}"
        )
        other.close()

    def pass_moment(self, chance: Random, moves: float) -> None:
        """Time passes at a boundary, and the world may move."""
        self.world.wait(self.pace or chance.random() * (0.2 if chance.random() < 0.9 else 12))
        if chance.random() < moves:
            if chance.random() < 0.25:
                desk.deliver(self.world, self.desk, chance)
            else:
                self.act(chance, "meanwhile ")

    def act(self, chance: Random, when: str = "") -> None:
        """Somebody does something."""
        deed = people.act(self.world, chance)
        if deed:
            self.tell(f"{when}{deed}")

    def later(self, chance: Random, do: Callable[[], Any]) -> None:
        """A request on its way."""
        self.world.later(chance, do)

    def settle(self) -> None:
        """Nobody edits and nothing fails any more: the connector comes to rest, or never does."""
        chance = Random(f"{self.script.seed}/rest")
        self._calm_down()
        before: object = None
        still = 0
        for number in range(PATIENCE):
            # The second run comes so late that everything is enumerated; people see to what is open before each.
            self.world.wait(1800 if number != 1 else 25 * 3600)
            if number:
                desk.approve(self.world, self.desk, self.script.rules)
                desk.retry(self.world, self.desk, self.script.rules)
                if self.script.decisive:
                    desk.decide(self.world, self.desk, chance, everything=True)
            report = self.sync(chance)
            if report is None or not all(map(self._is_for_people, report.halted)):
                self.violations.append(f"quiescence: a run without faults ended badly: {report and report.halted}")
                return
            if not number:
                self._hold_prompt()
            now = (report.open_conflicts, report.open_decisions, report.open_problems)
            still = 0 if report.writes or report.halted else still + 1
            # People may go on for ever deciding what a system refuses: the connector rests when it writes nothing more.
            if number and ((still and now == before) or still >= ENOUGH):
                return
            before = now
        self.violations.append("quiescence: the connector never came to rest")

    def _is_for_people(self, halted: str) -> bool:
        """Whether a guard waits for a person."""
        return self.script.rules.strict and ("connector approve" in halted or "allow-empty" in halted)

    def _hold_prompt(self) -> None:
        """What people edited is across before anything is enumerated: nothing slips past the cursors."""
        if self.script.rules.strict or self.had_rights_changed:
            return
        court = Court(self.world, listen(self.world, self.desk), self.script.rules)
        court.judge_prompt()
        self.checks += court.checks
        self.violations += court.violations

    def _calm_down(self) -> None:
        self.world.wait(3600)
        for system in self.world.systems.values():
            system.blind = False
            system.forbidden.clear()
        self.world.hooks.clear()
        self.tell("people rest")

    def rest(self) -> tuple[int, int]:
        """One more run at rest: how many writes and requests it takes."""
        before = [(one.writes, one.requests) for one in self.world.systems.values()]
        self.world.wait(600)
        self.sync(Random(f"{self.script.seed}/idle"))
        after = [(one.writes, one.requests) for one in self.world.systems.values()]
        writes, requests = ([now[i] - was[i] for now, was in zip(after, before, strict=True)] for i in range(2))
        return sum(writes), sum(requests)


def _sync(life: Life, chance: Random) -> None:
    kind = chance.choice(["calm", "busy", "faulty", "faulty", "crash", "crash", "stall", "all"])
    near = chance.choice(["writes", "writes", "scans", "", ""])
    moment = chance.randrange(1, 12) if near else chance.randrange(1, 120)
    trouble = Trouble(
        faults=chance.choice([0.0, 0.0, 0.01, 0.05]) if kind in {"faulty", "all"} else 0.0,
        write_faults=chance.choice([0.2, 0.4, 0.7]) if kind in {"faulty", "all"} else 0.0,
        moves=chance.choice([0.01, 0.05]) if kind != "calm" else 0.0,
        crash=moment if kind in {"crash", "all"} else 0,
        stall=moment if kind == "stall" else 0,
        near=near,
    )
    report = life.sync(chance, trouble, full=chance.random() < 0.1)
    if (report is None or report.halted) and chance.random() < 0.5:
        life.tell(f"then {people.touch(life.world, chance)}")
    if life.process is not None and life.process.dead:
        life.world.wait(chance.choice([5, 400, 400, 400]))


def _plan(life: Life, chance: Random) -> None:
    life.sync(chance, Trouble(moves=0.05, crash=chance.choice([0, 0, 20])), dry=True)


def _wait(life: Life, chance: Random) -> None:
    life.world.wait(chance.choice([1, 20, 400, 1200, 4000, 90000]))


def _deliver(life: Life, chance: Random) -> None:
    desk.deliver(life.world, life.desk, chance)


def _decide(life: Life, chance: Random) -> None:
    desk.decide(life.world, life.desk, chance)


def _retry(life: Life, chance: Random) -> None:
    desk.approve(life.world, life.desk, life.script.rules)
    desk.retry(life.world, life.desk, life.script.rules)


def rights(life: Life, chance: Random) -> None:
    """Rights are taken, or given back."""
    life.had_rights_changed = True
    system = life.world.systems[chance.choice(list(Side))]
    kind = chance.choice(["blind", "forbidden", "forbidden", "back"])
    system.blind = kind == "blind"
    system.forbidden = {row.id for (_, _), row in system.rows.items() if kind == "forbidden" and chance.random() < 0.3}
    for row in system.rows.values():
        row.hidden = row.hidden or system.blind or row.id in system.forbidden
    life.tell(f"rights on {system.side}: {kind} {sorted(system.forbidden)}")


def _act(life: Life, chance: Random) -> None:
    life.act(chance)


_STEPS: dict[str, tuple[int, Callable[[Life, Random], None]]] = {
    "act": (40, _act),
    "sync": (30, _sync),
    "plan": (2, _plan),
    "wait": (8, _wait),
    "deliver": (6, _deliver),
    "decide": (4, _decide),
    "retry": (3, _retry),
    "rights": (6, rights),
}


def without(script: Script, dropped: Sequence[int]) -> Script:
    """The same script with some steps left out."""
    return script._replace(steps=[step for number, step in enumerate(script.steps) if number not in dropped])


__all__ = ["ENTITIES", "Life", "Script", "Step", "without", "write_script"]
