"""What running all the time asks for: pauses, how each entity stands, and which alerts were told."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table("pause", _name(), _text("by"), _number("at"))
    op.create_table(
        "standing",
        _name(),
        _number("good_at", empty=True),
        _number("halted_at", empty=True),
        _text("reason", empty=True),
        _text("run", empty=True),
    )
    op.create_table("alert", _name(), _text("message"), _number("since"), _number("told_at", empty=True))


def downgrade() -> None:
    """Drop the tables."""
    for table in ("alert", "standing", "pause"):
        op.drop_table(table)


def _name() -> Column[Any]:
    return Column("name", Text, primary_key=True)


def _text(name: str, *, empty: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=empty)


def _number(name: str, *, empty: bool = False) -> Column[Any]:
    return Column(name, _NUMBER, nullable=empty)
