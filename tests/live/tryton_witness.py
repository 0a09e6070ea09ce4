"""An independent reader of Tryton and the reference CRM: what each says, in one spelling, to be compared."""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.live.tryton_person import Person
from tests.systems import System
from tests.witness import every

TERMS = {"IMMEDIATE": "Upon Receipt", "NET_14": "Net 14 days", "NET_30": "Net 30 days", "NET_60": "Net 60 days"}
STAGES = {"draft": "SUBMITTED", "quotation": "SUBMITTED", "confirmed": "CONFIRMED", "processing": "CONFIRMED"}
ADDRESS = ("street", "postal_code", "city", "country.code", "invoice", "delivery", "active")
Fact = tuple[Any, ...]
Facts = Counter[Fact]


def accounts(crm: System) -> Facts:
    """What the CRM says of its customers; the ERP's own number tells them apart."""
    found: Facts = Counter()
    for each in every(crm, "accounts").values():
        billing, shipping = each.get("billingAddress") or {}, each.get("shippingAddress") or {}
        names = ("street", "postalCode", "city", "country")
        places = (*(billing.get(name) for name in names), *(shipping.get(name) for name in names))
        plain = (each.get("erpNumber"), each["name"], each.get("email"), each.get("phone"), each.get("website"))
        found[*plain, TERMS.get(each.get("paymentTerms")), each["status"] == "ACTIVE", *places] += 1
    return found


def parties(erp: Person) -> Facts:
    """What Tryton says of its customers."""
    fields = ["name", "code", "active", "customer_payment_term.name", "contact_mechanisms.active"]
    fields += ["contact_mechanisms.type", "contact_mechanisms.value", *(f"addresses.{each}" for each in ADDRESS)]
    found: Facts = Counter()
    for each in erp.listed("party.party", fields, ["categories.name", "=", "Customer"]):
        known = {way["type"]: way["value"] for way in reversed(each["contact_mechanisms."]) if way["active"]}
        term = each["customer_payment_term."]
        plain = (each["code"], each["name"], known.get("email"), known.get("phone"), known.get("website"))
        found[*plain, term["name"] if term else None, bool(each["active"]), *_places(each["addresses."])] += 1
    return found


def _places(addresses: list[dict[str, Any]]) -> Fact:
    known = [each for each in addresses if each["active"]]
    billing = next((each for each in known if not each["delivery"]), None)
    shipping = next((each for each in known if each["delivery"]), None)
    return (*_place(billing), *_place(shipping))


def _place(address: dict[str, Any] | None) -> Fact:
    if address is None:
        return (None,) * 4
    country = address["country."]
    return (*(address[name] or None for name in ADDRESS[:3]), country["code"] if country else None)


def contacts(crm: System) -> Facts:
    """What the CRM says of its customers' people."""
    names = {each["id"]: each["name"] for each in every(crm, "accounts").values()}
    people = every(crm, "contacts").values()
    return Counter((each["lastName"], each["firstName"], each["email"], names[each["accountId"]]) for each in people)


def people(erp: Person) -> Facts:
    """What Tryton says of them."""
    fields = ["name", "email", "relations.type.name", "relations.to.name"]
    found: Facts = Counter()
    for each in erp.listed("party.party", fields, ["categories.name", "=", "Contact"]):
        last, first = each["name"].split(", ")
        (company,) = [one["to."]["name"] for one in each["relations."] if one["type."]["name"] == "Works for"]
        found[last, first, each["email"], company] += 1
    return found


def orders(crm: System) -> Facts:
    """What the CRM says of its orders: number, state, amounts and lines."""
    codes = {each["id"]: each["productCode"] for each in every(crm, "products").values()}
    found: Facts = Counter()
    for each in every(crm, "orders").values():
        lines = sorted(
            (codes[line["productId"]], _exact(line["quantity"]), _exact(line["unitPrice"])) for line in each["lines"]
        )
        amounts = tuple(_exact(each.get(name)) for name in ("subtotal", "taxTotal", "grandTotal"))
        found[each["orderNumber"], each.get("erpOrderNumber"), each["stage"], amounts, tuple(lines)] += 1
    return found


def sales(erp: Person) -> Facts:
    """What Tryton says of its sales."""
    amounts = ["untaxed_amount", "tax_amount", "total_amount"]
    fields = [
        "reference",
        "number",
        "state",
        "shipment_state",
        "invoice_state",
        *amounts,
        "lines.product.code",
        "lines.quantity",
        "lines.unit_price",
    ]
    found: Facts = Counter()
    for each in erp.listed("sale.sale", fields):
        lines = sorted(
            (line["product."]["code"], _exact(line["quantity"]), _exact(line["unit_price"])) for line in each["lines."]
        )
        told = tuple(_exact(each[name]) for name in amounts)
        found[each["reference"], each["number"], _stage(each), told, tuple(lines)] += 1
    return found


def _stage(sale: dict[str, Any]) -> str:
    if sale["invoice_state"] == "paid":
        return "PAID"
    return "SHIPPED" if sale["shipment_state"] == "sent" else STAGES[sale["state"]]


def crm_stock(crm: System) -> Facts:
    """What the CRM shows as lying in each warehouse."""
    rows = every(crm, "stock-levels").values()
    return Counter((each["productCode"], each["warehouse"], _exact(each["onHand"])) for each in rows)


def erp_stock(erp: Person) -> Facts:
    """What Tryton counts there."""
    found: Facts = Counter()
    today = erp.do("ir.date", "today")
    salable = [each["id"] for each in erp.listed("product.product", ["id"], ["template.salable", "=", True])]
    for place in erp.listed("stock.location", ["code"], ["type", "=", "warehouse"]):
        where = {"locations": [place["id"]], "stock_date_end": today}
        for each in erp.do("product.product", "read", salable, ["code", "quantity"], **where):
            found[each["code"], place["code"], _exact(each["quantity"])] += 1
    return found


def _exact(value: Any) -> Decimal | None:
    if isinstance(value, dict):
        value = value["decimal"]
    return None if value is None else Decimal(str(value)).normalize()
