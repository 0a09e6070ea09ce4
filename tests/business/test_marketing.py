"""Campaigns and leads: who was reached stays with sales until it is qualified or orders."""

import pytest

from tests.business.office import Body, Office, unique

pytestmark = pytest.mark.row("CRM: marketing campaigns")


def lead(office: Office, **values: object) -> Body:
    """Somebody whom a campaign reached."""
    name = unique("Firma")
    campaign = office.crm.create("campaigns", name=unique("Messe"), kind="FAIR", status="ACTIVE")
    made = office.crm.create(
        "leads", company=name, lastName="Neu", email=f"{name}@firma.example", campaignId=campaign["id"], **values
    )
    office.crm.create("campaign-members", campaignId=campaign["id"], leadId=made["id"], status="RESPONDED")
    return made


def convert(office: Office, one: Body) -> Body:
    """Sales makes an account and a contact of a lead; the account is answered."""
    done = office.crm.call("POST", f"leads/{one['id']}/convert", json={})
    return office.crm.read("accounts", done["convertedAccountId"])


def known(office: Office, one: Body) -> list[Body]:
    """The ERP's records of a lead's company and person."""
    return office.erp.listed("partners", email=one["email"].lower())


def test_a_lead_and_a_campaign_member_are_nothing_to_the_erp(office: Office) -> None:
    one = lead(office)

    office.settle("customer", "contact")

    assert known(office, one) == []


def test_a_converted_lead_is_a_prospect_and_stays_with_sales(office: Office) -> None:
    one = lead(office)
    account = convert(office, one)

    report = office.settle("customer", "contact")

    assert account["relationship"] == "PROSPECT"
    assert (report.writes, report.tally("contact").waiting, known(office, one)) == (0, 0, [])


def test_a_qualified_lead_becomes_a_customer_with_a_contact_in_the_erp(office: Office) -> None:
    one = lead(office, status="QUALIFIED")
    account = convert(office, one)

    office.settle("customer", "contact")

    company, person = sorted(known(office, one), key=lambda row: not row["is_company"])
    assert (company["name"], person["parent_id"]) == (one["company"], company["id"])
    assert office.crm.read("accounts", account["id"])["erpNumber"] == company["code"]


def test_a_prospect_becomes_a_customer_with_its_first_order(office: Office, sold: tuple[Body, ...]) -> None:
    one = lead(office)
    account = convert(office, one)
    office.sync("customer", "contact")
    lines = [{"productId": sold[2]["id"], "quantity": 2, "unitPrice": 10}]
    offer = office.crm.create("opportunities", name="Erstes", accountId=account["id"], currency="EUR", lines=lines)
    office.crm.call("POST", f"opportunities/{offer['id']}/win", json={})

    office.settle("customer", "contact", "order")

    company, person = sorted(known(office, one), key=lambda row: not row["is_company"])
    assert person["parent_id"] == company["id"]
    (order,) = office.erp.listed("sales_orders", partner_id=str(company["id"]))
    assert [line["qty"] for line in order["lines"]] == ["2.000"]
    assert office.crm.read("accounts", account["id"])["relationship"] == "CUSTOMER"


def test_a_prospect_whom_the_erp_knows_already_is_linked_and_not_doubled(office: Office) -> None:
    one = lead(office)
    office.erp.create("partners", is_company=True, name=one["company"], email=one["email"], currency_code="EUR")
    account = convert(office, one)

    office.settle("customer", "contact")

    assert len(office.crm.listed("accounts", email=account["email"])) == 1
    assert office.crm.read("accounts", account["id"])["erpNumber"] == known(office, one)[0]["code"]


def test_a_campaign_member_who_is_converted_is_a_contact_of_the_campaign(office: Office) -> None:
    one = lead(office)
    convert(office, one)

    (member,) = office.crm.listed("campaign-members", leadId=one["id"])

    assert member["contactId"] == office.crm.read("leads", one["id"])["convertedContactId"]
