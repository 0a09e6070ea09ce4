"""A small world for tests: nothing in it, honest systems, and no chance."""

from random import Random
from typing import Any

from connector.records import Side
from connector.report import Report
from connector.store import conflicts, problems
from tests.simulation.life import Life, Script
from tests.simulation.sales import OPEN, flat
from tests.simulation.system import Row
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits
from tests.simulation.wire import CALM, Trouble


class Small:
    """A world with nothing in it, and the connector beside it."""

    def __init__(self, crm: Traits, erp: Traits, rules: Rules) -> None:
        self.life = Life(Script(0, {Side.CRM: crm, Side.ERP: erp}, rules, [], decisive=False))
        self.crm, self.erp = (self.life.world.systems[side] for side in Side)

    def customer(self, side: Side = Side.CRM, serial: str = "K1", **fields: Any) -> Row:
        """Somebody types a customer."""
        given = {"serial": serial, "name": "Anna", "status": "active", **fields}
        return self.life.world.systems[side].insert("customer", given, ours=False)

    def sale(self, *lines: tuple[str, int]) -> Row:
        """Somebody sells to the first customer of the CRM."""
        rows = [{"id": None, "what": what, "quantity": str(quantity)} for what, quantity in lines]
        given = {"serial": "S1", "customer": "1", "status": OPEN, "lines": rows}
        return self.crm.insert("sale", given, ours=False)

    def sync(self, trouble: Trouble = CALM, **planned: list[str]) -> Report | None:
        """One run; `planned` says what happens to the next calls of a verb."""
        self.life.running(Random(0)).wire.planned = planned
        return self.life.sync(Random(0), trouble)

    def wait(self, seconds: float = 3600) -> None:
        """Time passes."""
        self.life.world.wait(seconds)

    def only(self, side: Side, entity: str = "customer") -> dict[str, Any]:
        """The fields of the only record of a side."""
        (row,) = self.life.world.systems[side].of(entity)
        return row.fields

    def lines(self, side: Side) -> str:
        """The lines of a side's only sale."""
        return str(flat(self.only(side, "sale")["lines"]))

    def causes(self) -> list[str]:
        """Why records are parked."""
        with self.life.desk.read() as connection:
            return [item.problem.cause for item in problems.listed(connection)]

    def contested(self) -> list[str]:
        """The fields that wait for a person."""
        with self.life.desk.read() as connection:
            return [item.conflict.field for item in conflicts.listed(connection)]
