"""A CRM and an ERP between which goods are sold, the connector in this process, and what people in both do."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from connector.bootstrap import build
from connector.context import Context
from connector.records import Arrival, Side
from connector.report import Report
from connector.settings import load_settings
from connector.store import conflicts, inbox
from connector.store.conflicts import OpenConflict
from connector.sync import sync
from tests.systems import System, Systems, running

NUMBERS = count(1)
DOCUMENTS = {"ship": "shipments", "ship a part": "shipments", "bill": "invoices", "pay": "payments"}


class Trade(NamedTuple):
    """Two systems, and one customer that both know."""

    systems: Systems
    context: Context
    account: str
    partner: int
    config: Path

    @property
    def crm(self) -> System:
        return self.systems.crm

    @property
    def erp(self) -> System:
        return self.systems.erp

    def sync(self, *entities: str) -> Report:
        """Bring both sides together; named entities alone are faster."""
        report = sync(self.context, entities=entities)
        assert not report.halted
        return report

    def item(self, pieces: str = "1000", **values: Any) -> dict[str, Any]:
        """Something new to sell, of which so many are there; only the ERP knows it yet."""
        made = self.erp.create("items", code=f"T-{next(NUMBERS)}", name="Thing", **values)
        place = {"item_id": made["id"], "warehouse_code": "MAIN"}
        self.erp.create("stock_moves", **place, quantity=pieces, kind="receipt")
        return made

    def product(self, item: dict[str, Any]) -> str:
        """The CRM's id of something that both know."""
        return self.crm.listed("products", productCode=item["code"])[0]["id"]

    def submit(self, item: dict[str, Any], quantity: float = 4, price: float = 100, **values: Any) -> dict[str, Any]:
        """A salesperson submits an order."""
        lines = [{"productId": self.product(item), "quantity": quantity, "unitPrice": price}]
        given: dict[str, Any] = {"accountId": self.account, "stage": "SUBMITTED", "currency": "EUR", "lines": lines}
        return self.crm.create("orders", **given | values)

    def sell(self, item: dict[str, Any], quantity: str = "10") -> dict[str, Any]:
        """Somebody at the counter sells without the CRM."""
        lines = [{"item_id": item["id"], "qty": quantity, "price_unit": "7"}]
        return self.erp.create("sales_orders", partner_id=self.partner, currency_code="EUR", lines=lines)

    def sale(self, order: dict[str, Any]) -> dict[str, Any]:
        """The ERP's side of an order of the CRM, as it is now."""
        (found,) = self.erp.listed("sales_orders", origin=order["orderNumber"])
        return found

    def order(self, sale: dict[str, Any]) -> dict[str, Any]:
        """The CRM's side of an order of the ERP, as it is now."""
        (found,) = self.crm.listed("orders", erpOrderNumber=sale["number"])
        return found

    def shown(self, order: dict[str, Any]) -> tuple[str, str | None]:
        """What the salesperson sees: the stage of an order, and the reason."""
        now = self.crm.read("orders", order["id"])
        return now["stage"], now["statusReason"]

    def do(self, sale: dict[str, Any], action: str, **given: Any) -> dict[str, Any]:
        """Somebody in the back office does something with an order; gives the order."""
        if action not in DOCUMENTS:
            if action in ("hold", "refuse", "deny_cancel"):
                given.setdefault("reason", "because")
            return self.erp.call("POST", f"sales_orders/{sale['id']}/{action}", json=given)
        getattr(self, f"_{action.replace(' ', '_')}")(sale)
        return self.erp.read("sales_orders", sale["id"])

    def level(self, item: dict[str, Any]) -> dict[str, Any]:
        """What the CRM shows of the goods in the main warehouse."""
        (found,) = self.crm.listed("stock-levels", productCode=item["code"], warehouse="MAIN")
        return found

    def open_conflicts(self) -> dict[str, OpenConflict]:
        """What waits for a person, by the CRM's id of the record."""
        with self.context.store.read() as connection:
            return {each.conflict.crm_id: each for each in conflicts.listed(connection) if each.status == "open"}

    def decide(self, order: dict[str, Any], take: Side) -> None:
        """A person says whose word about an order's state holds."""
        asked, at = self.open_conflicts()[order["id"]], self.context.clock()
        with self.context.store.write() as connection:
            conflicts.resolve(connection, asked.id, take, None, "somebody", at)
            inbox.put(connection, [Arrival("order", Side.CRM, order["id"], "resolved")], at)

    def _ship(self, sale: dict[str, Any]) -> None:
        self.erp.create("shipments", order_id=sale["id"], carrier="DHL", tracking=f"JD{sale['id']:06d}")

    def _ship_a_part(self, sale: dict[str, Any]) -> None:
        line = {"order_line_id": sale["lines"][0]["id"], "qty": "3"}
        self.erp.create("shipments", order_id=sale["id"], lines=[line])

    def _bill(self, sale: dict[str, Any]) -> None:
        made = self.erp.create("invoices", order_id=sale["id"])
        self.erp.call("POST", f"invoices/{made['id']}/post", json={})

    def _pay(self, sale: dict[str, Any]) -> None:
        for bill in self.erp.listed("invoices", order_id=sale["id"]):
            self.erp.create("payments", invoice_id=bill["id"], amount=bill["amount_open"])


@contextmanager
def trading(folder: Path, *options: str) -> Iterator[Trade]:
    """Both systems with two warehouses and a customer, and the connector between them."""
    with running(folder, "", *options) as systems:
        for place in ("MAIN", "NORTH"):
            systems.erp.create("warehouses", code=place, name=place)
        account = systems.crm.create("accounts", name="Buyer GmbH", email="buyer@cash.example", currency="EUR")
        config = systems.write_config(folder)
        context = build(load_settings(config, {}))
        try:
            sync(context)
            (partner,) = systems.erp.listed("partners", email="buyer@cash.example")
            yield Trade(systems, context, account["id"], partner["id"], config)
        finally:
            for system in context.systems.values():
                system.adapter.close()
            context.store.close()
