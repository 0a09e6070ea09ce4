"""An inbox that fills up: reading waits until what can be decided was, and senders are asked to come again."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from connector.adapters.notices import Event, Notice
from connector.arrivals import FULL, REPEATED, STORED, Arrivals, Delivery
from connector.records import Side
from connector.store import inbox
from connector.store.database import Store
from tests.simulation.small import Small
from tests.simulation.traits import Traits

World = Callable[..., Small]
MARK, BATCH, MANY = 10, 8, 30
"""Keys before reading pauses, records that are stored at a time, customers."""
PAGES = Traits.good(sizes=(2, 50, 50, 50))


class Depths:
    """How many keys were ready whenever something was told of a run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seen: list[int] = []

    def step(self, entity: str, activity: str, done: int) -> None:
        """Look at the inbox."""
        with self._store.read() as connection:
            self.seen.append(inbox.ready(connection, entity).get(entity, 0))


def pressed(small: Small) -> Depths:
    """Let reading pause at a few keys; what it says of its progress tells how full the inbox is."""
    process = small.life.running(Random(0))
    depths = Depths(small.life.desk)
    limits = replace(process.context.limits, high_water=MARK)
    process.context = replace(process.context, limits=limits, progress=depths)
    return depths


def names(small: Small, side: Side) -> list[str]:
    return sorted(row.fields["name"] for row in small.life.world.systems[side].of("customer"))


def met(world: World) -> Small:
    """Many customers on both sides, all of them linked."""
    small = world(crm=PAGES, erp=PAGES)
    for number in range(MANY):
        small.customer(serial=f"K{number}", name=f"Anna {number}")
    small.sync()
    return small


def test_reading_pauses_at_the_mark_and_goes_on_within_the_run(world: World) -> None:
    small = met(world)
    for number, row in enumerate(list(small.crm.of("customer"))):
        small.crm.change(row, {"name": f"Berta {number}"})
    depths = pressed(small)

    report = small.sync()

    assert report is not None
    assert max(depths.seen) <= MARK + BATCH
    assert names(small, Side.ERP) == names(small, Side.CRM) == sorted(f"Berta {number}" for number in range(MANY))


def test_a_newcomer_waits_through_the_pause_until_the_other_side_was_read(world: World) -> None:
    small = met(world)
    for side, system in ((Side.CRM, small.crm), (Side.ERP, small.erp)):
        small.customer(side, serial="K99", name="Carla")
        for row in list(system.of("customer"))[:-1]:
            system.change(row, {"city": "Bonn"})
    for number in range(2 * MARK):
        small.customer(serial=f"N{number}", name=f"New {number}")
    pressed(small)

    small.sync()

    assert [names(small, side).count("Carla") for side in Side] == [1, 1]
    assert small.causes() == []


def test_a_first_read_fills_the_inbox_beyond_the_mark_as_nothing_may_be_decided_yet(world: World) -> None:
    small = world(crm=PAGES, erp=PAGES)
    for number in range(MANY):
        small.customer(serial=f"K{number}", name=f"Anna {number}")
    depths = pressed(small)

    small.sync()

    assert max(depths.seen) >= MANY
    assert names(small, Side.ERP) == names(small, Side.CRM)


def test_what_waits_for_the_end_of_reading_lets_no_run_pause_again_and_again(world: World) -> None:
    small = met(world)
    for number in range(MANY):
        small.customer(serial=f"N{number}", name=f"New {number}")
    pressed(small)

    small.sync()

    assert names(small, Side.ERP) == names(small, Side.CRM)
    assert len(names(small, Side.ERP)) == 2 * MANY


def deliver(arrivals: Arrivals, small: Small, *ids: str) -> list[str]:
    notices = [Notice(None, [Event("accounts", one)]) for one in ids]
    deliveries = [Delivery(Side.CRM, f"msg-{one}", notice) for one, notice in zip(ids, notices, strict=True)]
    return arrivals.store(deliveries, small.life.world.now())


def receiver(small: Small, most: int) -> Arrivals:
    return Arrivals(small.life.running(Random(0)).context, lambda: None, most)


def test_a_webhook_for_a_full_inbox_is_put_off_and_taken_when_it_comes_again(world: World) -> None:
    small = met(world)
    arrivals = receiver(small, 2)
    assert deliver(arrivals, small, "901", "902") == [STORED, STORED]

    put_off = deliver(arrivals, small, "903")
    with small.life.desk.write() as connection:
        inbox.settle(connection, [row.seq for row in inbox.take(connection, "customer", 0, 9, small.life.world.now())])
    small.wait(60)

    assert put_off == [FULL]
    assert deliver(arrivals, small, "903", "901") == [STORED, REPEATED]


def test_before_the_first_sync_went_through_no_webhook_is_put_off(world: World) -> None:
    small = world()
    arrivals = receiver(small, 2)

    assert set(deliver(arrivals, small, *map(str, range(5)))) == {STORED}
    assert deliver(arrivals, small, "9") == [STORED]
