"""Odoo as the CRM beside the reference ERP: partners, their people, what can be sold, and quotations."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import Ran, connector
from tests.live.odoo import Odoo
from tests.systems import System, start

COMPANY = {"is_company": True, "customer_rank": 1, "street": "1 Long Road", "zip": "89073", "city": "Ulm"}


class World(NamedTuple):
    """Both systems, a configuration, and the first sync."""

    odoo: Odoo
    erp: System
    config: Path
    first: Ran


@pytest.fixture(scope="module")
def world(odoo: Odoo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A CRM that knows three customers and a buyer, an ERP that knows what can be sold; they meet."""
    odoo.be_empty()
    folder = tmp_path_factory.mktemp("odoo-crm")
    erp = start("erp", folder, "")
    try:
        config = configured(folder, odoo, erp)
        assert connector(config, "init", "--prepare", "--yes").code == 0
        rows = [{"name": f"Buyer {place}", "email": f"b{place}@crm.example", **COMPANY} for place in range(3)]
        buyers = odoo.create("res.partner", *rows)
        odoo.create("res.partner", {"name": "Maria Clara da Silva", "parent_id": buyers[0], "email": "m@crm.example"})
        erp.create("warehouses", code="MAIN", name="Main")
        erp.create("items", code="SOLD-1", name="Sold by Odoo", uom="PCE", list_price="12.5000")
        yield World(odoo, erp, config, connector(config, "sync", "--json"))
    finally:
        erp.stop()


def configured(folder: Path, odoo: Odoo, erp: System) -> Path:
    path = folder / "connector.yaml"
    key = f"api_key: {odoo.api_key}, overlap: 10"
    path.write_text(
        "systems:\n"
        f"  crm: {{system: odoo-crm, url: '{odoo.url}', database: {odoo.database}, {key}}}\n"
        f"  erp: {{system: reference-erp, url: '{erp.url}', api_key: demo-key}}\n"
        f"store: {{url: 'sqlite:///{folder / 'state.db'}'}}\n",
        encoding="utf-8",
    )
    return path


def test_partners_and_people_of_odoo_are_in_the_erp(world: World) -> None:
    companies = {each["name"] for each in world.erp.listed("partners", is_company="true")}
    people = {(each["firstname"], each["lastname"]) for each in world.erp.listed("partners", is_company="false")}

    assert (world.first.json["halted"], world.first.json["open_problems"]) == ([], 0)
    assert companies == {"Buyer 0", "Buyer 1", "Buyer 2"}
    assert people == {("Maria Clara da", "Silva")}


def test_the_number_that_the_erp_gives_a_customer_is_its_reference_in_odoo(world: World) -> None:
    numbers = {each["name"]: each["code"] for each in world.erp.listed("partners", is_company="true")}
    rows = world.odoo.listed(
        "res.partner", ["name", "ref"], ["email", "like", "@crm.example"], ["is_company", "=", True]
    )

    assert {row["name"]: row["ref"] for row in rows} == numbers


def test_edits_of_both_sides_meet(world: World) -> None:
    (partner,) = world.odoo.listed("res.partner", ["id"], ["email", "=", "b1@crm.example"])
    (there,) = [each for each in world.erp.listed("partners", is_company="true") if each["name"] == "Buyer 1"]
    world.odoo.write("res.partner", [partner["id"]], city="Neu-Ulm")
    world.erp.change("partners", there["id"], phone="+49 731 12345")

    connector(world.config, "sync")

    assert world.erp.read("partners", there["id"])["city"] == "Neu-Ulm"
    assert world.odoo.listed("res.partner", ["phone"], ["id", "=", partner["id"]])[0]["phone"] == "+4973112345"


def test_a_quotation_that_was_sent_is_an_order_which_the_erp_confirms(world: World) -> None:
    (product,) = world.odoo.listed("product.product", ["id"], ["default_code", "=", "SOLD-1"])
    (partner,) = world.odoo.listed("res.partner", ["id"], ["email", "=", "b0@crm.example"])
    line = {"product_id": product["id"], "product_uom_qty": 3, "price_unit": 12.5, "discount": 10}
    (quotation,) = world.odoo.create("sale.order", {"partner_id": partner["id"], "order_line": [[0, 0, line]]})
    connector(world.config, "sync")
    assert world.erp.listed("sales_orders") == []

    world.odoo.call("sale.order", "action_quotation_sent", ids=[quotation])
    connector(world.config, "sync")
    (order,) = world.erp.listed("sales_orders")
    world.erp.call("POST", f"sales_orders/{order['id']}/confirm", json={"revision": order["revision"]})
    connector(world.config, "sync")

    (shown,) = world.odoo.listed("sale.order", ["name", "state", "x_connector_number"], ["id", "=", quotation])
    assert (order["origin"], order["lines"][0]["qty"], order["lines"][0]["discount"]) == (
        shown["name"],
        "3.000",
        "10.00",
    )
    assert (shown["state"], shown["x_connector_number"]) == ("sale", order["number"])


def test_an_order_that_the_erp_holds_is_a_quotation_until_it_is_released(world: World) -> None:
    (order,) = world.erp.listed("sales_orders")
    given = {"revision": order["revision"], "reason": "Ask for a deposit"}
    held = world.erp.call("POST", f"sales_orders/{order['id']}/hold", json=given)
    connector(world.config, "sync")
    (waiting,) = world.odoo.listed("sale.order", ["state", "x_connector_reason"], ["name", "=", order["origin"]])

    world.erp.call("POST", f"sales_orders/{order['id']}/release", json={"revision": held["revision"]})
    last = connector(world.config, "sync", "--json")

    (released,) = world.odoo.listed("sale.order", ["state", "x_connector_reason"], ["name", "=", order["origin"]])
    assert (waiting["state"], waiting["x_connector_reason"]) == ("sent", "Ask for a deposit")
    assert (released["state"], released["x_connector_reason"], last.json["open_conflicts"]) == ("sale", False, 0)


def test_how_far_the_erp_is_with_an_order_asks_nobody_anything(world: World) -> None:
    (sale,) = world.erp.listed("sales_orders")
    (item,) = world.erp.listed("items")
    world.erp.create("stock_moves", item_id=item["id"], warehouse_code="MAIN", quantity="10", kind="receipt")
    world.erp.create("shipments", order_id=sale["id"], carrier="DHL", tracking="JD1")

    last = connector(world.config, "sync", "--json")

    (shown,) = world.odoo.listed("sale.order", ["state"], ["x_connector_number", "=", sale["number"]])
    assert (last.code, last.json["open_conflicts"], shown["state"]) == (0, 0, "sale"), last.out


def test_who_is_in_the_pipeline_stays_with_sales_until_a_deal_is_won(world: World) -> None:
    (company,) = world.odoo.create("res.partner", {"name": "Maybe AG", **COMPANY, "customer_rank": 0})
    (person,) = world.odoo.create("res.partner", {"name": "Eva Maybe", "parent_id": company})
    (deal,) = world.odoo.create("crm.lead", {"name": "A first order", "partner_id": person, "type": "opportunity"})
    connector(world.config, "sync")
    assert "Maybe AG" not in {each["name"] for each in world.erp.listed("partners")}

    world.odoo.call("crm.lead", "action_set_won", ids=[deal])
    connector(world.config, "sync")

    names = {each["name"] for each in world.erp.listed("partners", is_company="true")}
    people = {each["firstname"] for each in world.erp.listed("partners", is_company="false")}
    assert "Maybe AG" in names
    assert "Eva" in people


def test_at_the_end_both_tell_one_story(world: World) -> None:
    last = connector(world.config, "sync", "--json")
    verified = connector(world.config, "verify")

    assert (last.code, last.json["writes"]) == (0, 0), last.out
    assert verified.code == 0, verified.out
