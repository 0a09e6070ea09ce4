"""An independent reader of both systems' own APIs: shares no code with the connector, so it can bear witness."""

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pycountry

from tests.systems import System, Systems

Body = dict[str, Any]
Fact = tuple[Any, ...]

TERMS = {"IMMEDIATE": "0D", "NET_14": "14D", "NET_30": "30D", "NET_60": "60D"}
STATES = {"SUBMITTED": "draft", "CONFIRMED": "confirmed", "CANCELLED": "cancelled"}
REASONS = {"RETURN": "RET", "SAMPLE": "SMP", "COUNT": "CNT", "DAMAGE": "DMG"}


def every(system: System, collection: str, **filters: str) -> dict[Any, Body]:
    """Every living record of a collection, by id, page by page."""
    return _every_crm(system, collection) if system.kind == "crm" else _every_erp(system, collection, filters)


def _every_crm(crm: System, collection: str) -> dict[Any, Body]:
    found: dict[Any, Body] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = crm.call("GET", collection, params={"limit": "500"} | ({"cursor": cursor} if cursor else {}))
        found |= {record["id"]: record for record in page["records"] if not record.get("deleted")}
        cursor = page["nextCursor"]
    return found


def _every_erp(erp: System, resource: str, filters: dict[str, str]) -> dict[Any, Body]:
    found: dict[Any, Body] = {}
    page, items = 0, [{}]
    while items:
        page += 1
        items = erp.call("GET", resource, params={"page": str(page), "per_page": "500", **filters})["items"]
        found |= {record["id"]: record for record in items}
    return found


def number(value: Any) -> Decimal | None:
    """A decimal from a JSON number or text."""
    return None if value is None else Decimal(str(value)).normalize()


def tight(value: Any) -> Any:
    """Text as the ERP keys it: letters and digits only, upper case."""
    return "".join(char for char in value if char.isalnum()).upper() if value else None


def alpha3(code: Any) -> Any:
    """The ERP's country code for the CRM's."""
    found = pycountry.countries.get(alpha_2=code.upper()) if code else None
    return found.alpha_3 if found else None


def cut(value: Any, length: int) -> Any:
    """Text as long as the ERP holds it."""
    return value[:length].strip() if value else None


def crm_customer(account: Body) -> Fact:
    """What an account says, in the ERP's spelling."""
    billing, shipping = account.get("billingAddress") or {}, account.get("shippingAddress") or {}
    return (
        cut(account["name"], 80),
        tight(account.get("vatId")),
        (account.get("email") or "").lower() or None,
        account.get("currency"),
        TERMS.get(account.get("paymentTerms") or ""),
        number(account.get("creditLimit")),
        bool(account.get("creditHold")),
        account.get("status") == "ACTIVE",
        account.get("notes"),
        account.get("erpNumber"),
        *(billing.get(name) for name in ("street", "postalCode", "city")),
        alpha3(billing.get("country")),
        *(shipping.get(name) for name in ("street", "postalCode", "city")),
        alpha3(shipping.get("country")),
    )


def erp_customer(partner: Body) -> Fact:
    """What a partner says."""
    return (
        partner["name"],
        partner.get("vat"),
        partner.get("email"),
        partner.get("currency_code"),
        partner.get("payment_term"),
        number(partner.get("credit_limit")),
        bool(partner.get("on_hold")),
        partner.get("active"),
        partner.get("comment"),
        partner.get("code"),
        *(partner.get(name) for name in ("street", "zip", "city", "country_code")),
        *(partner.get(name) for name in ("ship_street", "ship_zip", "ship_city", "ship_country_code")),
    )


def line_total(quantity: Any, price: Any, discount: Any, currency: str | None) -> Decimal:
    """The documented rule: half up to the currency's minor unit."""
    step = Decimal(1) if currency == "JPY" else Decimal("0.01")
    exact = Decimal(str(quantity)) * Decimal(str(price)) * (1 - Decimal(str(discount or 0)) / 100)
    return exact.quantize(step, ROUND_HALF_UP)


def crm_order(order: Body, customers: dict[str, Body], products: dict[str, Body]) -> Fact:
    """What a CRM order says, with totals added up here from its lines."""
    lines = tuple(
        (
            products[line["productId"]]["productCode"],
            number(line["quantity"]),
            number(line["unitPrice"]),
            number(line.get("discountPercent") or 0),
        )
        for line in order["lines"]
    )
    subtotal = sum(
        (line_total(quantity, price, discount, order.get("currency")) for _, quantity, price, discount in lines),
        Decimal(0),
    )
    assert number(order.get("subtotal")) == subtotal.normalize(), f"{order['id']} does not add up"
    email = (customers[order["accountId"]].get("email") or "").lower()
    return (
        order["orderNumber"],
        order.get("erpOrderNumber"),
        email,
        order.get("currency"),
        STATES[order["stage"]],
        order.get("notes"),
        order.get("customerReference"),
        lines,
        *(number(order.get(name)) for name in ("subtotal", "taxTotal", "grandTotal")),
    )


def erp_order(order: Body, partners: dict[Any, Body], items: dict[Any, Body]) -> Fact:
    """What an ERP order says."""
    lines = tuple(
        (
            items[line["item_id"]]["code"],
            number(line["qty"]),
            number(line["price_unit"]),
            number(line.get("discount") or 0),
        )
        for line in order["lines"]
    )
    return (
        order.get("origin"),
        order["number"],
        partners[order["partner_id"]].get("email") or "",
        order.get("currency_code"),
        order["state"],
        order.get("note"),
        order.get("client_ref"),
        lines,
        *(number(order.get(name)) for name in ("amount_untaxed", "amount_tax", "amount_total")),
    )


@dataclass(frozen=True)
class Testimony:
    """Facts that only one side tells; empty where both tell one story."""

    crm_only: Counter[Fact]
    erp_only: Counter[Fact]

    @property
    def is_one_story(self) -> bool:
        """Whether both sides hold the same facts the same number of times."""
        return not self.crm_only and not self.erp_only


def trimmed(fact: Fact) -> Fact:
    """Blanks around a text mean nothing: the CRM takes them away, the ERP keeps them."""
    return tuple(value.strip() or None if isinstance(value, str) else value for value in fact)


def compare(crm: list[Fact], erp: list[Fact]) -> Testimony:
    """Both sides as multisets: a duplicate or a missing record shows as surely as a differing field."""
    one, other = Counter(map(trimmed, crm)), Counter(map(trimmed, erp))
    return Testimony(one - other, other - one)


def customers(systems: Systems, leave_out: frozenset[str] = frozenset()) -> Testimony:
    """Compare all customers, but for those with the given tight VAT ids (the planted ambiguous ones)."""
    ours = [crm_customer(account) for account in every(systems.crm, "accounts").values()]
    theirs = [erp_customer(partner) for partner in every(systems.erp, "partners", is_company="true").values()]
    return compare(
        [fact for fact in ours if fact[1] not in leave_out], [fact for fact in theirs if fact[1] not in leave_out]
    )


def shared_vat_ids(systems: Systems) -> frozenset[str]:
    """The VAT ids that more than one ERP customer has: the planted cases for a person."""
    held = Counter(partner.get("vat") for partner in every(systems.erp, "partners", is_company="true").values())
    return frozenset(vat for vat, count in held.items() if vat and count > 1)


def stock(systems: Systems) -> Testimony:
    """The CRM's stock view against the sum of the ERP's moves, item by item and warehouse by warehouse."""
    items = every(systems.erp, "items")
    ledger: dict[tuple[str, str], Decimal] = {}
    for move in every(systems.erp, "stock_moves").values():
        place = (items[move["item_id"]]["code"], move["warehouse_code"])
        ledger[place] = ledger.get(place, Decimal(0)) + Decimal(move["quantity"])
    view = [
        (row["productCode"], row["warehouse"], number(row["onHand"]))
        for row in every(systems.crm, "stock-levels").values()
    ]
    held = [(*place, total.normalize()) for place, total in ledger.items()]
    return compare([row for row in view if row[2]], [row for row in held if row[2]])


def orders(systems: Systems) -> Testimony:
    """All orders a CRM user has submitted against all ERP orders, line by line and to the cent."""
    accounts, products = every(systems.crm, "accounts"), every(systems.crm, "products")
    partners, items = every(systems.erp, "partners"), every(systems.erp, "items")
    ours = [
        crm_order(order, accounts, products)
        for order in every(systems.crm, "orders").values()
        if order["stage"] != "DRAFT"
    ]
    return compare(ours, [erp_order(order, partners, items) for order in every(systems.erp, "sales_orders").values()])


def adjustments(systems: Systems) -> Testimony:
    """Every stock adjustment of the CRM against the ERP's adjustment moves: each posted exactly once."""
    products, items = every(systems.crm, "products"), every(systems.erp, "items")
    ours = [
        (
            products[row["productId"]]["productCode"],
            row["warehouse"],
            number(row["quantity"]),
            REASONS.get(row.get("reason") or ""),
            row.get("erpDocument"),
        )
        for row in every(systems.crm, "stock-adjustments").values()
    ]
    theirs = [
        (
            items[move["item_id"]]["code"],
            move["warehouse_code"],
            number(move["quantity"]),
            move.get("reason"),
            move["number"],
        )
        for move in every(systems.erp, "stock_moves", kind="adjustment").values()
    ]
    return compare(ours, theirs)
