"""How the CRM lists its records."""

from typing import Any

import pytest

from tests.reference.doors import ask, refusal
from tests.systems import System


def make(crm: System, unique: str, many: int) -> list[dict[str, Any]]:
    return [crm.create("accounts", name=f"N{number}", erpNumber=unique) for number in range(many)]


def pages(crm: System, **params: Any) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = crm.call("GET", "accounts", params={**params, **({"cursor": cursor} if cursor else {})})
        found.append([record["id"] for record in page["records"]])
        cursor = page["nextCursor"]
        if cursor is None:
            return found


def test_pages_follow_one_another_by_id(crm: System, unique: str) -> None:
    ids = [account["id"] for account in make(crm, unique, 5)]

    assert pages(crm, erpNumber=unique, limit=2) == [ids[:2], ids[2:4], ids[4:]]


def test_ranges_show_every_record_once(crm: System, unique: str) -> None:
    ids = [account["id"] for account in make(crm, unique, 5)]

    cursors = crm.call("GET", "accounts/ranges", params={"erpNumber": unique, "size": 2})["cursors"]
    found = [pages(crm, erpNumber=unique, limit=1, cursor=cursor) for cursor in cursors]

    assert len(cursors) == 3
    assert [one for part in found for page in part for one in page] == ids


def test_ranges_must_have_a_size(crm: System) -> None:
    asked = [ask(crm, "GET", "accounts/ranges", params=params) for params in ({}, {"size": 0})]

    assert [refusal(answer) for answer in asked] == [(400, "MALFORMED", "size")] * 2


def test_a_list_tells_the_servers_time(crm: System) -> None:
    account = crm.create("accounts", name="Now")

    assert crm.call("GET", "accounts", params={"limit": 1})["serverTime"] >= account["modifiedAt"]


def test_changed_since_is_inclusive_to_the_millisecond(crm: System, unique: str) -> None:
    first, second = make(crm, unique, 2)
    changed = crm.change("accounts", first["id"], name="Later")

    since = pages(crm, erpNumber=unique, modifiedSince=changed["modifiedAt"])

    assert first["id"] in since[0]
    assert (second["id"] in since[0]) is (second["modifiedAt"] == changed["modifiedAt"])


def test_tombstones_are_listed_when_asked_for(crm: System, unique: str) -> None:
    account = make(crm, unique, 1)[0]
    crm.delete("accounts", account["id"])

    page = crm.call("GET", "accounts", params={"modifiedSince": account["createdAt"], "includeDeleted": "true"})
    found = next(record for record in page["records"] if record["id"] == account["id"])

    assert found["deleted"] is True
    assert found["version"] == 2
    assert found["deletedAt"] == found["modifiedAt"] > account["modifiedAt"]
    assert crm.listed("accounts", erpNumber=unique) == []


def test_ids_and_versions_alone_come_in_large_pages(crm: System, unique: str) -> None:
    account = make(crm, unique, 1)[0]

    page = crm.call("GET", "accounts", params={"fields": "id,version,modifiedAt", "erpNumber": unique, "limit": 5000})

    assert page["records"] == [{"id": account["id"], "version": 1, "modifiedAt": account["modifiedAt"]}]
    assert refusal(ask(crm, "GET", "accounts", params={"limit": 5000}))[:2] == (400, "MALFORMED")


def test_only_the_fields_that_were_asked_for_come(crm: System, unique: str) -> None:
    make(crm, unique, 1)

    assert crm.listed("accounts", erpNumber=unique, fields="name,status") == [{"name": "N0", "status": "ACTIVE"}]


def test_several_external_ids_are_found_at_once(crm: System, unique: str) -> None:
    made = [crm.create("accounts", name="A", externalId=f"{unique}-{number}") for number in range(3)]

    found = crm.listed("accounts", externalId=f"{unique}-0,{unique}-2,{unique}-9")

    assert [record["id"] for record in found] == [made[0]["id"], made[2]["id"]]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"creditLimit": "1000.50"}, id="a number"),
        pytest.param({"creditHold": "true"}, id="a flag"),
        pytest.param({"notes": "a\nb'\"%"}, id="text that is not indexed"),
    ],
)
def test_any_scalar_can_be_searched(crm: System, unique: str, condition: dict[str, str]) -> None:
    make(crm, unique, 1)
    made = crm.create("accounts", name="A", erpNumber=unique, creditLimit=1000.5, creditHold=True, notes="a\nb'\"%")

    assert [record["id"] for record in crm.listed("accounts", erpNumber=unique, **condition)] == [made["id"]]


def test_the_count_leaves_out_what_was_deleted(crm: System, unique: str) -> None:
    crm.delete("accounts", make(crm, unique, 3)[0]["id"])

    assert crm.call("GET", "accounts/count", params={"erpNumber": unique}) == {"count": 2}


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"colour": "red"}, id="no such field"),
        pytest.param({"billingAddress": "x"}, id="a field that is no scalar"),
        pytest.param({"cursor": "acc-1001"}, id="a cursor that is none"),
        pytest.param({"modifiedSince": "yesterday"}, id="a time that is none"),
        pytest.param({"limit": "0"}, id="a page of nothing"),
        pytest.param({"limit": "0000005000"}, id="a page too large, written long"),
        pytest.param({"fields": "id,colour"}, id="an unknown field is asked for"),
    ],
)
def test_a_query_that_makes_no_sense_is_malformed(crm: System, params: dict[str, str]) -> None:
    assert refusal(ask(crm, "GET", "accounts", params=params))[:2] == (400, "MALFORMED")
