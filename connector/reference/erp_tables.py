"""The ERP's resources, as data."""

from dataclasses import replace

from connector.reference.erp_cash_tables import CASH
from connector.reference.erp_fields import (
    ACTIVE,
    CODE,
    CURRENCY,
    ITEM,
    NAME,
    NUMBER,
    PRICE,
    QUANTITY,
    SYSTEM,
    TEXT,
    WAREHOUSE,
    address,
)
from connector.reference.erp_service_tables import SERVICE
from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import compact_vat, email

PARTNERS = Collection(
    name="partners",
    about="Customers, and the people who work for them.",
    actions=("archive", "renumber"),
    fields=(
        *SYSTEM,
        Field(name="code", read_only=True, indexed=True),
        Field(name="is_company", kind=Kind.BOOLEAN, required=True, fixed=True, indexed=True),
        Field(name="parent_id", kind=Kind.REFERENCE, target="partners", indexed=True),
        Field(name="name", longest=80, cut=True),
        Field(name="firstname", longest=80, cut=True),
        Field(name="lastname", longest=80, cut=True),
        Field(name="function", longest=120),
        Field(name="vat", normal=compact_vat, longest=20, indexed=True),
        Field(name="email", normal=email, longest=200, indexed=True),
        Field(name="phone", longest=60),
        Field(name="website", longest=200),
        CURRENCY,
        Field(name="payment_term", kind=Kind.CHOICE, choices=("0D", "14D", "30D", "60D")),
        Field(name="credit_limit", kind=Kind.DECIMAL, scale=2),
        Field(name="on_hold", kind=Kind.BOOLEAN, default=False),
        ACTIVE,
        replace(TEXT, name="comment"),
        *address(""),
        *address("ship_"),
        Field(name="contact_id", kind=Kind.REFERENCE, target="partners"),
    ),
)

ITEMS = Collection(
    name="items",
    about="What is made, bought and sold.",
    actions=("renumber",),
    fields=(
        *SYSTEM,
        CODE,
        NAME,
        replace(TEXT, name="description"),
        Field(name="uom", kind=Kind.CHOICE, choices=("PCE", "KGM", "MTR", "LTR", "HUR")),
        replace(PRICE, name="list_price"),
        CURRENCY,
        replace(PRICE, name="cost_price"),
        Field(name="barcode", longest=40, indexed=True),
        Field(name="is_service", kind=Kind.BOOLEAN, default=False),
        Field(name="backorder", kind=Kind.BOOLEAN, default=True),
        ACTIVE,
    ),
)

WAREHOUSES = Collection(
    name="warehouses",
    about="Where goods lie.",
    fields=(*SYSTEM, replace(CODE, longest=20, fixed=True), NAME),
)

MOVE_KINDS = ("receipt", "adjustment", "shipment", "production", "return", "service")

STOCK_MOVES = Collection(
    name="stock_moves",
    about="The ledger of goods: what came and went. Entries are never changed or deleted.",
    can_change=False,
    can_delete=False,
    fields=(
        *SYSTEM,
        NUMBER,
        ITEM,
        WAREHOUSE,
        replace(QUANTITY, required=True),
        Field(name="kind", kind=Kind.CHOICE, choices=MOVE_KINDS, required=True),
        Field(name="reason", kind=Kind.CHOICE, choices=("RET", "SMP", "CNT", "DMG")),
        replace(TEXT, name="note"),
        Field(name="move_date", kind=Kind.DATE),
    ),
)

STOCK_LEVELS = Collection(
    name="stock_levels",
    about="What the ledger and the open orders come to, per item and warehouse.",
    can_write=False,
    can_change=False,
    can_delete=False,
    fields=(
        *(replace(each, kind=Kind.TEXT) if each.name == "id" else each for each in SYSTEM[:-1]),
        replace(SYSTEM[-1], read_only=True),
        replace(ITEM, read_only=True),
        Field(name="item_code", read_only=True, indexed=True),
        replace(WAREHOUSE, read_only=True),
        *(replace(QUANTITY, name=name, read_only=True) for name in ("on_hand", "reserved", "available", "incoming")),
        Field(name="expected_date", kind=Kind.DATE, read_only=True),
    ),
)

RESOURCES = (
    PARTNERS,
    ITEMS,
    WAREHOUSES,
    STOCK_MOVES,
    STOCK_LEVELS,
    *CASH,
    *SERVICE,
)
