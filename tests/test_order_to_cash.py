"""From an order to its money: what each side shows of the other, told by both systems' own APIs."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from connector.mappings.loader import load_entities, load_system
from connector.records import Side
from tests.reference.order_states import LEADS, WAYS
from tests.till import Till, books
from tests.trade import Trade, trading

STAGES = load_system("reference_crm").entities["order"].rows["status"].values
WORDS = {code: word for word, code in load_system("reference_erp").entities["order"].rows["status"].values.items()}
GRAPH = load_entities()["order"].lifecycle
BACK_OFFICE = [(state, action) for state, leads in LEADS.items() for action in leads if action != "request_cancel"]
SALES = [
    (state, goal)
    for state in WAYS
    for goal, makers in GRAPH[WORDS[state]].items()
    if Side.CRM in makers and state != "draft"
] + [("draft", "cancelled")]
STEPS = int(os.environ.get("CONNECTOR_TEST_STEPS", "10"))
"""How long the story of the money is; `make trade-laws` asks for a longer one."""
Walked = dict[tuple[str, ...], dict[str, Any]]


def within_reach(state: str) -> set[str]:
    """Where sales may lead an order, in however many steps."""
    found, new = {state}, [state]
    for one in new:
        new += [goal for goal, makers in GRAPH[one].items() if Side.CRM in makers and goal not in found]
        found.update(new)
    return found


ILLEGAL = [(state, goal) for state in WAYS for goal in STAGES if goal not in within_reach(WORDS[state])]


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trade]:
    with trading(tmp_path_factory.mktemp("trade")) as made:
        yield made


@pytest.fixture(scope="module")
def item(trade: Trade) -> dict[str, Any]:
    """Something of which there is enough for all tests, as both sides know it."""
    made = trade.item("100000")
    trade.sync("product")
    return made


def led(trade: Trade, item: dict[str, Any], state: str) -> dict[str, Any]:
    """An order of the back office's own in a state."""
    sale = trade.sell(item)
    for action in WAYS[state]:
        sale = trade.do(sale, action)
    assert sale["state"] == state
    return sale


@pytest.fixture(scope="module")
def walked(trade: Trade, item: dict[str, Any]) -> Walked:
    """An order for each legal transition, as the ERP has it: after two syncs."""
    sales: Walked = {("erp", *move): led(trade, item, move[0]) for move in BACK_OFFICE}
    sales |= {("crm", *move): led(trade, item, move[0]) for move in SALES}
    trade.sync("order")
    for (who, _, goal), sale in sales.items():
        if who == "erp":
            trade.do(sale, goal)
        else:
            trade.crm.change("orders", trade.order(sale)["id"], stage=STAGES[goal])
    trade.sync("order")
    return sales


@pytest.fixture(scope="module")
def refused(trade: Trade, item: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    """For every illegal move of sales: why it is a conflict, and the state that the order then has in the ERP."""
    sales = {state: led(trade, item, state) for state in WAYS}
    trade.sync("order")
    found = {}
    for goal in STAGES:
        moved = [state for state, illegal in ILLEGAL if illegal == goal]
        ids = {state: trade.order(sales[state])["id"] for state in moved}
        for order in ids.values():
            trade.crm.change("orders", order, stage=STAGES[goal])
        trade.sync("order")
        told = trade.open_conflicts()
        for state, order in ids.items():
            now = trade.erp.read("sales_orders", sales[state]["id"])["state"]
            found[state, goal] = told[order].conflict.reason, now
    return found


@pytest.mark.parametrize(("state", "action"), BACK_OFFICE)
def test_what_the_back_office_does_is_what_the_salesperson_sees(
    trade: Trade, walked: Walked, state: str, action: str
) -> None:
    sale = walked["erp", state, action]

    assert trade.order(sale)["stage"] == STAGES[WORDS[LEADS[state][action]]]


@pytest.mark.parametrize(("state", "goal"), SALES)
def test_what_sales_may_ask_for_reaches_the_back_office(trade: Trade, walked: Walked, state: str, goal: str) -> None:
    sale = walked["crm", state, goal]

    assert WORDS[trade.erp.read("sales_orders", sale["id"])["state"]] == goal
    assert trade.order(sale)["stage"] == STAGES[goal]


@pytest.mark.parametrize(("state", "goal"), ILLEGAL)
def test_what_sales_may_not_do_is_a_conflict_with_the_reason(
    refused: dict[tuple[str, str], tuple[str, str]], state: str, goal: str
) -> None:
    reason, now = refused[state, goal]

    assert reason.startswith(f"crm may not lead it from {WORDS[state]} to {goal} (from {WORDS[state]} it may go ")
    assert now == state


@pytest.mark.row("ERP: sales", "ERP: order tracking", "ERP: distribution", "ERP: financials")
def test_a_sale_from_order_to_payment_is_one_story_on_both_sides(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item)
    trade.sync("order")
    sale = trade.sale(order)
    for action in ("confirm", "ship", "bill"):
        trade.do(sale, action)
    (invoice,) = trade.erp.listed("invoices", order_id=sale["id"])
    trade.erp.create("payments", invoice_id=invoice["id"], amount="400.00", method="card")
    trade.sync()

    (shipment,) = trade.crm.listed("shipments", orderId=order["id"])
    (shown,) = trade.crm.listed("invoices", orderId=order["id"])
    (payment,) = trade.crm.listed("payments", invoiceId=shown["id"])
    assert trade.shown(order) == ("INVOICED", None)
    assert (shipment["trackingNumber"], shipment["lines"][0]["quantity"]) == (f"JD{sale['id']:06d}", 4)
    assert (shown["invoiceNumber"], shown["grandTotal"], shown["amountOpen"]) == (invoice["number"], 476, 76)
    assert (payment["amount"], payment["method"]) == (400, "CARD")
    assert trade.sync().writes == 0


@pytest.mark.row("ERP: financials")
def test_what_the_customer_owes_is_shown_in_the_crm(trade: Trade, item: dict[str, Any]) -> None:
    sale = trade.sell(item)
    for action in ("confirm", "ship", "bill"):
        trade.do(sale, action)
    trade.sync("balance")

    (balance,) = trade.crm.listed("account-balances", accountId=trade.account)
    (owed,) = trade.erp.listed("customer_balances", partner_id=trade.partner)
    assert balance["openAmount"] == float(owed["amount_open"]) > 0


def test_a_price_that_the_erp_rounds_otherwise_is_reported_on_the_order(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item, quantity=1000, price=0.33335)
    trade.sync("order")

    now = trade.crm.read("orders", order["id"])
    assert (now["linesTotal"], now["subtotal"], now["priceDifference"]) == (333.35, 333.4, 0.05)
    assert trade.sync("order").writes == 0


def test_a_held_order_shows_why_and_goes_on_when_it_is_released(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item)
    trade.erp.change("partners", trade.partner, on_hold=True)
    trade.sync("customer", "order")
    trade.do(trade.sale(order), "confirm")
    trade.sync("customer", "order")
    held = trade.shown(order)
    is_on_hold = trade.crm.read("accounts", trade.account)["creditHold"]
    trade.do(trade.sale(order), "release")
    trade.erp.change("partners", trade.partner, on_hold=False)
    trade.sync("customer", "order")

    assert (held, is_on_hold) == (("ON_HOLD", "credit: the customer is on credit hold"), True)
    assert trade.shown(order) == ("CONFIRMED", None)


def test_a_confirmation_that_a_person_lets_through_may_still_be_held_by_the_erp(
    trade: Trade, item: dict[str, Any]
) -> None:
    order = trade.submit(item)
    trade.sync("order")
    trade.crm.change("orders", order["id"], stage="CONFIRMED")
    trade.erp.change("partners", trade.partner, on_hold=True)
    trade.sync("order")
    before = trade.sale(order)["state"]
    trade.decide(order, Side.CRM)
    trade.sync("order")
    trade.erp.change("partners", trade.partner, on_hold=False)

    assert (before, trade.sale(order)["state"]) == ("draft", "on_hold")
    assert trade.shown(order) == ("ON_HOLD", "credit: the customer is on credit hold")
    assert order["id"] not in trade.open_conflicts()


def test_a_persons_word_for_the_erp_puts_the_stage_back(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item)
    trade.sync("order")
    trade.crm.change("orders", order["id"], stage="PAID")
    trade.sync("order")
    trade.decide(order, Side.ERP)
    trade.sync("order")

    assert trade.shown(order) == ("SUBMITTED", None)
    assert order["id"] not in trade.open_conflicts()


def test_an_order_that_is_new_to_the_erp_begins_there_as_a_quotation(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item, stage="CONFIRMED")
    trade.sync("order")

    assert (trade.sale(order)["state"], trade.shown(order)) == ("draft", ("SUBMITTED", None))


def test_of_two_orders_for_the_last_piece_one_is_confirmed_and_one_told_why_not(trade: Trade) -> None:
    rare = trade.item("1", backorder=False)
    trade.sync("product")
    orders = [trade.submit(rare, quantity=1) for _ in "ab"]
    trade.sync("order")
    for order in orders:
        trade.do(trade.sale(order), "confirm")
    trade.sync("order", "stock")

    reason = f"stock: {rare['code']}: 1.000 asked, 0.000 available in MAIN"
    assert [trade.shown(order) for order in orders] == [("CONFIRMED", None), ("ON_HOLD", reason)]
    assert trade.level(rare)["available"] == 0


def test_a_cancellation_is_asked_for_in_the_crm_and_granted_or_denied(trade: Trade, item: dict[str, Any]) -> None:
    granted, denied = (trade.submit(item) for _ in "ab")
    trade.sync("order")
    for order in (granted, denied):
        trade.do(trade.sale(order), "confirm")
    trade.sync("order")
    for order in (granted, denied):
        trade.crm.change("orders", order["id"], stage="CANCEL_REQUESTED")
    trade.sync("order")
    trade.do(trade.sale(granted), "cancel", reason="as you wish")
    trade.do(trade.sale(denied), "deny_cancel", reason="it is on the lorry")
    trade.sync("order")

    assert trade.shown(granted) == ("CANCELLED", "as you wish")
    assert trade.shown(denied) == ("CONFIRMED", "it is on the lorry")


def test_a_refused_order_is_corrected_and_sent_again(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item)
    trade.sync("order")
    trade.do(trade.sale(order), "refuse", reason="we do not sell four of these")
    trade.sync("order")
    refused = trade.shown(order)
    lines = [{**trade.crm.read("orders", order["id"])["lines"][0], "quantity": 5}]
    trade.crm.change("orders", order["id"], stage="SUBMITTED", lines=lines)
    trade.sync("order")

    sale = trade.sale(order)
    assert refused == ("REFUSED", "we do not sell four of these")
    assert (sale["state"], [line["qty"] for line in sale["lines"]]) == ("draft", ["5.000"])
    assert trade.shown(order) == ("SUBMITTED", None)


def test_a_back_order_is_a_line_of_its_own_and_the_others_keep_theirs(trade: Trade, item: dict[str, Any]) -> None:
    order = trade.submit(item, quantity=10)
    trade.sync("order")
    for action in ("confirm", "ship a part", "split"):
        trade.do(trade.sale(order), action)
    trade.sync("order")

    now = trade.crm.read("orders", order["id"])
    assert [line["quantity"] for line in now["lines"]] == [3, 7]
    assert now["lines"][0]["lineId"] == order["lines"][0]["lineId"]
    assert now["linesTotal"] == now["subtotal"] == 1000


def test_a_change_in_the_crm_after_confirmation_is_written_back_and_remembered(
    trade: Trade, item: dict[str, Any]
) -> None:
    order = trade.submit(item)
    trade.sync("order")
    trade.do(trade.sale(order), "confirm")
    trade.sync("order")
    line = trade.crm.read("orders", order["id"])["lines"][0]
    trade.crm.change("orders", order["id"], lines=[{**line, "quantity": 99}])

    overridden = trade.sync("order").tallies["order"].overridden

    assert trade.crm.read("orders", order["id"])["lines"][0]["quantity"] == 4
    assert overridden == 1


def test_a_credit_note_and_the_return_behind_it_reach_the_crm(trade: Trade, item: dict[str, Any]) -> None:
    sale = led(trade, item, "invoiced")
    (invoice,) = trade.erp.listed("invoices", order_id=sale["id"])
    back = trade.erp.create("returns", order_id=sale["id"], lines=[{"order_line_id": sale["lines"][0]["id"], "qty": 1}])
    trade.erp.call("POST", f"returns/{back['id']}/receive", json={})
    lines = [{"item_id": item["id"], "qty": "1", "price_unit": "7"}]
    note = trade.erp.create("invoices", kind="credit_note", credits_id=invoice["id"], lines=lines)
    trade.erp.call("POST", f"invoices/{note['id']}/post", json={})
    trade.sync("order", "return", "invoice", "stock")

    (seen,) = trade.crm.listed("returns", orderId=trade.order(sale)["id"])
    shown = {each["kind"]: each for each in trade.crm.listed("invoices", orderId=trade.order(sale)["id"])}
    level = trade.erp.read("stock_levels", f"{item['id']}-MAIN")
    assert (seen["returnNumber"], seen["status"], seen["restocked"]) == (back["number"], "RECEIVED", True)
    assert (seen["accountId"], seen["lines"][0]["quantity"]) == (trade.account, 1)
    assert shown["CREDIT_NOTE"]["creditedInvoiceId"] == shown["INVOICE"]["id"]
    assert (shown["INVOICE"]["amountCredited"], shown["INVOICE"]["amountOpen"]) == (8.33, 74.97)
    assert trade.level(item)["onHand"] == float(level["on_hand"])


def test_a_draft_invoice_is_nobodys_business_until_it_is_posted(trade: Trade, item: dict[str, Any]) -> None:
    sale = led(trade, item, "shipped")
    draft = trade.erp.create("invoices", order_id=sale["id"])
    trade.sync("order", "invoice")
    before = trade.crm.listed("invoices", orderId=trade.order(sale)["id"])
    trade.erp.call("POST", f"invoices/{draft['id']}/post", json={})
    trade.sync("order", "invoice")

    assert before == []
    assert len(trade.crm.listed("invoices", orderId=trade.order(sale)["id"])) == 1


@pytest.mark.row("ERP: financials")
def test_in_every_step_both_sides_say_the_same_of_orders_goods_and_money(trade: Trade, item: dict[str, Any]) -> None:
    seed = int(os.environ.get("CONNECTOR_TEST_SEED", "5"))
    till = Till(trade, item, seed)
    for number in range(STEPS):
        till.step()

        trade.sync("order", "shipment", "return", "invoice", "payment", "balance")

        crm, erp = books(till)
        assert crm == erp, f"seed {seed}, step {number}: {crm - erp} | {erp - crm}"


@pytest.mark.row("ERP: inventory")
def test_what_can_be_promised_is_the_same_over_all_warehouses_on_both_sides(trade: Trade) -> None:
    item = trade.item("5")
    trade.erp.create("stock_moves", item_id=item["id"], warehouse_code="NORTH", quantity="4", kind="receipt")
    trade.do(trade.sell(item, "7"), "confirm")
    trade.sync("product", "stock")

    shown = trade.crm.read("products", f"{trade.product(item)}/availability")
    levels = trade.erp.listed("stock_levels", item_id=item["id"])
    assert (shown["onHand"], shown["reserved"], shown["available"]) == (9, 7, 2)
    assert shown["available"] == sum(float(level["available"]) for level in levels)
    assert {each["warehouse"]: each["available"] for each in shown["warehouses"]} == {"MAIN": -2, "NORTH": 4}


@pytest.mark.row("ERP: purchasing", "ERP: production planning")
def test_what_is_bought_and_made_is_promised_in_the_crm_with_its_date(trade: Trade) -> None:
    made, part = trade.item("0"), trade.item("6")
    trade.erp.create("boms", item_id=made["id"], lines=[{"item_id": part["id"], "qty": "2"}])
    place = {"item_id": made["id"], "warehouse_code": "MAIN"}
    trade.erp.create("purchase_orders", **place, qty="5", expected_date="2026-12-24")
    production = trade.erp.create("production_orders", **place, qty="3", planned_date="2026-12-01")
    trade.sync("product", "stock")
    promised = trade.level(made)
    trade.erp.call("POST", f"production_orders/{production['id']}/finish", json={})
    trade.sync("product", "stock")

    assert (promised["incoming"], promised["expectedOn"]) == (8, "2026-12-01")
    assert (trade.level(made)["onHand"], trade.level(made)["expectedOn"], trade.level(part)["onHand"]) == (
        3,
        "2026-12-24",
        0,
    )
