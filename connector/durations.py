"""Lengths of time as people write them: `30s`, `5m`, `24h`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")


def parse_duration(value: object) -> object:
    """`30s`, `5m`, `24h`, `7d`, `2w` or several in a row (`1h30m`) as a timedelta; anything else is refused."""
    if isinstance(value, timedelta):
        return value
    parts = _DURATION.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError("write a duration such as 30s, 5m, 24h or 7d")
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def duration_text(value: timedelta) -> str:
    """A length of time as it may be written in a configuration."""
    return f"{int(value.total_seconds())}s"


def spoken(value: timedelta) -> str:
    """A length of time in the largest unit that says it exactly: `24 hours`, `90 minutes`."""
    seconds = int(value.total_seconds())
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        # A single day is better known as hours.
        if seconds % size == 0 and seconds > size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^({_DURATION.pattern})+$", "examples": ["30s", "24h"]}),
]
"""A length of time, written `30s`, `5m`, `24h`, `7d`."""


def lasting(text: str) -> Any:
    """A default that the schema shows as it is written."""
    return Field(default_factory=lambda: parse_duration(text), json_schema_extra={"default": text})
