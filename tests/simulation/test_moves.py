"""Merges and renames that no reference system can be told to do, on simulated ones."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.records import LinkStatus, Side
from connector.store import links
from tests.simulation.small import Small
from tests.simulation.system import Row, System
from tests.simulation.traits import Traits

World = Callable[..., Small]
LAG = timedelta(seconds=600)


def linked(small: Small) -> list[tuple[str, str, LinkStatus]]:
    with small.life.desk.read() as connection:
        return [(one.crm_id, one.erp_id, one.status) for one in links.page(connection, "customer", 0, 10)]


def rename(system: System, row: Row) -> Row:
    """A record goes on under another id."""
    new = system.insert(row.entity, dict(row.fields), ours=row.ours, marker=row.marker)
    system.remove(row, moved_to=new.id)
    return new


def test_a_record_renamed_on_both_sides_keeps_its_link(world: World) -> None:
    small = world()
    row = small.customer()
    small.sync()

    ours, theirs = rename(small.crm, row), rename(small.erp, next(small.erp.of("customer")))
    small.sync()

    assert linked(small) == [(ours.id, theirs.id, LinkStatus.ACTIVE)]
    assert [len(list(system.of("customer"))) for system in (small.crm, small.erp)] == [1, 1]


def test_a_merge_waits_while_a_counterpart_of_the_winner_is_being_made(world: World) -> None:
    small = world(erp=Traits.good(safety="search", lookup_lag=LAG))
    loser = small.customer()
    small.sync()
    small.wait()
    winner = small.customer(serial="K2")
    small.sync(create=["lost"])

    small.crm.remove(loser, moved_to=winner.id)
    small.sync()
    waiting = linked(small)
    small.wait()
    small.sync()

    assert waiting[0][::2] == (loser.id, LinkStatus.ACTIVE)
    assert [status for _, _, status in linked(small)] == [LinkStatus.DORMANT, LinkStatus.ACTIVE]
    assert (small.causes(), len(list(small.erp.of("customer")))) == (["merged"], 2)


def test_a_merge_that_is_taken_back_wakes_the_link(world: World) -> None:
    small = world()
    winner, loser = small.customer(), small.customer(serial="K2")
    small.sync()
    small.crm.remove(loser, moved_to=winner.id)
    small.sync()
    asleep = small.causes()

    loser.gone, loser.moved_to = False, None
    small.crm.change(loser, {"city": "Ulm"})
    small.sync()

    assert (asleep, small.causes()) == (["merged"], [])
    assert [status for _, _, status in linked(small)] == [LinkStatus.ACTIVE] * 2
    assert [row.fields.get("city") for row in small.erp.of("customer")] == [None, "ULM"]


def test_a_record_that_shows_late_under_its_new_id_is_not_deleted(world: World) -> None:
    small = world(erp=Traits.good(lookup_lag=LAG))
    small.customer()
    small.sync()
    small.wait()

    new = rename(small.erp, next(small.erp.of("customer")))
    small.sync()
    early = small.only(Side.CRM)["status"]
    small.wait()
    small.sync()

    assert (early, small.only(Side.CRM)["status"], small.causes()) == ("active", "active", [])
    assert [erp_id for _, erp_id, _ in linked(small)] == [new.id]


def test_a_merge_into_a_record_that_was_deleted_then_is_a_delete(world: World) -> None:
    small = world()
    loser = small.customer()
    small.customer(serial="K3")
    small.sync()
    winner = small.customer(serial="K2")

    small.crm.remove(loser, moved_to=winner.id)
    small.crm.remove(winner)
    small.life.world.chronicle.entities["K1"] = "customer"
    small.sync()
    small.wait()
    small.sync()

    assert [row.serial for row in small.erp.of("customer") if row.fields["status"] == "active"] == ["K3"]


def test_a_delete_of_what_was_merged_into_another_across_is_for_a_person_to_decide(world: World) -> None:
    small = world()
    row = small.customer()
    small.customer(serial="K3")
    small.sync()
    (across,) = small.erp.find("customer", "K1")
    winner = small.customer(Side.ERP, serial="K2", name="Berta")

    small.erp.remove(across, moved_to=winner.id)
    small.crm.remove(row)
    small.sync()
    small.wait()
    small.sync()

    assert winner.fields["status"] == "active"
    assert small.contested() == ["*"]


def test_merges_in_a_circle_delete_nothing(world: World) -> None:
    small = world()
    one, other = small.customer(), small.customer(serial="K2")
    small.customer(serial="K3")
    small.sync()

    small.crm.remove(one, moved_to=other.id)
    small.crm.remove(other, moved_to=one.id)
    small.sync()

    assert [row.fields["status"] for row in small.erp.of("customer")] == ["active"] * 3
    assert small.causes() == ["unproved_delete"] * 2


def test_two_merged_into_one_that_is_new_leave_one_counterpart_over(world: World) -> None:
    small = world()
    losers = [small.customer(), small.customer(serial="K2")]
    small.sync()
    winner = small.customer(serial="K3")

    for loser in losers:
        small.crm.remove(loser, moved_to=winner.id)
    small.sync()

    assert [(crm, status) for crm, _, status in linked(small)] == [
        (winner.id, LinkStatus.ACTIVE),
        (losers[1].id, LinkStatus.DORMANT),
    ]
    assert (small.causes(), len(list(small.erp.of("customer")))) == (["merged"], 2)


def test_a_record_that_is_passed_on_the_way_to_where_another_one_goes_on_is_followed_too(world: World) -> None:
    small = world(crm=Traits.good(tombstones=False, counts=False))
    first, second, third = (small.customer(serial=serial) for serial in ("K1", "K2", "K3"))
    small.sync()
    small.crm.remove(first, moved_to=second.id)
    small.wait(90_000)
    small.sync()
    small.crm.remove(second, moved_to=third.id)
    small.erp.change(small.erp.find("customer", "K1")[0], {"city": "BONN"})

    small.sync()

    assert small.causes() == ["merged", "merged"]


@pytest.mark.parametrize("is_linked", [pytest.param(False, id="its link follows"), pytest.param(True, id="it sleeps")])
def test_what_a_merged_record_was_matched_by_still_finds_its_counterpart(world: World, *, is_linked: bool) -> None:
    small = world()
    loser = small.customer(serial="K1", name="Anna")
    if is_linked:
        winner = small.customer(serial="K2", name="Berta")
    small.sync()
    if not is_linked:
        winner = small.customer(serial="K2", name="Berta")
    small.crm.remove(loser, moved_to=winner.id)
    small.sync()

    small.customer(serial="K1", name="Anna again")
    small.sync()

    assert [row.serial for row in small.erp.of("customer")].count("K1") == 1
    assert "ambiguous" in small.causes()
