"""What the simulator found in the engine, each as a story of its own."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.records import Side
from tests.simulation.desk import retry
from tests.simulation.laws import listen
from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits

World = Callable[..., Small]
LAG = timedelta(seconds=600)


def test_a_value_that_loses_at_first_contact_is_in_the_history(world: World) -> None:
    small = world()
    small.customer(Side.CRM, city="Ulm")
    small.customer(Side.ERP, city="Bonn")

    small.sync()

    small.life.world.chronicle.entities["K1"] = "customer"
    assert small.only(Side.ERP)["city"] == "ULM"
    assert "BONN" in listen(small.life.world, small.life.desk).values["K1", "city"]


def test_a_list_that_lags_behind_does_not_take_back_what_was_written(world: World) -> None:
    small = world(erp=Traits.good(visibility_lag=LAG))
    row = small.customer(city="Ulm")
    small.sync()
    small.wait()
    small.erp.change(next(small.erp.of("customer")), {"phone": "1"})
    small.crm.change(row, {"city": "Bonn"})
    small.wait(200)
    small.sync()
    small.wait(450)

    small.sync()

    assert (small.only(Side.CRM)["city"], small.only(Side.ERP)["city"]) == ("Bonn", "BONN")
    assert small.contested() == []


@pytest.mark.parametrize("seconds", range(180, 280, 10))
def test_a_record_that_was_read_while_it_was_too_new_is_not_taken_for_deleted(world: World, seconds: int) -> None:
    small = world(crm=Traits.good(lookup_lag=LAG))
    small.customer(Side.ERP, serial="K0")
    small.sync()
    small.wait()
    row = small.customer(Side.ERP)
    small.sync()
    small.sync()
    small.erp.change(row, {"city": "Bonn"})
    small.wait(seconds)
    small.life.pace = 10

    small.sync()

    assert small.contested() == []


def test_a_record_that_is_too_new_to_be_read_is_read_again_by_itself(world: World) -> None:
    small = world(crm=Traits.good(lookup_lag=LAG))
    row = small.customer(Side.ERP)
    small.sync()
    small.erp.change(row, {"city": "Bonn"})
    small.sync()
    small.wait()

    small.sync()

    assert small.only(Side.CRM)["city"] == "BONN"
    assert small.causes() == []


def test_a_record_that_may_not_be_read_for_a_while_is_read_again_by_itself(world: World) -> None:
    small = world()
    row = small.customer()
    small.sync()
    small.crm.change(row, {"city": "Bonn"})
    small.erp.forbidden = {"1"}
    small.sync()
    small.erp.forbidden = set()
    small.wait()

    small.sync()

    assert small.only(Side.ERP)["city"] == "BONN"
    assert small.causes() == []


def test_a_delete_against_values_that_were_never_agreed_on_is_a_conflict(world: World) -> None:
    small = world()
    small.customer(serial="K0")
    row = small.customer(Side.CRM, name="Anna")
    across = small.customer(Side.ERP, name="Berta")
    small.sync()
    small.crm.remove(row)

    small.sync()

    assert across.fields["status"] == "active"
    assert "*" in small.contested()


def test_a_conflict_stays_open_while_one_of_its_records_cannot_be_read(world: World) -> None:
    small = world()
    small.customer(Side.CRM, name="Anna")
    across = small.customer(Side.ERP, name="Berta")
    small.sync()
    small.erp.change(across, {"phone": "1"})
    small.crm.forbidden = {"1"}

    small.sync()

    assert small.contested() == ["name"]


def test_what_a_late_list_shows_is_not_taken_for_the_current_state(world: World) -> None:
    small = world(erp=Traits.good(visibility_lag=LAG, ordered=False))
    row = small.customer(Side.ERP, city="ULM")
    small.wait()
    small.sync()
    small.erp.change(row, {"city": "BONN"})
    small.wait(500)
    small.erp.change(row, {"city": "KIEL"})
    small.wait(150)

    small.sync()

    assert small.only(Side.CRM)["city"] == "KIEL"


def test_a_late_list_that_shows_more_than_was_known_is_taken_at_its_word(world: World) -> None:
    small = world(erp=Traits.good(visibility_lag=LAG))
    row = small.customer(Side.ERP, city="ULM")
    small.wait()
    small.sync()
    small.erp.change(row, {"city": "BONN"})
    small.wait(500)
    small.erp.change(row, {"city": "KIEL"})
    small.wait(150)
    small.sync()
    first = small.only(Side.CRM)["city"]
    small.wait()

    small.sync()

    assert (first, small.only(Side.CRM)["city"], small.contested()) == ("BONN", "KIEL", [])


def test_an_edit_of_a_record_that_is_just_being_written_across_goes_across_too(world: World) -> None:
    small = world()
    row = small.customer(city="Ulm")
    small.sync()
    small.crm.change(row, {"city": "Bonn"})
    small.life.appointed["during update"] = lambda: small.crm.change(row, {"city": "Kiel"})

    small.sync()

    assert (small.only(Side.CRM)["city"], small.only(Side.ERP)["city"]) == ("Kiel", "KIEL")


def test_a_delete_that_was_refused_is_tried_again_though_nothing_new_was_heard(world: World) -> None:
    rules = Rules(crm_deletes="delete")
    small = world(rules=rules)
    first, _ = [small.customer(serial=serial, name=serial) for serial in ("K1", "K2")]
    small.life.world.chronicle.entities |= {"K1": "customer", "M1": "adjustment"}
    small.sync()
    small.erp.remove(next(small.erp.of("customer")))
    moved = {"serial": "M1", "customer": first.id, "quantity": "1", "status": "active"}
    referring = small.crm.insert("adjustment", moved, ours=False)
    small.wait()
    small.sync()
    assert [row.fields["serial"] for row in small.crm.of("customer")] == ["K1", "K2"]

    small.crm.remove(referring)
    retry(small.life.world, small.life.desk, rules)
    small.sync()

    assert [row.fields["serial"] for row in small.crm.of("customer")] == ["K2"]


@pytest.mark.parametrize("policy", ["ignore", "archive"])
def test_what_stays_when_its_counterpart_is_deleted_is_found_when_people_type_that_again(
    world: World, policy: str
) -> None:
    small = world(rules=Rules(crm_deletes=policy, erp_deletes=policy))
    small.life.world.chronicle.entities["K1"] = "customer"
    row, _ = small.customer(serial="K1", name="Anna"), small.customer(serial="K2", name="Berta")
    small.sync()
    small.wait()
    small.crm.remove(row)
    small.sync()

    small.customer(serial="K1", name="Anna again")
    small.sync()

    assert [row.serial for row in small.erp.of("customer")] == ["K1", "K2"]
    assert small.causes() == ["ambiguous"]
