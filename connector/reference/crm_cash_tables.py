"""The CRM's collections of the way from an order to its money, as data; all but orders mirror what the ERP says."""

from dataclasses import replace

from connector.reference.crm_fields import CURRENCY, LINE, SYNC, TEXT, collection
from connector.reference.fields import Field, Kind
from connector.reference.normal import key, trimmed

STAGES = (
    "DRAFT",
    "SUBMITTED",
    "ON_HOLD",
    "CONFIRMED",
    "REFUSED",
    "CANCEL_REQUESTED",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "INVOICED",
    "PAID",
    "CLOSED",
    "CANCELLED",
)
ACCOUNT = Field(name="accountId", kind=Kind.REFERENCE, target="accounts", required=True, indexed=True)
ORDER = Field(name="orderId", kind=Kind.REFERENCE, target="orders", indexed=True)
AMOUNT = Field(name="amount", kind=Kind.NUMBER)

ORDERS = collection(
    "orders",
    "ord-",
    "What customers ordered.",
    Field(name="orderNumber", normal=key, longest=40, fixed=True, unique=True),
    Field(name="erpOrderNumber", normal=trimmed, longest=40, indexed=True),
    Field(name="accountId", kind=Kind.REFERENCE, target="accounts", required=True, indexed=True),
    Field(name="contactId", kind=Kind.REFERENCE, target="contacts"),
    Field(name="orderDate", kind=Kind.DATE),
    Field(name="requestedOn", kind=Kind.DATE),
    CURRENCY,
    Field(name="stage", kind=Kind.CHOICE, choices=STAGES, default="DRAFT", indexed=True),
    Field(name="statusReason", normal=trimmed, longest=2000),
    replace(TEXT, name="notes"),
    Field(name="customerReference", normal=trimmed, longest=120),
    Field(name="lines", kind=Kind.LINES, fields=LINE),
    Field(name="subtotal", kind=Kind.NUMBER),
    Field(name="taxTotal", kind=Kind.NUMBER),
    Field(name="grandTotal", kind=Kind.NUMBER),
    Field(name="linesTotal", kind=Kind.NUMBER, read_only=True),
    Field(name="priceDifference", kind=Kind.NUMBER, read_only=True),
    *SYNC,
)

# What goes out to a customer and what comes back belong to an order, and hold pieces of its products.
OF_AN_ORDER = (replace(ORDER, required=True), ACCOUNT, Field(name="warehouse", normal=trimmed, longest=20))
GOODS = Field(name="lines", kind=Kind.LINES, fields=(*LINE[:2], LINE[3]))

SHIPMENTS = collection(
    "shipments",
    "shp-",
    "Goods that are on their way to a customer, or there.",
    Field(name="shipmentNumber", normal=trimmed, longest=40, required=True, indexed=True),
    *OF_AN_ORDER,
    Field(name="status", kind=Kind.CHOICE, choices=("SHIPPED", "DELIVERED")),
    Field(name="shippedOn", kind=Kind.DATE),
    Field(name="carrier", normal=trimmed, longest=80),
    Field(name="trackingNumber", normal=trimmed, longest=120, indexed=True),
    GOODS,
)

RETURNS = collection(
    "returns",
    "ret-",
    "Goods that a customer sends back.",
    Field(name="returnNumber", normal=trimmed, longest=40, required=True, indexed=True),
    *OF_AN_ORDER,
    Field(name="status", kind=Kind.CHOICE, choices=("ANNOUNCED", "RECEIVED", "CANCELLED"), indexed=True),
    Field(name="restocked", kind=Kind.BOOLEAN),
    Field(name="reason", normal=trimmed, longest=2000),
    Field(name="receivedOn", kind=Kind.DATE),
    GOODS,
)

INVOICES = collection(
    "invoices",
    "inv-",
    "What a customer owes, and what was credited.",
    Field(name="invoiceNumber", normal=trimmed, longest=40, required=True, indexed=True),
    Field(name="kind", kind=Kind.CHOICE, choices=("INVOICE", "CREDIT_NOTE")),
    ACCOUNT,
    ORDER,
    Field(name="creditedInvoiceId", kind=Kind.REFERENCE, target="invoices"),
    CURRENCY,
    Field(name="status", kind=Kind.CHOICE, choices=("POSTED", "PAID"), indexed=True),
    Field(name="invoicedOn", kind=Kind.DATE),
    Field(name="dueOn", kind=Kind.DATE),
    Field(name="lines", kind=Kind.LINES, fields=(*LINE, replace(AMOUNT, name="amount"))),
    *(
        replace(AMOUNT, name=name)
        for name in ("subtotal", "taxTotal", "grandTotal", "amountPaid", "amountCredited", "amountOpen")
    ),
)

PAYMENTS = collection(
    "payments",
    "pay-",
    "Money that came from a customer.",
    Field(name="paymentNumber", normal=trimmed, longest=40, required=True, indexed=True),
    Field(name="invoiceId", kind=Kind.REFERENCE, target="invoices", required=True, indexed=True),
    ACCOUNT,
    replace(AMOUNT, required=True),
    CURRENCY,
    Field(name="paidOn", kind=Kind.DATE),
    Field(name="method", kind=Kind.CHOICE, choices=("TRANSFER", "CARD", "CASH")),
)

ACCOUNT_BALANCES = collection(
    "account-balances",
    "bal-",
    "What a customer owes in a currency.",
    ACCOUNT,
    replace(CURRENCY, required=True),
    replace(AMOUNT, name="openAmount"),
)
