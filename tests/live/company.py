"""A company that sells through the reference CRM and runs on Odoo, and an independent witness of both.

The witness reads both systems' own APIs and shares no code with the connector.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.live.odoo import Odoo
from tests.systems import System
from tests.witness import Testimony, compare, every, number

Body = dict[str, Any]
Fact = tuple[Any, ...]

PERCENT = int(os.environ.get("CONNECTOR_LIVE_PERCENT", "100"))
"""How much of the company there is; ten percent will do while one works on an adapter."""
CUSTOMERS, CONTACTS, PRODUCTS, ORDERS = (PERCENT * count // 100 for count in (1000, 100, 300, 500))
LINES = 3
BUYERS = CUSTOMERS * 2 // 5
"""Only the first so many customers order something, so that others can be deleted."""
WAREHOUSES = ("WH", "NORTH", "SOUTH")
TERMS = {"IMMEDIATE": "Immediate Payment", "NET_14": "14 Days", "NET_30": "30 Days", "NET_60": "60 Days"}
STATES = {"SUBMITTED": "draft", "CONFIRMED": "sale", "PAID": "sale", "CANCELLED": "cancel"}
CHUNK = 100


class Company(NamedTuple):
    """Both systems."""

    crm: System
    odoo: Odoo


def found(company: Company) -> None:
    """Fill both with what they held before they met: products on both sides, stock here, customers and orders there."""
    _stock(company.odoo, _products(company.odoo))
    goods = _enter(company.crm, "products", [_product(place) for place in range(PRODUCTS)])
    accounts = _enter(company.crm, "accounts", [_account(place) for place in range(CUSTOMERS)])
    _enter(company.crm, "contacts", [_contact(place, accounts[place]) for place in range(CONTACTS)])
    _enter(company.crm, "orders", [_order(place, accounts, goods) for place in range(ORDERS)])


def _enter(crm: System, collection: str, records: list[Body]) -> list[str]:
    """Somebody imports records into the CRM."""
    ids: list[str] = []
    for start in range(0, len(records), CHUNK):
        operations = [{"op": "create", "record": record} for record in records[start : start + CHUNK]]
        results = crm.call("POST", f"{collection}/batch", json={"operations": operations})["results"]
        assert [each for each in results if each["status"] >= 400] == []
        ids += [each["id"] for each in results]
    return ids


def _products(odoo: Odoo) -> list[int]:
    rows = [
        {"name": f"Product {place}", "default_code": _code(place), "list_price": 5 + place / 4, "is_storable": True}
        for place in range(PRODUCTS)
    ]
    return odoo.create("product.product", *rows)


def _stock(odoo: Odoo, products: list[int]) -> None:
    """Three warehouses with something of everything."""
    odoo.create("stock.warehouse", *({"name": code.title(), "code": code} for code in WAREHOUSES[1:]))
    shelves = {row["code"]: row["lot_stock_id"][0] for row in odoo.listed("stock.warehouse", ["code", "lot_stock_id"])}
    for place, code in enumerate(WAREHOUSES):
        rows = [
            {"product_id": product, "location_id": shelves[code], "inventory_quantity": 1 + (7 * at + place) % 50}
            for at, product in enumerate(products)
        ]
        quants = odoo.create("stock.quant", *rows, inventory_mode=True)
        odoo.call("stock.quant", "action_apply_inventory", ids=quants)


def _code(place: int) -> str:
    return f"P-{place:04}"


def _product(place: int) -> Body:
    return {"productCode": _code(place), "name": f"Product {place}", "unit": "PIECE", "currency": "USD"}


def _account(place: int) -> Body:
    address = {"street": f"{place} Long Road", "postalCode": f"{10000 + place}", "city": "Ulm", "country": "DE"}
    return {
        "name": f"Customer {place} GmbH & Söhne",
        "email": f"office@customer-{place}.example",
        "phone": f"+49 731 {100000 + place}",
        "website": f"customer-{place}.example",
        "paymentTerms": list(TERMS)[place % len(TERMS)],
        "notes": f"First line of {place}\nand <second> one",
        "billingAddress": address,
    }


def _contact(place: int, account: str) -> Body:
    names = {"firstName": "Anna Maria", "lastName": f"van der Berg-{place}"}
    return {"accountId": account, **names, "email": f"anna@customer-{place}.example", "jobTitle": "Buyer"}


def _order(place: int, accounts: list[str], goods: list[str]) -> Body:
    lines = [
        {
            "productId": goods[(place * LINES + line) % len(goods)],
            "quantity": 1 + line,
            "unitPrice": 10.05 + line + place / 100,
            "discountPercent": 5 * line,
        }
        for line in range(LINES)
    ]
    return {
        "orderNumber": f"SO-{place:05}",
        "accountId": accounts[place % BUYERS],
        "orderDate": "2026-11-20",
        "currency": "USD",
        "stage": "SUBMITTED",
        "customerReference": f"PO {place}",
        "lines": lines,
    }


def customers(company: Company) -> Testimony:
    """All customers of the CRM that are in use against all companies of Odoo that are."""
    ours = [_crm_customer(each) for each in every(company.crm, "accounts").values() if each["status"] == "ACTIVE"]
    fields = ["name", "email", "phone", "street", "zip", "city", "country_code", "property_payment_term_id"]
    domain = (["is_company", "=", True], ["ref_company_ids", "=", False], ["active", "=", True])
    theirs = company.odoo.listed("res.partner", fields, *domain)
    return compare(ours, [_odoo_customer(each) for each in theirs])


def _crm_customer(account: Body) -> Fact:
    address = account.get("billingAddress") or {}
    where = (address.get(name) for name in ("street", "postalCode", "city", "country"))
    said = (account.get(name) for name in ("name", "email", "phone"))
    return (*said, *where, TERMS.get(account.get("paymentTerms") or ""))


def _odoo_customer(partner: Body) -> Fact:
    names = ("name", "email", "phone", "street", "zip", "city", "country_code")
    term = partner["property_payment_term_id"]
    return (*(partner[name] or None for name in names), term[1] if term else None)


def contacts(company: Company) -> Testimony:
    """All people: by name, address, work and employer."""
    accounts = every(company.crm, "accounts")
    ours = [
        (
            f"{each['firstName']} {each['lastName']}",
            each["email"],
            each["jobTitle"],
            accounts[each["accountId"]]["name"],
        )
        for each in every(company.crm, "contacts").values()
    ]
    theirs = company.odoo.listed(
        "res.partner", ["name", "email", "function", "parent_name"], ["parent_id", "!=", False]
    )
    return compare(ours, [(each["name"], each["email"], each["function"], each["parent_name"]) for each in theirs])


def products(company: Company) -> Testimony:
    """All products: what they are called, cost, and whether they are sold."""
    ours = [
        (each["productCode"], each["name"], number(each.get("price")), each["status"] == "ACTIVE")
        for each in every(company.crm, "products").values()
    ]
    rows = company.odoo.listed("product.product", ["default_code", "name", "list_price", "active"])
    return compare(ours, [(r["default_code"], r["name"], number(r["list_price"]), r["active"]) for r in rows])


def stock(company: Company) -> Testimony:
    """The CRM's stock view against the sum of Odoo's quants, product by product and warehouse by warehouse."""
    ours = [
        (each["productCode"], each["warehouse"], number(each["onHand"]), number(each["reserved"]))
        for each in every(company.crm, "stock-levels").values()
    ]
    return compare([row for row in ours if row[2] or row[3]], list(_odoo_stock(company.odoo)))


def _odoo_stock(odoo: Odoo) -> Iterator[Fact]:
    codes = {each["id"]: each["default_code"] for each in odoo.listed("product.product", ["default_code"])}
    houses = {each["id"]: each["code"] for each in odoo.listed("stock.warehouse", ["code"])}
    held: Counter[Fact] = Counter()
    reserved: Counter[Fact] = Counter()
    fields = ["product_id", "warehouse_id", "quantity", "reserved_quantity"]
    for row in odoo.listed("stock.quant", fields, ["location_id.usage", "=", "internal"]):
        place = (codes[row["product_id"][0]], houses[row["warehouse_id"][0]])
        held[place] += row["quantity"]
        reserved[place] += row["reserved_quantity"]
    for place, quantity in held.items():
        if quantity or reserved[place]:
            yield (*place, number(quantity), number(reserved[place]))


def orders(company: Company) -> Testimony:
    """All orders, line by line and to the cent."""
    accounts, goods = every(company.crm, "accounts"), every(company.crm, "products")
    ours = [_crm_order(each, accounts, goods) for each in every(company.crm, "orders").values()]
    return compare(ours, list(_odoo_orders(company.odoo)))


def _crm_order(order: Body, accounts: dict[Any, Body], goods: dict[Any, Body]) -> Fact:
    lines = tuple(
        (
            goods[line["productId"]]["productCode"],
            number(line["quantity"]),
            number(line["unitPrice"]),
            number(line.get("discountPercent") or 0),
        )
        for line in order["lines"]
    )
    head = (order["orderNumber"], order.get("erpOrderNumber"), accounts[order["accountId"]]["name"])
    totals = (number(order.get(name)) for name in ("subtotal", "taxTotal", "grandTotal"))
    return (*head, STATES[order["stage"]], order.get("customerReference"), lines, *totals)


def _odoo_orders(odoo: Odoo) -> Iterator[Fact]:
    codes = {each["id"]: each["default_code"] for each in odoo.listed("product.product", ["default_code"])}
    names = {each["id"]: each["name"] for each in odoo.listed("res.partner", ["name"])}
    lines: dict[int, list[Fact]] = {}
    fields = ["order_id", "product_id", "product_uom_qty", "price_unit", "discount"]
    for row in odoo.listed("sale.order.line", fields):
        said = (codes[row["product_id"][0]], *(number(row[name]) for name in fields[2:]))
        lines.setdefault(row["order_id"][0], []).append(said)
    totals = ["amount_untaxed", "amount_tax", "amount_total"]
    for row in odoo.listed("sale.order", ["name", "origin", "partner_id", "state", "client_order_ref", *totals]):
        head = (row["origin"], row["name"], names[row["partner_id"][0]], row["state"], row["client_order_ref"] or None)
        yield (*head, tuple(lines[row["id"]]), *(number(row[name]) for name in totals))
