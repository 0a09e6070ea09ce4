"""The one clock of the product; everything else is given it as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)  # noqa: TID251 -- everything else takes it as an argument
