"""Records that go on under another id: merged in the CRM, renumbered in the ERP."""

from typing import Any

import pytest

from tests.reference.doors import ask, batch, bulk, refusal
from tests.systems import System


@pytest.fixture
def twins(crm: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """An account, and another for the same customer with a phone number."""
    return crm.create("accounts", name="Winner"), crm.create("accounts", name="Loser", phone="+49 30 1")


def test_a_merged_account_is_gone_and_names_the_one_that_stays(crm: System, twins: Any) -> None:
    winner, loser = twins

    crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})
    answer = ask(crm, "GET", f"accounts/{loser['id']}")

    assert refusal(answer) == (410, "MERGED", None)
    assert answer.json()["error"]["mergedInto"] == winner["id"]


def test_what_names_a_merged_account_names_the_one_that_stays(crm: System, twins: Any) -> None:
    winner, loser = twins
    contact = crm.create("contacts", accountId=loser["id"], lastName="A")
    order = crm.create("orders", accountId=loser["id"], contactId=contact["id"])

    crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})

    for collection, child in (("contacts", contact), ("orders", order)):
        after = crm.read(collection, child["id"])
        assert (after["accountId"], after["version"]) == (winner["id"], child["version"] + 1)


def test_a_merge_fills_only_what_is_empty(crm: System, twins: Any) -> None:
    winner, loser = twins

    merged = crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})

    assert (merged["name"], merged["phone"], merged["version"]) == ("Winner", "+49 30 1", 2)


def test_lists_and_batches_tell_of_a_merge(crm: System, twins: Any) -> None:
    winner, loser = twins
    crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})

    listed = crm.listed("accounts", modifiedSince=loser["modifiedAt"], includeDeleted="true", limit=1000)
    read = crm.call("POST", "accounts/batch/read", json={"ids": [loser["id"]]})["results"]
    written = batch(crm, "accounts", {"op": "update", "id": loser["id"], "version": 2, "record": {"name": "B"}})

    assert next(each for each in listed if each["id"] == loser["id"])["mergedInto"] == winner["id"]
    assert read == [{"id": loser["id"], "status": 410, "mergedInto": winner["id"]}]
    assert (written[0]["status"], written[0]["error"]["mergedInto"]) == (410, winner["id"])


def test_a_merge_that_cannot_be_is_refused(crm: System, twins: Any) -> None:
    winner, loser = twins
    path = f"accounts/{loser['id']}/merge"

    assert refusal(ask(crm, "POST", path, json={"into": loser["id"]})) == (422, "VALIDATION_FAILED", "into")
    assert refusal(ask(crm, "POST", path, json={"into": "acc-1"}))[0] == 404
    stale = ask(crm, "POST", path, json={"into": winner["id"]}, headers={"If-Match": '"7"'})
    assert refusal(stale)[:2] == (412, "VERSION_MISMATCH")
    assert crm.read("accounts", loser["id"]) == loser


def test_a_renumbered_partner_is_found_under_its_new_id(erp: System) -> None:
    partner = erp.create("partners", is_company=True, name="A")

    moved = erp.call("POST", f"partners/{partner['id']}/renumber")
    answer = ask(erp, "GET", f"partners/{partner['id']}")

    assert moved["id"] > partner["id"]
    assert erp.read("partners", moved["id"]) == {**partner, **{name: moved[name] for name in ("id", *STAMPS)}}
    assert refusal(answer)[:2] == (404, "moved")
    assert answer.json()["moved_to"] == moved["id"]


STAMPS = ("revision", "write_date")


def test_what_names_a_renumbered_record_follows_it(erp: System, unique: str) -> None:
    partner = erp.create("partners", is_company=True, name="A")
    person = erp.create("partners", is_company=False, lastname="B", parent_id=partner["id"])
    item = erp.create("items", code=unique, name="Bolt")
    line = {"item_id": item["id"], "qty": "1", "price_unit": "2"}
    order = erp.create("sales_orders", partner_id=partner["id"], lines=[line])

    ids = [erp.call("POST", f"{path}/renumber")["id"] for path in (f"partners/{partner['id']}", f"items/{item['id']}")]
    after = erp.read("sales_orders", order["id"])

    assert [after["partner_id"], after["lines"][0]["item_id"]] == ids
    assert after["revision"] > order["revision"]
    assert erp.read("partners", person["id"])["parent_id"] == ids[0]


def test_stock_stays_with_a_renumbered_item(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Bolt")
    move = {"item_id": item["id"], "warehouse_code": "NORTH", "quantity": "5", "kind": "receipt"}
    erp.create("stock_moves", **move)

    new = erp.call("POST", f"items/{item['id']}/renumber")["id"]
    erp.create("stock_moves", **{**move, "item_id": new})

    assert erp.read("stock_levels", f"{new}-NORTH")["on_hand"] == "10.000"
    assert ask(erp, "GET", f"stock_levels/{item['id']}-NORTH").json()["moved_to"] == f"{new}-NORTH"
    assert erp.listed("stock_levels", item_id=item["id"]) == []


def test_an_id_leads_to_the_newest_one(erp: System) -> None:
    partner = erp.create("partners", is_company=True, name="A")
    once = erp.call("POST", f"partners/{partner['id']}/renumber")["id"]
    twice = erp.call("POST", f"partners/{once}/renumber", json={"revision": 2})["id"]

    results = bulk(erp, "partners", update=[{"id": partner["id"], "revision": 1, "values": {"name": "B"}}])

    assert (results[0]["status"], results[0]["error"], results[0]["moved_to"]) == (404, "moved", twice)


def test_a_renumbering_from_a_stale_read_is_refused(erp: System) -> None:
    partner = erp.create("partners", is_company=True, name="A")

    answer = ask(erp, "POST", f"partners/{partner['id']}/renumber", json={"revision": 7})

    assert refusal(answer)[:2] == (409, "stale_revision")
