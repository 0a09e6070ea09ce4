"""Sold work is a project of the ERP that sales can see, and the timeline tells what the back office does."""

from tests.business.office import Body, Office


def sell(office: Office, account: Body, product: Body) -> Body:
    """A customer orders in the CRM, and the ERP confirms; the sales order."""
    line = {"productId": product["id"], "quantity": 8, "unitPrice": 95, "description": "Inbetriebnahme"}
    values = {"accountId": account["id"], "currency": "EUR", "lines": [line]}
    order = office.crm.create("orders", **values, stage="SUBMITTED")
    office.settle()
    (sale,) = office.erp.listed("sales_orders", origin=order["orderNumber"])
    return office.act("sales_orders", sale, "confirm")


def test_a_sold_service_opens_one_project_that_sales_sees(office: Office) -> None:
    account, _ = office.customer()
    work, _ = office.product(is_service=True)
    sale = sell(office, account, work)

    office.settle()

    (project,) = office.erp.listed("projects", sales_order_id=str(sale["id"]))
    (seen,) = office.crm.listed("projects", accountId=account["id"])
    assert (seen["projectNumber"], seen["name"], seen["status"]) == (project["number"], "Inbetriebnahme", "PLANNED")
    assert office.crm.read("orders", seen["orderId"])["erpOrderNumber"] == sale["number"]


def test_goods_open_no_project(office: Office) -> None:
    account, _ = office.customer()
    goods, _ = office.product()
    sale = sell(office, account, goods)

    assert office.erp.listed("projects", sales_order_id=str(sale["id"])) == []


def test_sales_sees_how_far_a_project_is_and_cannot_change_it(office: Office) -> None:
    account, partner = office.customer()
    project = office.erp.create("projects", partner_id=partner["id"], name="Umbau")
    office.act("projects", project, "start")
    office.erp.change("projects", str(project["id"]), progress="40", date_end="2027-03-31")
    office.settle()
    (seen,) = office.crm.listed("projects", accountId=account["id"])
    office.crm.change("projects", seen["id"], status="COMPLETED", progress=100)

    office.settle()

    now = office.crm.read("projects", seen["id"])
    assert (now["status"], now["progress"], now["endsOn"]) == ("RUNNING", 40, "2027-03-31")
    assert office.timeline(account) == ["OPENED", "STARTED"]


def test_hours_of_work_are_sold_and_shipped_without_any_stock(office: Office) -> None:
    account, _ = office.customer()
    work, item = office.product(is_service=True)
    sale = sell(office, account, work)

    office.erp.create("shipments", order_id=sale["id"])

    assert office.erp.listed("stock_levels", item_id=str(item["id"])) == []
    assert office.erp.read("sales_orders", str(sale["id"]))["state"] == "shipped"
