"""Arithmetic with money and quantities: exact, rounded half up, to the currency's own digits."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

TAX_RATE = Decimal("0.19")
WITHOUT_CENTS = frozenset(("JPY", "KRW", "CLP", "ISK", "VND"))
LARGEST = Decimal(10) ** 12
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
HUNDRED = Decimal(100)


class Totals(NamedTuple):
    """What the lines of a document add up to."""

    subtotals: tuple[Decimal, ...]
    untaxed: Decimal
    tax: Decimal
    total: Decimal


@lru_cache(maxsize=64)
def step(scale: int) -> Decimal:
    """The smallest amount with this many digits after the point."""
    return Decimal(1).scaleb(-scale)


def round_half_up(value: Decimal, scale: int) -> Decimal:
    """The value with exactly `scale` digits after the point; 0.005 becomes 0.01 and -0.005 becomes -0.01."""
    return value.quantize(step(scale), context=EXACT)


def digits(currency: str | None) -> int:
    """How many digits a currency has after the point."""
    return 0 if currency in WITHOUT_CENTS else 2


def read_decimal(value: object) -> Decimal:
    """A number from JSON, sent as text or as a number; `ValueError` for anything else and for absurd sizes."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is no number")  # noqa: TRY004 -- the value is wrong, not the program
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("is no number") from None
    if not number.is_finite() or abs(number) >= LARGEST:
        raise ValueError("is too large")
    return number


def line_subtotal(quantity: Decimal, price: Decimal, discount: Decimal, scale: int) -> Decimal:
    """Quantity times price less the discount in per cent, rounded once."""
    reduced = EXACT.multiply(EXACT.multiply(quantity, price), EXACT.subtract(HUNDRED, discount))
    return round_half_up(EXACT.divide(reduced, HUNDRED), scale)


def total(subtotals: Iterable[Decimal], scale: int) -> Totals:
    """The totals of a document; the tax is rounded once, over the sum."""
    lines = tuple(subtotals)
    untaxed = round_half_up(sum(lines, Decimal(0)), scale)
    tax = round_half_up(EXACT.multiply(untaxed, TAX_RATE), scale)
    return Totals(lines, untaxed, tax, untaxed + tax)
