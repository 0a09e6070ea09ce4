"""The CRM's front office: leads become customers, offers become orders, and what may no longer be changed."""

from typing import Any

import pytest

from tests.reference.doors import ask, refusal
from tests.systems import System


@pytest.fixture
def account(crm: System) -> str:
    return str(crm.create("accounts", name="Käufer", relationship="PROSPECT")["id"])


def lead(crm: System, **values: Any) -> dict[str, Any]:
    return crm.create("leads", company="Neu AG", firstName="Eva", lastName="Neu", email="eva@neu.example", **values)


def offer(crm: System, account: str, code: str) -> dict[str, Any]:
    product = crm.create("products", productCode=code, name="Pumpe")
    lines = [{"productId": product["id"], "quantity": 3, "unitPrice": 33.33, "discountPercent": 10}]
    return crm.create("opportunities", name="Pumpen", accountId=account, currency="EUR", lines=lines)


def test_a_lead_becomes_a_prospect_with_its_person(crm: System) -> None:
    one = lead(crm, vatId="DE1", address={"city": "Ulm"})

    done = crm.call("POST", f"leads/{one['id']}/convert", json={})

    account = crm.read("accounts", done["convertedAccountId"])
    contact = crm.read("contacts", done["convertedContactId"])
    assert (done["status"], account["relationship"]) == ("CONVERTED", "PROSPECT")
    assert (account["name"], account["vatId"], account["billingAddress"]["city"]) == ("Neu AG", "DE1", "Ulm")
    assert (contact["lastName"], contact["accountId"]) == ("Neu", account["id"])


def test_converting_twice_makes_one_customer(crm: System) -> None:
    one = lead(crm, status="QUALIFIED")
    first = crm.call("POST", f"leads/{one['id']}/convert", json={})

    again = crm.call("POST", f"leads/{one['id']}/convert", json={})

    assert again == first
    assert crm.read("accounts", first["convertedAccountId"])["relationship"] == "CUSTOMER"


def test_a_lead_can_join_a_customer_that_is_known(crm: System, account: str) -> None:
    one = lead(crm)

    done = crm.call("POST", f"leads/{one['id']}/convert", json={"accountId": account})

    assert crm.read("contacts", done["convertedContactId"])["accountId"] == account


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"company": "Anders"}, (423, "LOCKED", "company"), id="what was converted"),
        pytest.param({"notes": "ruft zurück"}, None, id="but notes are free"),
    ],
)
def test_a_converted_lead_is_settled(
    crm: System, change: dict[str, str], expected: tuple[int, str, str | None] | None
) -> None:
    one = crm.call("POST", f"leads/{lead(crm)['id']}/convert", json={})

    answer = ask(crm, "PATCH", f"leads/{one['id']}", json=change, headers={"If-Match": f'"{one["version"]}"'})

    assert (None if answer.ok else refusal(answer)) == expected


def test_nobody_leaps_to_where_an_action_leads(crm: System, account: str) -> None:
    for collection, sent in (
        ("leads", {"lastName": "Neu", "status": "CONVERTED"}),
        ("opportunities", {"name": "Pumpen", "accountId": account, "stage": "WON"}),
    ):
        assert ask(crm, "POST", collection, json=sent).status_code == 422


def test_a_won_opportunity_is_one_submitted_order_and_its_account_a_customer(
    crm: System, account: str, unique: str
) -> None:
    one = offer(crm, account, unique)
    won = crm.call("POST", f"opportunities/{one['id']}/win", json={})
    again = crm.call("POST", f"opportunities/{one['id']}/win", json={})

    order = crm.read("orders", won["orderId"])
    assert (again, one["amount"], order["linesTotal"], order["stage"]) == (won, 89.99, 89.99, "SUBMITTED")
    assert crm.read("accounts", account)["relationship"] == "CUSTOMER"


def test_a_draft_order_makes_nobody_a_customer(crm: System, account: str) -> None:
    crm.create("orders", accountId=account)

    assert crm.read("accounts", account)["relationship"] == "PROSPECT"


def test_a_member_of_a_campaign_is_somebody(crm: System) -> None:
    campaign = crm.create("campaigns", name="Messe")

    answer = ask(crm, "POST", "campaign-members", json={"campaignId": campaign["id"]})

    assert refusal(answer) == (422, "VALIDATION_FAILED", "leadId")


def test_a_case_has_a_number_and_waits_for_the_workshop_only_where_there_is_work(crm: System, account: str) -> None:
    question, repair = (
        crm.create("cases", accountId=account, subject="Tropft", serviceKind=kind) for kind in (None, "REPAIR")
    )

    assert question["caseNumber"] != repair["caseNumber"]
    assert [one["serviceStatus"] for one in (question, repair)] == [None, "REQUESTED"]
    assert [one["quantity"] for one in (question, repair)] == [None, 1]
