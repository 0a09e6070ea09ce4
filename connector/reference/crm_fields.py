"""The words in which the CRM's collections are declared: the fields that several of them have."""

from connector.reference.fields import Collection, Field, Kind
from connector.reference.normal import alpha2, currency, email, folded, key, trimmed

ACTIVE = ("ACTIVE", "INACTIVE")

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


SYNC = (
    Field(name="syncStatus", kind=Kind.CHOICE, choices=("WAITING", "DECISION", "REFUSED")),
    Field(name="syncReason", longest=2000),
)
"""What the integration says is open about a record."""


def collection(name: str, prefix: str, about: str, *fields: Field, actions: tuple[str, ...] = ()) -> Collection:
    """A collection with what every record has, its ids counted from 1001."""
    return Collection(name=name, about=about, fields=(*SYSTEM, *fields), prefix=prefix, first=1001, actions=actions)
