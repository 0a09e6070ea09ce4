"""From a quotation to its money in the ERP: holds, shipments, invoices, credit notes, payments, returns."""

from typing import Any

import pytest

from tests.reference.doors import ask, refusal
from tests.systems import System


@pytest.fixture
def item(erp: System, unique: str) -> dict[str, Any]:
    """Something of which ten are in stock."""
    made = erp.create("items", code=unique, name="Thing")
    erp.create("stock_moves", item_id=made["id"], warehouse_code="MAIN", quantity="10", kind="receipt")
    return made


@pytest.fixture
def partner(erp: System) -> dict[str, Any]:
    return erp.create("partners", is_company=True, name="Company", currency_code="EUR", payment_term="30D")


@pytest.fixture
def rare(erp: System, unique: str) -> dict[str, Any]:
    """Something that is only sold when it is there, of which there is one."""
    made = erp.create("items", code=f"{unique}-rare", name="Rare thing", backorder=False)
    erp.create("stock_moves", item_id=made["id"], warehouse_code="MAIN", quantity="1", kind="receipt")
    return made


def order(erp: System, partner: dict[str, Any], item: dict[str, Any], qty: str = "4", **values: Any) -> dict[str, Any]:
    lines = [{"item_id": item["id"], "qty": qty, "price_unit": "100"}]
    return erp.create("sales_orders", partner_id=partner["id"], lines=lines, **values)


def act(erp: System, resource: str, record: dict[str, Any], action: str, **given: Any) -> dict[str, Any]:
    return erp.call("POST", f"{resource}/{record['id']}/{action}", json=given)


def confirmed(erp: System, partner: dict[str, Any], item: dict[str, Any], qty: str = "4") -> dict[str, Any]:
    return act(erp, "sales_orders", order(erp, partner, item, qty), "confirm")


def shipped(erp: System, sale: dict[str, Any], *quantities: str) -> dict[str, Any]:
    """What a shipment of so much of each line, or of everything, makes of an order."""
    named = zip(sale["lines"], quantities, strict=False)
    lines = [{"order_line_id": line["id"], "qty": qty} for line, qty in named]
    erp.create("shipments", order_id=sale["id"], lines=lines)
    return erp.read("sales_orders", sale["id"])


def billed(erp: System, sale: dict[str, Any]) -> dict[str, Any]:
    return act(erp, "invoices", erp.create("invoices", order_id=sale["id"]), "post")


def level(erp: System, item: dict[str, Any]) -> tuple[str, str]:
    found = erp.read("stock_levels", f"{item['id']}-MAIN")
    return found["on_hand"], found["reserved"]


def owed(erp: System, partner: dict[str, Any]) -> str:
    (found,) = erp.listed("customer_balances", partner_id=partner["id"])
    return found["amount_open"]


def test_an_order_goes_its_whole_way(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = confirmed(erp, partner, item)
    states = [sale["state"], shipped(erp, sale, "1")["state"], shipped(erp, sale)["state"]]
    invoice = billed(erp, sale)
    states.append(erp.read("sales_orders", sale["id"])["state"])
    erp.create("payments", invoice_id=invoice["id"], amount="476.00")
    states.append(erp.read("sales_orders", sale["id"])["state"])
    states.append(act(erp, "sales_orders", sale, "close")["state"])

    assert states == ["confirmed", "partially_shipped", "shipped", "invoiced", "paid", "closed"]


def test_an_order_above_the_credit_limit_is_held_and_a_person_releases_it(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    erp.change("partners", partner["id"], credit_limit="400")

    held = act(erp, "sales_orders", order(erp, partner, item), "confirm")
    again = act(erp, "sales_orders", held, "confirm")
    kept = level(erp, item)
    released = act(erp, "sales_orders", held, "release")

    reason = "credit: 0.00 open and 476.00 ordered are above the limit of 400.00 EUR"
    assert (held["state"], held["state_reason"], again["revision"]) == ("on_hold", reason, held["revision"])
    assert (kept, level(erp, item)) == (("10.000", "0.000"), ("10.000", "4.000"))
    assert (released["state"], released["state_reason"]) == ("confirmed", None)


def test_what_is_open_counts_against_the_limit(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = confirmed(erp, partner, item)
    shipped(erp, sale)
    billed(erp, sale)
    erp.change("partners", partner["id"], credit_limit="900")

    assert act(erp, "sales_orders", order(erp, partner, item), "confirm")["state"] == "on_hold"


def test_what_was_confirmed_and_not_billed_counts_against_the_limit_too(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    erp.change("partners", partner["id"], credit_limit="900")
    sold = confirmed(erp, partner, item)

    second = confirmed(erp, partner, item)

    reason = "credit: 0.00 open, 476.00 in confirmed orders and 476.00 ordered are above the limit of 900.00 EUR"
    assert (sold["state"], second["state"], second["state_reason"]) == ("confirmed", "on_hold", reason)


def test_an_order_counts_once_whether_it_is_billed_in_parts_or_not(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sold = confirmed(erp, partner, item)
    shipped(erp, sold, "1")
    billed(erp, sold)
    erp.change("partners", partner["id"], credit_limit="900")

    second = confirmed(erp, partner, item)

    reason = "credit: 119.00 open, 357.00 in confirmed orders and 476.00 ordered are above the limit of 900.00 EUR"
    assert second["state_reason"] == reason


def test_orders_that_were_cancelled_held_or_paid_take_no_credit(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    act(erp, "sales_orders", confirmed(erp, partner, item), "cancel")
    act(erp, "sales_orders", confirmed(erp, partner, item), "hold", reason="later")
    paid = confirmed(erp, partner, item)
    shipped(erp, paid)
    erp.create("payments", invoice_id=billed(erp, paid)["id"], amount="476.00")
    erp.change("partners", partner["id"], credit_limit="476")

    assert confirmed(erp, partner, item)["state"] == "confirmed"


def test_an_order_whose_cancellation_is_asked_for_takes_credit_until_it_is_granted(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    erp.change("partners", partner["id"], credit_limit="476")
    unwanted = act(erp, "sales_orders", confirmed(erp, partner, item), "request_cancel")
    second = confirmed(erp, partner, item)
    act(erp, "sales_orders", unwanted, "cancel")
    third = confirmed(erp, partner, item)

    assert (second["state"], third["state"]) == ("on_hold", "confirmed")


def test_a_customer_on_credit_hold_gets_nothing_confirmed(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    erp.change("partners", partner["id"], on_hold=True)

    held = act(erp, "sales_orders", order(erp, partner, item), "confirm")

    assert (held["state"], held["state_reason"]) == ("on_hold", "credit: the customer is on credit hold")


def test_of_two_orders_for_the_last_piece_one_is_confirmed_and_one_is_told_why_not(
    erp: System, partner: dict[str, Any], rare: dict[str, Any]
) -> None:
    first, second = (order(erp, partner, rare, "1") for _ in "ab")

    states = [act(erp, "sales_orders", one, "confirm") for one in (first, second)]

    reason = f"stock: {rare['code']}: 1.000 asked, 0.000 available in MAIN"
    assert [(one["state"], one["state_reason"]) for one in states] == [("confirmed", None), ("on_hold", reason)]
    assert level(erp, rare) == ("1.000", "1.000")


def test_releasing_does_not_sell_what_is_not_there_until_more_arrives(
    erp: System, partner: dict[str, Any], rare: dict[str, Any]
) -> None:
    confirmed(erp, partner, rare, "1")
    held = confirmed(erp, partner, rare, "1")
    purchase = erp.create(
        "purchase_orders", item_id=rare["id"], warehouse_code="MAIN", qty="1", expected_date="2026-12-24"
    )

    told = act(erp, "sales_orders", held, "release")
    act(erp, "purchase_orders", purchase, "receive")
    released = act(erp, "sales_orders", held, "release")

    assert told["state_reason"].endswith("0.000 available in MAIN, more expected on 2026-12-24")
    assert released["state"] == "confirmed"


def test_a_shipment_names_its_warehouse_and_takes_goods_from_it(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sale = confirmed(erp, partner, item)
    erp.create("stock_moves", item_id=item["id"], warehouse_code="NORTH", quantity="3", kind="receipt")

    made = erp.create("shipments", order_id=sale["id"], warehouse_code="NORTH", carrier="DHL", tracking="JD01")

    assert (made["number"], made["partner_id"]) == (f"SH-{made['id']:05d}", partner["id"])
    assert [line["qty"] for line in made["lines"]] == ["3.000"]
    assert level(erp, item) == ("10.000", "1.000")
    assert erp.read("stock_levels", f"{item['id']}-NORTH")["on_hand"] == "0.000"


@pytest.mark.parametrize(
    ("qty", "field"),
    [
        pytest.param("13", "lines.qty", id="more than is open"),
        pytest.param("11", "lines.qty", id="more than is there"),
        pytest.param("0", "lines.qty", id="nothing"),
    ],
)
def test_what_cannot_leave_the_warehouse_is_not_shipped(
    erp: System, partner: dict[str, Any], item: dict[str, Any], qty: str, field: str
) -> None:
    sale = confirmed(erp, partner, item, "12")
    lines = [{"order_line_id": sale["lines"][0]["id"], "qty": qty}]

    answer = ask(erp, "POST", "shipments", json={"order_id": sale["id"], "lines": lines})

    assert refusal(answer) == (422, "invalid", field)
    assert level(erp, item) == ("10.000", "12.000")


def test_a_service_is_delivered_and_billed_without_any_stock(erp: System, partner: dict[str, Any], unique: str) -> None:
    work = erp.create("items", code=f"{unique}-work", name="Work", uom="HUR", is_service=True, backorder=False)

    sale = shipped(erp, confirmed(erp, partner, work))

    assert (sale["state"], billed(erp, sale)["amount_total"]) == ("shipped", "476.00")
    assert erp.listed("stock_moves", item_id=work["id"]) == []


def test_a_back_order_becomes_a_line_of_its_own(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = shipped(erp, confirmed(erp, partner, item), "1")

    lines = act(erp, "sales_orders", sale, "split")["lines"]

    assert [(line["qty"], line["qty_shipped"]) for line in lines] == [("1.000", "1.000"), ("3.000", "0.000")]
    assert lines[0]["id"] == sale["lines"][0]["id"]
    assert level(erp, item) == ("9.000", "3.000")


def test_a_rest_that_never_comes_is_dropped(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = shipped(erp, confirmed(erp, partner, item), "1")

    dropped = act(erp, "sales_orders", sale, "drop_rest")

    assert (dropped["state"], dropped["amount_total"]) == ("shipped", "119.00")
    assert level(erp, item) == ("9.000", "0.000")


def test_an_invoice_bills_what_was_shipped_and_each_piece_once(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sale = confirmed(erp, partner, item)
    shipped(erp, sale, "1")
    first = billed(erp, sale)
    shipped(erp, sale, "3")
    drafts = [erp.create("invoices", order_id=sale["id"]) for _ in "ab"]
    act(erp, "invoices", drafts[0], "post")

    again = ask(erp, "POST", f"invoices/{drafts[1]['id']}/post")

    assert [invoice["amount_total"] for invoice in (first, drafts[0])] == ["119.00", "357.00"]
    assert refusal(again) == (422, "invalid", "lines.qty")
    assert owed(erp, partner) == "476.00"


def test_a_posted_invoice_is_locked(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = confirmed(erp, partner, item)
    shipped(erp, sale)
    invoice = billed(erp, sale)

    change = {"date_due": "2030-01-01", "revision": invoice["revision"]}
    answer = ask(erp, "PATCH", f"invoices/{invoice['id']}", json=change)

    assert refusal(answer) == (423, "locked", "date_due")
    assert refusal(ask(erp, "DELETE", f"invoices/{invoice['id']}"))[:2] == (423, "locked")
    assert invoice["number"].startswith("INV-")


def test_payments_in_parts_pay_an_invoice_and_never_too_much(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sale = confirmed(erp, partner, item)
    shipped(erp, sale)
    invoice = billed(erp, sale)

    erp.create("payments", invoice_id=invoice["id"], amount="400")
    part = erp.read("invoices", invoice["id"])
    excess = ask(erp, "POST", "payments", json={"invoice_id": invoice["id"], "amount": "76.01"})
    erp.create("payments", invoice_id=invoice["id"], amount="76")

    assert (part["state"], part["amount_open"]) == ("posted", "76.00")
    assert refusal(excess) == (422, "invalid", "amount")
    assert (erp.read("invoices", invoice["id"])["state"], owed(erp, partner)) == ("paid", "0.00")


def test_a_credit_note_lowers_what_is_owed_and_what_was_paid_too_much_stays_open(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sale = confirmed(erp, partner, item)
    shipped(erp, sale)
    invoice = billed(erp, sale)
    erp.create("payments", invoice_id=invoice["id"], amount="400")

    lines = [{"item_id": item["id"], "qty": "1", "price_unit": "100"}]
    note = erp.create("invoices", kind="credit_note", credits_id=invoice["id"], lines=lines)
    note = act(erp, "invoices", note, "post")

    assert (note["number"][:3], note["amount_open"], note["state"]) == ("CN-", "43.00", "posted")
    assert erp.read("invoices", invoice["id"])["state"] == "paid"
    assert owed(erp, partner) == "-43.00"


def test_a_return_brings_goods_back_to_the_shelf_unless_they_are_written_off(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    sale = shipped(erp, confirmed(erp, partner, item))
    lines = [{"order_line_id": sale["lines"][0]["id"], "qty": "1"}]

    for restock in (True, False):
        act(erp, "returns", erp.create("returns", order_id=sale["id"], restock=restock, lines=lines), "receive")
    excess = [{**lines[0], "qty": "3"}]

    assert level(erp, item) == ("7.000", "0.000")
    assert refusal(ask(erp, "POST", "returns", json={"order_id": sale["id"], "lines": excess}))[0] == 422


def test_a_purchase_is_received_in_parts(erp: System, item: dict[str, Any]) -> None:
    made = erp.create("purchase_orders", item_id=item["id"], warehouse_code="MAIN", qty="5", expected_date="2026-12-24")

    part = act(erp, "purchase_orders", made, "receive", qty="2")
    between = erp.read("stock_levels", f"{item['id']}-MAIN")
    whole = act(erp, "purchase_orders", made, "receive")

    assert (part["state"], part["qty_received"], whole["state"]) == ("open", "2.000", "received")
    assert (between["on_hand"], between["incoming"]) == ("12.000", "3.000")
    assert level(erp, item)[0] == "15.000"


def test_production_uses_up_what_the_bill_of_materials_names(erp: System, item: dict[str, Any], unique: str) -> None:
    made = erp.create("items", code=f"{unique}-made", name="Made")
    erp.create("boms", item_id=made["id"], lines=[{"item_id": item["id"], "qty": "2.5"}])
    four, five = (
        erp.create("production_orders", item_id=made["id"], warehouse_code="MAIN", qty=qty) for qty in ("4", "5")
    )

    lacking = ask(erp, "POST", f"production_orders/{five['id']}/finish")
    act(erp, "production_orders", four, "finish")

    assert refusal(lacking) == (422, "invalid", "state")
    assert (level(erp, item)[0], level(erp, made)[0]) == ("0.000", "4.000")


def test_a_cancellation_that_is_asked_for_is_granted_or_denied_with_a_reason(
    erp: System, partner: dict[str, Any], item: dict[str, Any]
) -> None:
    kept, dropped = (confirmed(erp, partner, item, "1") for _ in "ab")
    for sale in (kept, dropped):
        act(erp, "sales_orders", sale, "request_cancel")

    denied = act(erp, "sales_orders", kept, "deny_cancel", reason="it is on the lorry")
    granted = act(erp, "sales_orders", dropped, "cancel")

    assert (denied["state"], denied["state_reason"]) == ("confirmed", "it is on the lorry")
    assert (granted["state"], level(erp, item)) == ("cancelled", ("10.000", "1.000"))


def test_a_refusal_needs_a_reason(erp: System, partner: dict[str, Any], item: dict[str, Any]) -> None:
    sale = order(erp, partner, item)

    without = ask(erp, "POST", f"sales_orders/{sale['id']}/refuse")
    refused = act(erp, "sales_orders", sale, "refuse", reason="we do not deliver there")
    reopened = act(erp, "sales_orders", refused, "reopen")

    assert refusal(without) == (422, "invalid", "reason")
    assert (refused["state"], refused["state_reason"]) == ("refused", "we do not deliver there")
    assert (reopened["state"], reopened["state_reason"]) == ("draft", None)
