"""Values of query parameters as the values that records hold."""

import re

from connector.reference.amounts import read_decimal, round_half_up
from connector.reference.fields import Field, Kind
from connector.reference.refusals import malformed
from connector.reference.validation import LARGEST_WHOLE, written

SHORT = re.compile(r"[0-9]{1,15}")


def scalar(field: Field, text: str) -> object:
    """What a record must hold in this field to be equal to the text in a query."""
    try:
        if field.kind is Kind.BOOLEAN:
            return {"true": 1, "false": 0}[text]
        if field.kind is Kind.INTEGER:
            return whole(text)
        if field.kind is Kind.NUMBER:
            return float(read_decimal(text))
        if field.kind is Kind.DECIMAL:
            return written(round_half_up(read_decimal(text), field.scale or 0))
    except (KeyError, ValueError) as error:
        raise malformed(f"{field.name} cannot be {text[:40]!r}", field.name) from error
    return text


def whole(text: str) -> int:
    """A whole number that the store can hold; `ValueError` for others."""
    number = int(text) if text.isascii() and len(text) < 20 else LARGEST_WHOLE + 1  # noqa: PLR2004 -- before int(), which is slow on long texts
    if abs(number) > LARGEST_WHOLE:
        raise ValueError("is too large")
    return number


def short_number(text: str) -> int | None:
    """A number of up to 15 plain digits; None for anything else."""
    return int(text) if SHORT.fullmatch(text) else None
