"""One connector process: the real engine on a real store, whose every boundary the simulation can stop at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from sqlalchemy import Connection
from typing_extensions import override

from connector.context import Context, System as Conducted
from connector.errors import RunError
from connector.executor import in_turn
from connector.keeper import KeeperInTurn
from connector.records import Side
from connector.report import Report
from connector.store.database import Store, open_store
from connector.sync import plan, sync
from tests.simulation.hands import shared
from tests.simulation.port import Port
from tests.simulation.tables import Rules, compile_rules
from tests.simulation.wire import CALM, Crash, Trouble, Wire

_NEAR = {"writes": frozenset({"create", "update", "delete", "archive"}), "scans": frozenset({"scan"})}
_REACH = 4
"""How many boundaries after a call still belong to it."""


def _nothing() -> None:
    """What is appointed for most boundaries."""


class Watched(Store):
    """A store that tells when a transaction begins and when it was committed."""

    def __init__(self, store: Store, process: "Process") -> None:
        super().__init__(store._engine, store._writer)
        self._process = process

    @contextmanager
    @override
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        self._process.meanwhile("before transaction")
        with super().write(durable=durable) as connection:
            self._process.wire.writing = True
            try:
                yield connection
            finally:
                self._process.wire.writing = False
            self._process.die_if_due("before commit")
        if durable:
            self._process.life.disk.sync()
        self._process.meanwhile("after commit")

    @override
    def harden(self) -> None:
        self._process.die_if_dead()
        super().harden()
        self._process.life.disk.sync()

    @contextmanager
    @override
    def read(self) -> Iterator[Connection]:
        self._process.die_if_dead()
        with super().read() as connection:
            yield connection


class Process:
    """A connector process, until it ends or dies."""

    def __init__(self, life: Any, url: str, rules: Rules, chance: Random) -> None:
        self.life, self.chance = life, chance
        self.wire = Wire(self, chance, counts=life.wire_counts)
        self.boundary = self.numbered = 0
        self.near = 0
        self.began = life.world.now()
        self.dead = False
        self.store = Watched(open_store(url), self)
        entities, translators = compile_rules(rules)
        context = Context(
            entities=entities,
            systems={
                side: Conducted(f"sim-{side}", Port(life.world.systems[side], self.wire), translators[side])
                for side in Side
            },
            store=self.store,
            keeper=KeeperInTurn(self.store),
            clock=life.world.now,
            new_id=self.new_id,
            limits=life.limits,
            executor=in_turn,
        )
        self.context = shared(context)

    def run(self, trouble: Trouble, *, dry: bool = False, full: bool = False) -> Report | None:
        """One run; None where the process died or the run was stopped as a whole."""
        self.wire.trouble, self.began = trouble, self.life.world.now()
        self.boundary = self.numbered = self.near = 0
        try:
            return plan(self.context) if dry else sync(self.context, full=full)
        except RunError as error:
            self.life.counts[f"stopped: {type(error).__name__}"] += 1
            return None
        except Crash:
            self.life.counts["crashes"] += 1
            return None
        finally:
            self.wire.trouble = CALM

    def new_id(self) -> str:
        """An id for an operation or a run; the systems are told since when its reasons can have been known."""
        made = f"{self.life.world.number():08d}"
        for system in self.life.world.systems.values():
            system.watch.decided[made] = self.began
        return made

    def meanwhile(self, name: str) -> None:
        """A boundary: here the process can die or stall, and the world can move."""
        if self.die_if_due(name) == self.wire.trouble.stall:
            self.life.take_over(self)
        self.life.appointed.pop(name, _nothing)()
        self.life.pass_moment(self.chance, self.wire.trouble.moves)
        self.die_if_dead()

    def later(self, do: Callable[[], Any]) -> None:
        """A request on its way reaches its system only later."""
        self.life.later(self.chance, do)

    def die_if_due(self, name: str) -> int:
        """End the process where its fate says so; the number of this boundary, by which a fate knows it."""
        self.die_if_dead()
        self.boundary += 1
        near = self.wire.trouble.near
        if near and name.rpartition(" ")[2] in _NEAR[near]:
            self.near = _REACH
        self.near -= 1
        if near and self.near < 0:
            return -1
        self.numbered += 1
        if self.numbered == self.wire.trouble.crash:
            self.life.crashed_at[name] += 1
            self.dead = True
            raise Crash(name)
        return self.numbered

    def die_if_dead(self) -> None:
        """A dead process does nothing more, whatever its `finally` blocks want."""
        if self.dead:
            raise Crash("dead")

    def close(self) -> None:
        """Give back the store's connections."""
        self.store.close()
