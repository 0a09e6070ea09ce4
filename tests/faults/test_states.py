"""Systems whose data, rights, clocks or answers are not what they seem, and what becomes of the one story."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import witness
from tests.faults.desk import Desk, email
from tests.systems import running


@pytest.mark.slow
def test_a_create_whose_answer_was_lost_is_not_repeated_while_a_search_does_not_find_it(desk: Desk) -> None:
    partner = desk.erp.create("partners", is_company=True, name="Lag", email=email())
    lag = {"fault": "lookup_lag", "seconds": 8}
    desk.crm.faults(lag, {"fault": "lost_response", "path": "*/accounts/batch", "times": 1})

    codes = [desk.sync().code for _ in range(2)]
    desk.settle()

    assert set(codes) <= {0, 4, 5}
    assert desk.account(partner)["name"] == "Lag"


@pytest.mark.slow
def test_a_change_that_lists_show_late_is_not_lost(desk: Desk, linked: Any) -> None:
    account, partner = linked
    desk.crm.faults({"fault": "read_lag", "seconds": 1})
    desk.erp.faults({"fault": "read_lag", "seconds": 1})

    desk.crm.change("accounts", account["id"], phone="+49 30 5550001")
    desk.sync()
    time.sleep(1.1)
    desk.sync()

    assert desk.erp.read("partners", str(partner["id"]))["phone"] == "+49305550001"


@pytest.fixture(params=[{"coarse": 10}, {"skew": 3600}, {"skew": -3600}], ids=str)
def off(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Both systems with a clock that was always off."""
    with running(tmp_path, "", "--faults") as systems:
        for system in systems:
            system.faults({"fault": "clock", **request.param})
        yield Desk(systems, systems.write_config(tmp_path))


@pytest.mark.slow
def test_no_edit_is_lost_to_a_wrong_clock(off: Desk) -> None:
    account, partner = off.linked()

    for number in range(3):
        off.crm.change("accounts", account["id"], phone=f"+49 30 555100{number}")
        off.erp.change("partners", str(partner["id"]), credit_limit=f"{number + 1}00.00")
        assert off.sync().code == 0
        assert off.erp.read("partners", str(partner["id"]))["phone"] == f"+4930555100{number}"
        assert off.crm.read("accounts", account["id"])["creditLimit"] == (number + 1) * 100


def test_an_edit_after_the_clock_was_set_back_is_found_by_a_full_listing(own: Desk) -> None:
    account = own.crm.listed("accounts")[0]
    own.crm.faults({"fault": "clock", "skew": -3600})

    own.crm.change("accounts", account["id"], phone="+49 30 5554000")
    own.sync("--full")

    assert own.partner(account)["phone"] == "+49305554000"


def test_records_of_one_time_are_all_read(own: Desk) -> None:
    for system in own.systems:
        system.faults({"fault": "one_timestamp"})
    made = [own.crm.create("accounts", name="Same", email=email()) for _ in range(5)]

    assert own.sync().code == 0
    assert [own.partner(account)["name"] for account in made] == ["Same"] * 5
    assert own.sync().json["writes"] == 0


def test_records_that_may_not_be_seen_are_not_deleted(own: Desk) -> None:
    account = own.crm.listed("accounts")[0]
    partner = own.partner(account)
    own.crm.faults({"fault": "forbidden", "ids": [account["id"]]})

    ran = own.sync("--full")
    own.erp.change("partners", str(partner["id"]), credit_limit="1.00")
    refused = own.sync()
    own.settle()

    assert ran.code in (0, 4), ran.out + ran.err
    assert refused.code == 4
    assert own.erp.read("partners", str(partner["id"]))["active"] is True
    assert own.crm.read("accounts", account["id"])["creditLimit"] == 1


@pytest.mark.parametrize("reads", [403, 404])
@pytest.mark.parametrize("side", ["crm", "erp"])
def test_an_empty_answer_after_rights_were_taken_deletes_nothing(own: Desk, side: str, reads: int) -> None:
    blind, other = (own.crm, own.erp) if side == "crm" else (own.erp, own.crm)
    blind.faults({"fault": "no_rights", "reads": reads})
    before = other.stats()["total"]["writes"]

    ran = own.sync("--full")

    assert ran.code in (4, 5), ran.out + ran.err
    assert other.stats()["total"]["writes"] == before
    own.settle()
    assert witness.customers(own.systems).is_one_story


def test_another_tenant_behind_the_address_stops_the_run(own: Desk) -> None:
    for system in own.systems:
        system.faults({"fault": "other_tenant"})
        writes = own.crm.stats()["total"]["writes"] + own.erp.stats()["total"]["writes"]
        own.crm.create("accounts", name="Other", email=email())

        ran = own.sync()

        assert ran.code == 5
        assert own.crm.stats()["total"]["writes"] + own.erp.stats()["total"]["writes"] == writes + 1
        system.heal()
    own.settle()


@pytest.mark.parametrize("side", ["crm", "erp"])
def test_a_restored_backup_deletes_nothing_and_makes_nothing_twice(own: Desk, side: str) -> None:
    restored = own.crm if side == "crm" else own.erp
    restored.snapshot()
    for _ in range(3):
        own.crm.create("accounts", name="Late", email=email())
        own.erp.create("partners", is_company=True, name="Late", email=email())
    assert own.sync().code == 0

    restored.restore()
    ran = own.sync("--full")

    assert ran.code == 5
    assert "connector approve customer" in ran.out + ran.err
    for records in (own.crm.listed("accounts"), own.erp.listed("partners")):
        held = [each["email"] for each in records]
        assert len(held) == len(set(held))
        assert all(each.get("active", True) and each.get("status", "ACTIVE") == "ACTIVE" for each in records)
