"""Undo writes back what a run overwrote, and leaves alone what anybody has changed since."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector.records import OperationState
from connector.store import journal
from connector.store.database import open_store
from tests.command import Ran, connector
from tests.systems import Systems, running


class Desk(NamedTuple):
    """Two linked systems and the configuration that joins them."""

    systems: Systems
    config: Path

    def customer(self, name: str) -> tuple[str, str]:
        """A customer on both sides; its ids."""
        mail = f"{name.lower()}@undo.example"
        made = self.systems.crm.create("accounts", name=name, email=mail, phone="+49 30 100", website="old.example")
        self.run("sync")
        (other,) = self.systems.erp.listed("partners", email=mail)
        return made["id"], str(other["id"])

    def run(self, *words: str) -> Ran:
        """One command."""
        return connector(self.config, *words)

    def sync_edit(self, crm_id: str, **values: Any) -> str:
        """Somebody edits the CRM's record, and a sync takes it across; the run's id."""
        self.systems.crm.change("accounts", crm_id, **values)
        run: str = self.run("sync", "--json").json["run"]
        return run

    def partner(self, record_id: str) -> dict[str, Any]:
        """The ERP's record as it is now."""
        return self.systems.erp.read("partners", record_id)

    def writes(self) -> list[int]:
        """How many writes each system has seen."""
        return [system.stats()["total"]["writes"] for system in self.systems]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two systems without a seed: every record is a test's own."""
    folder = tmp_path_factory.mktemp("undo")
    with running(folder, "") as systems:
        yield Desk(systems, systems.write_config(folder))


def test_a_dry_run_shows_what_would_be_restored_and_writes_nothing(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Adam")
    run = desk.sync_edit(crm_id, website="new.example")
    before = desk.writes()

    told = desk.run("undo", run, "--dry-run", "--json")

    (change,) = told.json["changes"]
    assert (told.code, change["side"], change["record"], change["field"]) == (2, "erp", erp_id, "website")
    assert (change["current"], change["restored"], change["state"]) == ("new.example", "old.example", "planned")
    assert desk.writes() == before


def test_an_undone_value_is_back_and_no_sync_takes_it_away_or_across(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Bela")
    run = desk.sync_edit(crm_id, website="new.example")

    assert desk.run("undo", run).code == 0
    before = desk.writes()
    assert desk.run("sync").code == 0
    assert desk.run("sync", "--full").code == 0

    assert desk.partner(erp_id)["website"] == "old.example"
    assert desk.systems.crm.read("accounts", crm_id)["website"] == "new.example"
    assert desk.writes() == before


def test_verify_and_explain_tell_an_undone_difference(desk: Desk) -> None:
    crm_id, _ = desk.customer("Clea")
    run = desk.sync_edit(crm_id, website="new.example")
    desk.run("undo", run)

    found = desk.run("verify", "-e", "customer", "--json")

    told = [one["explained"] for one in found.json["entities"][0]["differences"] if one["crm_id"] == crm_id]
    assert (found.code, told) == (3, [f"undone in run {run}"])
    assert (
        f"undone what run {run} wrote: website: new.example -> old.example"
        in desk.run("explain", "customer", crm_id).out
    )


def test_a_value_that_somebody_changed_since_is_named_and_left_alone(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Doro")
    run = desk.sync_edit(crm_id, website="new.example", phone="+49 30 200")
    desk.systems.erp.change("partners", erp_id, website="own.example")

    undone = desk.run("undo", run, "--json")

    assert undone.code == 2
    assert [(one["what"], one["why"]) for one in undone.json["left"]] == [("website", "changed since")]
    assert (desk.partner(erp_id)["website"], desk.partner(erp_id)["phone"]) == ("own.example", "+4930100")


def test_a_value_that_a_later_run_changed_is_left_alone(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Egon")
    run = desk.sync_edit(crm_id, website="new.example")
    desk.sync_edit(crm_id, website="newer.example")

    undone = desk.run("undo", run)

    assert undone.code == 2
    assert "website: changed since" in undone.out
    assert desk.partner(erp_id)["website"] == "newer.example"


def test_a_second_undo_finds_nothing_to_do(desk: Desk) -> None:
    crm_id, _ = desk.customer("Fips")
    run = desk.sync_edit(crm_id, website="new.example")
    desk.run("undo", run)
    before = desk.writes()

    again = desk.run("undo", run, "--json")

    assert (again.code, again.json["changes"], again.json["already_as_before"]) == (0, [], 1)
    assert desk.writes() == before


def test_an_undo_can_be_undone(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Gerd")
    undone = desk.run("undo", desk.sync_edit(crm_id, website="new.example"), "--json").json

    assert desk.run("undo", undone["undo_run"]).code == 0

    assert desk.partner(erp_id)["website"] == "new.example"
    differences = desk.run("verify", "-e", "customer", "--json").json["entities"][0]["differences"]
    assert crm_id not in {one["crm_id"] for one in differences}


def test_an_edit_after_an_undo_goes_across_again(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Hans")
    desk.run("undo", desk.sync_edit(crm_id, website="new.example"))

    desk.sync_edit(crm_id, website="third.example")

    assert desk.partner(erp_id)["website"] == "third.example"


def test_what_a_run_created_is_named_and_not_undone(desk: Desk) -> None:
    made = desk.systems.crm.create("accounts", name="Ida", email="ida@undo.example")
    run = desk.run("sync", "--json").json["run"]

    undone = desk.run("undo", run, "--json")

    assert [one["what"] for one in undone.json["never_undone"]] == ["create"]
    assert desk.systems.crm.read("accounts", made["id"])["name"] == "Ida"
    assert len(desk.systems.erp.listed("partners", email="ida@undo.example")) == 1


def test_fields_of_one_group_are_restored_together_or_not_at_all(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Jens")
    desk.sync_edit(crm_id, billingAddress={"street": "Alte Gasse 1", "postalCode": "10115", "city": "Berlin"})
    run = desk.sync_edit(crm_id, billingAddress={"street": "Neuer Weg 2", "postalCode": "20095", "city": "Hamburg"})
    desk.systems.erp.change("partners", erp_id, city="Bremen")

    undone = desk.run("undo", run, "--json")

    assert undone.json["changes"] == []
    assert "billing_street" in undone.json["left"][0]["what"]


def test_a_run_that_never_was_is_a_mistake_on_the_command_line(desk: Desk) -> None:
    undone = desk.run("undo", "nope")

    assert undone.code == 64
    assert "connector runs" in undone.err


def test_an_undo_whose_answer_was_lost_in_a_crash_is_still_an_undo(desk: Desk, at: datetime) -> None:
    crm_id, erp_id = desk.customer("Kurt")
    run = desk.sync_edit(crm_id, website="new.example")
    desk.run("state", "backup", "before.db", "--yes")
    undone = desk.run("undo", run, "--json").json
    crash_into(
        desk.config.with_name("before.db"), desk.config.with_name("state.db"), undone["changes"][0]["operation"], at
    )
    before = desk.writes()

    assert desk.run("sync").code == 0

    assert desk.writes() == before
    assert desk.partner(erp_id)["website"] == "old.example"
    assert desk.systems.crm.read("accounts", crm_id)["website"] == "new.example"


def crash_into(before: Path, state: Path, operation: str, at: datetime) -> None:
    """Bring the state to the moment after the call and before its answer: all as it was, the operation being sent."""
    stores = [open_store(f"sqlite:///{file}") for file in (before, state)]
    with stores[1].read() as connection:
        sent = journal.get(connection, [operation])[operation]._replace(state=OperationState.SENDING)
    with stores[0].write() as connection:
        journal.add(connection, [sent], at)
    for store in stores:
        store.close()
    before.replace(state)


def test_an_edit_that_a_policy_overrode_can_be_given_back(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("Lars")
    desk.systems.erp.change("partners", erp_id, credit_limit="500")
    desk.run("sync")
    run = desk.sync_edit(crm_id, creditLimit=900)
    overridden = desk.systems.crm.read("accounts", crm_id)["creditLimit"]

    assert desk.run("undo", run).code == 0
    desk.run("sync")

    assert (overridden, desk.systems.crm.read("accounts", crm_id)["creditLimit"]) == (500, 900)
    assert float(desk.partner(erp_id)["credit_limit"]) == 500


def test_the_lines_of_an_order_are_restored_as_a_whole(desk: Desk) -> None:
    crm_id, _ = desk.customer("Mona")
    desk.systems.erp.create("warehouses", code="MAIN", name="Main")
    desk.systems.erp.create("items", code="ST-1", name="Stift", uom="PCE", list_price="2", currency_code="EUR")
    desk.run("sync")
    (product,) = desk.systems.crm.listed("products", productCode="ST-1")
    lines = [{"productId": product["id"], "quantity": count, "unitPrice": 2} for count in (1, 2)]
    order = {"accountId": crm_id, "stage": "SUBMITTED", "currency": "EUR", "lines": lines}
    made = desk.systems.crm.create("orders", **order)
    desk.run("sync")
    desk.systems.crm.change("orders", made["id"], lines=[{**lines[0], "quantity": 7}])
    run = desk.run("sync", "--json").json["run"]

    assert desk.run("undo", run, "-e", "order", "--json").json["changes"][0]["field"] == "lines"
    before = desk.writes()
    desk.run("sync")

    (other,) = desk.systems.erp.listed("sales_orders")
    kept = desk.systems.erp.read("sales_orders", str(other["id"]))["lines"]
    assert [float(line["qty"]) for line in kept] == [1, 2]
    assert desk.writes() == before
