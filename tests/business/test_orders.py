"""An order of sales is an order of the ERP, with the state that the ERP gives it."""

import pytest

from connector.report import Exit
from connector.verify import verify
from tests.business.office import Body, Office


@pytest.mark.row("ERP: sales", "ERP: order tracking")
def test_a_submitted_order_is_one_sales_order_and_sales_sees_that_it_was_confirmed(
    office: Office, sold: tuple[Body, ...]
) -> None:
    lines = [{"productId": sold[2]["id"], "quantity": 3, "unitPrice": 33.33, "discountPercent": 7.5}]
    order = office.crm.create("orders", accountId=sold[0]["id"], currency="EUR", stage="SUBMITTED", lines=lines)
    office.sync("order")
    (sale,) = office.erp.listed("sales_orders", origin=order["orderNumber"])
    office.act("sales_orders", sale, "confirm")

    office.settle("order")

    seen = office.crm.read("orders", order["id"])
    assert (seen["stage"], seen["erpOrderNumber"]) == ("CONFIRMED", sale["number"])
    assert (seen["subtotal"], seen["taxTotal"], seen["grandTotal"]) == (92.49, 17.57, 110.06)


def placed(office: Office, sold: tuple[Body, ...], *quantities: int) -> tuple[Body, Body]:
    """An order with a line for each quantity, as both sides have it."""
    lines = [{"productId": sold[2]["id"], "quantity": one, "unitPrice": 10} for one in quantities]
    given = {"accountId": sold[0]["id"], "currency": "EUR", "stage": "SUBMITTED", "requestedOn": "2027-02-01"}
    order = office.crm.create("orders", **given, lines=lines)
    office.settle("order")
    (sale,) = office.erp.listed("sales_orders", origin=order["orderNumber"])
    return office.crm.read("orders", order["id"]), sale


def test_lines_that_sales_adds_takes_out_and_changes_leave_the_others_what_they_are(
    office: Office, sold: tuple[Body, ...]
) -> None:
    order, sale = placed(office, sold, 1, 2, 3)
    first, _, third = order["lines"]
    new = {"productId": sold[2]["id"], "quantity": 9, "unitPrice": 10}
    office.crm.change("orders", order["id"], lines=[first, {**third, "quantity": 4}, new])

    office.settle("order")

    lines = office.erp.read("sales_orders", sale["id"])["lines"]
    assert [line["qty"] for line in lines] == ["1.000", "4.000", "9.000"]
    assert [line["id"] for line in lines[:2]] == [sale["lines"][0]["id"], sale["lines"][2]["id"]]
    assert lines[2]["id"] not in [line["id"] for line in sale["lines"]]


def test_lines_that_the_back_office_changes_come_back_in_the_same_way(office: Office, sold: tuple[Body, ...]) -> None:
    order, sale = placed(office, sold, 1, 2, 3)
    first, _, third = sale["lines"]
    new = {"item_id": sold[3]["id"], "qty": "9", "price_unit": "10"}
    office.erp.change("sales_orders", sale["id"], lines=[{**first, "qty": "5"}, third, new])

    office.settle("order")

    lines = office.crm.read("orders", order["id"])["lines"]
    assert [line["quantity"] for line in lines] == [5, 3, 9]
    assert [line["lineId"] for line in lines[:2]] == [order["lines"][0]["lineId"], order["lines"][2]["lineId"]]


def test_a_line_of_another_product_is_a_difference_until_it_is_across(office: Office, sold: tuple[Body, ...]) -> None:
    _, sale = placed(office, sold, 1, 2)
    first, second = sale["lines"]
    other = office.item()
    office.settle("product")
    (agreed,), _ = verify(office.context, entities=["order"])

    office.erp.change("sales_orders", sale["id"], lines=[first, {**second, "item_id": other["id"]}])
    (moved,), code = verify(office.context, entities=["order"])
    office.settle("order")

    assert agreed.differences == []
    assert [(one.erp_id, one.field, code) for one in moved.differences] == [(str(sale["id"]), "lines", Exit.FAILED)]


def test_the_day_a_customer_wants_it_is_both_sides_until_it_is_confirmed(
    office: Office, sold: tuple[Body, ...]
) -> None:
    order, sale = placed(office, sold, 1)
    office.erp.change("sales_orders", sale["id"], date_requested="2027-02-15")
    office.settle("order")
    agreed = office.crm.read("orders", order["id"])["requestedOn"]
    office.act("sales_orders", sale, "confirm")
    office.settle("order")
    office.crm.change("orders", order["id"], requestedOn="2027-01-01")
    office.settle("order")

    assert (sale["date_requested"], agreed) == ("2027-02-01", "2027-02-15")
    assert office.crm.read("orders", order["id"])["requestedOn"] == "2027-02-15"
