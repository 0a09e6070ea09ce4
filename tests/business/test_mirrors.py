"""What mirrors the ERP in a CRM without locks: an edit gives way and is remembered, and what was deleted comes back."""

import pytest

from connector.history import explain
from connector.records import Side
from tests.business.office import Body, Office

pytestmark = pytest.mark.row("ERP: financials")


@pytest.fixture
def mirrored(office: Office, sold: tuple[Body, ...]) -> Body:
    """The CRM's mirror of an invoice over 119 euros."""
    lines = [{"item_id": sold[3]["id"], "qty": 1, "price_unit": 100}]
    invoice = office.erp.create("invoices", partner_id=sold[1]["id"], currency_code="EUR", lines=lines)
    posted = office.act("invoices", invoice, "post")
    office.settle("invoice", "balance")
    return the_only(office, posted["number"])


def the_only(office: Office, number: str) -> Body:
    (found,) = office.crm.listed("invoices", invoiceNumber=number)
    return found


def lost(office: Office, invoice: Body) -> set[str]:
    """The fields whose edits gave way, as the history tells."""
    told = explain(office.context.store, "invoice", invoice["id"], Side.CRM)
    events = [one.event for one in told.moments if one.event and one.event.kind == "overridden"]
    return {name for event in events for name in event.detail["lost"]}


def test_an_edit_of_an_invoice_is_put_right_and_remembered(office: Office, mirrored: Body) -> None:
    office.crm.change("invoices", mirrored["id"], amountOpen=0, status="PAID")

    office.settle("invoice")

    now = the_only(office, mirrored["invoiceNumber"])
    assert (now["amountOpen"], now["status"]) == (119, "POSTED")
    assert lost(office, mirrored) == {"open", "status"}


def test_an_edit_of_a_balance_is_put_right(office: Office, sold: tuple[Body, ...], mirrored: Body) -> None:
    (balance,) = office.crm.listed("account-balances", accountId=sold[0]["id"])
    office.crm.change("account-balances", balance["id"], openAmount=0)

    office.settle("balance")

    assert office.crm.read("account-balances", balance["id"])["openAmount"] == balance["openAmount"] > 0


def test_an_invoice_that_was_deleted_in_the_crm_comes_back_once(office: Office, mirrored: Body) -> None:
    office.crm.delete("invoices", mirrored["id"])

    office.settle("invoice")

    again = the_only(office, mirrored["invoiceNumber"])
    assert (again["id"] != mirrored["id"], again["amountOpen"]) == (True, 119)
    assert office.settle("invoice").writes == 0
