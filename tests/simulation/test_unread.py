"""Records that are not read before they are written, as their bases tell what they hold."""

from collections.abc import Callable
from datetime import timedelta

from connector.records import Side
from tests.simulation.small import Small
from tests.simulation.traits import Traits

World = Callable[..., Small]
LAG = timedelta(seconds=600)
FILLED = {"city": "Ulm", "zip": "Z1", "phone": "+49301", "credit": "1", "points": "1", "tags": ["a"]}


def reads(small: Small) -> list[str]:
    """Told when a record is read by its id in the next run; it is short, so that lists are fresh all along."""
    told: list[str] = []
    small.life.pace = 0.01
    small.life.appointed["before fetch"] = lambda: told.append("read")
    return told


def test_a_record_that_nothing_was_heard_of_is_written_without_being_read(world: World) -> None:
    small = world()
    row = small.customer(city="Ulm")
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    told = reads(small)

    small.sync()

    assert (small.only(Side.ERP)["city"], told) == ("BONN", [])


def test_where_a_stale_write_is_not_refused_a_record_is_read_before_it_is_written(world: World) -> None:
    small = world(erp=Traits.good(exact=False))
    row = small.customer(city="Ulm")
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    told = reads(small)

    small.sync()

    assert (small.only(Side.ERP)["city"], told) == ("BONN", ["read"])


def test_where_an_answer_tells_nothing_the_new_record_is_read_before_it_is_written(world: World) -> None:
    small = world(erp=Traits.good(answers=False))
    row = small.customer(**FILLED)
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    told = reads(small)

    small.sync()

    assert (small.only(Side.ERP)["city"], told) == ("BONN", ["read"])


def test_an_edit_that_no_list_has_shown_yet_is_met_and_asked_about(world: World) -> None:
    small = world(erp=Traits.good(visibility_lag=LAG))
    row = small.customer(city="Ulm")
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    small.erp.change(next(small.erp.of("customer")), {"city": "KIEL"})

    small.sync()

    assert (small.only(Side.CRM)["city"], small.only(Side.ERP)["city"]) == ("Bonn", "KIEL")
    assert small.contested() == ["address"]


def test_an_edit_that_could_not_go_across_is_not_forgotten_over_another_one(world: World) -> None:
    small = world(erp=Traits.good(answers=False))
    row = small.customer(**FILLED)
    small.sync()
    small.wait()
    small.erp.change(next(small.erp.of("customer")), {"city": "KIEL"})
    small.sync(update=["disliked"])
    small.wait()
    small.crm.change(row, {"name": "Berta"})

    small.sync()

    assert (small.only(Side.CRM)["city"], small.only(Side.ERP)["name"]) == ("KIEL", "Berta")


def test_a_record_that_was_deleted_meanwhile_is_found_out_by_the_write(world: World) -> None:
    small = world(erp=Traits.good(tombstones=False, counts=False))
    row = small.customer(city="Ulm")
    small.customer(serial="K2")
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    small.erp.remove(small.erp.find("customer", "K1")[0])

    small.sync()

    assert small.contested() == ["*"]


def test_once_it_was_read_as_it_is_known_a_record_need_not_be_read_again(world: World) -> None:
    small = world(erp=Traits.good(answers=False))
    row = small.customer(city="Ulm")
    small.sync()
    small.wait()
    small.crm.change(row, {"note": "of no matter"})
    small.sync()
    small.wait()
    small.crm.change(row, {"city": "Bonn"})
    told = reads(small)

    small.sync()

    assert (small.only(Side.ERP)["city"], told) == ("BONN", [])
