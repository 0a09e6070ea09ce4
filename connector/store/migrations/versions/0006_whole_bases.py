"""Whether a base is all that its side held at the base's version: of those that are there, nobody knows."""

from alembic import op
from sqlalchemy import Boolean, Column, false

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns."""
    for name in ("crm_whole", "erp_whole"):
        op.add_column("base", Column(name, Boolean(create_constraint=False), nullable=False, server_default=false()))


def downgrade() -> None:
    """Drop them."""
    for name in ("erp_whole", "crm_whole"):
        op.drop_column("base", name)
