"""The ERP's resources of the way from an order to its money, as data."""

from dataclasses import replace

from connector.reference.erp_fields import AMOUNT, CURRENCY, ITEM, LINE, NUMBER, QUANTITY, SYSTEM, TEXT, WAREHOUSE
from connector.reference.fields import Collection, Field, Kind

ORDER_STATES = (
    "draft",
    "on_hold",
    "confirmed",
    "refused",
    "cancel_requested",
    "partially_shipped",
    "shipped",
    "invoiced",
    "paid",
    "closed",
    "cancelled",
)
DONE = Field(name="qty_done", kind=Kind.DECIMAL, scale=3, read_only=True, default="0.000")
REASON = Field(name="state_reason", longest=2000, read_only=True)
PLACE = replace(WAREHOUSE, required=False, fixed=True, indexed=False)
ORDER_LINE = Field(name="order_line_id", kind=Kind.INTEGER)
PARTNER = Field(name="partner_id", kind=Kind.REFERENCE, target="partners", read_only=True, indexed=True)
ORDER = Field(name="order_id", kind=Kind.REFERENCE, target="sales_orders", required=True, fixed=True, indexed=True)
ORDER_NUMBER = Field(name="order_number", read_only=True, indexed=True)


def _state(*choices: str) -> Field:
    """What only actions change; the first choice is where a document begins."""
    return Field(name="state", kind=Kind.CHOICE, choices=choices, read_only=True, default=choices[0], indexed=True)


GOODS = (
    Field(name="id", kind=Kind.REFERENCE, read_only=True),
    ORDER_LINE,
    replace(ITEM, required=False, indexed=False),
    replace(QUANTITY, name="qty", required=True),
)
"""What one line of a document about goods alone holds."""

SALES_ORDERS = Collection(
    name="sales_orders",
    about="What customers ordered.",
    actions=(
        "confirm",
        "release",
        "hold",
        "refuse",
        "reopen",
        "request_cancel",
        "deny_cancel",
        "cancel",
        "split",
        "drop_rest",
        "close",
    ),
    fields=(
        *SYSTEM,
        NUMBER,
        Field(name="partner_id", kind=Kind.REFERENCE, target="partners", required=True, indexed=True),
        Field(name="contact_id", kind=Kind.REFERENCE, target="partners"),
        Field(name="date_order", kind=Kind.DATE),
        Field(name="date_requested", kind=Kind.DATE),
        CURRENCY,
        _state(*ORDER_STATES),
        REASON,
        replace(REASON, name="state_before"),
        replace(TEXT, name="note"),
        Field(name="client_ref", longest=120),
        Field(name="origin", longest=40, indexed=True),
        replace(WAREHOUSE, required=False, default="MAIN", indexed=False),
        Field(
            name="lines",
            kind=Kind.LINES,
            fields=(*LINE, replace(DONE, name="qty_shipped"), replace(DONE, name="qty_invoiced")),
        ),
        replace(AMOUNT, name="amount_untaxed"),
        replace(AMOUNT, name="amount_tax"),
        replace(AMOUNT, name="amount_total"),
    ),
)

SHIPMENTS = Collection(
    name="shipments",
    about="Goods that left a warehouse for a customer.",
    actions=("deliver",),
    can_delete=False,
    fields=(
        *SYSTEM,
        NUMBER,
        ORDER,
        ORDER_NUMBER,
        PARTNER,
        PLACE,
        _state("shipped", "delivered"),
        Field(name="ship_date", kind=Kind.DATE),
        Field(name="carrier", longest=80),
        Field(name="tracking", longest=120, indexed=True),
        Field(name="lines", kind=Kind.LINES, fields=GOODS),
    ),
)

RETURNS = Collection(
    name="returns",
    about="Goods that a customer sends back.",
    actions=("receive", "cancel"),
    can_delete=False,
    fields=(
        *SYSTEM,
        NUMBER,
        ORDER,
        ORDER_NUMBER,
        PARTNER,
        PLACE,
        _state("announced", "received", "cancelled"),
        Field(name="restock", kind=Kind.BOOLEAN, default=True),
        replace(REASON, name="reason", read_only=False),
        Field(name="date_received", kind=Kind.DATE, read_only=True),
        Field(name="lines", kind=Kind.LINES, fields=GOODS),
    ),
)

INVOICES = Collection(
    name="invoices",
    about="What customers owe for what they got, and credit notes for what they need not pay after all.",
    actions=("post", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        Field(name="kind", kind=Kind.CHOICE, choices=("invoice", "credit_note"), default="invoice", fixed=True),
        replace(PARTNER, read_only=False, fixed=True),
        replace(ORDER, required=False),
        Field(name="credits_id", kind=Kind.REFERENCE, target="invoices", fixed=True, indexed=True),
        replace(CURRENCY, fixed=True),
        _state("draft", "posted", "paid", "cancelled"),
        Field(name="date_invoice", kind=Kind.DATE),
        Field(name="date_due", kind=Kind.DATE),
        Field(name="lines", kind=Kind.LINES, fields=(*LINE, ORDER_LINE)),
        *(replace(AMOUNT, name=f"amount_{name}") for name in ("untaxed", "tax", "total", "paid", "credited", "open")),
    ),
)

PAYMENTS = Collection(
    name="payments",
    about="Money that came for an invoice, or went back for a credit note. Entries are never changed or deleted.",
    can_change=False,
    can_delete=False,
    fields=(
        *SYSTEM,
        NUMBER,
        Field(name="invoice_id", kind=Kind.REFERENCE, target="invoices", required=True, indexed=True),
        PARTNER,
        replace(AMOUNT, name="amount", read_only=False, required=True),
        replace(CURRENCY, read_only=True),
        Field(name="date_payment", kind=Kind.DATE),
        Field(name="method", kind=Kind.CHOICE, choices=("transfer", "card", "cash"), default="transfer"),
    ),
)

CUSTOMER_BALANCES = Collection(
    name="customer_balances",
    about="What a customer owes in a currency: what is open of posted invoices, less what is open of credit notes.",
    can_write=False,
    can_change=False,
    can_delete=False,
    fields=(
        *SYSTEM[:-1],
        replace(SYSTEM[-1], read_only=True),
        PARTNER,
        replace(CURRENCY, read_only=True, indexed=True),
        replace(AMOUNT, name="amount_open"),
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
        replace(DONE, name="qty_received"),
        Field(name="expected_date", kind=Kind.DATE),
        _state("open", "received", "cancelled"),
    ),
)

PRODUCTION_ORDERS = Collection(
    name="production_orders",
    about="Goods that are made, from what their bill of materials names.",
    actions=("finish", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        ITEM,
        WAREHOUSE,
        replace(QUANTITY, name="qty", required=True),
        Field(name="planned_date", kind=Kind.DATE),
        _state("planned", "done", "cancelled"),
        Field(
            name="materials",
            kind=Kind.LINES,
            read_only=True,
            fields=(
                Field(name="id", kind=Kind.REFERENCE, read_only=True),
                replace(ITEM, indexed=False, read_only=True),
                replace(QUANTITY, name="qty", read_only=True),
            ),
        ),
        replace(REASON, name="lacking"),
    ),
)

BOMS = Collection(
    name="boms",
    about="Bills of materials: what one piece of an item is made of.",
    fields=(
        *SYSTEM,
        replace(ITEM, fixed=True),
        Field(
            name="lines",
            kind=Kind.LINES,
            fields=(
                Field(name="id", kind=Kind.REFERENCE, read_only=True),
                replace(ITEM, indexed=False),
                replace(QUANTITY, name="qty", required=True),
            ),
        ),
    ),
)

CASH = (
    SALES_ORDERS,
    PURCHASE_ORDERS,
    PRODUCTION_ORDERS,
    BOMS,
    SHIPMENTS,
    RETURNS,
    INVOICES,
    PAYMENTS,
    CUSTOMER_BALANCES,
)
