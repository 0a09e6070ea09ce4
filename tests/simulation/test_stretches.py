"""A reading in ranges: several may read them, each goes on where it stopped, and it is whole when all of them are."""

from collections.abc import Callable
from random import Random

import orjson
import pytest

from connector.adapters.base import Split
from connector.context import Work
from connector.errors import Sent, SystemDown
from connector.pull import pull
from connector.records import Cursor, Page, Resource, Side
from connector.report import Report, Tally
from connector.store import cursors, stretches
from connector.store.stretches import LISTING, READING, Stretch
from connector.sync import running
from tests.simulation import hands
from tests.simulation.port import Port, Spot
from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits

World = Callable[..., Small]
MANY, RANGE, STORED = 20, 10, 8
"""Customers, in ranges of so many, of which so many are stored at a time."""
PAGES = Traits.good(sizes=(2, 2, 50, 50))
UNSEEN = PAGES._replace(tombstones=False)


@pytest.fixture(autouse=True)
def portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are shared, in portions of two."""
    monkeypatch.setattr(hands, "PORTION", 2)


def filled(world: World, traits: Traits = PAGES) -> Small:
    small = world(crm=traits, erp=traits, rules=Rules(crm_deletes="delete", erp_deletes="delete"))
    for number in range(MANY):
        small.customer(serial=f"K{number}", name=f"Anna {number}")
        small.life.world.chronicle.entities[f"K{number}"] = "customer"
    return small


def names(small: Small, side: Side) -> list[str]:
    return sorted(row.fields["name"] for row in small.life.world.systems[side].of("customer"))


def begun(small: Small, kind: str = READING) -> list[Stretch]:
    """The ranges in which the CRM is read, as far as they were."""
    with small.life.desk.read() as connection:
        found = [stretches.get(connection, "customer", Side.CRM, kind, number) for number in range(MANY // RANGE)]
    return [one for one in found if one is not None]


def is_read(small: Small) -> bool:
    with small.life.desk.read() as connection:
        return cursors.get(connection, "customer", Side.CRM).complete


def die_reading(small: Small, kind: str, *seen: int) -> None:
    """A sync that dies when so much of the CRM's ranges is stored."""

    def look() -> None:
        if [one.seen for one in begun(small, kind)] == [*seen]:
            small.life.running(Random(0)).dead = True
        else:
            small.life.appointed["after commit"] = look

    small.life.appointed["after commit"] = look
    assert small.life.sync(Random(0), full=kind == LISTING) is None
    small.wait()


def scans(small: Small, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Where every later scan of the CRM's customers begins."""
    seen: list[str | None] = []
    scan = Port.scan

    def noted(self: Port, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        if resource.name == "accounts":
            seen.append(cursor)
        return scan(self, resource, cursor, keys_only=keys_only)

    monkeypatch.setattr(Port, "scan", noted)
    return seen


def splits(monkeypatch: pytest.MonkeyPatch) -> list[Side]:
    """The sides whose customers are cut into ranges from here on."""
    seen: list[Side] = []
    split = Port.split

    def noted(self: Port, resource: Resource, size: int) -> Split:
        seen.append(self.system.side)
        return split(self, resource, size)

    monkeypatch.setattr(Port, "split", noted)
    return seen


def test_a_first_read_in_ranges_tells_one_story(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small = filled(world)
    asked = scans(small, monkeypatch)

    small.sync()

    assert names(small, Side.ERP) == names(small, Side.CRM)
    assert (is_read(small), begun(small)) == (True, [])
    assert None not in asked


def test_a_range_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small = filled(world)
    die_reading(small, READING, RANGE, STORED)
    first, second = begun(small)
    asked = scans(small, monkeypatch)

    small.sync()

    assert asked[0] == second.cursor
    assert (first.cursor, names(small, Side.ERP)) == (None, names(small, Side.CRM))


def test_a_process_alone_ends_what_was_begun_in_ranges_before_it_creates(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = filled(world)
    for row in list(small.crm.of("customer"))[-3:]:
        small.customer(Side.ERP, serial=row.fields["serial"], name=row.fields["name"])
    die_reading(small, READING, RANGE, STORED)
    monkeypatch.setattr(hands, "PORTION", 0)

    small.sync()

    assert names(small, Side.ERP) == names(small, Side.CRM)
    assert len(names(small, Side.ERP)) == MANY


def test_a_process_alone_reads_at_a_time_the_ranges_of_what_takes_more_than_a_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "PORTION", 0)
    small = filled(world)
    asked, cut = scans(small, monkeypatch), splits(monkeypatch)

    small.sync()

    glance, *others = asked
    places = [Spot(*orjson.loads(cursor or "[]")).last for cursor in others]
    assert (glance, places[:4]) == (None, [RANGE, MANY, RANGE, MANY])
    assert cut == [Side.CRM]
    assert names(small, Side.ERP) == names(small, Side.CRM)


def test_a_range_that_cannot_be_read_ends_the_others_and_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "PORTION", 0)
    small = filled(world)
    scan = Port.scan

    def broken(self: Port, resource: Resource, cursor: Cursor | None, *, keys_only: bool = False) -> Page:
        if resource.name == "accounts" and Spot(*orjson.loads(cursor or "[]")).last:
            raise SystemDown("the CRM is down", sent=Sent.NO)
        return scan(self, resource, cursor, keys_only=keys_only)

    with monkeypatch.context() as down:
        down.setattr(Port, "scan", broken)
        report = small.sync()
    small.sync()

    assert report is not None
    assert report.halted == ["customer: the CRM is down"]
    assert names(small, Side.ERP) == names(small, Side.CRM)


def test_a_side_is_not_read_while_ranges_of_it_are_left(world: World) -> None:
    small = filled(world)
    die_reading(small, READING, RANGE, STORED)
    context = small.life.running(Random(0)).context

    with running(context, Report(context.new_id(), "sync")) as epoch:
        work = Work(context, context.entities["customer"], "r", Tally("customer"), epoch)
        pull(work, Side.CRM)

    assert not is_read(small)


@pytest.mark.parametrize("died", [pytest.param(False, id="in one go"), pytest.param(True, id="in two runs")])
def test_a_listing_in_ranges_finds_what_is_gone_and_nothing_else(world: World, *, died: bool) -> None:
    small = filled(world, UNSEEN)
    small.sync()
    rows = list(small.crm.of("customer"))
    small.crm.remove(rows[4])
    small.wait()
    small.crm.change(rows[-5], {"name": "Berta"})

    if died:
        die_reading(small, LISTING, RANGE - 1, 2)
    small.life.sync(Random(0), full=True)

    assert names(small, Side.ERP) == names(small, Side.CRM)
    assert (len(names(small, Side.ERP)), begun(small, LISTING)) == (MANY - 1, [])


def test_what_changes_while_ranges_are_read_is_in_the_window_after_them(world: World) -> None:
    small = filled(world)
    first = next(small.crm.of("customer"))

    def meanwhile() -> None:
        small.crm.change(first, {"name": "Berta"})
        small.customer(serial="K99", name="Carla")

    small.life.appointed["after scan"] = meanwhile
    small.sync()

    assert {"Berta", "Carla"} <= set(names(small, Side.ERP))
    assert names(small, Side.ERP) == names(small, Side.CRM)
