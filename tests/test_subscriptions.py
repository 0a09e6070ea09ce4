"""From `connector check --subscribe` to an edit that is on the other side because its system said so."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import build
from connector.records import Side
from connector.settings import load_settings
from connector.subscriptions import keep
from tests.command import Ran, connector
from tests.hooks import SECRET, address
from tests.services import serving, until
from tests.systems import Systems, running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Office:
    """Two systems that send webhooks, and a connector that listens at a fixed place."""

    def __init__(self, systems: Systems, folder: Path) -> None:
        self.systems, self.folder = systems, folder
        self.folder.mkdir()
        (folder / "crm.secret").touch()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.config = systems.write_config(
            folder,
            f"serve: {{port: {port}}}\ndaemon: {{every: 1h}}\nwebhooks:\n  public_url: {self.url}\n"
            f"  crm: {{secrets: ['${{file:crm.secret}}']}}\n  erp: {{secrets: ['{SECRET}']}}\n",
        )

    def check(self, *words: str) -> Ran:
        return connector(self.config, "check", "--json", *words)

    def told(self, side: str, *words: str) -> dict[str, Any]:
        """What `check` says of one side's webhooks."""
        findings = self.check(*words).json["findings"]
        return next(one for one in findings if one["where"] == f"{side}, webhooks")

    def subscribed(self, side: str) -> list[dict[str, Any]]:
        """Our subscriptions, as the system lists them."""
        if side == "crm":
            listed = self.systems.crm.call("GET", "webhook-subscriptions")["subscriptions"]
            return [one for one in listed if one["url"] == f"{self.url}/webhooks/crm"]
        listed = self.systems.erp.call("GET", "webhooks")["items"]
        return [one for one in listed if one["target_url"] == f"{self.url}/webhooks/erp"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Two systems for this file alone: what subscribes here must not be told to others."""
    with running(tmp_path_factory.mktemp("subscriptions")) as systems:
        yield systems


@pytest.fixture
def office(live: Systems, tmp_path: Path) -> Office:
    return Office(live, tmp_path / "office")


def test_what_is_configured_and_not_subscribed_is_told_and_not_done(office: Office) -> None:
    told = [office.told(side) for side in ("crm", "erp")]

    assert [one["severity"] for one in told] == ["warning", "warning"]
    assert "connector check --subscribe" in told[0]["message"]
    assert office.subscribed("crm") == office.subscribed("erp") == []


def test_subscribing_twice_makes_one_subscription_for_everything_that_is_shared(office: Office) -> None:
    office.check("--subscribe")
    office.check("--subscribe")

    (crm,), (erp,) = office.subscribed("crm"), office.subscribed("erp")
    assert {"accounts", "contacts", "products", "orders", "stock-levels", "stock-adjustments"} < set(crm["events"])
    assert {"shipments", "invoices", "payments", "account-balances"} < set(crm["events"])
    assert {"cases", "projects", "activities"} < set(crm["events"])
    assert {"partners", "items", "sales_orders", "stock_levels", "stock_moves"} < set(erp["models"])
    assert {"shipments", "invoices", "payments", "customer_balances"} < set(erp["models"])
    assert {"service_orders", "projects", "events"} < set(erp["models"])


def test_a_secret_that_the_system_chose_is_kept_for_its_owner_alone_and_not_shown(office: Office) -> None:
    ran = office.check("--subscribe")

    place = office.folder / "crm.secret"
    secret = place.read_text(encoding="utf-8")
    assert secret.startswith("whsec_")
    assert place.stat().st_mode & 0o077 == 0
    assert secret not in ran.out + ran.err


def test_without_a_place_for_it_nothing_is_subscribed(office: Office) -> None:
    text = office.config.read_text(encoding="utf-8").replace("${file:crm.secret}", "whsec_c2VjcmV0")
    office.config.write_text(text, encoding="utf-8")

    told = office.told("crm", "--subscribe")

    assert told["severity"] == "error"
    assert "name an empty file" in told["message"]
    assert office.subscribed("crm") == []


def test_what_is_paused_or_tells_too_little_is_put_right(office: Office) -> None:
    office.check("--subscribe")
    (before,) = office.subscribed("crm")
    office.systems.crm.call(
        "PATCH", f"webhook-subscriptions/{before['id']}", json={"status": "PAUSED", "events": ["accounts"]}
    )
    (other,) = office.subscribed("erp")
    office.systems.erp.call("DELETE", f"webhooks/{other['id']}")
    office.systems.erp.call(
        "POST", "webhooks", json={"target_url": other["target_url"], "models": ["items"], "secret": SECRET}
    )

    findings = office.check().json["findings"]

    assert sum(one["message"].startswith("renewed: ") for one in findings) == 2
    (crm,), (erp,) = office.subscribed("crm"), office.subscribed("erp")
    assert (crm["status"], len(crm["events"]), len(erp["models"])) == ("ACTIVE", 14, 13)


def test_an_edit_on_either_side_is_on_the_other_because_its_system_said_so(office: Office) -> None:
    office.check("--subscribe")
    crm, erp = office.systems
    with serving(office.config, "serve") as service:
        until(lambda: service.logged("run_finished"))
        assert address(service) == office.url
        name = f"told-{time.time_ns()}"
        account = crm.create("accounts", name="Told", email=f"{name}@told.example")
        (partner,) = until(lambda: erp.listed("partners", email=f"{name}@told.example"))
        erp.change("partners", str(partner["id"]), website="told.example")
        until(lambda: "told.example" in (crm.read("accounts", account["id"]).get("website") or ""))

        crm.change("accounts", account["id"], website="again.example")
        until(lambda: "again" in (erp.read("partners", str(partner["id"])).get("website") or ""))

        assert service.stop() == 0
    assert service.logged("webhook_refused") == []


@pytest.mark.parametrize(("days", "done"), [(3, "subscription"), (5, "renewed")], ids=["in time", "soon over"])
def test_a_subscription_that_ends_soon_is_renewed(office: Office, days: int, done: str) -> None:
    office.check("--subscribe")
    settings = load_settings(office.config)
    context = build(settings)
    later = replace(context, clock=lambda: context.clock() + timedelta(days=days))

    found = keep(settings, later, Side.CRM, subscribe=False)

    assert found.message.startswith(f"{done}")
    context.store.close()
