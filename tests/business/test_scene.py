"""The demo's scene of the front office is what really happens, on both sides."""

from connector.adapters.authentication import ApiKey, ClientCredentials
from connector.cli.demo_front import steps
from connector.cli.demo_scene import play
from connector.cli.demo_systems import CrmDesk, ErpDesk, Town
from tests.business.office import Body, Office


def test_a_lead_becomes_a_customer_and_what_broke_is_repaired(office: Office, sold: tuple[Body, ...]) -> None:
    with (
        CrmDesk(office.crm.url, ClientCredentials("/oauth/token", "demo-client", lambda: "demo-secret")) as crm,
        ErpDesk(office.erp.url, ApiKey("X-API-Key", lambda: "demo-key")) as erp,
    ):
        told = list(play(steps(Town(crm, erp, {})), office.sync))

    assert [one.shows for one in told if not one.as_expected] == []
    assert [one.where for one in told] == ["CRM", "CRM", "CRM", "CRM", "ERP", "both"]
    assert office.settle().writes == 0
