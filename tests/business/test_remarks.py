"""What is open about a record stands on it in the CRM, in words, and goes away when it is solved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.records import Side
from connector.store import conflicts, history
from connector.sync import sync
from tests.business.office import Body, Office, unique

pytestmark = pytest.mark.row("ERP: order tracking")


def ordered(office: Office, account: Body, product: Body, stage: str = "SUBMITTED") -> Body:
    lines = [{"productId": product["id"], "quantity": 1, "unitPrice": 10}]
    return office.crm.create("orders", accountId=account["id"], currency="EUR", stage=stage, lines=lines)


def shown(office: Office, collection: str, record: Body) -> tuple[str | None, str | None]:
    now = office.crm.read(collection, record["id"])
    return now["syncStatus"], now["syncReason"]


def confirmed(office: Office, order: Body) -> Body:
    (sale,) = office.erp.listed("sales_orders", origin=order["orderNumber"])
    return office.act("sales_orders", sale, "confirm")


def test_an_order_for_an_item_that_the_erp_does_not_know_says_so_until_it_does(
    office: Office, sold: tuple[Body, ...]
) -> None:
    code = unique("NEU")
    product = office.crm.create("products", productCode=code, name="Neu")
    order = ordered(office, sold[0], product)
    office.sync("product", "order")
    status, reason = shown(office, "orders", order)
    office.erp.create("items", code=code, name="Neu", uom="PCE")
    office.settle("product", "order")

    assert status == "WAITING"
    assert f"waits for product crm:{product['id']}, which has no counterpart on erp yet" in str(reason)
    assert shown(office, "orders", order) == (None, None)


def test_other_words_for_the_same_are_told_after_a_rest(office: Office, sold: tuple[Body, ...]) -> None:
    codes = unique("ERST"), unique("ZWEIT")
    first, second = (office.crm.create("products", productCode=code, name=code) for code in codes)
    lines = [{"productId": one["id"], "quantity": 1, "unitPrice": 10} for one in (first, second)]
    order = office.crm.create("orders", accountId=sold[0]["id"], currency="EUR", stage="SUBMITTED", lines=lines)
    office.sync("product", "order")
    office.erp.create("items", code=codes[0], name=codes[0], uom="PCE")
    office.sync("product", "order")
    at_once = shown(office, "orders", order)[1]
    rested = replace(office.context, limits=replace(office.context.limits, retry_after=timedelta(0)))
    sync(rested, entities=("order",))
    later = shown(office, "orders", order)[1]
    office.erp.create("items", code=codes[1], name=codes[1], uom="PCE")
    office.settle("product", "order")

    assert f"crm:{first['id']}" in str(at_once)
    assert f"crm:{second['id']}" in str(later)


def test_a_stage_that_is_not_sales_to_set_is_told_on_the_order_until_it_is_taken_back(
    office: Office, sold: tuple[Body, ...]
) -> None:
    order = ordered(office, sold[0], sold[2])
    office.settle("order")
    confirmed(office, order)
    office.settle("order")
    office.crm.change("orders", order["id"], stage="PAID")
    office.sync("order")
    told = shown(office, "orders", order)
    office.crm.change("orders", order["id"], stage="CONFIRMED")
    office.settle("order")

    reason = "status: crm may not lead it from confirmed to paid (from confirmed it may go only to cancel_requested)"
    assert told == ("DECISION", reason)
    assert shown(office, "orders", order) == (None, None)


def test_a_persons_decision_takes_the_remark_away_too(office: Office, sold: tuple[Body, ...]) -> None:
    order = ordered(office, sold[0], sold[2])
    office.settle("order")
    office.crm.change("orders", order["id"], stage="SHIPPED")
    office.sync("order")
    with office.context.store.write() as connection:
        (asked,) = conflicts.listed(connection)
        conflicts.resolve(connection, asked.id, Side.ERP, None, "somebody", office.context.clock())
    office.crm.change("orders", order["id"], notes="ring first")
    office.settle("order")

    assert shown(office, "orders", order) == (None, None)
    assert office.crm.read("orders", order["id"])["stage"] == "SUBMITTED"


def test_what_the_erp_refuses_is_told_in_its_own_words_until_it_is_corrected(
    office: Office, sold: tuple[Body, ...]
) -> None:
    named = {"accountId": sold[0]["id"], "productId": sold[2]["id"], "subject": "Klappert"}
    case = office.crm.create("cases", **named, serviceKind="REPAIR", quantity=0)
    office.sync("service_order")
    status, reason = shown(office, "cases", case)
    office.crm.change("cases", case["id"], quantity=1)
    office.settle("service_order")

    assert status == "REFUSED"
    assert "quantity must be above zero" in str(reason)
    assert "connector problems" not in str(reason)
    assert shown(office, "cases", case) == (None, None)


def test_a_remark_is_written_once_and_causes_nothing(office: Office, sold: tuple[Body, ...]) -> None:
    order = ordered(office, sold[0], sold[2])
    office.settle("order")
    office.crm.change("orders", order["id"], stage="CLOSED")
    first = office.sync("order").writes
    version = office.crm.read("orders", order["id"])["version"]

    again = [office.sync("order").writes for _ in "ab"]

    assert (first, again) == (1, [0, 0])
    assert office.crm.read("orders", order["id"])["version"] == version
    with office.context.store.read() as connection:
        told = [event for _, _, event in history.of(connection, "order", Side.CRM, order["id"], 10)]
    assert [event.detail["what"] for event in told if event.kind == "told"] == ["decision"]
    office.crm.change("orders", order["id"], stage="SUBMITTED")
