"""The CRM's collections, as data."""

from dataclasses import replace

from connector.reference.crm_cash_tables import ACCOUNT_BALANCES, INVOICES, ORDERS, PAYMENTS, RETURNS, SHIPMENTS
from connector.reference.crm_fields import ADDRESS, CURRENCY, EMAIL, PHONE, STATUS, TEXT, collection
from connector.reference.crm_front_tables import FRONT
from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import strict_vat, trimmed, website

ACCOUNTS = collection(
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
    Field(name="relationship", kind=Kind.CHOICE, choices=("PROSPECT", "CUSTOMER"), default="CUSTOMER"),
    replace(TEXT, name="notes"),
    Field(name="erpNumber", normal=trimmed, longest=40, indexed=True),
    Field(name="billingAddress", kind=Kind.OBJECT, fields=ADDRESS),
    Field(name="shippingAddress", kind=Kind.OBJECT, fields=ADDRESS),
    Field(name="primaryContactId", kind=Kind.REFERENCE, target="contacts"),
    actions=("merge",),
)

CONTACTS = collection(
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

PRODUCTS = collection(
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

STOCK_LEVELS = collection(
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

STOCK_ADJUSTMENTS = collection(
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

COLLECTIONS = (
    ACCOUNTS,
    CONTACTS,
    PRODUCTS,
    ORDERS,
    STOCK_LEVELS,
    STOCK_ADJUSTMENTS,
    SHIPMENTS,
    RETURNS,
    INVOICES,
    PAYMENTS,
    ACCOUNT_BALANCES,
    *FRONT,
)


def with_strict_vat(collections: tuple[Collection, ...]) -> tuple[Collection, ...]:
    """The same collections, but VAT ids that begin with a country must be right."""
    return tuple(replace(each, fields=tuple(_strict(one) for one in each.fields)) for each in collections)


def _strict(field: Field) -> Field:
    return replace(field, normal=strict_vat) if field.name == "vatId" else field
