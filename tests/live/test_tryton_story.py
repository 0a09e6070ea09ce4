"""The reference CRM and a real Tryton become one story, from a clean database; an independent reader bears witness."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import command
from tests.live import tryton_witness as witness
from tests.live.tryton_person import Person
from tests.live.tryton_world import (
    BATCH,
    BORN_IN_ERP,
    CONTACTS,
    CUSTOMERS,
    LATE,
    ORDERS,
    OVERLAP,
    PRODUCTS,
    WAREHOUSES,
    World,
    fill,
    furnish,
    write_config,
)
from tests.systems import start
from tests.witness import every


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tryton: dict[str, Any]) -> Iterator[World]:
    """Both systems after their first sync; the tests of this file go on from there."""
    folder = tmp_path_factory.mktemp("tryton-story")
    erp, crm = Person.admin(tryton), start("crm", folder, "")
    try:
        furnish(erp, tryton["ids"])
        fill(crm)
        prepared = World(crm, erp, tryton["ids"], write_config(folder, crm, tryton, ""))
        assert prepared.run("init", "--prepare", "--yes").code == 0
        world = prepared._replace(config=write_config(folder, crm, tryton))
        world.sync()
        yield world
    finally:
        crm.stop()
        erp.close()


def test_check_finds_nothing_wrong(world: World) -> None:
    ran = world.run("check", "--json")

    assert [each for each in ran.json["findings"] if each["severity"] == "error"] == []


def test_every_customer_is_on_both_sides_exactly_once(world: World) -> None:
    said = witness.accounts(world.crm)

    assert said.total() == CUSTOMERS + BORN_IN_ERP
    assert said == witness.parties(world.erp)


def test_every_contact_is_on_both_sides_once_and_works_for_its_customer(world: World) -> None:
    said = witness.contacts(world.crm)

    assert said.total() == CONTACTS
    assert said == witness.people(world.erp)


def test_every_order_is_on_both_sides_exactly_once_and_equal_to_the_cent(world: World) -> None:
    said = witness.orders(world.crm)

    assert said.total() == ORDERS
    assert said == witness.sales(world.erp)


def test_the_crm_shows_what_lies_in_three_warehouses(world: World) -> None:
    said = witness.crm_stock(world.crm)

    assert said.total() >= PRODUCTS * len(WAREHOUSES)
    assert said == witness.erp_stock(world.erp)


def test_a_second_sync_writes_nothing(world: World) -> None:
    assert world.sync().json["writes"] == 0


def test_edits_on_both_sides_reach_the_other_one(world: World) -> None:
    account = linked(world)[3]
    party = world.party(account)
    phone = next(each["id"] for each in party["contact_mechanisms."] if each["type"] == "phone")
    # Changed by itself: the party does not show it.
    world.erp.write("party.contact_mechanism", phone, value="+43 1 999")
    world.crm.change("accounts", account["id"], website="https://new.example")

    world.sync()

    assert world.crm.read("accounts", account["id"])["phone"] == "+43 1 999"
    assert witness.accounts(world.crm) == witness.parties(world.erp)


def test_an_order_that_is_confirmed_and_shipped_in_tryton_shows_in_the_crm(world: World) -> None:
    order = sorted(every(world.crm, "orders").values(), key=lambda each: each["id"])[5]
    sale = world.sale(order)
    world.erp.do("sale.sale", "quote", [sale["id"]])
    world.erp.do("sale.sale", "confirm", [sale["id"]])
    shipments = world.sale(order)["shipments"]
    for button in ("assign_try", "pick", "pack", "do"):
        world.erp.do("stock.shipment.out", button, shipments)

    world.sync()

    assert world.crm.read("orders", order["id"])["stage"] == "SHIPPED"
    assert [each["orderId"] for each in every(world.crm, "shipments").values()] == [order["id"]]
    assert witness.orders(world.crm) == witness.sales(world.erp)
    assert witness.crm_stock(world.crm) == witness.erp_stock(world.erp)


def test_an_invoice_that_is_posted_and_paid_in_tryton_shows_in_the_crm(world: World) -> None:
    order = sorted(every(world.crm, "orders").values(), key=lambda each: each["id"])[5]
    bills = world.sale(order)["invoices"]
    world.erp.do("account.invoice", "post", bills)
    pay(world, bills[0])

    world.sync()

    (invoice,) = every(world.crm, "invoices").values()
    (payment,) = every(world.crm, "payments").values()
    assert (invoice["orderId"], invoice["status"], invoice["amountOpen"]) == (order["id"], "PAID", 0)
    assert (payment["invoiceId"], payment["amount"]) == (invoice["id"], invoice["grandTotal"])
    assert world.crm.read("orders", order["id"])["stage"] == "PAID"


def test_an_opportunity_that_is_converted_in_tryton_is_an_order_in_the_crm(world: World) -> None:
    account, product = linked(world)[2], world.erp.listed("product.product", ["id"], ["code", "=", "P0001"])[0]["id"]
    line = {"product": product, "quantity": 2.0, "unit": world.ids["uom_unit"]}
    deal = {"description": "A deal", "party": world.party(account)["id"], "employee": world.ids["employee"]}
    lead = world.erp.create("sale.opportunity", {**deal, "lines": [["create", [line]]]})
    world.sync()
    before = len(every(world.crm, "orders"))

    world.erp.do("sale.opportunity", "opportunity", lead)
    world.erp.do("sale.opportunity", "convert", lead)
    world.sync()

    (order,) = [each for each in every(world.crm, "orders").values() if each["accountId"] == account["id"]][-1:]
    assert len(every(world.crm, "orders")) == before + 1
    assert (order["stage"], order["lines"][0]["quantity"]) == ("SUBMITTED", 2)
    assert witness.orders(world.crm) == witness.sales(world.erp)


def test_a_stock_adjustment_in_the_crm_becomes_one_movement(world: World) -> None:
    product = sorted(every(world.crm, "products").values(), key=lambda each: each["productCode"])[9]
    world.crm.create(
        "stock-adjustments",
        productId=product["id"],
        warehouse="NORTH",
        quantity=-2,
        reason="DAMAGE",
        adjustedOn="2026-11-20",
    )

    world.sync()
    world.sync()

    level = [each for each in witness.crm_stock(world.crm) if each[:2] == (product["productCode"], "NORTH")]
    assert [str(quantity) for _, _, quantity in level] == ["18"]
    assert witness.crm_stock(world.crm) == witness.erp_stock(world.erp)


def test_a_delete_and_an_archive_reach_the_other_side(world: World) -> None:
    walk_ins = world.erp.listed("party.party", ["code"], ["name", "like", "Walk-in %"])
    world.erp.delete("party.party", walk_ins[0]["id"])
    account = linked(world)[8]
    world.crm.change("accounts", account["id"], status="INACTIVE")

    world.sync()

    left = {each["erpNumber"]: each["status"] for each in every(world.crm, "accounts").values()}
    assert left.get(walk_ins[0]["code"], "INACTIVE") == "INACTIVE"
    assert not world.party(account)["active"]


def test_an_edit_during_a_sync_is_not_lost(world: World) -> None:
    first, second = linked(world)[20:22]
    for each in linked(world)[30:90]:
        world.crm.change("accounts", each["id"], website=f"https://{each['id']}.example")
    with started(world) as running:
        time.sleep(1)
        world.erp.write("party.party", world.party(first)["id"], name="Edited in Tryton")
        world.crm.change("accounts", second["id"], name="Edited in the CRM")
        running.wait(300)

    world.sync()

    assert world.crm.read("accounts", first["id"])["name"] == "Edited in Tryton"
    assert world.party(second)["name"] == "Edited in the CRM"


def test_a_sync_that_is_killed_doubles_nothing(world: World) -> None:
    before = len(world.erp.listed("party.party", ["id"]))
    for n in range(LATE):
        world.crm.create("accounts", name=f"Late {n}", email=f"late-{n}@late.example", currency="EUR")
    with started(world) as running:
        deadline = time.monotonic() + 60
        while len(world.erp.listed("party.party", ["id"])) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
        running.wait(30)

    world.run("sync", "--json")
    # What was under way when it was killed may still be done, and is looked up when it must be there.
    time.sleep(OVERLAP + 1)
    last = world.run("sync", "--json")
    # Where it died between journalling a call and making it, that call's records wait for a person; no others do.
    assert last.json["open_problems"] <= BATCH
    world.run("problems", "retry", "--all")
    world.sync()

    late = world.erp.listed("party.party", ["name"], ["name", "like", "Late %"])
    assert len(late) == len({each["name"] for each in late}) == LATE
    customers = [each for each in every(world.crm, "accounts").values() if each["name"].startswith("Late ")]
    assert len(customers) == LATE


def pay(world: World, invoice: int) -> None:
    """Somebody pays a whole invoice in cash."""
    context = {"company": 1, "active_model": "account.invoice", "active_id": invoice, "active_ids": [invoice]}
    wizard = "wizard.account.invoice.pay"
    session, begin, _ = world.erp.call(f"{wizard}.create", context)
    view = world.erp.call(f"{wizard}.execute", session, {}, begin, context)["view"]
    form = {name: value for name, value in {**view["defaults"], **view["values"]}.items() if not name.endswith(".")}
    form["payment_method"] = world.ids["payment_method"]
    world.erp.call(f"{wizard}.execute", session, {begin: form}, "choice", context)
    world.erp.call(f"{wizard}.delete", session, context)


def linked(world: World) -> list[dict[str, Any]]:
    """The accounts that salespeople entered, in the order of their ids."""
    found = every(world.crm, "accounts").values()
    return sorted((each for each in found if each["name"].startswith("Company ")), key=lambda each: each["id"])


def started(world: World) -> "subprocess.Popen[bytes]":
    """A sync that goes on beside the test."""
    environ = {"CONNECTOR_CONFIG": str(world.config), "PATH": "/usr/bin:/bin"}
    folder: Path = world.config.parent
    with (folder / "beside.log").open("ab") as log:
        return subprocess.Popen(command("sync"), env=environ, cwd=folder, stdout=log, stderr=log)
