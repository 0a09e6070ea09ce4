"""Two systems that drifted apart become one story, told by an independent witness of their own APIs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import witness
from tests.command import Ran, connector
from tests.systems import Systems, running

SEED = "customers=120,contacts=150,products=40,orders=120"


class World(NamedTuple):
    """Both systems, a configuration, and how the first sync ended."""

    systems: Systems
    config: Path
    first: Ran


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small world after its first sync; the tests of this file go on from there, each with records of its own."""
    folder = tmp_path_factory.mktemp("story")
    with running(folder, SEED) as systems:
        config = systems.write_config(folder)
        yield World(systems, config, connector(config, "sync", "--json"))


def written(stats: dict[str, Any]) -> int:
    """How many records a server has written since it started."""
    return int(stats["total"]["writes"])


def account(world: World, number: int) -> dict[str, Any]:
    """One customer of the CRM that has a counterpart, as it is now."""
    linked = [item for item in witness.every(world.systems.crm, "accounts").values() if item.get("erpNumber")]
    return sorted(linked, key=lambda item: item["id"])[number]


def partner(world: World, one: dict[str, Any]) -> dict[str, Any]:
    """The ERP's record of a CRM account, found by the ERP's own number."""
    (found,) = world.systems.erp.listed("partners", code=one["erpNumber"])
    return found


def test_first_sync_ends_well(world: World) -> None:
    assert world.first.code in (0, 3), world.first.err + world.first.out
    assert world.first.json["halted"] == []


def test_first_contact_opens_no_conflict(world: World) -> None:
    assert world.first.json["open_conflicts"] == 0


def test_every_customer_is_on_both_sides_exactly_once_with_equal_fields(world: World) -> None:
    assert witness.customers(world.systems, witness.shared_vat_ids(world.systems)).is_one_story


def test_every_order_is_on_both_sides_exactly_once_and_equal_to_the_cent(world: World) -> None:
    assert witness.orders(world.systems).is_one_story


def test_the_crm_shows_the_stock_of_the_ledger(world: World) -> None:
    assert witness.stock(world.systems).is_one_story


def test_a_second_sync_writes_nothing(world: World) -> None:
    before = written(world.systems.crm.stats()) + written(world.systems.erp.stats())
    again = connector(world.config, "sync", "--json")
    assert again.json["writes"] == 0
    assert written(world.systems.crm.stats()) + written(world.systems.erp.stats()) == before


def test_a_second_sync_asks_each_side_a_few_times_an_entity(world: World) -> None:
    before = [system.stats()["total"]["requests"] for system in world.systems]
    connector(world.config, "sync")
    asked = [system.stats()["total"]["requests"] - old for system, old in zip(world.systems, before, strict=True)]
    # Ten entities: a page of changes and a count each, and once who answers; the witness itself asks twice.
    assert all(count <= 10 * 3 + 4 for count in asked), asked


def test_edits_of_different_fields_on_both_sides_both_survive(world: World) -> None:
    one = account(world, 0)
    other = partner(world, one)
    world.systems.crm.change("accounts", one["id"], phone="+49 30 5551234")
    world.systems.erp.change("partners", str(other["id"]), credit_limit="7500.00")
    connector(world.config, "sync")
    assert world.systems.erp.read("partners", str(other["id"]))["phone"] == "+49305551234"
    assert world.systems.crm.read("accounts", one["id"])["creditLimit"] == 7500


def test_the_same_field_edited_apart_is_one_conflict_that_a_command_resolves(world: World) -> None:
    one = account(world, 1)
    other = partner(world, one)
    world.systems.crm.change("accounts", one["id"], website="crm.example", notes="seen")
    world.systems.erp.change("partners", str(other["id"]), website="erp.example")
    assert connector(world.config, "sync", "--json").code == 3
    (conflict,) = connector(world.config, "conflicts", "list", "--json").json
    assert world.systems.erp.read("partners", str(other["id"]))["comment"] == "seen"
    connector(world.config, "conflicts", "resolve", str(conflict["id"]), "--take", "erp")
    connector(world.config, "sync")
    assert world.systems.crm.read("accounts", one["id"])["website"] == "erp.example"
    assert connector(world.config, "conflicts", "list", "--json").json == []


def test_an_address_is_never_mixed_from_two_sides(world: World) -> None:
    one = account(world, 2)
    other = partner(world, one)
    world.systems.crm.change("accounts", one["id"], billingAddress={"street": "Neue Straße 1"})
    world.systems.erp.change("partners", str(other["id"]), city="Ulm", zip="89073")
    connector(world.config, "sync")
    ours, theirs = world.systems.crm.read("accounts", one["id"]), world.systems.erp.read("partners", str(other["id"]))
    assert ours["billingAddress"]["city"] != "Ulm"
    assert theirs["street"] != "Neue Straße 1"
    (conflict,) = connector(world.config, "conflicts", "list", "--json").json
    connector(world.config, "conflicts", "resolve", str(conflict["id"]), "--take", "crm")
    connector(world.config, "sync")
    assert world.systems.erp.read("partners", str(other["id"]))["street"] == "Neue Straße 1"
    assert world.systems.erp.read("partners", str(other["id"]))["city"] == ours["billingAddress"]["city"]


def test_each_stock_adjustment_is_posted_exactly_once(world: World) -> None:
    product = min(witness.every(world.systems.crm, "products"))
    world.systems.crm.create(
        "stock-adjustments", productId=product, warehouse="MAIN", quantity=-3, reason="SAMPLE", note="for the fair"
    )
    connector(world.config, "sync")
    connector(world.config, "sync")
    assert witness.adjustments(world.systems).is_one_story
    assert witness.stock(world.systems).is_one_story


def test_a_counter_sale_appears_in_the_crm(world: World) -> None:
    other = partner(world, account(world, 3))
    item = world.systems.erp.listed("items", per_page="1")[0]
    lines = [{"item_id": item["id"], "qty": "2", "price_unit": "33.33", "discount": "7.5"}]
    made = world.systems.erp.create("sales_orders", partner_id=other["id"], currency_code="EUR", lines=lines)
    connector(world.config, "sync")
    found = [
        order
        for order in witness.every(world.systems.crm, "orders").values()
        if order["erpOrderNumber"] == made["number"]
    ]
    assert [order["grandTotal"] for order in found] == [float(made["amount_total"])]


def test_a_submitted_order_reaches_the_erp_and_its_confirmation_comes_back(world: World) -> None:
    one = account(world, 4)
    product = sorted(witness.every(world.systems.crm, "products"))[1]
    lines = [{"productId": product, "quantity": 3, "unitPrice": 0.3333}]
    order = world.systems.crm.create("orders", accountId=one["id"], stage="SUBMITTED", currency="EUR", lines=lines)
    connector(world.config, "sync")
    number = world.systems.crm.read("orders", order["id"])["erpOrderNumber"]
    (theirs,) = world.systems.erp.listed("sales_orders", number=number)
    world.systems.erp.call("POST", f"sales_orders/{theirs['id']}/confirm", json={})
    connector(world.config, "sync")
    assert world.systems.crm.read("orders", order["id"])["stage"] == "CONFIRMED"


def test_lines_keep_their_identity_when_an_order_changes(world: World) -> None:
    one = account(world, 5)
    first, second = sorted(witness.every(world.systems.crm, "products"))[:2]
    lines = [{"productId": first, "quantity": 1, "unitPrice": 1}, {"productId": second, "quantity": 2, "unitPrice": 2}]
    order = world.systems.crm.create("orders", accountId=one["id"], stage="SUBMITTED", currency="EUR", lines=lines)
    connector(world.config, "sync")
    order = world.systems.crm.read("orders", order["id"])
    (theirs,) = world.systems.erp.listed("sales_orders", number=order["erpOrderNumber"])
    ids = [line["id"] for line in theirs["lines"]]
    changed = [order["lines"][1] | {"quantity": 5}, {"productId": first, "quantity": 7, "unitPrice": 7}]
    world.systems.crm.change("orders", order["id"], lines=changed)
    connector(world.config, "sync")
    lines_now = world.systems.erp.read("sales_orders", str(theirs["id"]))["lines"]
    assert [line["id"] == ids[1] for line in lines_now] == [True, False]
    assert witness.orders(world.systems).is_one_story


def test_a_delete_in_the_crm_archives_the_partner_and_stays_deleted(world: World) -> None:
    made = world.systems.crm.create("accounts", name="Kurzlebig GmbH", email="kurz@lebig.example")
    connector(world.config, "sync")
    (theirs,) = world.systems.erp.listed("partners", email="kurz@lebig.example")
    world.systems.crm.delete("accounts", made["id"])
    connector(world.config, "sync")
    connector(world.config, "sync")
    assert world.systems.erp.read("partners", str(theirs["id"]))["active"] is False
    assert len(witness.every(world.systems.crm, "accounts")) == len(
        [item for item in witness.every(world.systems.crm, "accounts").values() if item["name"] != "Kurzlebig GmbH"]
    )


def test_a_duplicate_typed_by_hand_is_for_a_person_and_creates_nothing(world: World) -> None:
    one = account(world, 6)
    world.systems.crm.create("accounts", name=one["name"], vatId=one["vatId"], email=one["email"])
    before = len(witness.every(world.systems.erp, "partners"))
    assert connector(world.config, "sync", "--json").code == 3
    assert len(witness.every(world.systems.erp, "partners")) == before
    problems = connector(world.config, "problems", "list", "--json").json
    assert "ambiguous" in {problem["cause"] for problem in problems}
