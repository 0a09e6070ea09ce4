"""Service orders, projects and the journal of the ERP: which steps are possible, and what follows from them."""

from typing import Any

import pytest

from tests.reference.doors import ask, refusal
from tests.systems import System

STATES = ("draft", "received", "in_work", "done", "refused", "cancelled")
STEPS = {
    "receive": {"draft": "received"},
    "start": {"received": "in_work"},
    "finish": {"received": "done", "in_work": "done"},
    "refuse": {"draft": "refused", "received": "refused", "in_work": "refused"},
    "cancel": {"draft": "cancelled"},
}
WAYS = {"received": ["receive"], "in_work": ["receive", "start"], "done": ["receive", "finish"]}


@pytest.fixture
def partner(erp: System) -> int:
    return int(erp.create("partners", is_company=True, name="Werk")["id"])


@pytest.fixture
def item(erp: System, unique: str) -> int:
    return int(erp.create("items", code=unique, name="Pumpe")["id"])


def service(erp: System, partner: int, item: int, **values: Any) -> dict[str, Any]:
    named = {"partner_id": partner, "item_id": item, "kind": "repair", "subject": "Tropft", **values}
    return erp.create("service_orders", **named)


def act(erp: System, resource: str, document: dict[str, Any], *actions: str) -> dict[str, Any]:
    for action in actions:
        document = erp.call("POST", f"{resource}/{document['id']}/{action}", json={})
    return document


def events(erp: System, number: str) -> list[tuple[str, str | None]]:
    return [(one["event"], one["amount"]) for one in erp.listed("events", document=number)]


@pytest.mark.parametrize("state", STATES)
def test_a_service_order_takes_the_steps_that_are_possible_and_no_other(
    erp: System, partner: int, item: int, state: str
) -> None:
    led = {"refused": ["refuse"], "cancelled": ["cancel"], **WAYS}.get(state, [])
    for action, leads in STEPS.items():
        order = act(erp, "service_orders", service(erp, partner, item, outcome="repaired"), *led)
        answer = ask(erp, "POST", f"service_orders/{order['id']}/{action}", json={})
        if state in leads or state in leads.values():
            assert answer.json()["state"] == leads.get(state, state)
        else:
            assert refusal(answer) == (422, "invalid", "state")


def test_a_repair_is_not_finished_without_an_outcome_that_fits(erp: System, partner: int, item: int) -> None:
    order = act(erp, "service_orders", service(erp, partner, item, outcome="restocked"), "receive")

    answer = ask(erp, "POST", f"service_orders/{order['id']}/finish", json={})

    assert refusal(answer) == (422, "invalid", "outcome")


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        pytest.param({"kind": "return", "outcome": "restocked"}, ["3.000"], id="a return that can be sold again"),
        pytest.param({"kind": "return", "outcome": "scrapped"}, [], id="a return that cannot"),
        pytest.param({"kind": "repair", "outcome": "replaced"}, ["-3.000"], id="a repair that took a new piece"),
        pytest.param({"kind": "repair", "outcome": "repaired"}, [], id="a repair that took none"),
    ],
)
def test_goods_move_with_the_outcome(
    erp: System, partner: int, item: int, values: dict[str, str], moved: list[str]
) -> None:
    order = service(erp, partner, item, quantity="3", **values)

    act(erp, "service_orders", order, "receive", "finish", "finish")

    assert [move["quantity"] for move in erp.listed("stock_moves", item_id=str(item))] == moved


def test_what_is_done_is_not_changed(erp: System, partner: int, item: int) -> None:
    order = act(erp, "service_orders", service(erp, partner, item, outcome="repaired"), "receive", "finish")

    sent = {"revision": order["revision"], "charge": "10"}
    answer = ask(erp, "PATCH", f"service_orders/{order['id']}", json=sent)

    assert refusal(answer) == (423, "locked", "charge")
    assert ask(erp, "DELETE", f"service_orders/{order['id']}").status_code == 423


def test_what_happened_is_written_down_once(erp: System, partner: int, item: int) -> None:
    order = service(erp, partner, item, outcome="repaired", charge="12.5", currency_code="EUR")

    done = act(erp, "service_orders", order, "receive", "receive", "start", "finish", "finish")

    assert events(erp, done["number"]) == [("received", None), ("started", None), ("done", "12.50")]


def test_an_order_of_work_opens_one_project_and_needs_no_stock(erp: System, partner: int, unique: str) -> None:
    work = erp.create("items", code=unique, name="Montage", is_service=True)
    order = erp.create("sales_orders", partner_id=partner, lines=[{"item_id": work["id"], "qty": 8, "price_unit": 95}])
    act(erp, "sales_orders", order, "confirm")

    erp.create("shipments", order_id=order["id"])

    (project,) = erp.listed("projects", sales_order_id=str(order["id"]))
    assert (project["name"], project["state"], events(erp, project["number"])) == (
        "Montage",
        "planned",
        [("opened", None)],
    )
    assert erp.listed("stock_levels", item_id=str(work["id"])) == []


def test_an_order_of_goods_opens_no_project(erp: System, partner: int, item: int) -> None:
    order = erp.create("sales_orders", partner_id=partner, lines=[{"item_id": item, "qty": 8, "price_unit": 95}])

    act(erp, "sales_orders", order, "confirm")

    assert erp.listed("projects", sales_order_id=str(order["id"])) == []


def test_an_invoice_is_written_down_when_posted_overdue_and_paid_in_parts(erp: System, partner: int, item: int) -> None:
    line = {"item_id": item, "qty": 1, "price_unit": 100}
    invoice = erp.create("invoices", partner_id=partner, date_due="2020-01-01", lines=[line])
    posted = act(erp, "invoices", invoice, "post")
    first = erp.create("payments", invoice_id=posted["id"], amount="19")
    erp.create("payments", invoice_id=posted["id"], amount="100")

    told = events(erp, posted["number"])

    assert told == [("invoiced", "119.00"), ("overdue", "119.00"), ("paid", "119.00")]
    assert events(erp, first["number"]) == [("part_paid", "19.00")]


def test_the_journal_is_the_servers_own(erp: System) -> None:
    assert ask(erp, "POST", "events", json={"event": "paid"}).status_code == 405
    assert ask(erp, "GET", "events/fields").json()["fields"]["key"]["readonly"]
