"""Deletes need evidence, and many deletes need a person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import witness
from tests.command import connector
from tests.systems import Systems, running

CUSTOMERS = 60


class Desk(NamedTuple):
    """Two linked systems and the configuration that joins them."""

    systems: Systems
    config: Path

    def partners(self) -> list[dict[str, Any]]:
        """The ERP's customers, oldest first."""
        found = witness.every(self.systems.erp, "partners", is_company="true")
        return [found[key] for key in sorted(found)]

    def account(self, partner: dict[str, Any]) -> dict[str, Any]:
        """The CRM's record of an ERP customer."""
        (found,) = self.systems.crm.listed("accounts", email=partner["email"])
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Sixty customers, linked."""
    with running(tmp_path, "") as systems:
        rows = [{"op": "create", "record": {"name": f"C{n}", "email": f"c{n}@x.example"}} for n in range(CUSTOMERS)]
        systems.crm.call("POST", "accounts/batch", json={"operations": rows})
        config = systems.write_config(tmp_path)
        assert connector(config, "sync").code == 0
        yield Desk(systems, config)


def test_one_customer_deleted_without_a_trace_is_archived_on_the_other_side(desk: Desk) -> None:
    gone = desk.partners()[0]
    account = desk.account(gone)
    desk.systems.erp.delete("partners", str(gone["id"]))
    assert connector(desk.config, "sync").code == 0
    assert desk.systems.crm.read("accounts", account["id"])["status"] == "INACTIVE"
    assert connector(desk.config, "sync", "--json").json["writes"] == 0


def test_a_third_of_the_customers_deleted_stops_the_entity_and_approval_releases_exactly_what_is_named(
    desk: Desk,
) -> None:
    accounts = {}
    for partner in desk.partners()[: CUSTOMERS * 3 // 10]:
        accounts[partner["id"]] = desk.account(partner)["id"]
        desk.systems.erp.delete("partners", str(partner["id"]))
    stopped = connector(desk.config, "sync")
    assert stopped.code == 5
    assert "connector approve customer" in stopped.err + stopped.out
    assert all(desk.systems.crm.read("accounts", one)["status"] == "ACTIVE" for one in accounts.values())
    named = sorted(accounts.values())[:4]
    assert connector(desk.config, "approve", "customer", *named).code == 0
    connector(desk.config, "sync")
    archived = {one for one in accounts.values() if desk.systems.crm.read("accounts", one)["status"] == "INACTIVE"}
    assert archived == set(named)


def test_a_delete_against_an_edit_is_a_conflict(desk: Desk) -> None:
    gone = desk.partners()[0]
    account = desk.account(gone)
    desk.systems.erp.delete("partners", str(gone["id"]))
    desk.systems.crm.change("accounts", account["id"], phone="+49 30 1")
    assert connector(desk.config, "sync").code == 3
    assert desk.systems.crm.read("accounts", account["id"])["status"] == "ACTIVE"
    (conflict,) = connector(desk.config, "conflicts", "list", "--json").json
    connector(desk.config, "conflicts", "resolve", str(conflict["id"]), "--take", "crm")
    connector(desk.config, "sync")
    connector(desk.config, "sync")
    assert len(desk.systems.erp.listed("partners", email=gone["email"])) == 1


def test_a_reference_to_a_deleted_record_is_explained(desk: Desk) -> None:
    account = desk.account(desk.partners()[0])
    contact = desk.systems.crm.create("contacts", accountId=account["id"], lastName="Gone", email="gone@x.example")
    desk.systems.crm.create("contacts", accountId=account["id"], lastName="Stays", email="stays@x.example")
    desk.systems.crm.change("accounts", account["id"], primaryContactId=contact["id"])
    assert connector(desk.config, "sync").code == 0
    desk.systems.crm.delete("contacts", contact["id"])
    connector(desk.config, "sync")
    told = connector(desk.config, "verify", "--json")
    assert told.code == 3
    assert "it refers to a record without a counterpart" in told.out
