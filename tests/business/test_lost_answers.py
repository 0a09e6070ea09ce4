"""An answer that was lost on the way doubles neither a repair nor what is told of it."""

import pytest

from tests.business.office import Body, Office, unique

LOST = {
    "crm": ("*/cases/batch", "*/activities/batch", "*/projects/batch"),
    "erp": ("*/service_orders/bulk",),
}


@pytest.fixture
def troubled(office: Office) -> Office:
    """Every write of the front office is done once without an answer."""
    for system in office.systems:
        system.faults(*({"fault": "lost_response", "path": path, "times": 1} for path in LOST[system.kind]))
    return office


def test_a_repair_and_what_is_told_of_it_are_there_once(troubled: Office, sold: tuple[Body, ...]) -> None:
    named = {"accountId": sold[0]["id"], "productId": sold[2]["id"], "subject": unique("Verloren")}
    case = troubled.crm.create("cases", **named, serviceKind="REPAIR")
    project = troubled.erp.create("projects", partner_id=sold[1]["id"], name=named["subject"])
    troubled.sync("service_order", "project", "activity")
    lost = troubled.crm.struck() + troubled.erp.struck()
    for system in troubled.systems:
        system.heal()

    troubled.settle()

    assert lost == [1, 1, 1, 1]
    assert len(troubled.erp.listed("service_orders", origin=case["caseNumber"])) == 1
    assert len(troubled.crm.listed("projects", projectNumber=project["number"])) == 1
    assert len(troubled.crm.listed("activities", document=project["number"])) == 1
