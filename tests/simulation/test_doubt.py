"""Writes of which no answer came, as the simulator found that they can go wrong: each a story of its own."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.records import Side
from tests.simulation.desk import retry
from tests.simulation.small import Small
from tests.simulation.traits import Traits

World = Callable[..., Small]
LAG = timedelta(seconds=600)


def test_a_movement_whose_answer_got_lost_never_counts_twice(world: World) -> None:
    small = world()
    row = small.customer(points="36")
    small.sync()
    small.crm.change(row, {"points": "33"})
    small.sync(update=["lost"])
    (across,) = small.erp.of("customer")
    small.erp.change(across, {"points": "30"})

    small.sync()

    assert (small.only(Side.CRM)["points"], small.only(Side.ERP)["points"]) == ("33", "30")
    assert small.contested() == ["points"]


def test_a_movement_whose_answer_got_lost_counts_once(world: World) -> None:
    small = world()
    row = small.customer(points="36")
    small.sync()
    small.crm.change(row, {"points": "33"})
    small.sync(update=["lost"])
    small.crm.change(row, {"points": "34"})

    small.sync()

    assert (small.only(Side.CRM)["points"], small.only(Side.ERP)["points"]) == ("34", "34")
    assert small.contested() == []


def test_a_movement_whose_call_arrives_long_after_its_time_out_counts_once(world: World) -> None:
    small = world()
    row = small.customer(points="36")
    small.sync()
    small.crm.change(row, {"points": "33"})
    small.sync(update=["vanished"])
    small.crm.change(row, {"points": "34"})
    small.crm.forbidden.add(row.id)
    small.sync()
    (across,) = small.erp.of("customer")
    small.erp.change(across, {"points": "33"})
    small.crm.forbidden.clear()
    small.wait()

    small.sync()

    assert (small.only(Side.CRM)["points"], small.only(Side.ERP)["points"]) == ("34", "34")
    assert small.contested() == []


def test_an_edit_of_a_record_whose_create_got_no_answer_survives(world: World) -> None:
    small = world(erp=Traits.good(safety="marker"))
    small.customer(tags=["a", "b"])
    small.sync(create=["lost"])
    (across,) = small.erp.of("customer")
    small.erp.change(across, {"tags": ["a"]})

    small.sync()

    assert small.only(Side.CRM)["tags"] == ["a"]


def test_a_record_that_matching_links_before_its_create_is_known_stops_nothing(world: World) -> None:
    small = world(erp=Traits.good(safety="search", lookup_lag=LAG))
    small.customer()
    small.sync(create=["lost"])
    small.wait(200)
    small.sync()
    small.wait()

    report = small.sync()

    assert report is not None
    assert (report.halted, small.causes()) == ([], [])


def test_a_repeated_create_that_was_not_sent_is_not_created_anew(world: World) -> None:
    small = world()
    small.customer()
    small.sync()
    small.crm.insert("adjustment", {"serial": "M1", "customer": "1", "quantity": "3"}, ours=False)
    small.sync(create=["lost"])
    small.sync(create=["down"])

    small.sync()

    assert len(list(small.erp.of("adjustment"))) == 1


def test_an_adopted_record_that_cannot_be_looked_up_yet_is_not_taken_for_deleted(world: World) -> None:
    small = world(erp=Traits.good(safety="marker", lookup_lag=LAG, visibility_lag=LAG))
    small.customer(serial="K1")
    small.sync()
    small.wait()
    small.customer(serial="K2", name="Bodo")
    small.sync(create=["lost"])

    small.sync()
    small.sync()

    assert [row.fields["status"] for row in small.crm.of("customer")] == ["active", "active"]


def test_a_create_in_doubt_is_not_repeated_because_its_record_was_edited(world: World) -> None:
    small = world(erp=Traits.good(safety="none"))
    small.customer()
    small.sync()
    document = small.crm.insert("adjustment", {"serial": "M1", "customer": "1", "quantity": "3"}, ours=False)
    small.sync(create=["lost"])
    small.crm.change(document, {"quantity": "4"})

    small.sync()

    assert len(list(small.erp.of("adjustment"))) == 1
    assert small.causes() == ["outcome_unknown"]


def test_a_create_whose_record_has_one_under_way_waits_and_stops_nobody(world: World) -> None:
    small = world(erp=Traits.good(safety="search", lookup_lag=LAG, visibility_lag=LAG))
    row = small.customer()
    small.sync(create=["vanished"])
    small.crm.change(row, {"name": "Berta"})
    small.customer(serial="K2")

    report = small.sync()

    assert report is not None
    assert report.halted == []
    assert [one.serial for one in small.erp.of("customer")] == ["K2"]


def test_an_edit_of_a_record_that_matching_finds_before_its_create_is_known_survives(world: World) -> None:
    small = world(erp=Traits.good(safety="search", lookup_lag=LAG))
    row = small.customer(tags=["a"])
    small.sync(create=["lost"])
    small.crm.change(row, {"tags": []})
    small.wait(200)

    small.sync()
    small.wait()
    small.sync()

    assert (small.only(Side.CRM)["tags"], small.only(Side.ERP)["tags"]) == ([], [])
    assert small.causes() == []


def test_where_people_may_have_typed_what_a_lost_create_may_have_made_no_rule_chooses(world: World) -> None:
    small = world(erp=Traits.good(safety="none"))
    small.customer(tags=["a"], city="Ulm", phone="1")
    small.sync(create=["vanished"])
    small.customer(Side.ERP, city="Bonn", phone="1")

    small.sync()

    assert sorted(small.contested()) == ["address", "tags"]
    assert (small.only(Side.CRM)["tags"], small.only(Side.CRM)["city"]) == (["a"], "Ulm")
    assert small.only(Side.ERP)["city"] == "BONN"


def test_a_create_in_doubt_stays_open_when_its_record_is_deleted(world: World) -> None:
    small = world(erp=Traits.good(safety="none"))
    small.customer()
    small.sync()
    document = small.crm.insert("adjustment", {"serial": "M1", "customer": "1", "quantity": "3"}, ours=False)
    small.sync(create=["lost"])
    small.crm.remove(document)

    small.sync()

    assert small.causes() == ["outcome_unknown"]


def test_an_edit_of_a_group_survives_that_was_written_without_an_answer(world: World) -> None:
    small = world()
    row = small.customer(city="Ulm", zip="1")
    small.sync()
    small.crm.change(row, {"zip": "2"})
    small.sync(update=["lost"])
    small.erp.change(next(small.erp.of("customer")), {"city": "Bonn"})

    small.sync()

    assert (small.only(Side.CRM)["city"], small.only(Side.CRM)["zip"]) == ("BONN", "2")
    assert (small.only(Side.ERP)["city"], small.only(Side.ERP)["zip"]) == ("BONN", "2")


@pytest.mark.parametrize("fate", [pytest.param("lost", id="found again"), pytest.param("vanished", id="sent again")])
def test_a_create_without_an_answer_comes_to_one_record_where_its_key_is_unique(world: World, fate: str) -> None:
    small = world(erp=Traits.good(safety="unique"))
    small.customer(name="Anna")
    small.sync(create=[fate])

    small.sync()

    assert small.only(Side.ERP)["name"] == "Anna"
    assert small.causes() == []


def test_a_movement_in_doubt_stays_so_while_its_record_is_not_shown(world: World) -> None:
    small = world()
    row = small.customer(points="36")
    small.sync()
    small.crm.change(row, {"points": "33"})
    small.sync(update=["lost"])
    (across,) = small.erp.of("customer")
    small.erp.forbidden.add(across.id)
    small.sync()
    small.erp.forbidden.clear()
    small.erp.change(across, {"points": "30"})

    small.sync()

    assert (small.only(Side.CRM)["points"], small.only(Side.ERP)["points"]) == ("33", "30")
    assert small.contested() == ["points"]


@pytest.mark.parametrize("safety", ["key", "marker"])
def test_a_create_that_is_refused_when_it_is_repeated_is_not_made_anew_while_the_first_may_arrive(
    world: World, safety: str
) -> None:
    small = world(erp=Traits.good(safety=safety))
    small.life.pace = 0.01
    row = small.customer()
    small.sync(create=["late"])
    small.sync(create=["disliked"])
    small.crm.change(row, {"name": "Bea", "city": "Bonn"})

    small.sync(create=["disliked"])
    small.wait()
    small.sync()

    stored = small.only(Side.ERP)
    assert (stored["name"], stored["city"], small.causes(), small.contested()) == ("Bea", "BONN", [], [])


def test_a_create_that_goes_on_being_refused_is_made_anew_once_no_earlier_call_can_arrive(world: World) -> None:
    small = world()
    row = small.customer()
    small.sync(create=["vanished"])
    small.sync(create=["disliked"])
    small.crm.change(row, {"city": "Bonn"})
    small.wait()

    small.sync(create=["disliked"])

    assert (small.only(Side.ERP)["city"], small.causes()) == ("BONN", [])


def test_an_edit_survives_whichever_of_two_creates_of_the_same_has_made_its_record(world: World) -> None:
    small = world(erp=Traits.good(safety="search"))
    small.customer(tags=["a", "b"])
    create_twice(small)
    (across,) = small.erp.of("customer")
    small.erp.change(across, {"tags": ["a"]})

    small.sync()

    assert (small.only(Side.CRM)["tags"], small.contested()) == (["a"], [])


def test_where_one_of_two_different_creates_has_made_a_record_no_rule_chooses(world: World) -> None:
    small = world(erp=Traits.good(safety="search"))
    row = small.customer(tags=["a", "b"])
    create_twice(small, lambda: small.crm.change(row, {"tags": ["b"]}))
    (across,) = small.erp.of("customer")
    small.erp.change(across, {"tags": []})

    small.sync()

    assert (small.only(Side.CRM)["tags"], small.only(Side.ERP)["tags"]) == (["b"], [])
    assert small.contested() == ["tags"]


def create_twice(small: Small, between: Callable[[], object] = lambda: None) -> None:
    """A create is lost, a person says that it is to be made again, and of that no answer comes either."""
    small.sync(create=["vanished"])
    small.wait()
    small.sync()
    assert small.causes() == ["outcome_unknown"]
    between()
    retry(small.life.world, small.life.desk, small.life.script.rules)
    small.sync(create=["lost"])


def test_what_a_lost_create_may_have_made_is_not_created_back_when_its_source_is_gone(world: World) -> None:
    small = world(erp=Traits.good(safety="none"))
    small.customer(serial="K2", name="Berta")
    small.sync()
    row = small.customer(name="Anna")
    small.sync(create=["lost"])
    small.crm.remove(row)
    small.wait()
    small.sync()
    (made,) = [one for one in small.erp.of("customer") if one.serial == "K1"]
    small.erp.change(made, {"city": "Bonn"})
    small.customer(Side.ERP, serial="K3", name="Clara")

    small.sync()

    assert sorted(one.fields["name"] for one in small.crm.of("customer")) == ["Berta", "Clara"]
    assert sorted(small.causes()) == ["ambiguous", "outcome_unknown"]


def test_what_a_repeated_create_met_may_be_what_the_first_one_made(world: World) -> None:
    small = world(erp=Traits.good(safety="unique"))
    row = small.customer(tags=["a"])
    small.sync(create=["lost"])
    (across,) = small.erp.of("customer")
    small.erp.forbidden = {across.id}
    small.sync()
    small.erp.forbidden = set()
    small.erp.change(across, {"zip": "1"})
    small.crm.change(row, {"tags": []})
    small.wait()

    small.sync()

    assert (small.only(Side.CRM)["tags"], small.only(Side.ERP)["tags"]) == ([], ["a"])
    assert sorted(small.contested()) == ["address", "tags"]
