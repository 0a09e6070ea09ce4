"""Sold work is a project of the ERP that sales can see."""

import pytest

from tests.business.office import Office

pytestmark = pytest.mark.row("ERP: project management")


def test_a_sold_service_opens_one_project_that_sales_sees(office: Office) -> None:
    account, work = office.account(), office.item(is_service=True)
    office.sync("customer", "product")
    line = {"productId": office.product(work)["id"], "quantity": 8, "unitPrice": 95, "description": "Inbetriebnahme"}
    order = office.crm.create("orders", accountId=account["id"], currency="EUR", stage="SUBMITTED", lines=[line])
    office.sync("order")
    (sale,) = office.erp.listed("sales_orders", origin=order["orderNumber"])
    office.act("sales_orders", sale, "confirm")

    office.settle("order", "project")

    (project,) = office.erp.listed("projects", sales_order_id=str(sale["id"]))
    (seen,) = office.crm.listed("projects", accountId=account["id"])
    assert (seen["projectNumber"], seen["name"], seen["status"]) == (project["number"], "Inbetriebnahme", "PLANNED")
    assert seen["orderId"] == order["id"]


def test_sales_sees_how_far_a_project_is_and_cannot_change_it(office: Office) -> None:
    account = office.account()
    office.sync("customer")
    project = office.erp.create("projects", partner_id=office.partner(account)["id"], name="Umbau")
    office.act("projects", project, "start")
    office.erp.change("projects", str(project["id"]), progress="40", date_end="2027-03-31")
    office.sync("project")
    (seen,) = office.crm.listed("projects", accountId=account["id"])
    office.crm.change("projects", seen["id"], status="COMPLETED", progress=100)

    office.settle("project", "activity")

    now = office.crm.read("projects", seen["id"])
    assert (now["status"], now["progress"], now["endsOn"]) == ("RUNNING", 40, "2027-03-31")
    assert office.timeline(account) == ["OPENED", "STARTED"]
