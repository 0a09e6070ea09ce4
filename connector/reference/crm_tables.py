"""The CRM's collections, as data."""

from dataclasses import replace

from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import alpha2, currency, email, folded, key, strict_vat, trimmed, website

ACTIVE = ("ACTIVE", "INACTIVE")
STAGES = ("DRAFT", "SUBMITTED", "CONFIRMED", "CANCELLED")

SYSTEM = (
    Field(name="id", read_only=True, required=True),
    Field(name="version", kind=Kind.INTEGER, read_only=True, required=True),
    Field(name="createdAt", kind=Kind.INSTANT, read_only=True, required=True),
    Field(name="modifiedAt", kind=Kind.INSTANT, read_only=True, required=True),
    Field(name="modifiedBy", read_only=True),
    Field(name="externalId", longest=200, unique=True, normal=key),
    Field(name="customFields", kind=Kind.SCALARS),
)
"""What every record has."""

OWN = frozenset(("id", "version", "createdAt", "modifiedAt", "modifiedBy"))
"""The fields that the server stamps; they are no part of what a create or a change reads."""

STATUS = Field(name="status", kind=Kind.CHOICE, choices=ACTIVE, default="ACTIVE")
CURRENCY = Field(name="currency", normal=currency, longest=3)
PHONE = Field(name="phone", normal=folded, longest=60)
EMAIL = Field(name="email", normal=email, longest=200, indexed=True)
TEXT = Field(name="text", normal=trimmed, longest=20_000)

ADDRESS = (
    Field(name="street", normal=trimmed, longest=200),
    Field(name="postalCode", normal=trimmed, longest=20),
    Field(name="city", normal=trimmed, longest=120),
    Field(name="country", normal=alpha2, longest=2),
)

LINE = (
    Field(name="lineId", kind=Kind.REFERENCE, read_only=True),
    Field(name="productId", kind=Kind.REFERENCE, target="products", required=True),
    Field(name="description", normal=trimmed, longest=1000),
    Field(name="quantity", kind=Kind.NUMBER, required=True),
    Field(name="unitPrice", kind=Kind.NUMBER, required=True),
    Field(name="discountPercent", kind=Kind.NUMBER),
)


def _collection(name: str, prefix: str, about: str, *fields: Field, actions: tuple[str, ...] = ()) -> Collection:
    return Collection(name=name, about=about, fields=(*SYSTEM, *fields), prefix=prefix, first=1001, actions=actions)


ACCOUNTS = _collection(
    "accounts",
    "acc-",
    "Customers.",
    Field(name="name", required=True, normal=trimmed, longest=120, indexed=True),
    Field(name="vatId", normal=trimmed, longest=20, indexed=True),
    EMAIL,
    PHONE,
    Field(name="website", normal=website, longest=200),
    CURRENCY,
    Field(name="paymentTerms", kind=Kind.CHOICE, choices=("IMMEDIATE", "NET_14", "NET_30", "NET_60")),
    Field(name="creditLimit", kind=Kind.NUMBER),
    Field(name="creditHold", kind=Kind.BOOLEAN, default=False),
    STATUS,
    replace(TEXT, name="notes"),
    Field(name="erpNumber", normal=trimmed, longest=40, indexed=True),
    Field(name="billingAddress", kind=Kind.OBJECT, fields=ADDRESS),
    Field(name="shippingAddress", kind=Kind.OBJECT, fields=ADDRESS),
    Field(name="primaryContactId", kind=Kind.REFERENCE, target="contacts"),
    actions=("merge",),
)

CONTACTS = _collection(
    "contacts",
    "con-",
    "People who work for customers.",
    Field(name="accountId", kind=Kind.REFERENCE, target="accounts", required=True, indexed=True),
    Field(name="firstName", normal=trimmed, longest=80),
    Field(name="lastName", normal=trimmed, longest=80, required=True),
    EMAIL,
    PHONE,
    Field(name="jobTitle", normal=trimmed, longest=120),
    STATUS,
    actions=("merge",),
)

PRODUCTS = _collection(
    "products",
    "prd-",
    "What can be sold.",
    Field(name="productCode", normal=trimmed, longest=40, required=True, unique=True),
    Field(name="name", normal=trimmed, longest=200, required=True),
    replace(TEXT, name="description"),
    Field(name="unit", kind=Kind.CHOICE, choices=("PIECE", "KILOGRAM", "METRE", "LITRE", "HOUR")),
    Field(name="price", kind=Kind.NUMBER),
    CURRENCY,
    STATUS,
)

ORDERS = _collection(
    "orders",
    "ord-",
    "What customers ordered.",
    Field(name="orderNumber", normal=key, longest=40, fixed=True, unique=True),
    Field(name="erpOrderNumber", normal=trimmed, longest=40, indexed=True),
    Field(name="accountId", kind=Kind.REFERENCE, target="accounts", required=True, indexed=True),
    Field(name="contactId", kind=Kind.REFERENCE, target="contacts"),
    Field(name="orderDate", kind=Kind.DATE),
    CURRENCY,
    Field(name="stage", kind=Kind.CHOICE, choices=STAGES, default="DRAFT", indexed=True),
    replace(TEXT, name="notes"),
    Field(name="customerReference", normal=trimmed, longest=120),
    Field(name="lines", kind=Kind.LINES, fields=LINE),
    Field(name="subtotal", kind=Kind.NUMBER),
    Field(name="taxTotal", kind=Kind.NUMBER),
    Field(name="grandTotal", kind=Kind.NUMBER),
    Field(name="linesTotal", kind=Kind.NUMBER, read_only=True),
)

STOCK_LEVELS = _collection(
    "stock-levels",
    "stk-",
    "How much of a product a warehouse holds, as the ERP says.",
    Field(name="productId", kind=Kind.REFERENCE, target="products", required=True, indexed=True),
    Field(name="productCode", normal=trimmed, longest=40, required=True, indexed=True),
    Field(name="warehouse", normal=trimmed, longest=20, required=True),
    Field(name="onHand", kind=Kind.NUMBER),
    Field(name="reserved", kind=Kind.NUMBER),
    Field(name="available", kind=Kind.NUMBER),
    Field(name="incoming", kind=Kind.NUMBER),
    Field(name="expectedOn", kind=Kind.DATE),
)

STOCK_ADJUSTMENTS = _collection(
    "stock-adjustments",
    "adj-",
    "Goods that somebody returned, sampled, counted or broke.",
    Field(name="productId", kind=Kind.REFERENCE, target="products", required=True, indexed=True),
    Field(name="warehouse", normal=trimmed, longest=20, required=True),
    Field(name="quantity", kind=Kind.NUMBER, required=True),
    Field(name="reason", kind=Kind.CHOICE, choices=("RETURN", "SAMPLE", "COUNT", "DAMAGE")),
    replace(TEXT, name="note"),
    Field(name="adjustedOn", kind=Kind.DATE),
    Field(name="erpDocument", normal=trimmed, longest=40, indexed=True),
)

CHANGEABLE_ADJUSTMENT = frozenset(("erpDocument",))
"""All that can be changed of a stock adjustment once it is made."""

COLLECTIONS = (ACCOUNTS, CONTACTS, PRODUCTS, ORDERS, STOCK_LEVELS, STOCK_ADJUSTMENTS)


def with_strict_vat(collections: tuple[Collection, ...]) -> tuple[Collection, ...]:
    """The same collections, but VAT ids that begin with a country must be right."""
    return tuple(replace(each, fields=tuple(_strict(one) for one in each.fields)) for each in collections)


def _strict(field: Field) -> Field:
    return replace(field, normal=strict_vat) if field.name == "vatId" else field
