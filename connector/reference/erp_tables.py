"""The ERP's resources, as data."""

from dataclasses import replace

from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import alpha3, compact_vat, currency, email

SYSTEM = (
    Field(name="id", kind=Kind.INTEGER, read_only=True, required=True),
    Field(name="revision", kind=Kind.INTEGER, read_only=True, required=True),
    Field(name="create_date", kind=Kind.INSTANT, read_only=True, required=True),
    Field(name="write_date", kind=Kind.INSTANT, read_only=True, required=True),
    Field(name="write_user", read_only=True),
    Field(name="external_ref", longest=200, indexed=True),
)
"""What every record has."""

OWN = frozenset(("id", "revision", "create_date", "write_date", "write_user"))
"""The fields that the server stamps."""

NUMBER = Field(name="number", read_only=True, indexed=True)
CODE = Field(name="code", longest=40, required=True, unique=True)
NAME = Field(name="name", longest=80, cut=True, required=True)
CURRENCY = Field(name="currency_code", normal=currency, longest=3)
ACTIVE = Field(name="active", kind=Kind.BOOLEAN, default=True)
TEXT = Field(name="text", longest=20_000)
AMOUNT = Field(name="amount", kind=Kind.DECIMAL, scale=2, read_only=True)
QUANTITY = Field(name="quantity", kind=Kind.DECIMAL, scale=3)
PRICE = Field(name="price", kind=Kind.DECIMAL, scale=4)
ITEM = Field(name="item_id", kind=Kind.REFERENCE, target="items", required=True, indexed=True)
WAREHOUSE = Field(name="warehouse_code", longest=20, required=True, indexed=True)
EXTRA = "x_"
"""How the names of the users' own columns begin."""


def _address(prefix: str) -> tuple[Field, ...]:
    return (
        Field(name=f"{prefix}street", longest=200),
        Field(name=f"{prefix}zip", longest=20),
        Field(name=f"{prefix}city", longest=120),
        Field(name=f"{prefix}country_code", normal=alpha3, longest=3),
    )


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
        *_address(""),
        *_address("ship_"),
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
        ACTIVE,
    ),
)

WAREHOUSES = Collection(
    name="warehouses",
    about="Where goods lie.",
    fields=(*SYSTEM, replace(CODE, longest=20, fixed=True), NAME),
)

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
        Field(
            name="kind", kind=Kind.CHOICE, choices=("receipt", "adjustment", "shipment", "production"), required=True
        ),
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

LINE = (
    Field(name="id", kind=Kind.REFERENCE, read_only=True),
    Field(name="item_id", kind=Kind.REFERENCE, target="items", required=True),
    Field(name="name", longest=1000),
    replace(QUANTITY, name="qty", required=True),
    replace(PRICE, name="price_unit", required=True),
    Field(name="discount", kind=Kind.DECIMAL, scale=2, default="0.00"),
    replace(AMOUNT, name="subtotal"),
)

SALES_ORDERS = Collection(
    name="sales_orders",
    about="What customers ordered.",
    actions=("confirm", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        Field(name="partner_id", kind=Kind.REFERENCE, target="partners", required=True, indexed=True),
        Field(name="contact_id", kind=Kind.REFERENCE, target="partners"),
        Field(name="date_order", kind=Kind.DATE),
        CURRENCY,
        Field(
            name="state",
            kind=Kind.CHOICE,
            choices=("draft", "confirmed", "cancelled"),
            read_only=True,
            default="draft",
            indexed=True,
        ),
        replace(TEXT, name="note"),
        Field(name="client_ref", longest=120),
        Field(name="origin", longest=40, indexed=True),
        replace(WAREHOUSE, required=False, default="MAIN", indexed=False),
        Field(name="lines", kind=Kind.LINES, fields=LINE),
        replace(AMOUNT, name="amount_untaxed"),
        replace(AMOUNT, name="amount_tax"),
        replace(AMOUNT, name="amount_total"),
    ),
)

PURCHASE_ORDERS = Collection(
    name="purchase_orders",
    about="Goods that are bought.",
    actions=("receive", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        ITEM,
        WAREHOUSE,
        replace(QUANTITY, name="qty", required=True),
        replace(QUANTITY, name="qty_received", read_only=True, default="0.000"),
        Field(name="expected_date", kind=Kind.DATE),
        Field(
            name="state",
            kind=Kind.CHOICE,
            choices=("open", "received", "cancelled"),
            read_only=True,
            default="open",
            indexed=True,
        ),
    ),
)

PRODUCTION_ORDERS = Collection(
    name="production_orders",
    about="Goods that are made.",
    actions=("finish", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        ITEM,
        WAREHOUSE,
        replace(QUANTITY, name="qty", required=True),
        Field(name="planned_date", kind=Kind.DATE),
        Field(
            name="state",
            kind=Kind.CHOICE,
            choices=("planned", "done", "cancelled"),
            read_only=True,
            default="planned",
            indexed=True,
        ),
    ),
)

RESOURCES = (
    PARTNERS,
    ITEMS,
    WAREHOUSES,
    STOCK_MOVES,
    STOCK_LEVELS,
    SALES_ORDERS,
    PURCHASE_ORDERS,
    PRODUCTION_ORDERS,
)
