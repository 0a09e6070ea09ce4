"""Stops that see over time, on two real systems: what they say, what they hold back, and what releases it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import connector
from tests.faults.desk import Desk, add_customers
from tests.systems import running

STRICT = "guards: {deletes: 3, delete_share: 0.5, changes: 5, change_share: 0.1, window: 36h}\n"
ALIASES = """
entities:
  customer: {fields: {nickname: {first_contact: crm}}}
mappings:
  crm: {customer: {nickname: customFields.%s}}
  erp: {customer: {nickname: x_nickname}}
"""


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Desk]:
    """Twelve linked customers under strict guards."""
    with running(tmp_path, "", "--faults") as systems:
        add_customers(systems, 12)
        desk = Desk(systems, systems.write_config(tmp_path, STRICT))
        assert desk.sync().code == 0
        yield desk


def accounts(desk: Desk) -> list[dict[str, Any]]:
    """The CRM's customers, oldest first."""
    return sorted(desk.crm.listed("accounts"), key=lambda each: str(each["id"]))


def edit(desk: Desk, some: list[dict[str, Any]], phone: str) -> None:
    """Somebody gives customers another phone number."""
    for account in some:
        desk.crm.change("accounts", account["id"], phone=phone)


def test_a_plan_tells_what_a_guard_would_hold_back(strict: Desk) -> None:
    edit(strict, accounts(strict)[:6], "+49 30 5550001")

    planned = connector(strict.config, "plan", "--json")
    shown = connector(strict.config, "plan")
    ran = strict.sync()

    assert (planned.code, shown.code, ran.code) == (5, 5, 5)
    assert planned.json["report"]["halted"] == ran.json["halted"]
    assert "phone would change on 6 of 12 customer records on erp" in shown.out
    assert connector(strict.config, "plan").code == 5


def test_edits_of_a_held_record_do_not_stop_a_plan(strict: Desk) -> None:
    edit(strict, accounts(strict)[:6], "+49 30 5550002")
    assert strict.sync().code == 5
    strict.crm.change("accounts", accounts(strict)[0]["id"], website="https://held.example")

    planned = connector(strict.config, "plan", "--json")

    assert planned.code == 5
    assert planned.json["report"]["entities"][0]["held"] == 6


def test_many_small_runs_of_changes_do_not_slip_past_and_what_was_released_does_not_count(strict: Desk) -> None:
    edit(strict, accounts(strict)[:4], "+49 30 5550003")
    assert strict.sync().code == 0
    edit(strict, accounts(strict)[3:7], "+49 30 5550004")

    stopped = strict.sync()
    approved = connector(strict.config, "approve", "customer", "--all")
    released = strict.sync()
    edit(strict, accounts(strict)[7:8], "+49 30 5550005")

    assert (stopped.code, approved.code, released.code) == (5, 0, 0)
    assert "and was on 3 others in the last 36 hours" in stopped.json["halted"][0]
    assert strict.sync().code == 0


def test_a_record_that_changes_often_counts_once(strict: Desk) -> None:
    for number in range(8):
        edit(strict, accounts(strict)[:1], f"+49 30 555100{number}")
        assert strict.sync().code == 0


def test_what_a_changed_mapping_would_write_is_held_until_it_is_released(tmp_path: Path) -> None:
    with running(tmp_path, "", "--faults") as systems:
        add_customers(systems, 12)
        desk = Desk(systems, systems.write_config(tmp_path, STRICT + ALIASES % "one"))
        for account in accounts(desk):
            systems.crm.change("accounts", account["id"], customFields={"one": "A", "two": "B"})
        assert desk.sync().code == 0
        systems.write_config(tmp_path, STRICT + ALIASES % "two")
        for account in accounts(desk):
            systems.crm.change("accounts", account["id"], website="https://new.example")

        stopped = [desk.sync() for _ in range(2)]
        connector(desk.config, "approve", "customer", "--all")
        released = desk.sync()

        assert [ran.code for ran in (*stopped, released)] == [5, 5, 0]
        assert all("because the mapping of nickname changed" in ran.out for ran in stopped)
        assert {each["x_nickname"] for each in systems.erp.listed("partners")} == {"B"}


@pytest.mark.parametrize("side", ["crm", "erp"])
def test_a_side_that_shows_nothing_stops_the_entity_until_a_person_allows_it(own: Desk, side: str) -> None:
    blind = own.crm if side == "crm" else own.erp
    blind.faults({"fault": "no_rights", "reads": 404})

    stopped = own.sync("--full")
    allowed = connector(own.config, "endpoints", "allow-empty", side, "customer")
    again = own.sync("--full")

    assert (stopped.code, allowed.code, again.code) == (5, 0, 4)
    assert f"{side} shows none of the 10 customer records" in stopped.json["halted"][0]
    assert "nothing was concluded" in stopped.json["halted"][0]


def test_another_tenant_is_shown_and_accepted_only_by_a_person(own: Desk) -> None:
    own.crm.faults({"fault": "other_tenant"})

    stopped = own.sync()
    listed = connector(own.config, "endpoints", "--json")
    unsure = connector(own.config, "endpoints", "confirm", "crm")
    confirmed = connector(own.config, "endpoints", "confirm", "crm", "--yes")

    assert "connector endpoints confirm crm" in stopped.err
    assert (stopped.code, listed.code, confirmed.code) == (5, 5, 0)
    assert unsure.code != 0
    assert [each["state"] for each in listed.json] == ["another", "same"]
    assert connector(own.config, "endpoints").code == 0
    assert own.sync().code == 0


def test_an_edit_after_the_clock_was_set_back_is_found_by_the_next_run_and_told(own: Desk) -> None:
    account = own.crm.listed("accounts")[0]
    own.crm.faults({"fault": "clock", "skew": -3600})
    own.crm.change("accounts", account["id"], phone="+49 30 5554001")

    ran = own.sync()

    assert own.partner(account)["phone"] == "+49305554001"
    assert ran.json["warnings"][0].startswith("crm: its clock went back by ")
    assert own.sync().json["warnings"] == []


def test_a_restored_backup_takes_no_edit_back_on_the_other_side(own: Desk) -> None:
    account = own.crm.listed("accounts")[0]
    own.erp.snapshot()
    own.crm.change("accounts", account["id"], phone="+49 30 5554002", website="https://new.example")
    assert own.sync().code == 0

    own.erp.restore()
    codes = [own.sync("--full").code for _ in range(2)]
    conflicts = connector(own.config, "conflicts", "list", "--json").json
    numbers = [str(each["id"]) for each in conflicts]
    connector(own.config, "conflicts", "resolve", *numbers, "--take", "crm")

    assert codes == [3, 3]
    assert own.crm.read("accounts", account["id"])["phone"] == "+49 30 5554002"
    assert all(each["reason"].startswith("went back: erp") for each in conflicts)
    assert own.sync().code == 0
    assert own.partner(account)["phone"] == "+49305554002"
