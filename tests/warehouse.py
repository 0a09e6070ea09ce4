"""What people do with goods in both systems, by one seed, and a tally of them that asks neither system."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from tests.trade import Trade

Body = dict[str, Any]
OPEN = ("confirmed", "partially_shipped")


class Life:
    """Two goods of which one is made of the other, and something that is not sold before it is there."""

    def __init__(self, trade: Trade, seed: int) -> None:
        self.trade, self.chance = trade, Random(seed)  # noqa: S311 -- a life can be lived again
        self.goods = [trade.item("0") for _ in range(2)]
        self.rare = trade.item("2", backorder=False)
        self.tally: dict[int, Decimal] = defaultdict(Decimal, {self.rare["id"]: Decimal(2)})
        self.orders: list[Body] = []
        trade.erp.create("boms", item_id=self.goods[0]["id"], lines=[{"item_id": self.goods[1]["id"], "qty": "1"}])
        trade.sync("product", "stock")

    def live(self) -> None:
        """One thing that somebody does."""
        front = (self.order, self.order, self.count, self.count, self.want_back, self.give_in)
        back = (self.confirm, self.confirm, self.ship, self.ship, self.sell, self.decide)
        stock = (self.buy, self.receive, self.plan, self.finish, self.give_up, self.take_back)
        deeds: list[Callable[[], None]] = [*front, *back, *stock]
        self.chance.choice(deeds)()

    def promised(self, item: Body) -> Decimal:
        """What is kept of an item, counted from the documents alone."""
        sales = self._documents("sales_orders", "confirmed", "partially_shipped", "cancel_requested")
        sold = [
            Decimal(line["qty"]) - Decimal(line["qty_shipped"])
            for sale in sales
            for line in sale["lines"]
            if line["item_id"] == item["id"] and (sale["state"] in OPEN or sale["state_before"] in OPEN)
        ]
        made = (
            Decimal(one["qty"])
            for one in self._documents("production_orders", "planned")
            if one["item_id"] == self.goods[0]["id"] and item is self.goods[1]
        )
        return sum((*sold, *made), Decimal(0))

    def order(self) -> None:
        item = self.chance.choice([*self.goods, self.rare])
        self.orders.append(self.trade.submit(item, quantity=self.chance.randint(1, 2), price=1))

    def sell(self) -> None:
        """Somebody at the counter sells without the CRM."""
        self.trade.sell(self.chance.choice([*self.goods, self.rare]), str(self.chance.randint(1, 2)))

    def count(self) -> None:
        """Sales takes something back, or gives away a sample."""
        item, moved = self.chance.choice(self.goods), self.chance.choice((-1, 1, 3, 5))
        values = {"productId": self.trade.product(item), "warehouse": "MAIN", "quantity": moved}
        self.trade.crm.create("stock-adjustments", **values, reason="SAMPLE" if moved < 0 else "RETURN")
        self.tally[item["id"]] += moved

    def give_in(self) -> None:
        """A customer sends something in, which goes back to the shelf: told at the counter, not in the CRM."""
        item = self.chance.choice(self.goods)
        named = {"partner_id": self.trade.partner, "item_id": item["id"], "subject": "Too many", "kind": "return"}
        made = self.trade.erp.create("service_orders", **named, outcome="restocked")
        for action in ("receive", "finish"):
            self.trade.erp.call("POST", f"service_orders/{made['id']}/{action}", json={})
        self.tally[item["id"]] += 1

    def buy(self) -> None:
        item = self.chance.choice([*self.goods, self.rare])
        self.trade.erp.create("purchase_orders", item_id=item["id"], warehouse_code="MAIN", qty="4")

    def receive(self) -> None:
        """A part of what was bought arrives."""
        for one in self._documents("purchase_orders", "open")[:1]:
            left = Decimal(one["qty"]) - Decimal(one["qty_received"])
            come = min(left, Decimal(3))
            self.trade.erp.call("POST", f"purchase_orders/{one['id']}/receive", json={"qty": int(come)})
            self.tally[one["item_id"]] += come

    def plan(self) -> None:
        values = {"item_id": self.goods[0]["id"], "warehouse_code": "MAIN", "qty": "1"}
        self.trade.erp.create("production_orders", **values)

    def finish(self) -> None:
        made, part = self.goods
        for one in self._documents("production_orders", "planned")[:1]:
            if self._held(part) >= 1:
                self.trade.erp.call("POST", f"production_orders/{one['id']}/finish", json={})
                self.tally[made["id"]] += 1
                self.tally[part["id"]] -= 1

    def give_up(self) -> None:
        for one in self._documents("production_orders", "planned")[1:2]:
            self.trade.erp.call("POST", f"production_orders/{one['id']}/cancel", json={})

    def confirm(self) -> None:
        for sale in self._documents("sales_orders", "draft")[:2]:
            self.trade.do(sale, "confirm")

    def ship(self) -> None:
        for sale in self._documents("sales_orders", *OPEN):
            line = sale["lines"][0]
            if self._held({"id": line["item_id"]}) >= 1:
                lines = [{"order_line_id": line["id"], "qty": "1"}]
                self.trade.erp.create("shipments", order_id=sale["id"], lines=lines)
                self.tally[line["item_id"]] -= 1
                return

    def take_back(self) -> None:
        for sale in self._documents("sales_orders", "shipped")[:1]:
            line = sale["lines"][0]
            lines = [{"order_line_id": line["id"], "qty": "1"}]
            if not self.trade.erp.listed("returns", order_id=sale["id"]):
                back = self.trade.erp.create("returns", order_id=sale["id"], lines=lines)
                self.trade.erp.call("POST", f"returns/{back['id']}/receive", json={})
                self.tally[line["item_id"]] += 1

    def want_back(self) -> None:
        for order in self.chance.sample(self.orders, min(1, len(self.orders))):
            now = self.trade.crm.read("orders", order["id"])
            if now["stage"] in ("CONFIRMED", "ON_HOLD"):
                self.trade.crm.change("orders", order["id"], stage="CANCEL_REQUESTED")

    def decide(self) -> None:
        for sale in self._documents("sales_orders", "cancel_requested")[:1]:
            self.trade.do(sale, self.chance.choice(("cancel", "deny_cancel")))

    def _documents(self, resource: str, *states: str) -> list[Body]:
        """The documents of this life alone in any of these states."""
        found = self.trade.erp.listed(resource, state=",".join(states), per_page=500)
        mine = {item["id"] for item in (*self.goods, self.rare)}
        return [one for one in found if {line["item_id"] for line in one.get("lines", (one,))} <= mine]

    def _held(self, item: Body) -> Decimal:
        levels = self.trade.erp.listed("stock_levels", item_id=item["id"])
        return sum((Decimal(level["on_hand"]) for level in levels), Decimal(0))
