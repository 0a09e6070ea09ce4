"""Values as Tryton's JSON-RPC writes them, and back."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from connector.errors import Rejected

Row: TypeAlias = Mapping[str, Any]
"""A record as the server answers it: what was asked for by a path stands nested under `<field>.`."""

CLASS = "__class__"


def plain(value: Any) -> Any:
    """A value as other JSON holds it: decimals as text with their digits, dates in ISO form."""
    if value.__class__ is not dict:
        return value
    kind = value.get(CLASS)
    if kind == "Decimal":
        return value["decimal"]
    if kind == "date":
        return date(value["year"], value["month"], value["day"]).isoformat()
    if kind == "datetime":
        parts = {part: value[part] for part in _PARTS}
        return datetime(**parts, tzinfo=UTC).isoformat()
    return value


def decimal(text: Any) -> Any:
    """A decimal to send: money is never a float."""
    return None if text is None else {CLASS: "Decimal", "decimal": str(text)}


def number(text: Any, field: str) -> float:
    """A quantity to send: those are floats in Tryton, with as many digits as the unit has."""
    try:
        return float(text)
    except (TypeError, ValueError):
        raise Rejected(f"tryton: {field} is not a number", field=field) from None


def day(text: Any, field: str) -> Any:
    """A date to send."""
    if text is None:
        return None
    try:
        given = date.fromisoformat(text)
    except (TypeError, ValueError):
        raise Rejected(f"tryton: {field} is not a date such as 2026-11-23", field=field) from None
    return {CLASS: "date", "year": given.year, "month": given.month, "day": given.day}


def instant(text: str) -> Any:
    """An instant to send: without a zone, meant as UTC."""
    given = datetime.fromisoformat(text).astimezone(UTC)
    return {CLASS: "datetime", **{part: getattr(given, part) for part in _PARTS}}


def inner(row: Row, field: str) -> Any:
    """What was read through a field: a record, a list of records, or None where there is nothing."""
    return row.get(f"{field}.")


def inner_value(row: Row, field: str, name: str) -> Any:
    """One value of the record that a field points to."""
    held = inner(row, field)
    return None if held is None else plain(held[name])


def text_or_none(value: Any) -> str | None:
    """A text; Tryton keeps none as null or as an empty one."""
    return value or None


_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
