"""One customer and one person in both systems, wherever they were written down."""

import pytest

from tests.business.office import Body, Office, unique

pytestmark = pytest.mark.row("CRM: contacts and accounts")


def test_a_contact_typed_in_the_crm_is_a_person_of_the_customer_in_the_erp(
    office: Office, sold: tuple[Body, ...]
) -> None:
    email = f"{unique('eva')}@kunde.example"
    made = office.crm.create("contacts", accountId=sold[0]["id"], firstName="Eva", lastName="Neu", email=email)
    office.sync("contact")
    (person,) = office.erp.listed("partners", email=email)
    office.erp.change("partners", str(person["id"]), function="Einkauf")

    office.settle("contact")

    assert (person["parent_id"], person["name"]) == (sold[1]["id"], "Eva Neu")
    assert office.crm.read("contacts", made["id"])["jobTitle"] == "Einkauf"


def test_a_customer_of_the_erp_is_an_account_and_its_credit_is_known_to_sales(office: Office) -> None:
    email = f"{unique('theke')}@kunde.example"
    values = {"name": "Theke GmbH", "email": email, "credit_limit": "5000", "currency_code": "EUR"}
    partner = office.erp.create("partners", is_company=True, **values)

    office.settle("customer")

    (account,) = office.crm.listed("accounts", email=email)
    assert (account["erpNumber"], account["creditLimit"], account["relationship"]) == (
        partner["code"],
        5000,
        "CUSTOMER",
    )
