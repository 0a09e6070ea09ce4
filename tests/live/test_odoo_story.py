"""A CRM and a real Odoo become one story, told by an independent witness, though the connector is killed thrice."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.command import Ran, command, connector
from tests.live import company as witness
from tests.live.company import Company, found
from tests.live.odoo import Odoo
from tests.systems import start
from tests.witness import every

KILLS = (3, 6, 9)
"""Seconds after which the first syncs are killed."""
ROUNDS = 4
"""Syncs within which everything must have arrived: what one run writes may make something for the next."""


class World(NamedTuple):
    """Both systems, a configuration, and the last of the first syncs."""

    company: Company
    config: Path
    first: Ran


@pytest.fixture(scope="module")
def world(odoo: Odoo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two systems that never met; their first sync, killed three times on its way."""
    odoo.be_empty()
    folder = tmp_path_factory.mktemp("odoo-story")
    crm = start("crm", folder, "")
    try:
        company = Company(crm, odoo)
        config = configured(folder, company)
        assert connector(config, "init", "--prepare", "--yes").code == 0
        found(company)
        for seconds in KILLS:
            kill_during_sync(config, seconds)
        yield World(company, config, synced(config))
    finally:
        crm.stop()


def configured(folder: Path, company: Company) -> Path:
    path = folder / "connector.yaml"
    crm, odoo = company
    path.write_text(
        "systems:\n"
        f"  crm: {{system: reference-crm, url: '{crm.url}', client_id: demo-client, client_secret: demo-secret}}\n"
        f"  erp: {{system: odoo, url: '{odoo.url}', database: {odoo.database}, api_key: {odoo.api_key}, overlap: 20}}\n"
        f"store: {{url: 'sqlite:///{folder / 'state.db'}'}}\n",
        encoding="utf-8",
    )
    return path


def kill_during_sync(config: Path, seconds: float) -> None:
    environ = {**os.environ, "CONNECTOR_CONFIG": str(config)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command("sync"), env=environ, cwd=config.parent, **quiet)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(30)


def synced(config: Path) -> Ran:
    """Sync until nothing more is written."""
    ran = connector(config, "sync", "--json", timeout=600)
    for _ in range(ROUNDS):
        if ran.code == 0 and ran.json["writes"] == 0:
            break
        ran = connector(config, "sync", "--json", timeout=600)
    return ran


def partner_of(world: World, account: dict[str, Any]) -> int:
    """Odoo's record of a CRM account, found by its address."""
    (row,) = world.company.odoo.listed("res.partner", ["id"], ["email", "=", account["email"]])
    return int(row["id"])


def account(world: World, place: int) -> dict[str, Any]:
    accounts = every(world.company.crm, "accounts").values()
    return next(each for each in accounts if each["email"] == f"office@customer-{place}.example")


def order_of(world: World, number: str) -> dict[str, Any]:
    """An order as the CRM shows it."""
    return next(each for each in every(world.company.crm, "orders").values() if each["orderNumber"] == number)


def ship(odoo: Odoo, order: int) -> None:
    """The warehouse delivers an order, whether it counts as reserved or not."""
    for transfer in odoo.listed("stock.picking", ["id", "move_ids"], ["sale_id", "=", order]):
        for move in odoo.listed("stock.move", ["product_uom_qty"], ["id", "in", transfer["move_ids"]]):
            odoo.write("stock.move", [move["id"]], quantity=move["product_uom_qty"], picked=True)
        quiet = {"skip_sms": True, "skip_backorder": True}
        odoo.call("stock.picking", "button_validate", ids=[transfer["id"]], context=quiet)


def bill(odoo: Odoo, order: int) -> list[int]:
    """Accounting invoices an order."""
    context = {"active_model": "sale.order", "active_ids": [order]}
    (wizard,) = odoo.create("sale.advance.payment.inv", {"advance_payment_method": "delivered"}, **context)
    odoo.call("sale.advance.payment.inv", "create_invoices", ids=[wizard], context=context)
    invoices = odoo.listed("sale.order", ["invoice_ids"], ["id", "=", order])[0]["invoice_ids"]
    odoo.call("account.move", "action_post", ids=invoices)
    return list(invoices)


def take_money(odoo: Odoo, invoices: list[int]) -> None:
    """Accounting is paid all of it."""
    context = {"active_model": "account.move", "active_ids": invoices}
    (payment,) = odoo.create("account.payment.register", {}, **context)
    odoo.call("account.payment.register", "action_create_payments", ids=[payment], context=context)


def credit(odoo: Odoo, invoices: list[int]) -> list[str]:
    """Accounting credits all of them, and tells the numbers of the credit notes."""
    journal = odoo.listed("account.move", ["journal_id"], ["id", "=", invoices[0]])[0]["journal_id"][0]
    context = {"active_model": "account.move", "active_ids": invoices}
    (wizard,) = odoo.create("account.move.reversal", {"journal_id": journal, "reason": "Returned"}, **context)
    odoo.call("account.move.reversal", "refund_moves", ids=[wizard], context=context)
    notes = [row["id"] for row in odoo.listed("account.move", ["id"], ["reversed_entry_id", "in", invoices])]
    odoo.call("account.move", "action_post", ids=notes)
    return [row["name"] for row in odoo.listed("account.move", ["name"], ["id", "in", notes])]


def test_the_first_sync_ends_clean_though_it_was_killed(world: World) -> None:
    assert (world.first.code, world.first.json["writes"]) == (0, 0), world.first.out + world.first.err


def test_every_customer_and_contact_is_on_both_sides_once(world: World) -> None:
    assert witness.customers(world.company).is_one_story
    assert witness.contacts(world.company).is_one_story
    assert len(every(world.company.crm, "accounts")) == witness.CUSTOMERS


def test_every_product_and_its_stock_in_three_warehouses_shows_in_the_crm(world: World) -> None:
    assert witness.products(world.company).is_one_story
    assert witness.stock(world.company).is_one_story
    assert len(every(world.company.crm, "stock-levels")) == witness.PRODUCTS * len(witness.WAREHOUSES)


def test_every_order_is_in_odoo_once_and_equal_to_the_cent(world: World) -> None:
    assert witness.orders(world.company).is_one_story
    assert len(world.company.odoo.listed("sale.order", ["id"])) == witness.ORDERS


def test_edits_on_both_sides_meet(world: World) -> None:
    crm, odoo = world.company
    here, there = account(world, 1), account(world, 2)
    crm.change("accounts", here["id"], phone="+49 731 999", notes="Called back")
    odoo.write("res.partner", [partner_of(world, there)], city="Neu-Ulm", zip="89231", phone="+49 731 888")

    synced(world.config)

    (partner,) = odoo.listed("res.partner", ["phone", "comment"], ["id", "=", partner_of(world, here)])
    assert (partner["phone"], partner["comment"]) == ("+49 731 999", "<p>Called back</p>")
    assert crm.read("accounts", there["id"])["billingAddress"]["city"] == "Neu-Ulm"
    assert witness.customers(world.company).is_one_story


def test_a_concurrent_edit_of_the_same_record_is_not_lost(world: World) -> None:
    crm, odoo = world.company
    accounts = [account(world, place) for place in range(10, 40)]
    partners = [partner_of(world, each) for each in accounts]
    for each in accounts:
        crm.change("accounts", each["id"], phone="+49 731 777")

    editing = threading.Thread(
        target=lambda: [odoo.write("res.partner", [each], city="Blaubeuren") for each in partners]
    )
    editing.start()
    connector(world.config, "sync")
    editing.join()
    synced(world.config)

    rows = odoo.listed("res.partner", ["phone", "city"], ["id", "in", partners])
    assert {(row["phone"], row["city"]) for row in rows} == {("+49 731 777", "Blaubeuren")}
    assert {crm.read("accounts", each["id"])["billingAddress"]["city"] for each in accounts} == {"Blaubeuren"}


def test_an_order_confirmed_in_odoo_is_confirmed_in_the_crm_and_reserves(world: World) -> None:
    crm, odoo = world.company
    rows = odoo.listed("sale.order", ["id"], ["origin", "in", ["SO-00001", "SO-00002"]])
    odoo.call("sale.order", "action_confirm", ids=[row["id"] for row in rows])

    synced(world.config)

    stages = {each["orderNumber"]: each["stage"] for each in every(crm, "orders").values()}
    assert (stages["SO-00001"], stages["SO-00002"], stages["SO-00003"]) == ("CONFIRMED", "CONFIRMED", "SUBMITTED")
    assert witness.orders(world.company).is_one_story
    assert witness.stock(world.company).is_one_story


def test_what_odoo_ships_bills_and_is_paid_shows_in_the_crm(world: World) -> None:
    crm, odoo = world.company
    (order,) = odoo.listed("sale.order", ["id"], ["origin", "=", "SO-00004"])
    odoo.call("sale.order", "action_confirm", ids=[order["id"]])
    synced(world.config)

    ship(odoo, order["id"])
    invoices = bill(odoo, order["id"])
    synced(world.config)
    billed = order_of(world, "SO-00004")
    take_money(odoo, invoices)
    synced(world.config)

    (shipment,) = every(crm, "shipments").values()
    (invoice,) = every(crm, "invoices").values()
    (payment,) = every(crm, "payments").values()
    paid, owed = order_of(world, "SO-00004"), billed["grandTotal"]
    assert (billed["stage"], paid["stage"]) == ("INVOICED", "PAID")
    assert (shipment["orderId"], len(shipment["lines"])) == (billed["id"], witness.LINES)
    assert (invoice["orderId"], invoice["status"], invoice["grandTotal"]) == (billed["id"], "PAID", owed)
    assert (invoice["amountPaid"], invoice["amountCredited"], invoice["amountOpen"]) == (owed, 0, 0)
    assert (payment["invoiceId"], payment["amount"]) == (invoice["id"], owed)


def test_what_a_credit_note_settles_is_not_told_as_paid(world: World) -> None:
    crm, odoo = world.company
    (product,) = odoo.listed("product.product", ["id"], ["default_code", "=", "P-0003"])
    line = {"product_id": product["id"], "quantity": 2, "price_unit": 50, "tax_ids": [[6, 0, []]]}
    bought = {"move_type": "out_invoice", "invoice_date": "2026-11-20", "invoice_line_ids": [[0, 0, line]]}
    invoices = odoo.create("account.move", {**bought, "partner_id": partner_of(world, account(world, 6))})
    odoo.call("account.move", "action_post", ids=invoices)

    (note,) = credit(odoo, invoices)
    synced(world.config)

    shown = {each["kind"]: each for each in every(crm, "invoices").values() if each["grandTotal"] == 100}
    amounts = [shown["INVOICE"][name] for name in ("amountPaid", "amountCredited", "amountOpen")]
    assert (shown["CREDIT_NOTE"]["invoiceNumber"], amounts) == (note, [0, 100, 0])
    assert shown["CREDIT_NOTE"]["creditedInvoiceId"] == shown["INVOICE"]["id"]


def test_an_order_cancelled_in_the_crm_is_cancelled_in_odoo(world: World) -> None:
    crm, odoo = world.company
    order = next(each for each in every(crm, "orders").values() if each["orderNumber"] == "SO-00005")
    crm.change("orders", order["id"], stage="CANCELLED")

    synced(world.config)

    assert [row["state"] for row in odoo.listed("sale.order", ["state"], ["origin", "=", "SO-00005"])] == ["cancel"]
    assert witness.orders(world.company).is_one_story


def test_a_return_that_the_crm_enters_is_one_movement_in_odoo(world: World) -> None:
    crm, odoo = world.company
    goods = next(each for each in every(crm, "products").values() if each["productCode"] == "P-0007")
    returned = {"productId": goods["id"], "warehouse": "NORTH", "quantity": 4, "reason": "RETURN", "note": "Unopened"}
    made = crm.create("stock-adjustments", **returned)

    synced(world.config)

    (transfer,) = odoo.listed("stock.picking", ["name", "state", "origin"], ["x_connector_id", "=", made["id"]])
    assert (transfer["state"], transfer["origin"]) == ("done", "Return")
    assert crm.read("stock-adjustments", made["id"])["erpDocument"] == transfer["name"]
    assert witness.stock(world.company).is_one_story


def test_a_count_in_odoo_shows_in_the_crm(world: World) -> None:
    odoo = world.company.odoo
    (quant,) = odoo.listed(
        "stock.quant",
        ["id"],
        ["product_id.default_code", "=", "P-0009"],
        ["location_id.complete_name", "=", "SOUTH/Stock"],
    )
    odoo.call(
        "stock.quant", "write", ids=[quant["id"]], vals={"inventory_quantity": 77}, context={"inventory_mode": True}
    )
    odoo.call("stock.quant", "action_apply_inventory", ids=[quant["id"]])

    synced(world.config)

    levels = every(world.company.crm, "stock-levels").values()
    shown = [each["onHand"] for each in levels if (each["productCode"], each["warehouse"]) == ("P-0009", "SOUTH")]
    assert shown == [77]
    assert witness.stock(world.company).is_one_story


def test_a_delete_and_an_archive_cross_over(world: World) -> None:
    crm, odoo = world.company
    deleted, archived = account(world, witness.BUYERS + 1), account(world, witness.BUYERS + 2)
    odoo.call("res.partner", "unlink", ids=[partner_of(world, deleted)])
    crm.change("accounts", archived["id"], status="INACTIVE")

    synced(world.config)

    assert crm.read("accounts", deleted["id"])["status"] == "INACTIVE"
    (row,) = odoo.listed("res.partner", ["active"], ["email", "=", archived["email"]])
    assert row["active"] is False
    assert witness.customers(world.company).is_one_story


def test_at_the_end_verify_finds_nothing_different_and_a_sync_writes_nothing(world: World) -> None:
    last = synced(world.config)
    verified = connector(world.config, "verify", timeout=600)

    assert (last.code, last.json["writes"], last.json["open_problems"], last.json["open_conflicts"]) == (0, 0, 0, 0)
    assert verified.code == 0, verified.out[-3000:]
