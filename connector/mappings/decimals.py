"""Decimals between their canonical text ("12.5", never "12.50" or "1e3") and what goes over the wire."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from connector.mappings.unfit import Unfit

WIDEST = 60
"""Numbers with more digits than this before or after the point are mistakes, and could fill the memory."""

_CONTEXT = Context(prec=4 * WIDEST)
_CANONICAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")


def plain(value: Decimal) -> str:
    """A decimal in plain notation, without trailing zeros and without a negative zero."""
    if not value:
        return "0"
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or value.adjusted() >= WIDEST or exponent < -WIDEST or len(digits) > 2 * WIDEST:
        raise Unfit("not a number that can be kept")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def from_number(value: Any) -> str:
    """The canonical text of a JSON number, read through its shortest notation so that 19.99 stays 19.99."""
    if value.__class__ is int:
        return str(value) if -_LARGE < value < _LARGE else plain(Decimal(value))
    if value.__class__ is float:
        text = repr(value)
        if text[-2:] == ".0":
            text = text[:-2]
        if _is_canonical(text):
            return text
        return plain(Decimal(text))
    if isinstance(value, Decimal):
        return plain(value)
    raise Unfit("not a number")


def from_text(value: Any) -> str | None:
    """The canonical text of a decimal that travels as text; a number is taken too, an empty text is None."""
    if value.__class__ is not str:
        return from_number(value)
    if not value:
        return None
    text = value.rstrip("0").rstrip(".") if "." in value else value
    if _is_canonical(text):
        return text
    if _NUMBER.fullmatch(value) is None:
        raise Unfit("not a number")
    return plain(Decimal(value))


def to_number(value: str) -> int | float:
    """The JSON number of a canonical decimal; raises where a number would not hold it to the last digit."""
    number: int | float
    if not _is_canonical(value):
        raise Unfit("not a canonical decimal")
    if "." not in value and -_EXACT <= (number := int(value)) <= _EXACT:
        return number
    number = float(value)
    if from_number(number) != value:
        raise Unfit("has more digits than a JSON number holds")
    return number


def to_text(scale: int, value: str) -> str:
    """A canonical decimal with exactly `scale` digits after the point, rounded half up where it has more."""
    if not _is_canonical(value):
        raise Unfit("not a canonical decimal")
    whole, _, rest = value.partition(".")
    if len(rest) > scale:
        whole, _, rest = round_half_up(scale, value).partition(".")
    return f"{whole}.{rest:0<{scale}}" if scale else whole


def round_half_up(digits: int, value: str) -> str:
    """A canonical decimal with at most so many digits after the point; what is no decimal passes as it is."""
    try:
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _CONTEXT)
        return value if len(value.partition(".")[2]) <= digits else plain(rounded)
    except (InvalidOperation, ValueError):
        return value


_LARGE = 10**WIDEST
_EXACT = 2**53
"""Whole numbers up to here are the same in every JSON implementation."""


def _is_canonical(text: str) -> bool:
    return text != "-0" and _CANONICAL.fullmatch(text) is not None
