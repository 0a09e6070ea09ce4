"""What only the integration writes in the CRM, salespeople cannot change, and are told where it is changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.reference.crm_locks import MIRRORS
from tests.reference.doors import ask, batch, refusal
from tests.systems import Sales, System


@pytest.fixture(scope="module")
def sales(crm: System) -> Iterator[Sales]:
    client = Sales("crm", crm.url, crm.process)
    yield client
    client.session.close()


@pytest.fixture
def account(crm: System) -> dict[str, Any]:
    return crm.create("accounts", name="Buyer", creditLimit=100)


@pytest.fixture
def invoice(crm: System, account: dict[str, Any]) -> dict[str, Any]:
    return crm.create("invoices", invoiceNumber="INV-1", accountId=account["id"], amountOpen=100)


@pytest.fixture
def order(crm: System, account: dict[str, Any]) -> dict[str, Any]:
    return crm.create("orders", accountId=account["id"], stage="CONFIRMED", statusReason="as you wish", currency="EUR")


def change(sales: Sales, collection: str, record: dict[str, Any], **values: Any) -> Any:
    headers = {"If-Match": f'"{record["version"]}"'}
    return ask(sales, "PATCH", f"{collection}/{record['id']}", json=values, headers=headers)


def test_a_salesperson_cannot_change_an_invoice(crm: System, sales: Sales, invoice: dict[str, Any]) -> None:
    answer = change(sales, "invoices", invoice, amountOpen=0)

    assert refusal(answer)[:2] == (423, "LOCKED")
    assert "invoices only show what the ERP keeps: change it there" in answer.json()["error"]["message"]
    assert crm.read("invoices", invoice["id"])["amountOpen"] == 100


def test_nor_delete_one_nor_do_either_in_a_batch(sales: Sales, invoice: dict[str, Any]) -> None:
    update = {"op": "update", "id": invoice["id"], "version": invoice["version"], "record": {"amountOpen": 0}}
    results = batch(sales, "invoices", update, {"op": "delete", "id": invoice["id"]})

    assert [one["status"] for one in results] == [423, 423]
    assert ask(sales, "DELETE", f"invoices/{invoice['id']}").status_code == 423


@pytest.mark.parametrize("collection", sorted(MIRRORS))
def test_nobody_but_the_integration_enters_what_only_mirrors_the_erp(sales: Sales, collection: str) -> None:
    fields = sales.call("GET", f"schema/{collection}")["fields"]
    stamped = ("id", "version", "createdAt", "modifiedAt")
    texts = {"text": "EUR", "reference": "x-1", "number": 1, "choice": None}
    sent = {
        field["name"]: texts[field["type"]]
        for field in fields
        if not field["nullable"] and field["name"] not in stamped and "." not in field["name"]
    }

    assert refusal(ask(sales, "POST", collection, json=sent))[:2] == (423, "LOCKED")


def test_what_the_erp_says_of_an_order_is_not_a_salespersons_to_change(sales: Sales, order: dict[str, Any]) -> None:
    answers = [change(sales, "orders", order, **{name: "1"}) for name in ("statusReason", "erpOrderNumber")]

    assert [refusal(answer) for answer in answers] == [
        (423, "LOCKED", "statusReason"),
        (423, "LOCKED", "erpOrderNumber"),
    ]


def test_what_was_promised_stays_as_it_was_confirmed(sales: Sales, order: dict[str, Any]) -> None:
    answer = change(sales, "orders", order, currency="USD", notes="ring first")

    assert refusal(answer) == (423, "LOCKED", "currency")
    assert "the order is CONFIRMED; ask the back office, or set CANCEL_REQUESTED" in answer.text


def test_what_is_sent_as_it_is_stored_and_what_is_sales_own_passes(sales: Sales, order: dict[str, Any]) -> None:
    kept = {name: order[name] for name in ("accountId", "currency", "lines", "statusReason")}

    answer = change(sales, "orders", order, **kept, notes="ring first", stage="CANCEL_REQUESTED")

    assert (answer.status_code, answer.json()["notes"], answer.json()["stage"]) == (
        200,
        "ring first",
        "CANCEL_REQUESTED",
    )


def test_an_order_that_was_submitted_is_cancelled_and_not_deleted(
    sales: Sales, order: dict[str, Any], account: dict[str, Any]
) -> None:
    draft = sales.create("orders", accountId=account["id"])

    assert refusal(ask(sales, "DELETE", f"orders/{order['id']}")) == (423, "LOCKED", "stage")
    assert ask(sales, "DELETE", f"orders/{draft['id']}").status_code == 204


def test_a_salesperson_notes_a_call_but_does_not_speak_for_the_back_office(
    sales: Sales, account: dict[str, Any]
) -> None:
    call = ask(sales, "POST", "activities", json={"accountId": account["id"], "subject": "Rang", "kind": "CALL"})
    told = ask(sales, "POST", "activities", json={"accountId": account["id"], "subject": "Paid", "kind": "BACK_OFFICE"})

    assert (call.status_code, told.status_code) == (201, 423)


def test_a_limit_is_the_back_offices_word_and_a_phone_number_is_not(sales: Sales, account: dict[str, Any]) -> None:
    refused = change(sales, "accounts", account, creditLimit=1_000_000)
    changed = change(sales, "accounts", account, creditLimit=100, phone="1")

    assert refusal(refused) == (423, "LOCKED", "creditLimit")
    assert changed.json()["phone"] == "1"


def test_who_wrote_a_record_is_told_by_its_client(sales: Sales, account: dict[str, Any]) -> None:
    assert account["modifiedBy"] == "demo-client"
    assert change(sales, "accounts", account, phone="1").json()["modifiedBy"] == "demo-sales"
