"""What was told of a record in its own system, so that it is changed and taken away in time."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "remark",
        *(Column(name, Text, nullable=False) for name in ("entity", "side", "id", "status", "digest")),
        Column("at", _NUMBER, nullable=False),
        PrimaryKeyConstraint("id", "entity", "side"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("remark")
