"""What guards look back at: the updates that were done, and each system's own clock when it last answered."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHANGED = text("phase = 'done' AND kind = 'update' AND reason <> 'first contact'")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the index and the columns."""
    columns = ["entity", "side", "done_at", "target"]
    op.create_index("ix_operation_changed", "operation", columns, sqlite_where=CHANGED, postgresql_where=CHANGED)
    for name in ("clock", "answered_at"):
        op.add_column("endpoint", Column(name, _NUMBER, nullable=True))


def downgrade() -> None:
    """Drop them."""
    for name in ("answered_at", "clock"):
        op.drop_column("endpoint", name)
    op.drop_index("ix_operation_changed", "operation")
