"""What the back office does stands on the customer's timeline, once each; what sales notes there stays with sales."""

import pytest

from tests.business.office import Body, Office

pytestmark = pytest.mark.row("CRM: activities")


def bill(office: Office, account: Body, item: Body, **values: str) -> Body:
    """An invoice over 119 euros that the customer was sent."""
    line = {"item_id": item["id"], "qty": 1, "price_unit": 100}
    invoice = office.erp.create("invoices", partner_id=office.partner(account)["id"], lines=[line], **values)
    return office.act("invoices", invoice, "post")


@pytest.mark.row("ERP: financials")
def test_what_happens_to_an_invoice_is_told_once_each(office: Office, sold: tuple[Body, ...]) -> None:
    account = office.account()
    office.sync("customer")
    invoice = bill(office, account, sold[3], date_due="2020-01-31")
    office.sync("activity")
    heard = office.timeline(account)
    office.erp.create("payments", invoice_id=invoice["id"], amount="19")
    office.erp.create("payments", invoice_id=invoice["id"], amount="100")

    office.settle("activity")

    assert heard == ["INVOICED", "OVERDUE"]
    assert sorted(office.timeline(account)) == ["INVOICED", "OVERDUE", "PAID", "PART_PAID"]


def test_an_activity_says_what_it_is_about_and_how_much(office: Office, sold: tuple[Body, ...]) -> None:
    account = office.account()
    office.sync("customer")
    invoice = bill(office, account, sold[3], date_due="2999-01-31")

    office.settle("activity")

    (told,) = office.crm.listed("activities", accountId=account["id"])
    assert (told["document"], told["reference"]) == (invoice["number"], f"{invoice['number']}:invoiced")
    assert (told["amount"], told["currency"], told["status"]) == (119, "EUR", "DONE")
    assert told["subject"] == f"Invoice {invoice['number']} over 119.00, due on 2999-01-31"


def test_a_happening_that_sales_deleted_stays_deleted(office: Office, sold: tuple[Body, ...]) -> None:
    account = office.account()
    office.sync("customer")
    bill(office, account, sold[3], date_due="2999-01-31")
    office.sync("activity")
    (told,) = office.crm.listed("activities", accountId=account["id"])
    office.crm.delete("activities", told["id"])

    office.settle("activity")

    assert office.timeline(account) == []


def test_what_sales_noted_is_nothing_to_the_erp(office: Office, sold: tuple[Body, ...]) -> None:
    office.crm.create("activities", accountId=sold[0]["id"], kind="CALL", subject="Ruft zurück")

    assert office.settle("activity").writes == 0


@pytest.mark.row("ERP: distribution")
def test_a_shipment_is_told_with_its_tracking_number(office: Office, sold: tuple[Body, ...]) -> None:
    account = office.account()
    office.sync("customer")
    place = {"item_id": sold[3]["id"], "warehouse_code": "MAIN"}
    office.erp.create("stock_moves", **place, quantity="5", kind="receipt")
    line = {"item_id": sold[3]["id"], "qty": 2, "price_unit": 10}
    order = office.erp.create("sales_orders", partner_id=office.partner(account)["id"], lines=[line])
    office.act("sales_orders", order, "confirm")
    shipment = office.erp.create("shipments", order_id=order["id"], carrier="DHL", tracking="JD-77")

    office.settle("order", "shipment", "activity")

    (seen,) = office.crm.listed("shipments", accountId=account["id"])
    (told,) = office.crm.listed("activities", accountId=account["id"])
    assert (seen["shipmentNumber"], seen["trackingNumber"]) == (shipment["number"], "JD-77")
    assert told["subject"] == f"Shipment {shipment['number']} of order {order['number']} left, tracking JD-77"
