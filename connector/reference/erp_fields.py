"""The words in which the ERP's resources are declared: the fields that several of them have."""

from dataclasses import replace

from connector.reference.fields import Field, Kind
from connector.reference.normal import alpha3, currency

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


def address(prefix: str) -> tuple[Field, ...]:
    """The columns of one address."""
    return (
        Field(name=f"{prefix}street", longest=200),
        Field(name=f"{prefix}zip", longest=20),
        Field(name=f"{prefix}city", longest=120),
        Field(name=f"{prefix}country_code", normal=alpha3, longest=3),
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
"""What one line of a document about goods and money holds."""
