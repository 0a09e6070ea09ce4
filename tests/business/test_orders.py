"""An order of sales is an order of the ERP, with the state that the ERP gives it."""

import pytest

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
