"""Fields that follow from other records of Odoo: how far an order is, what settled an invoice, who is a customer."""

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connector.records import Resource
from tests.adapters.odoo_wire import STAMP, Wire, odoo, refusal

LINKS = {"type": "one2many", "relation": "crm.lead"}
ORDER = {
    "state": {"type": "selection"},
    "delivery_status": {"type": "selection"},
    "invoice_status": {"type": "selection"},
    "invoice_ids": {"type": "many2many", "relation": "account.move"},
    "order_line": {"type": "one2many", "relation": "sale.order.line"},
    "write_date": {"type": "datetime"},
}
MOVE = {"move_type": {"type": "selection"}, "invoice_payments_widget": {"type": "binary"}, "state": {"type": "char"}}
PARTNER = {
    "active": {"type": "boolean"},
    "customer_rank": {"type": "integer"},
    "opportunity_ids": LINKS,
    "write_date": {"type": "datetime"},
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock() as mock:
        yield Wire(mock)


def told(resource: Resource, path: str) -> list[Any]:
    """What an adapter tells of one field, record by record."""
    return [(remote.body or {})[path] for remote in odoo().scan(resource, None).remotes]


def test_an_order_is_paid_when_every_bill_that_counts_is(wire: Wire) -> None:
    wire.answers("sale.order", "fields_get", ORDER)
    done = {"state": "sale", "delivery_status": "full", "invoice_status": "invoiced", "write_date": STAMP}
    bills = [[1, 2], [1, 3], [], [4]]
    wire.answers("sale.order", "search_read", [{"id": n, **done, "invoice_ids": own} for n, own in enumerate(bills, 1)])
    states = [{"id": n, "state": state} for n, state in ((1, "posted"), (2, "cancel"), (3, "posted"), (4, "posted"))]
    settled = {1: "paid", 2: "not_paid", 3: "partial", 4: "reversed"}
    paid = [{"id": n, "payment_state": state} for n, state in settled.items()]
    wire.answers("account.move", "search_read", states, paid)

    assert told(Resource("sale.order", (), ("status",)), "status") == ["paid", "invoiced", "invoiced", "paid"]


def test_a_bill_that_is_paid_is_a_change_of_its_order(wire: Wire) -> None:
    wire.answers("sale.order", "fields_get", ORDER)
    wire.answers("sale.order", "search_read", [])
    adapter, orders = odoo(), Resource("sale.order", (), ("status",))

    adapter.scan(orders, adapter.scan(orders, None).cursor)

    domain = wire.calls("search_read")[1]["domain"]
    assert domain[0] == "|"
    assert [each[0] for each in domain[1:]] == ["write_date", "order_line.invoice_lines.move_id.write_date", "id"]


def settlement(amount: float, *, payment: int | bool = False, refund: bool = False, exchange: bool = False) -> Any:
    return {"amount": amount, "account_payment_id": payment, "is_refund": refund, "is_exchange": exchange}


def test_money_and_credit_notes_settle_an_invoice_apart(wire: Wire) -> None:
    wire.answers("account.move", "fields_get", MOVE)
    both = [settlement(10.1, payment=4), settlement(0.2, payment=5), settlement(5.0, refund=True)]
    widgets = [
        {"move_type": "out_invoice", "invoice_payments_widget": {"content": [*both, settlement(1, exchange=True)]}},
        {"move_type": "out_refund", "invoice_payments_widget": {"content": [settlement(5.0)]}},
        {"move_type": "out_invoice", "invoice_payments_widget": False},
    ]
    wire.answers("account.move", "search_read", [{"id": n, **row} for n, row in enumerate(widgets, 1)])
    invoices = Resource("account.move/invoices", (), ("amount_paid", "amount_credited"))

    remotes = odoo().scan(invoices, None).remotes

    amounts = [(body["amount_paid"], body["amount_credited"]) for body in (each.body or {} for each in remotes)]
    assert amounts == [(10.3, 5.0), (0, 5.0), (0, 0)]


def test_who_is_in_the_pipeline_is_a_prospect_until_won_or_ordered(wire: Wire) -> None:
    wire.answers("res.partner", "fields_get", PARTNER)
    row = {"active": True, "opportunity_ids": [], "write_date": STAMP}
    page = [{"id": number, "customer_rank": rank, **row} for number, rank in ((1, 0), (2, 0), (3, 0), (4, 0), (5, 3))]
    first, second, third = ({"id": 100 + n, "commercial_partner_id": n} for n in (1, 2, 3))
    wire.answers("res.partner", "search_read", page, [first, second, third], [second], [third])
    # 1 is only in the pipeline, a deal with 2 was won, 3 has ordered, of 4 nobody knows, 5 was billed before.
    wire.answers("crm.lead", "search_read", [{"partner_id": n} for n in (101, 102, 103)], [{"partner_id": 102}])
    wire.answers("sale.order", "search_read", [{"partner_id": 103}])

    companies = Resource("res.partner/companies", (), ("relationship",))

    assert told(companies, "relationship") == ["prospect", "customer", "customer", "customer", "customer"]
    assert wire.calls("search_read")[1]["domain"] == [["partner_id.commercial_partner_id", "in", [1, 2, 3, 4]]]


def test_without_a_pipeline_everybody_is_a_customer(wire: Wire) -> None:
    wire.answers("res.partner", "fields_get", {name: PARTNER[name] for name in ("active", "customer_rank")})
    wire.answers("res.partner", "search_read", [{"id": 1, "customer_rank": 0, "active": True}])

    assert told(Resource("res.partner/companies", (), ("relationship",)), "relationship") == ["customer"]


def test_without_sales_only_a_deal_that_was_won_makes_a_customer(wire: Wire) -> None:
    wire.answers("res.partner", "fields_get", PARTNER)
    lead = {"id": 1, "customer_rank": 0, "active": True, "opportunity_ids": [8], "write_date": STAMP}
    wire.answers("res.partner", "search_read", [lead], [{"id": 1, "commercial_partner_id": 1}])
    wire.answers("crm.lead", "search_read", [{"partner_id": 1}], [])
    missing = refusal("werkzeug.exceptions.NotFound", "the model 'sale.order' does not exist")
    wire.answers("sale.order", "search_read", missing, status=404)

    assert told(Resource("res.partner/companies", (), ("relationship",)), "relationship") == ["prospect"]
