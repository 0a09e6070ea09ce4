"""Calls that go wrong, and what becomes of the one story: the real command on two systems that misbehave."""

from typing import Any

import pytest

from tests.command import connector
from tests.faults.desk import Desk, email

WRITES: dict[str, dict[str, Any]] = {
    "a slow answer": {"fault": "latency", "seconds": 0.3, "jitter": 0.3},
    "too many requests and a time to rest": {"fault": "error", "status": 429, "retry_after": 1},
    "too many requests": {"fault": "error", "status": 429},
    "a server error": {"fault": "error", "status": 500},
    "a bad gateway": {"fault": "error", "status": 502},
    "a server at rest": {"fault": "error", "status": 503, "retry_after": 1},
    "a connection reset before the write": {"fault": "reset"},
    "a connection reset after the write": {"fault": "reset", "when": "after"},
    "a response lost after commit": {"fault": "lost_response"},
    "a truncated body": {"fault": "truncated"},
    "half a document": {"fault": "truncated", "honest": True},
    "a page for people instead of the write": {"fault": "html"},
    "a page for people after the write": {"fault": "html", "status": 200, "when": "after"},
    "an item of a batch that failed": {"fault": "partial_batch", "items": [0]},
    "an item of a batch that came too fast": {"fault": "partial_batch", "items": [0], "status": 429},
    "a list of results that was cut": {"fault": "cut_results"},
}


def fault(name: str, path: str, method: str = "POST") -> dict[str, Any]:
    return {**WRITES[name], "method": method, "path": path, "times": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITES)
def test_creates_make_exactly_one_record_each_through(desk: Desk, name: str) -> None:
    ours = [desk.crm.create("accounts", name="From CRM", email=email()) for _ in range(3)]
    theirs = [desk.erp.create("partners", is_company=True, name="From ERP", email=email()) for _ in range(3)]
    desk.crm.faults(fault(name, "*/accounts/batch"))
    desk.erp.faults(fault(name, "*/partners/bulk"))

    # One side's fault may stop a run before it comes to the other side's.
    codes = [desk.sync().code for _ in range(2)]
    struck = desk.crm.struck() + desk.erp.struck()
    desk.settle()

    assert struck == [1, 1]
    assert set(codes) <= {0, 4, 5}
    assert [desk.partner(account)["name"] for account in ours] == ["From CRM"] * 3
    assert [desk.account(partner)["name"] for partner in theirs] == ["From ERP"] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a response lost after commit", "a page for people after the write", "half a document"]
)
def test_updates_are_written_once_through(desk: Desk, linked: Any, name: str) -> None:
    account, partner = linked
    desk.crm.change("accounts", account["id"], phone="+49 30 1234567")
    desk.erp.change("partners", str(partner["id"]), credit_limit="900.00")
    desk.crm.faults(fault(name, "*/accounts/batch"))
    desk.erp.faults(fault(name, "*/partners/bulk"))

    for _ in range(2):
        desk.sync()
    desk.settle()

    after = desk.crm.read("accounts", account["id"]), desk.erp.read("partners", str(partner["id"]))
    assert (after[0]["creditLimit"], after[1]["phone"]) == (900, "+49301234567")
    assert [after[0]["version"], after[1]["revision"]] == [account["version"] + 2, partner["revision"] + 2]


READS = [
    "a slow answer",
    "a server error",
    "a connection reset before the write",
    "half a document",
    "a page for people after the write",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", READS)
def test_a_change_is_read_through(desk: Desk, linked: Any, name: str) -> None:
    account, partner = linked
    desk.crm.change("accounts", account["id"], phone="+49 30 7654321")
    desk.crm.faults(fault(name, "*/accounts", "GET"))
    desk.erp.faults(fault(name, "*/partners", "GET"))

    codes = [desk.sync().code for _ in range(2)]
    struck = desk.crm.struck() + desk.erp.struck()
    desk.settle()

    assert struck == [1, 1]
    assert set(codes) <= {0, 5}
    assert desk.erp.read("partners", str(partner["id"]))["phone"] == "+49307654321"


def test_a_server_that_is_down_stops_the_run_loudly_and_loses_nothing(desk: Desk) -> None:
    account = desk.crm.create("accounts", name="Down", email=email())
    desk.erp.faults({"fault": "error", "status": 503})

    ran = desk.sync()

    assert ran.code == 5
    assert "503" in ran.out + ran.err
    desk.settle()
    assert desk.partner(account)["name"] == "Down"


def test_a_server_that_asks_for_rest_is_left_alone(desk: Desk) -> None:
    desk.erp.faults({"fault": "error", "status": 429, "retry_after": 2, "lasting": 1.5, "times": 1})

    ran = desk.sync()

    assert ran.code == 0, ran.out + ran.err
    assert desk.erp.struck() == [1]


def test_an_answer_that_is_held_ends_by_the_configured_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_SYSTEMS__ERP__TIMEOUT", "1")
    account = desk.crm.create("accounts", name="Held", email=email())
    desk.erp.faults({"fault": "lost_response", "seconds": 60, "path": "*/partners/bulk", "times": 1})

    desk.sync()
    desk.settle()

    assert desk.partner(account)["name"] == "Held"


@pytest.mark.parametrize("name", ["an item of a batch that failed", "a list of results that was cut"])
def test_a_second_look_that_fails_as_well_is_followed_by_a_third(desk: Desk, name: str) -> None:
    partner = desk.erp.create("partners", is_company=True, name="Thrice", email=email())
    desk.crm.faults(fault("a response lost after commit", "*/accounts/batch"))
    desk.sync()
    desk.crm.faults(fault(name, "*/accounts/batch"))

    desk.sync()
    desk.settle()

    assert desk.account(partner)["name"] == "Thrice"


def test_an_edit_after_an_update_whose_answer_was_lost_is_no_conflict(desk: Desk) -> None:
    account, _ = desk.linked()
    desk.crm.change("accounts", account["id"], phone="+49 30 1111111")
    desk.erp.faults({"fault": "lost_response", "path": "*/partners/bulk", "times": 9})
    desk.sync()
    desk.heal()
    desk.crm.change("accounts", account["id"], phone="+49 30 2222222")

    ran = desk.sync()

    assert ran.code == 0, ran.out + ran.err
    assert desk.partner(account)["phone"] == "+49302222222"


def test_what_a_person_changed_beside_an_update_whose_answer_was_lost_survives(desk: Desk) -> None:
    account, partner = desk.linked()
    desk.crm.change("accounts", account["id"], phone="+49 30 3333333")
    desk.erp.faults({"fault": "lost_response", "path": "*/partners/bulk", "times": 9})
    desk.sync()
    desk.heal()
    desk.erp.change("partners", str(partner["id"]), comment="Typed meanwhile")

    ran = desk.sync()

    assert ran.code == 0, ran.out + ran.err
    ours, theirs = desk.pair(account)
    assert (ours["notes"], theirs["phone"]) == ("Typed meanwhile", "+49303333333")


def test_a_write_that_was_refused_for_its_credentials_is_not_in_doubt(desk: Desk) -> None:
    account = desk.crm.create("accounts", name="Refused", email=email())
    desk.erp.faults({"fault": "error", "status": 401, "path": "*/partners/bulk"})
    ran = desk.sync()

    assert ran.code == 5
    assert "whose outcome is not known" not in connector(desk.config, "status").out
    desk.settle()
    assert desk.partner(account)["name"] == "Refused"


def test_a_token_that_ends_in_the_middle_is_renewed(desk: Desk) -> None:
    partner = desk.erp.create("partners", is_company=True, name="Token", email=email())
    desk.crm.faults({"fault": "expired_token", "path": "*/accounts/batch", "times": 1})

    ran = desk.sync()

    assert ran.code == 0, ran.out + ran.err
    assert desk.account(partner)["name"] == "Token"


def test_a_revoked_key_stops_the_run_and_the_next_one_goes_on(desk: Desk) -> None:
    account = desk.crm.create("accounts", name="Key", email=email())
    desk.erp.faults({"fault": "error", "status": 401})

    ran = desk.sync()

    assert ran.code == 5
    assert "demo-key" not in ran.out + ran.err
    desk.settle()
    assert desk.partner(account)["name"] == "Key"
