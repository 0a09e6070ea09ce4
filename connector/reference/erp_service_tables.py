"""The ERP's resources beside trade, as data: service orders, projects, and the journal of what happened."""

from dataclasses import replace

from connector.reference.erp_fields import (
    AMOUNT,
    CURRENCY,
    ITEM,
    NAME,
    NUMBER,
    QUANTITY,
    SYSTEM,
    TEXT,
    WAREHOUSE,
)
from connector.reference.fields import Collection, Field, Kind

PARTNER = Field(name="partner_id", kind=Kind.REFERENCE, target="partners", required=True, indexed=True)
PERSON = Field(name="contact_id", kind=Kind.REFERENCE, target="partners")
STATE = Field(name="state", kind=Kind.CHOICE, read_only=True, indexed=True)

SERVICE_ORDERS = Collection(
    name="service_orders",
    about="Goods that customers send in: to be repaired, or to be given back.",
    actions=("receive", "start", "finish", "refuse", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        PARTNER,
        PERSON,
        ITEM,
        replace(QUANTITY, required=True, default="1.000"),
        Field(name="serial", longest=40),
        Field(name="kind", kind=Kind.CHOICE, choices=("repair", "return"), required=True, fixed=True),
        replace(STATE, choices=("draft", "received", "in_work", "done", "refused", "cancelled"), default="draft"),
        Field(name="subject", longest=200, required=True),
        replace(TEXT, name="description"),
        Field(name="origin", longest=40, indexed=True),
        Field(name="priority", kind=Kind.CHOICE, choices=("0", "1", "2", "3"), default="1"),
        replace(WAREHOUSE, required=False, default="MAIN", indexed=False),
        Field(name="order_date", kind=Kind.DATE),
        Field(name="outcome", kind=Kind.CHOICE, choices=("repaired", "replaced", "restocked", "scrapped")),
        replace(TEXT, name="outcome_note"),
        replace(AMOUNT, name="charge", read_only=False),
        CURRENCY,
    ),
)

PROJECTS = Collection(
    name="projects",
    about="Work that was sold: opened by the order that sold it, or by hand.",
    actions=("start", "complete", "cancel"),
    fields=(
        *SYSTEM,
        NUMBER,
        PARTNER,
        Field(name="sales_order_id", kind=Kind.REFERENCE, target="sales_orders", indexed=True, fixed=True),
        replace(NAME, longest=200),
        replace(STATE, choices=("planned", "running", "completed", "cancelled"), default="planned"),
        Field(name="date_start", kind=Kind.DATE),
        Field(name="date_end", kind=Kind.DATE),
        Field(name="progress", kind=Kind.DECIMAL, scale=2, default="0.00"),
    ),
)

EVENTS = Collection(
    name="events",
    about="What happened to documents, once each: written by the server alone, never changed.",
    can_write=False,
    can_change=False,
    can_delete=False,
    fields=(
        *SYSTEM[:-1],
        replace(SYSTEM[-1], read_only=True),
        Field(name="key", read_only=True, required=True, unique=True),
        replace(PARTNER, read_only=True),
        Field(name="model", read_only=True, required=True),
        Field(name="document", read_only=True, required=True, indexed=True),
        Field(name="event", read_only=True, required=True),
        Field(name="text", read_only=True, required=True),
        Field(name="event_date", kind=Kind.DATE, read_only=True),
        AMOUNT,
        replace(CURRENCY, read_only=True),
    ),
)

SERVICE = (SERVICE_ORDERS, PROJECTS, EVENTS)
"""The resources beside trade."""
