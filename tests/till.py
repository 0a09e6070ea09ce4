"""What an order's money does, by one seed: goods leave in parts, are billed, paid in parts, given back and credited."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

from tests import witness
from tests.trade import Trade

Body = dict[str, Any]
PRICES = {"EUR": "33.335", "JPY": "333"}
SIGNS = {"invoice": 1, "credit_note": -1}


class Till:
    """Two orders, one in euros and one in yen, and everything that can follow them."""

    def __init__(self, trade: Trade, item: Body, seed: int) -> None:
        self.trade, self.chance = trade, Random(seed)  # noqa: S311 -- a story can be told again
        self.item = item
        self.account = trade.crm.create("accounts", name=f"Till {seed}", email=f"till-{seed}@cash.example")["id"]
        trade.sync("customer")
        (partner,) = trade.erp.listed("partners", email=f"till-{seed}@cash.example")
        self.partner = partner["id"]
        self.sales = [self._sale(currency)["id"] for currency in PRICES]

    def _sale(self, currency: str) -> Body:
        line = {"item_id": self.item["id"], "qty": "9", "price_unit": PRICES[currency], "discount": "7.5"}
        values = {"partner_id": self.partner, "currency_code": currency, "lines": [line]}
        return self.trade.do(self.trade.erp.create("sales_orders", **values), "confirm")

    def step(self) -> None:
        """The next thing that somebody does, of what is possible."""
        deeds = (self.ship, self.ship, self.bill, self.pay, self.pay, self.credit, self.take_back, self.drop)
        for deed in self.chance.sample(deeds, len(deeds)):
            if deed(self.chance.choice(self.sales)):
                return

    def ship(self, sale: int) -> bool:
        order = self.trade.erp.read("sales_orders", str(sale))
        line = order["lines"][0]
        left = Decimal(line["qty"]) - Decimal(line["qty_shipped"])
        if order["state"] not in ("confirmed", "partially_shipped"):
            return False
        named = {"order_line_id": line["id"], "qty": str(min(left, self.chance.randint(1, 5)))}
        self.trade.erp.create("shipments", order_id=sale, lines=[named])
        return True

    def bill(self, sale: int) -> bool:
        line = self.trade.erp.read("sales_orders", str(sale))["lines"][0]
        if Decimal(line["qty_shipped"]) <= Decimal(line["qty_invoiced"]):
            return False
        self._post(order_id=sale)
        return True

    def pay(self, sale: int) -> bool:
        """A part of an invoice or all of it, or money back for a credit note."""
        unpaid = [one for one in self.invoices(sale) if Decimal(one["amount_open"])]
        for one in self.chance.sample(unpaid, min(1, len(unpaid))):
            still_open = Decimal(one["amount_open"])
            part = (still_open / self.chance.choice((1, 1, 3))).quantize(Decimal(1)) or still_open
            self.trade.erp.create("payments", invoice_id=one["id"], amount=str(min(part, still_open)))
        return bool(unpaid)

    def credit(self, sale: int) -> bool:
        """One piece of an invoice that was not credited yet."""
        bills = [one for one in self.invoices(sale) if one["kind"] == "invoice"]
        credited = {one["credits_id"] for one in self.invoices(sale)}
        for one in [bill for bill in bills if bill["id"] not in credited][:1]:
            kept = {name: one["lines"][0][name] for name in ("item_id", "price_unit", "discount")}
            self._post(kind="credit_note", credits_id=one["id"], lines=[{**kept, "qty": "1"}])
            return True
        return False

    def take_back(self, sale: int) -> bool:
        line = self.trade.erp.read("sales_orders", str(sale))["lines"][0]
        if Decimal(line["qty_shipped"]) < 1 or self.trade.erp.listed("returns", order_id=sale):
            return False
        named = {"order_line_id": line["id"], "qty": "1"}
        back = self.trade.erp.create("returns", order_id=sale, reason="too many", lines=[named])
        self.trade.erp.call("POST", f"returns/{back['id']}/receive", json={})
        return True

    def drop(self, sale: int) -> bool:
        order = self.trade.erp.read("sales_orders", str(sale))
        if order["state"] != "partially_shipped":
            return False
        self.trade.do(order, "drop_rest")
        return True

    def invoices(self, sale: int) -> list[Body]:
        """What was posted for an order."""
        found = self.trade.erp.listed("invoices", order_id=sale)
        return [one for one in found if one["state"] in ("posted", "paid")]

    def _post(self, **values: Any) -> None:
        made = self.trade.erp.create("invoices", **values)
        self.trade.erp.call("POST", f"invoices/{made['id']}/post", json={})


def books(till: Till) -> tuple[Counter[Any], Counter[Any]]:
    """Everything that each side says about one customer's money and goods, in one spelling."""
    return _crm(till), _erp(till)


def _crm(till: Till) -> Counter[Any]:
    def every(collection: str) -> list[Body]:
        return till.trade.crm.listed(collection, accountId=till.account, limit=500)

    numbers = {one["id"]: one["erpOrderNumber"] for one in every("orders")}
    bills = {one["id"]: one["invoiceNumber"] for one in every("invoices")}
    told: Counter[Any] = Counter((one["erpOrderNumber"], one["stage"]) for one in every("orders"))
    amounts = ("grandTotal", "amountPaid", "amountCredited", "amountOpen")
    told.update((one["invoiceNumber"], one["status"], *_exact(one, amounts)) for one in every("invoices"))
    told.update((one["paymentNumber"], bills[one["invoiceId"]], *_exact(one, ("amount",))) for one in every("payments"))
    for name, number in (("shipments", "shipmentNumber"), ("returns", "returnNumber")):
        told.update((one[number], numbers[one["orderId"]], _pieces(one, "quantity")) for one in every(name))
    told.update((one["currency"], *_exact(one, ("openAmount",))) for one in every("account-balances"))
    return told


def _erp(till: Till) -> Counter[Any]:
    def every(resource: str, **filters: str) -> list[Body]:
        return till.trade.erp.listed(resource, partner_id=till.partner, per_page=500, **filters)

    posted = every("invoices", state="posted,paid")
    numbers, bills = ({one["id"]: one["number"] for one in found} for found in (every("sales_orders"), posted))
    told: Counter[Any] = Counter((one["number"], one["state"].upper()) for one in every("sales_orders"))
    amounts = ("amount_total", "amount_paid", "amount_credited", "amount_open")
    told.update((one["number"], one["state"].upper(), *_exact(one, amounts)) for one in posted)
    told.update((one["number"], bills[one["invoice_id"]], *_exact(one, ("amount",))) for one in every("payments"))
    for name in ("shipments", "returns"):
        told.update((one["number"], numbers[one["order_id"]], _pieces(one, "qty")) for one in every(name))
    # What is owed is counted here, from the documents alone.
    owed: dict[str, Decimal] = {}
    for one in posted:
        moved = SIGNS[one["kind"]] * Decimal(one["amount_open"])
        owed[one["currency_code"]] = owed.get(one["currency_code"], Decimal(0)) + moved
    told.update((currency, witness.number(amount)) for currency, amount in owed.items())
    return told


def _exact(record: Body, names: tuple[str, ...]) -> tuple[Decimal | None, ...]:
    return tuple(witness.number(record[name]) for name in names)


def _pieces(document: Body, name: str) -> Decimal:
    return sum((Decimal(str(line[name])) for line in document["lines"]), Decimal(0)).normalize()
