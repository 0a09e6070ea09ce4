"""What `plan` shows is what `apply` does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.command import connector
from tests.systems import Systems, running


class Desk(NamedTuple):
    """Two linked systems and the configuration that joins them."""

    systems: Systems
    config: Path

    def customer(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """A customer on both sides."""
        made = self.systems.crm.create("accounts", name=name, email=f"{name.lower()}@plan.example", phone="+49 30 100")
        connector(self.config, "sync")
        (other,) = self.systems.erp.listed("partners", email=f"{name.lower()}@plan.example")
        return self.systems.crm.read("accounts", made["id"]), other

    def partner(self, record_id: int) -> dict[str, Any]:
        """The ERP's record as it is now."""
        return self.systems.erp.read("partners", str(record_id))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two systems without a seed: every record is a test's own."""
    folder = tmp_path_factory.mktemp("plans")
    with running(folder, "") as systems:
        yield Desk(systems, systems.write_config(folder))


def lines_of(plan: Path) -> list[dict[str, Any]]:
    """The operations of a plan file."""
    import json

    found: list[dict[str, Any]] = json.loads(plan.read_text(encoding="utf-8"))["operations"]
    return found


def test_a_plan_shows_old_and_new_and_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    one, other = desk.customer("Anna")
    desk.systems.crm.change("accounts", one["id"], phone="+49 30 200")
    before = [system.stats()["total"]["writes"] for system in desk.systems]
    assert connector(desk.config, "plan", "-o", str(tmp_path / "plan.json")).code == 2
    (line,) = lines_of(tmp_path / "plan.json")
    assert (line["side"], line["old"], line["new"]) == ("erp", {"phone": "+4930100"}, {"phone": "+49 30 200"})
    assert [system.stats()["total"]["writes"] for system in desk.systems] == before
    assert connector(desk.config, "apply", str(tmp_path / "plan.json")).code == 0
    assert desk.partner(other["id"])["phone"] == "+4930200"


def test_apply_does_only_what_the_plan_holds(desk: Desk, tmp_path: Path) -> None:
    one, other = desk.customer("Berta")
    two, another = desk.customer("Carla")
    desk.systems.crm.change("accounts", one["id"], website="one.example")
    connector(desk.config, "plan", "-o", str(tmp_path / "plan.json"))
    desk.systems.crm.change("accounts", two["id"], website="two.example")
    connector(desk.config, "apply", str(tmp_path / "plan.json"))
    assert desk.partner(other["id"])["website"] == "one.example"
    assert not desk.partner(another["id"]).get("website")
    connector(desk.config, "sync")
    assert desk.partner(another["id"])["website"] == "two.example"


def test_a_record_edited_since_is_planned_anew_and_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    one, other = desk.customer("Dora")
    desk.systems.crm.change("accounts", one["id"], website="planned.example")
    connector(desk.config, "plan", "-o", str(tmp_path / "plan.json"))
    desk.systems.crm.change("accounts", one["id"], website="edited.example")
    ran = connector(desk.config, "apply", str(tmp_path / "plan.json"))
    assert ran.code == 2
    assert not desk.partner(other["id"]).get("website")
    connector(desk.config, "sync")
    assert desk.partner(other["id"])["website"] == "edited.example"


def test_a_plan_of_new_records_creates_them_once(desk: Desk, tmp_path: Path) -> None:
    desk.systems.crm.create("accounts", name="Emil", email="emil@plan.example")
    connector(desk.config, "plan", "-o", str(tmp_path / "plan.json"))
    connector(desk.config, "apply", str(tmp_path / "plan.json"))
    connector(desk.config, "apply", str(tmp_path / "plan.json"))
    connector(desk.config, "sync")
    assert len(desk.systems.erp.listed("partners", email="emil@plan.example")) == 1


def test_a_plan_file_that_is_no_plan_is_refused(desk: Desk, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"format": 1}', encoding="utf-8")
    ran = connector(desk.config, "apply", str(broken))
    assert ran.code == 64
    assert "broken.json" in ran.err


def test_an_order_for_a_product_that_only_had_to_be_linked_is_created_by_apply(desk: Desk, tmp_path: Path) -> None:
    one, other = desk.customer("Frida")
    product = desk.systems.crm.create(
        "products", productCode="ST-1", name="Stift", unit="PIECE", price=2, currency="EUR"
    )
    desk.systems.erp.create("warehouses", code="MAIN", name="Main")
    desk.systems.erp.create("items", code="ST-1", name="Stift", uom="PCE", list_price="2", currency_code="EUR")
    lines = [{"productId": product["id"], "quantity": 1, "unitPrice": 2}]
    desk.systems.crm.create("orders", accountId=one["id"], stage="SUBMITTED", currency="EUR", lines=lines)
    connector(desk.config, "plan", "-o", str(tmp_path / "plan.json"))
    assert [line["entity"] for line in lines_of(tmp_path / "plan.json")] == ["order"]
    assert connector(desk.config, "apply", str(tmp_path / "plan.json")).code == 0
    assert len(desk.systems.erp.listed("sales_orders", partner_id=str(other["id"]))) == 1
