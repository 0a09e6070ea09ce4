"""Records that go on under another id: merged in the CRM, renumbered in the ERP, with the real command between them."""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector.records import Arrival, Side
from connector.store import inbox
from connector.store.database import open_store
from tests import witness
from tests.command import Ran, command, connector
from tests.faults.desk import Desk, email
from tests.systems import System, Systems, running


def merge(crm: System, loser: dict[str, Any], winner: dict[str, Any]) -> None:
    crm.call("POST", f"accounts/{loser['id']}/merge", json={"into": winner["id"]})


def problems(config: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connector(config, "problems", "list", "--json").json
    return found


def writes(desk: Desk) -> int:
    return int(desk.crm.stats()["total"]["writes"] + desk.erp.stats()["total"]["writes"])


def test_a_customer_merged_into_a_new_one_keeps_its_counterpart(desk: Desk, linked: Any) -> None:
    loser, partner = linked
    winner = desk.crm.create("accounts", name="Winner", email=email(), phone="+49 30 998877")
    before = len(desk.erp.listed("partners", per_page=500))

    merge(desk.crm, loser, winner)
    planned = connector(desk.config, "plan", "--json", "--entity", "customer").json
    ran = desk.sync()

    after = desk.erp.read("partners", partner["id"])
    assert (ran.code, ran.json["writes"], [one["kind"] for one in planned["operations"]]) == (0, 1, ["update"]), (
        ran.out + ran.err
    )
    assert (after["name"], after["email"], after["active"]) == ("Winner", winner["email"], True)
    assert len(desk.erp.listed("partners", per_page=500)) == before
    assert desk.sync().json["writes"] == 0


def test_the_story_of_a_merged_customer_is_told_by_its_old_id(desk: Desk, linked: Any) -> None:
    loser, partner = linked
    winner = desk.crm.create("accounts", name="Winner", email=email())
    merge(desk.crm, loser, winner)
    desk.sync()

    told = connector(desk.config, "explain", "customer", loser["id"]).out
    listed = connector(desk.config, "links", "list", "customer", "--json").json
    shown = connector(desk.config, "links", "show", "customer", loser["id"], "--json").json

    assert f"The system says that {loser['id']} is now {winner['id']}." in told
    assert f"merged: {loser['id']} went into {winner['id']}; its link follows" in told
    assert f"crm:{winner['id']} and erp:{partner['id']} are linked" in told
    assert [one["former"]["crm"] for one in listed if one["crm_id"] == winner["id"]] == [[loser["id"]]]
    assert (shown["crm_id"], shown["erp_id"]) == (winner["id"], str(partner["id"]))


class TestTwoLinkedCustomers:
    """One customer with a counterpart is merged into another that has one as well."""

    @pytest.fixture
    def merged(self, own: Desk) -> tuple[Desk, dict[str, Any], dict[str, Any]]:
        """The systems after the sync, and both partners: the merged one's, and the one that stays."""
        winner, loser = own.crm.listed("accounts")[:2]
        left, stays = own.partner(loser), own.partner(winner)
        merge(own.crm, loser, winner)
        assert own.sync().code == 3
        return own, left, stays

    def test_a_person_is_told_and_nothing_is_deleted(self, merged: Any) -> None:
        desk, left, stays = merged

        (told,) = problems(desk.config)
        before = writes(desk)
        again = desk.sync("--full")

        assert (told["cause"], told["side"], told["record"]) == ("merged", "erp", str(left["id"]))
        assert f"Merge erp:{left['id']} into erp:{stays['id']}" in told["message"]
        assert (again.code, writes(desk)) == (3, before)
        assert [desk.erp.read("partners", one["id"]) for one in (left, stays)] == [left, stays]

    def test_the_link_is_shown_asleep(self, merged: Any) -> None:
        desk, left, _ = merged

        (asleep,) = connector(desk.config, "links", "list", "customer", "--dormant", "--json").json
        told = connector(desk.config, "explain", "customer", str(left["id"])).out

        assert (asleep["erp_id"], asleep["status"]) == (str(left["id"]), "dormant")
        assert "One of the two was merged into another record" in told

    @pytest.mark.parametrize("how", ["archived", "deleted"])
    def test_it_closes_when_the_left_over_record_is(self, merged: Any, how: str) -> None:
        desk, left, stays = merged
        if how == "archived":
            desk.erp.change("partners", left["id"], active=False)
        else:
            desk.erp.delete("partners", left["id"])

        ran = desk.sync()

        assert ran.code == 0, ran.out + ran.err
        assert problems(desk.config) == []
        assert desk.erp.read("partners", stays["id"]) == stays

    def test_another_try_leaves_it_open_and_a_dismissal_closes_it_for_good(self, merged: Any) -> None:
        desk, left, _ = merged
        (told,) = problems(desk.config)
        connector(desk.config, "problems", "retry", str(told["id"]))
        tried = desk.sync()

        connector(desk.config, "problems", "dismiss", str(told["id"]))
        desk.erp.change("partners", left["id"], phone="+49 30 111222")
        dismissed = desk.sync()

        assert (tried.code, dismissed.code, dismissed.json["writes"]) == (3, 0, 0)
        assert problems(desk.config) == []

    def test_a_late_word_of_the_merged_customer_changes_nothing(self, merged: Any) -> None:
        desk, _, _ = merged
        (asleep,) = connector(desk.config, "links", "list", "customer", "--dormant", "--json").json
        before = writes(desk)

        _put(desk.config, asleep["crm_id"])
        ran = desk.sync()

        assert (ran.code, writes(desk)) == (3, before)

    def test_both_merged_by_people_need_nobody(self, own: Desk) -> None:
        winner, loser = own.crm.listed("accounts")[:2]
        left = own.partner(loser)
        merge(own.crm, loser, winner)
        own.erp.delete("partners", left["id"])

        ran = own.sync()

        assert ran.code == 0, ran.out + ran.err
        assert witness.customers(own.systems).is_one_story


def _put(config: Path, record_id: str) -> None:
    """A webhook about a CRM customer comes late."""
    store = open_store(f"sqlite:///{config.parent / 'state.db'}")
    with store.write() as connection:
        inbox.put(connection, [Arrival("customer", Side.CRM, record_id, "webhook")], datetime(2026, 11, 23, tzinfo=UTC))
    store.close()


def test_a_chain_of_merges_leads_to_the_last_one(own: Desk) -> None:
    first = own.crm.listed("accounts")[0]
    partner = own.partner(first)
    second, third = (own.crm.create("accounts", name=name, email=email()) for name in ("Second", "Third"))

    merge(own.crm, first, second)
    merge(own.crm, second, third)
    ran = own.sync()

    assert ran.code == 0, ran.out + ran.err
    assert own.erp.read("partners", partner["id"])["name"] == "Third"
    assert witness.customers(own.systems).is_one_story


def test_all_customers_renumbered_at_once_keep_their_links(own: Desk) -> None:
    before = own.erp.listed("partners")
    for partner in before:
        own.erp.call("POST", f"partners/{partner['id']}/renumber")

    ran = own.sync()

    links = connector(own.config, "links", "list", "customer", "--json").json
    assert (ran.code, ran.json["writes"]) == (0, 0), ran.out + ran.err
    assert {one["erp_id"] for one in links} == {str(one["id"]) for one in own.erp.listed("partners")}
    assert own.sync().json["writes"] == 0


def test_a_merge_while_an_update_is_on_its_way_loses_neither(own: Desk) -> None:
    loser = own.crm.listed("accounts")[0]
    partner = own.partner(loser)
    winner = own.crm.create("accounts", name="Winner", email=email())
    own.erp.change("partners", partner["id"], credit_limit="700.00")
    own.crm.faults({"fault": "latency", "seconds": 2, "path": "*/accounts/batch", "times": 1})

    running_sync = subprocess.Popen(
        [*command("sync", "--entity", "customer"), "--config", str(own.config)],
        cwd=own.config.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _await(lambda: own.crm.struck() == [1])
    merge(own.crm, loser, winner)
    running_sync.wait(60)
    own.heal()
    ran = own.sync()

    # The new one was given a counterpart before the merge, and keeps it; nothing of the other was written or deleted.
    assert (ran.code, [one["record"] for one in problems(own.config)]) == (3, [str(partner["id"])])
    assert own.erp.read("partners", partner["id"])["credit_limit"] == "700.00"
    assert len(own.erp.listed("partners", email=winner["email"])) == 1
    # Whichever write came first, nothing differs without an explanation.
    assert connector(own.config, "verify", "--entity", "customer").code in {0, 3}


def _await(is_so: Any) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Shop(NamedTuple):
    """Two customers and a product on both sides, and an order."""

    systems: Systems
    config: Path
    accounts: list[dict[str, Any]]
    product: dict[str, Any]
    item: dict[str, Any]

    def sync(self) -> Ran:
        return connector(self.config, "sync", "--json")

    def partner(self, account: dict[str, Any]) -> dict[str, Any]:
        (found,) = self.systems.erp.listed("partners", email=account["email"])
        return found

    def order(self, account: dict[str, Any]) -> dict[str, Any]:
        line = {"productId": self.product["id"], "quantity": 2, "unitPrice": 2.5}
        fields = {"accountId": account["id"], "stage": "SUBMITTED", "currency": "EUR"}
        return self.systems.crm.create("orders", **fields, lines=[line])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with running(tmp_path, "") as systems:
        systems.erp.create("warehouses", code="MAIN", name="Main")
        item = systems.erp.create("items", code="BOLT", name="Bolt", uom="PCE", list_price="2.5", currency_code="EUR")
        move = {"item_id": item["id"], "warehouse_code": "MAIN", "quantity": "5", "kind": "receipt"}
        systems.erp.create("stock_moves", **move)
        accounts = [systems.crm.create("accounts", name=name, email=email()) for name in ("Winner", "Loser")]
        config = systems.write_config(tmp_path)
        assert connector(config, "sync").code == 0
        (product,) = systems.crm.listed("products", productCode="BOLT")
        yield Shop(systems, config, accounts, product, item)


def test_a_renumbered_item_keeps_its_product_its_stock_and_its_orders(shop: Shop) -> None:
    shop.order(shop.accounts[0])
    assert shop.sync().code == 0

    moved = shop.systems.erp.call("POST", f"items/{shop.item['id']}/renumber")
    ran = shop.sync()
    shop.order(shop.accounts[0])
    after = shop.sync()

    assert (ran.code, ran.json["writes"], after.code) == (0, 0, 0), ran.out + ran.err + after.out
    assert len(shop.systems.crm.listed("products")) == 1
    assert {line["item_id"] for one in shop.systems.erp.listed("sales_orders") for line in one["lines"]} == {
        moved["id"]
    }
    assert witness.orders(shop.systems).is_one_story
    assert witness.stock(shop.systems).is_one_story


def test_an_order_that_refers_to_a_merged_customer_goes_to_the_one_that_stays(shop: Shop) -> None:
    winner, loser = shop.accounts
    left, stays = shop.partner(loser), shop.partner(winner)
    before = shop.order(loser)
    merge(shop.systems.crm, loser, winner)
    line = {"item_id": shop.item["id"], "qty": "1", "price_unit": "2.5"}
    theirs = shop.systems.erp.create("sales_orders", partner_id=left["id"], currency_code="EUR", lines=[line])

    ran = shop.sync()

    (ours,) = shop.systems.erp.listed("sales_orders", origin=before["orderNumber"])
    made = [one for one in shop.systems.crm.listed("orders") if one["id"] != before["id"]]
    assert ran.code == 3, ran.out + ran.err
    assert (ours["partner_id"], [one["accountId"] for one in made]) == (stays["id"], [winner["id"]])
    assert shop.systems.erp.read("sales_orders", theirs["id"])["partner_id"] == left["id"]
    assert shop.sync().json["writes"] == 0
