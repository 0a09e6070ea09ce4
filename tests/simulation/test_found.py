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


def test_a_repeated_create_that_was_not_sent_is_not_created_anew(world: World) -> None:
    small = world()
    small.customer()
    small.sync()
    small.crm.insert("adjustment", {"serial": "M1", "customer": "1", "quantity": "3"}, ours=False)
    small.sync(create=["lost"])
    small.sync(create=["down"])

    small.sync()

    assert len(list(small.erp.of("adjustment"))) == 1


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


def test_a_lost_create_is_found_again_by_its_unique_key(world: World) -> None:
    small = world(erp=Traits.good(safety="unique"))
    small.customer(name="Anna")
    small.sync(create=["lost"])

    small.sync()

    assert small.only(Side.ERP)["name"] == "Anna"
    assert small.causes() == []


def test_a_create_that_vanished_is_sent_again_where_its_key_is_unique(world: World) -> None:
    small = world(erp=Traits.good(safety="unique"))
    small.customer(name="Anna")
    small.sync(create=["vanished"])

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


def test_a_create_that_is_refused_when_it_is_repeated_is_not_made_anew_while_the_first_may_arrive(world: World) -> None:
    small = world()
    small.life.pace = 0.01
    row = small.customer()
    small.sync(create=["late"])
    small.sync(create=["disliked"])
    small.crm.change(row, {"city": "Bonn"})

    small.sync(create=["disliked"])
    small.wait()
    small.sync()

    assert (small.only(Side.ERP)["city"], small.causes()) == ("BONN", [])


def test_a_create_that_goes_on_being_refused_is_made_anew_once_no_earlier_call_can_arrive(world: World) -> None:
    small = world()
    row = small.customer()
    small.sync(create=["vanished"])
    small.sync(create=["disliked"])
    small.crm.change(row, {"city": "Bonn"})
    small.wait()

    small.sync(create=["disliked"])

    assert (small.only(Side.ERP)["city"], small.causes()) == ("BONN", [])


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
