"""Everything outside of the connector: two systems, people's record of what they did, time, and what is under way."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from connector.records import Side
from tests.simulation.chronicle import Chronicle
from tests.simulation.system import DAWN, Row, System
from tests.simulation.traits import Traits

ON_THE_WAY = timedelta(seconds=25)
"""How long a request whose caller gave up can still be on its way."""


class World:
    """One small world."""

    def __init__(self, traits: dict[Side, Traits]) -> None:
        self.clock = DAWN
        self.chronicle = Chronicle()
        self.systems = {side: System(side, traits[side], self.now, self.chronicle) for side in Side}
        for system in self.systems.values():
            system.deleted_across = partial(self.deleted, system.side.other)
            system.notify = partial(self.notify, system.side)
        self.counts: Counter[str] = Counter()
        self.hooks: list[tuple[str, Side, str]] = []
        self.under_way: list[tuple[datetime, Callable[[], Any]]] = []
        self.numbers = 0
        self.focus: tuple[Side, Row] | None = None
        """The record that people are busy with."""
        self.busy = False
        """Whether the connector is at work."""
        self.typed_at: dict[tuple[str, Side], datetime | None] = {}
        """When a thing was typed first on a side, if the connector was not at work then."""
        self.sweeping = False
        """Whether who deletes one customer goes on to delete more."""
        self.deeds: list[str] = []
        """What people did, in words."""

    def now(self) -> datetime:
        """The world's own time."""
        return self.clock

    def wait(self, seconds: float) -> None:
        """Time passes, and what is under way arrives in its turn."""
        until = self.clock + timedelta(seconds=seconds)
        for due, do in sorted(self.under_way, key=lambda item: item[0]):
            if due <= until:
                self.clock = max(self.clock, due)
                self.under_way = [item for item in self.under_way if item[1] is not do]
                do()
        self.clock = until

    def later(self, chance: Random, do: Callable[[], Any]) -> None:
        """A request is on its way."""
        self.under_way.append((self.clock + ON_THE_WAY * chance.random(), do))

    def number(self) -> int:
        """A number nobody has used."""
        self.numbers += 1
        return self.numbers

    def notify(self, side: Side, row: Row) -> None:
        """The system would like to tell about a change."""
        self.hooks.append((row.entity, side, row.id))

    def deleted(self, side: Side, row: Row) -> Row | None:
        """The only record of a thing on a side, where it was deleted."""
        same = [one for one in self.systems[side].rows.values() if one.serial == row.serial]
        return same[0] if len(same) == 1 and same[0].gone else None

    def live(self, side: Side, entity: str) -> list[Row]:
        """What people see in one list."""
        return list(self.systems[side].of(entity))

    def name_of(self, entity: str, side: Side, record_id: str) -> str | None:
        """What a record is in the real world, deleted or not."""
        row = self.systems[side].rows.get((entity, record_id))
        return None if row is None else row.serial
