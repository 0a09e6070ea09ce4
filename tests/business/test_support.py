"""Support cases that need a repair or a return open a service order in the ERP, and hear back."""

from typing import Any

import pytest

from connector.verify import verify
from tests.business.office import Body, Office, unique

pytestmark = pytest.mark.row("CRM: support", "ERP: customer service")


def case(office: Office, sold: tuple[Body, ...], kind: str | None, **values: Any) -> Body:
    """Somebody calls support."""
    subject = unique("Pumpe tropft")
    named = {"accountId": sold[0]["id"], "productId": sold[2]["id"], "subject": subject, "serviceKind": kind}
    return office.crm.create("cases", **named, **values)


def service(office: Office, one: Body) -> Body:
    """The only service order of a case."""
    (found,) = office.erp.listed("service_orders", origin=one["caseNumber"])
    return found


def test_a_case_that_is_only_a_question_stays_with_support(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, None)

    assert office.settle("service_order").writes == 0

    assert office.erp.listed("service_orders", origin=one["caseNumber"]) == []


def test_a_repair_opens_one_service_order_and_tells_its_number(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, "REPAIR", serialNumber="S-77", priority="HIGH", description="Seit Montag")

    office.settle("service_order")

    order = service(office, one)
    assert [order[name] for name in ("kind", "state", "serial", "priority")] == ["repair", "draft", "S-77", "2"]
    assert (order["partner_id"], order["item_id"], order["quantity"]) == (sold[1]["id"], sold[3]["id"], "1.000")
    assert office.crm.read("cases", one["id"])["serviceNumber"] == order["number"]


def test_support_hears_how_far_the_workshop_is_and_what_came_of_it(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, "REPAIR")
    office.sync("service_order")
    order = office.act("service_orders", service(office, one), "receive")
    office.sync("service_order")
    heard = [office.crm.read("cases", one["id"])["serviceStatus"]]
    office.act("service_orders", order, "start")
    found = {"outcome": "repaired", "outcome_note": "Dichtung neu", "charge": "48.50", "currency_code": "EUR"}
    office.erp.change("service_orders", str(order["id"]), **found)
    office.act("service_orders", order, "finish")

    office.settle("service_order")

    told = office.crm.read("cases", one["id"])
    assert [*heard, told["serviceStatus"], told["outcome"]] == ["RECEIVED", "DONE", "REPAIRED"]
    assert (told["outcomeNote"], told["charge"]) == ("Dichtung neu", 48.5)


def test_a_return_goes_back_into_stock_once(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, "RETURN", quantity=2)
    office.sync("service_order")
    order = office.act("service_orders", service(office, one), "receive")
    office.erp.change("service_orders", str(order["id"]), outcome="restocked")
    before = float(office.on_hand(sold[3]))
    office.act("service_orders", order, "finish")
    office.act("service_orders", order, "finish")

    office.settle("service_order", "stock")

    (level,) = office.crm.listed("stock-levels", productId=sold[2]["id"], warehouse="MAIN")
    assert (float(office.on_hand(sold[3])), level["onHand"]) == (before + 2, before + 2)
    assert office.crm.read("cases", one["id"])["outcome"] == "RESTOCKED"


def test_support_can_take_back_what_has_not_arrived(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, "REPAIR")
    office.sync("service_order")
    office.crm.change("cases", one["id"], serviceStatus="CANCELLED")

    office.settle("service_order")

    assert service(office, one)["state"] == "cancelled"


def test_what_has_arrived_is_not_cancelled_by_support_and_a_person_is_told(
    office: Office, sold: tuple[Body, ...]
) -> None:
    one = case(office, sold, "REPAIR")
    office.sync("service_order")
    office.act("service_orders", service(office, one), "receive")
    office.crm.change("cases", one["id"], serviceStatus="CANCELLED")

    report = office.sync("service_order")

    assert (report.open_conflicts, service(office, one)["state"]) == (1, "received")
    (reason,) = office.contested()
    assert reason.endswith("(crm: requested to cancelled and erp: requested to received)")
    office.crm.change("cases", one["id"], serviceStatus="RECEIVED")
    office.settle("service_order")


def test_a_repair_opened_at_the_counter_is_a_case_of_support(office: Office, sold: tuple[Body, ...]) -> None:
    values = {"partner_id": sold[1]["id"], "item_id": sold[3]["id"], "kind": "repair", "subject": unique("Theke")}
    order = office.erp.create("service_orders", **values)

    office.settle("service_order")

    (one,) = office.crm.listed("cases", serviceNumber=order["number"])
    assert (one["accountId"], one["serviceStatus"], one["subject"]) == (sold[0]["id"], "REQUESTED", values["subject"])
    assert office.erp.read("service_orders", str(order["id"]))["origin"] == one["caseNumber"]


def test_a_repair_of_nothing_is_told_to_support(office: Office, sold: tuple[Body, ...]) -> None:
    one = case(office, sold, "REPAIR")
    office.crm.change("cases", one["id"], productId=None)

    report = office.sync("service_order")

    assert (report.exit, len(office.told())) == (4, 1)
    assert "has no product, which erp requires; fill it in on crm" in office.told()[0]
    office.crm.change("cases", one["id"], productId=sold[2]["id"])
    office.settle("service_order")


@pytest.mark.row("CRM: activities")
def test_what_happened_in_the_workshop_is_on_the_timeline_once(office: Office, sold: tuple[Body, ...]) -> None:
    account = office.account()
    office.sync("customer")
    partner = office.partner(account)
    values = {"partner_id": partner["id"], "item_id": sold[3]["id"], "kind": "repair", "subject": "Pumpe"}
    order = office.erp.create("service_orders", **values, outcome="scrapped")
    for step in ("receive", "start", "finish"):
        office.act("service_orders", order, step)

    office.settle("activity")

    assert office.timeline(account) == ["RECEIVED", "STARTED", "DONE"]


def test_both_systems_agree_about_everything(office: Office) -> None:
    office.settle()

    found, code = verify(office.context)

    assert (code, sum(one.unexplained for one in found)) == (0, 0)
