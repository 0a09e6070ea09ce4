"""Ranges of a side's records that several processes read at once, and how far each was read."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "stretch",
        Column("entity", Text, nullable=False),
        Column("side", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("number", _NUMBER, nullable=False),
        Column("cursor", Text, nullable=True),
        Column("seen", _NUMBER, nullable=False),
        PrimaryKeyConstraint("entity", "side", "kind", "number"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("stretch")
