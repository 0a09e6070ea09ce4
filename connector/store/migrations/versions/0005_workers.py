"""What several processes share: portions of a run, the pace of a system, and the ticks of schedules."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNDONE = text("state = 'open'")
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "portion",
        Column("number", _NUMBER, primary_key=True, autoincrement=True),
        Column("run", Text, nullable=False),
        Column("run_epoch", _NUMBER, nullable=False),
        Column("entity", Text, nullable=False),
        Column("task", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("state", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("epoch", _NUMBER, nullable=False),
        Column("until", _NUMBER, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("tally", LargeBinary, nullable=True),
        Column("error", Text, nullable=True),
    )
    op.create_index("ix_portion_open", "portion", ["run", "number"], sqlite_where=UNDONE, postgresql_where=UNDONE)
    for name, number in (("pace", "next"), ("tick", "at")):
        op.create_table(name, Column("name", Text, primary_key=True), Column(number, _NUMBER, nullable=False))


def downgrade() -> None:
    """Drop them."""
    for name in ("tick", "pace", "portion"):
        op.drop_table(name)
