"""Moments as the two servers write and read them."""

from datetime import UTC, date, datetime
from functools import lru_cache

THOUSAND = 1000


@lru_cache(maxsize=4096)
def milliseconds_text(moment: int) -> str:
    """Milliseconds since 1970 as `2026-11-23T20:44:10.123Z`."""
    seconds, rest = divmod(moment, THOUSAND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


@lru_cache(maxsize=4096)
def seconds_text(moment: int) -> str:
    """Seconds since 1970 as `2026-11-23 20:44:10`."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"


def read_milliseconds(text: str) -> int:
    """Milliseconds since 1970 of an ISO time, UTC where it names no zone, rounded down; `ValueError` for others."""
    moment = _aware(datetime.fromisoformat(text))
    return int(moment.timestamp()) * THOUSAND + moment.microsecond // THOUSAND


def read_seconds(text: str) -> int:
    """Seconds since 1970 of a time like `2026-11-23 20:44:10`; `ValueError` for others."""
    return int(_aware(datetime.fromisoformat(text)).timestamp())


def day(seconds: int) -> date:
    """The day, in UTC, of a moment."""
    return datetime.fromtimestamp(seconds, UTC).date()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
