"""A field that two systems change back and forth is withheld alone; told with the real engine in a small world."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from connector.reconcile.flips import FLIPS
from connector.records import Arrival, Side
from connector.store import conflicts, inbox
from tests.simulation.small import Small
from tests.simulation.system import Row


class Quarrel(NamedTuple):
    """A customer whose name the CRM makes loud and the ERP quiet, some time after it was written."""

    small: Small
    crm: Row
    erp: Row

    def goes_on(self, rounds: int = 4) -> None:
        """Each system has its way, and the connector looks."""
        for _ in range(rounds):
            self.small.erp.change(self.erp, {"name": self.erp.fields["name"].lower()})
            self.small.sync()
            self.small.crm.change(self.crm, {"name": self.crm.fields["name"].upper()})
            self.small.sync()

    @property
    def names(self) -> tuple[str, str]:
        return self.crm.fields["name"], self.erp.fields["name"]

    def decide(self, take: Side) -> None:
        """Somebody resolves the only conflict, as `conflicts resolve` does."""
        world, keys = self.small.life.world, {Side.CRM: self.crm.id, Side.ERP: self.erp.id}
        with self.small.life.desk.write() as connection:
            (item,) = conflicts.listed(connection)
            conflicts.resolve(connection, item.id, take, None, "somebody", world.now())
            arrivals = [Arrival("customer", side, one, "resolved") for side, one in keys.items()]
            inbox.put(connection, arrivals, world.now())


@pytest.fixture
def quarrel(world: Callable[..., Small]) -> Quarrel:
    """The two have changed the name back and forth, as often as they could."""
    small = world()
    crm = small.customer(name="ANNA")
    small.sync()
    (erp,) = small.erp.of("customer")
    found = Quarrel(small, crm, erp)
    found.goes_on()
    return found


def written(small: Small) -> int:
    """How often the connector wrote on either side."""
    return small.crm.writes + small.erp.writes


def test_the_circle_ends_with_a_conflict_that_shows_both_values(quarrel: Quarrel) -> None:
    before = written(quarrel.small)
    quarrel.goes_on()

    assert written(quarrel.small) == before <= 4
    with quarrel.small.life.desk.read() as connection:
        (item,) = conflicts.listed(connection)
    assert item.conflict.reason.startswith(FLIPS)
    assert {item.conflict.crm_value["name"], item.conflict.erp_value["name"]} == {"ANNA", "anna"}


def test_all_other_fields_of_the_record_go_on(quarrel: Quarrel) -> None:
    quarrel.small.crm.change(quarrel.crm, {"phone": "12"})
    quarrel.small.sync()

    assert quarrel.erp.fields["phone"] == "12"
    assert quarrel.small.contested() == ["name"]


def test_it_stays_withheld_when_the_window_has_passed(quarrel: Quarrel) -> None:
    before = written(quarrel.small)
    quarrel.small.wait(3 * 86400)
    quarrel.goes_on()

    assert written(quarrel.small) == before


@pytest.mark.parametrize("take", list(Side))
def test_what_a_person_decides_is_written_though_it_was_written_before(quarrel: Quarrel, take: Side) -> None:
    value = quarrel.names[take is Side.ERP]
    quarrel.decide(take)
    quarrel.small.sync()

    assert quarrel.names == (value, value)
    assert quarrel.small.contested() == []


def test_somebody_who_sets_a_value_back_is_followed(world: Callable[..., Small]) -> None:
    small = world()
    row = small.customer(phone="1")
    small.sync()
    for phone in ("2", "3", "2", "3", "2"):
        small.crm.change(row, {"phone": phone})
        small.sync()

    assert small.only(Side.ERP)["phone"] == "2"
    assert small.contested() == []


def test_a_movement_that_is_withheld_holds_up_no_other_field_and_is_looked_at_once(world: Callable[..., Small]) -> None:
    small = world()
    crm = small.customer(points="5", phone="1")
    small.sync()
    (erp,) = small.erp.of("customer")
    small.erp.change(erp, {"points": "8"})
    small.sync()

    restored_from_a_backup(small, erp, points="5")
    small.crm.change(crm, {"points": "9", "phone": "2"})
    small.sync()
    before = small.crm.requests + small.erp.requests
    small.crm.change(crm, {"city": "Ulm"})
    small.sync()

    assert (small.contested(), erp.fields["points"], crm.fields["points"]) == (["points"], "5", "9")
    assert (erp.fields["phone"], erp.fields["city"]) == ("2", "ULM")
    assert small.crm.requests + small.erp.requests - before < 40


def restored_from_a_backup(small: Small, row: Row, **fields: str) -> None:
    """The record is as it was, and its version starts again from there."""
    small.erp.change(row, fields)
    row.revision = 1
