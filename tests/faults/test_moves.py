"""Records that go on under another id: merged in the CRM, renumbered in the ERP, with the real command between them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import witness
from tests.command import Ran, connector
from tests.faults.desk import Desk, email
from tests.systems import System, Systems, running


def merge(crm: System, loser: dict[str, Any], winner: dict[str, Any]) -> None:
    crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})


def renumber(erp: System, resource: str, record: dict[str, Any]) -> dict[str, Any]:
    moved: dict[str, Any] = erp.call("POST", f"{resource}/{record['id']}/renumber")
    return moved


def problems(config: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connector(config, "problems", "list", "--json").json
    return found


class TestMergesOfCustomers:
    """Accounts that a salesperson merges."""

    def test_a_customer_merged_into_a_new_one_keeps_its_counterpart(self, desk: Desk, linked: Any) -> None:
        loser, partner = linked
        winner = desk.crm.create("accounts", name="Winner", email=email(), phone="+49 30 998877")
        before = len(desk.erp.listed("partners", per_page=500))

        merge(desk.crm, loser, winner)
        ran = desk.sync()

        after = desk.erp.read("partners", partner["id"])
        assert (ran.code, ran.json["writes"]) == (0, 1), ran.out + ran.err
        assert (after["name"], after["email"], after["active"]) == ("Winner", winner["email"], True)
        assert len(desk.erp.listed("partners", per_page=500)) == before
        assert desk.sync().json["writes"] == 0

    def test_a_customer_merged_into_a_linked_one_leaves_its_counterpart_to_a_person(self, own: Desk) -> None:
        winner, loser = own.crm.listed("accounts")[:2]
        left, stays = own.partner(loser), own.partner(winner)

        merge(own.crm, loser, winner)
        ran = own.sync()

        (told,) = problems(own.config)
        assert ran.code == 3, ran.out + ran.err
        assert (told["cause"], told["side"], told["record"]) == ("merged", "erp", str(left["id"]))
        assert f"Merge erp:{left['id']} into erp:{stays['id']}" in told["message"]
        assert [own.partner(one)["active"] for one in (loser, winner)] == [True, True]
        assert own.erp.read("partners", left["id"])["revision"] == left["revision"]
