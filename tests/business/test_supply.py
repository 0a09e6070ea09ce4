"""What is bought and made is what sales can promise: when it comes, and that it has come."""

import pytest

from tests.business.office import Body, Office


def level(office: Office, item: Body) -> tuple[float, float, str | None]:
    """What sales sees of an item in the main warehouse: there, coming, and when."""
    product = office.product(item)
    (seen,) = office.crm.listed("stock-levels", productId=product["id"], warehouse="MAIN")
    return seen["onHand"], seen["incoming"], seen["expectedOn"]


@pytest.mark.row("ERP: purchasing", "ERP: inventory")
def test_sales_sees_what_was_bought_and_when_it_comes_and_then_that_it_is_there(office: Office) -> None:
    item = office.item()
    order = {"item_id": item["id"], "warehouse_code": "MAIN", "qty": "30", "expected_date": "2027-02-01"}
    purchase = office.erp.create("purchase_orders", **order)
    office.sync("product", "stock")
    before = level(office, item)
    office.act("purchase_orders", purchase, "receive")

    office.settle("product", "stock")

    assert [before, level(office, item)] == [(0, 30, "2027-02-01"), (30, 0, None)]


@pytest.mark.row("ERP: production planning", "ERP: manufacturing")
def test_sales_sees_what_is_being_made_and_what_that_used_up(office: Office) -> None:
    pump, seal = office.item(), office.item()
    office.erp.create("boms", item_id=pump["id"], lines=[{"item_id": seal["id"], "qty": "2"}])
    office.erp.create("stock_moves", item_id=seal["id"], warehouse_code="MAIN", quantity="50", kind="receipt")
    order = {"item_id": pump["id"], "warehouse_code": "MAIN", "qty": "10", "planned_date": "2027-03-01"}
    made = office.erp.create("production_orders", **order)
    office.sync("product", "stock")
    before = level(office, pump), level(office, seal)[0]
    (kept,) = office.crm.listed("stock-levels", productId=office.product(seal)["id"], warehouse="MAIN")
    office.act("production_orders", made, "finish")

    office.settle("product", "stock")

    assert before == ((0, 10, "2027-03-01"), 50)
    assert (kept["reserved"], kept["available"]) == (20, 30)
    assert (level(office, pump), level(office, seal)[0]) == ((10, 0, None), 30)


@pytest.mark.row("ERP: inventory")
def test_a_sample_that_sales_gave_away_is_missing_in_the_warehouse_once(office: Office, sold: tuple[Body, ...]) -> None:
    before = float(office.on_hand(sold[3]))
    office.crm.create("stock-adjustments", productId=sold[2]["id"], warehouse="MAIN", quantity=-3, reason="SAMPLE")

    office.settle("stock_adjustment")

    assert float(office.on_hand(sold[3])) == before - 3
