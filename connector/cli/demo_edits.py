"""What people do in the demo between two syncs, each in their own system, and what became of it on the other side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from connector.cli.demo_check import number
from connector.cli.demo_systems import Row, Town

STREETS = {"crm": "Hafenpromenade 12", "erp": "Am Speicher 3"}
"""The two addresses that one customer is given at the same time."""

RECEIVED, SAMPLES = 40, -3
MAIN = "MAIN"
_LONGEST = 28


class Sight(NamedTuple):
    """What the other system shows now, and whether that is what ought to have become of the edit."""

    shows: str
    as_expected: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing somebody did, where, and how to see what became of it."""

    what: str
    where: str
    look: Callable[[], Sight]


class Casting(NamedTuple):
    """Customers that are on both sides: account and partner, each used for one edit only."""

    pairs: Iterator[tuple[Row, Row]]
    products: Iterator[tuple[Row, Row]]
    contact: Row
    """Somebody whom no order and no customer refers to."""


class Day(NamedTuple):
    """Everything people did, and the records that the rest of the demo comes back to."""

    edits: list[Edit]
    contested: Row
    duplicate: Row


def spend_day(town: Town) -> Day:
    """Let people work in both systems for a day."""
    cast = _cast(town)
    contested, duplicate = next(cast.pairs), next(cast.pairs)
    typed = _type_again(town, duplicate)
    edits = [
        _phone(town, next(cast.pairs)),
        _credit(town, next(cast.pairs)),
        _address(town, contested),
        _order(town, next(cast.pairs), next(cast.products)),
        _counter_sale(town, next(cast.pairs), next(cast.products)),
        _receipt(town, next(cast.products)),
        _samples(town, next(cast.products)),
        _duplicate(town, duplicate, typed),
        _departure(town, cast.contact),
    ]
    return Day(edits, contested[0], typed)


def _cast(town: Town) -> Casting:
    """Customers in euros with a VAT id of their own, and products in stock, that both systems know."""
    partners = {row["code"]: row for row in town.erp.all("partners", is_company="true", active="true")}
    accounts = town.crm.all("accounts", currency="EUR", status="ACTIVE")
    pairs = [(row, partners[row["erpNumber"]]) for row in accounts if row["erpNumber"] in partners and row["vatId"]]
    items = {row["code"]: row for row in town.erp.all("items", active="true")}
    products = [(row, items[row["productCode"]]) for row in town.crm.all("products") if row["productCode"] in items]
    return Casting(iter(pairs), iter(products), _idle_contact(town, {account["id"] for account, _ in pairs}))


def _idle_contact(town: Town, employers: set[str]) -> Row:
    busy = {order["contactId"] for order in town.crm.all("orders")}
    busy |= {account["primaryContactId"] for account in town.crm.all("accounts")}

    def is_idle(row: Row) -> bool:
        return row["id"] not in busy and row["accountId"] in employers and bool(row["email"])

    return next(filter(is_idle, town.crm.all("contacts", status="ACTIVE")))


def _phone(town: Town, pair: tuple[Row, Row]) -> Edit:
    account, partner = pair
    town.crm.change("accounts", account, phone="+49 40 / 3190-2255")

    def look() -> Sight:
        now = town.erp.read("partners", partner["id"])
        return Sight(f"phone {now['phone']}", now["phone"] == "+494031902255")

    return Edit(f"{name(account)}: phone is now +49 40 / 3190-2255", "CRM", look)


def _credit(town: Town, pair: tuple[Row, Row]) -> Edit:
    account, partner = pair
    new = number(partner["credit_limit"]) + 2500
    town.erp.change("partners", partner, credit_limit=f"{new:.2f}")

    def look() -> Sight:
        now = town.crm.read("accounts", account["id"])
        return Sight(f"credit limit {number(now['creditLimit']):,.2f}", number(now["creditLimit"]) == new)

    return Edit(f"{name(account)}: credit limit raised to {new:,.2f}", "ERP", look)


def _address(town: Town, pair: tuple[Row, Row]) -> Edit:
    account, partner = pair
    town.crm.change("accounts", account, billingAddress={**account["billingAddress"], "street": STREETS["crm"]})
    town.erp.change("partners", partner, street=STREETS["erp"])

    def look() -> Sight:
        ours = town.crm.read("accounts", account["id"])["billingAddress"]["street"]
        theirs = town.erp.read("partners", partner["id"])["street"]
        kept = (ours, theirs) == (STREETS["crm"], STREETS["erp"])
        return Sight("nothing was overwritten: a conflict is open" if kept else f"{ours} and {theirs}", kept)

    return Edit(f"{name(account)}: moved to {STREETS['crm']} (CRM), to {STREETS['erp']} (ERP)", "both", look)


def _order(town: Town, pair: tuple[Row, Row], product: tuple[Row, Row]) -> Edit:
    account, goods = pair[0], product[0]
    line = {"productId": goods["id"], "description": goods["name"], "quantity": 3, "unitPrice": 33.33}
    order = town.crm.create(
        "orders",
        accountId=account["id"],
        orderDate=town.crm.today,
        currency="EUR",
        customerReference="by telephone",
        lines=[{**line, "discountPercent": 7.5}, {**line, "quantity": 12, "unitPrice": 19.99}],
    )
    town.crm.change("orders", order, stage="SUBMITTED")

    def look() -> Sight:
        sales = town.erp.all("sales_orders", origin=order["orderNumber"])
        total = number(town.crm.read("orders", order["id"])["grandTotal"])
        fine = len(sales) == 1 and number(sales[0]["amount_total"]) == total
        shows = ", ".join(f"{sale['number']} is {sale['state']}, total {sale['amount_total']}" for sale in sales)
        return Sight(f"{shows or 'nothing'}; back in the CRM: {total:.2f}", fine)

    return Edit(f"{name(account)}: order {order['orderNumber']} submitted, two lines", "CRM", look)


def _counter_sale(town: Town, pair: tuple[Row, Row], product: tuple[Row, Row]) -> Edit:
    partner, item = pair[1], product[1]
    line = {"item_id": item["id"], "name": item["name"], "qty": "2.000", "price_unit": "0.3333", "discount": "0.00"}
    values = {"partner_id": partner["id"], "date_order": town.crm.today, "currency_code": "EUR"}
    sale = town.erp.act("sales_orders", town.erp.create("sales_orders", **values, lines=[line]), "confirm")

    def look() -> Sight:
        orders = town.crm.all("orders", erpOrderNumber=sale["number"])
        fine = [(one["stage"], number(one["grandTotal"])) for one in orders]
        shows = ", ".join(
            f"order {one['orderNumber']} is {one['stage']}, total {number(one['grandTotal']):.2f}" for one in orders
        )
        return Sight(shows or "nothing", fine == [("CONFIRMED", number(sale["amount_total"]))])

    return Edit(f"{name(pair[0])}: counter sale {sale['number']} over {sale['amount_total']}", "ERP", look)


def _receipt(town: Town, product: tuple[Row, Row]) -> Edit:
    item = product[1]
    before = _on_hand(town, item["code"])
    values = {"item_id": item["id"], "warehouse_code": MAIN, "qty": f"{RECEIVED}.000"}
    town.erp.act(
        "purchase_orders", town.erp.create("purchase_orders", **values, expected_date=town.crm.today), "receive"
    )
    return Edit(f"{item['code']}: {RECEIVED} pieces received in {MAIN}", "ERP", _level(town, item, before, RECEIVED))


def _samples(town: Town, product: tuple[Row, Row]) -> Edit:
    goods, item = product
    before = _on_hand(town, item["code"])
    values = {"productId": goods["id"], "warehouse": MAIN, "quantity": SAMPLES, "reason": "SAMPLE"}
    made = town.crm.create("stock-adjustments", **values, note="given away at the fair", adjustedOn=town.crm.today)

    def look() -> Sight:
        document = town.crm.read("stock-adjustments", made["id"])["erpDocument"]
        moves = town.erp.all("stock_moves", item_id=item["id"], kind="adjustment", number=document or "-")
        level = _level(town, item, before, SAMPLES)()
        posted = [number(move["quantity"]) for move in moves] == [SAMPLES]
        return Sight(f"posted as {document or 'nothing'}; {level.shows}", posted and level.as_expected)

    return Edit(f"{item['code']}: {-SAMPLES} given away as samples from {MAIN}", "CRM", look)


def _level(town: Town, item: Row, before: Decimal, moved: int) -> Callable[[], Sight]:
    def look() -> Sight:
        levels = town.crm.all("stock-levels", productCode=item["code"], warehouse=MAIN)
        held = _on_hand(town, item["code"])
        shown = [number(level["onHand"]) for level in levels]
        fine = shown == [held] == [before + moved]
        return Sight(f"CRM's stock {pieces(before)} -> {', '.join(map(pieces, shown)) or 'nothing'}", fine)

    return look


def _on_hand(town: Town, code: str) -> Decimal:
    levels = town.erp.all("stock_levels", item_code=code, warehouse_code=MAIN)
    return sum((number(level["on_hand"]) for level in levels), Decimal(0))


def _type_again(town: Town, pair: tuple[Row, Row]) -> Row:
    """A customer typed in once more by somebody who did not look first."""
    account = pair[0]
    copied: dict[str, Any] = {key: account[key] for key in ("vatId", "currency", "billingAddress")}
    return town.crm.create("accounts", name=f"{account['name'].strip().upper()} (new)", **copied)


def _duplicate(town: Town, pair: tuple[Row, Row], typed: Row) -> Edit:
    def look() -> Sight:
        partners = town.erp.all("partners", is_company="true", vat=pair[1]["vat"])
        return Sight(f"still {len(partners)} customer with that VAT id: a person must decide", len(partners) == 1)

    return Edit(f"{name(pair[0])}: typed in a second time, as {typed['id']}", "CRM", look)


def _departure(town: Town, contact: Row) -> Edit:
    town.crm.delete("contacts", contact["id"])

    def look() -> Sight:
        found = town.erp.all("partners", is_company="false", email=contact["email"])
        archived = bool(found) and not any(person["active"] for person in found)
        return Sight("archived, kept for its documents" if archived else f"{len(found)} found", archived)

    return Edit(f"contact {contact['firstName']} {contact['lastName']} deleted", "CRM", look)


def name(account: Row) -> str:
    """A customer's name, short enough for a table."""
    text = " ".join(str(account["name"]).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def pieces(quantity: Decimal) -> str:
    """A quantity without zeros at its end."""
    return f"{quantity.normalize():,f}"
