"""Hypothesis strategies for canonical values, whole records and wire values."""

from decimal import Decimal
from typing import Any

from hypothesis import settings, strategies as st

from connector.entities import FieldRule, Type
from connector.mappings.columns import PART_ID, Column
from connector.mappings.compile import Translator
from connector.mappings.decimals import plain
from connector.mappings.samples import takes

patient = settings(max_examples=20, deadline=None)
"""Libraries that are imported when first needed, and a busy machine, must not look like slow code."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


def decimals(scale: int = 4, digits: int = 9) -> st.SearchStrategy[str]:
    """Canonical decimals with at most so many digits after and before the point."""
    edge = 10**digits
    return st.decimals(-edge, edge, allow_nan=False, allow_infinity=False, places=scale).map(plain)


def canonical(rule: FieldRule) -> st.SearchStrategy[Any]:
    """Filled canonical values of a field."""
    return {
        Type.TEXT: TEXTS,
        Type.DECIMAL: decimals(4 if rule.scale is None else rule.scale),
        Type.INTEGER: st.integers(),
        Type.BOOLEAN: st.booleans(),
        Type.DATE: st.dates().map(str),
        Type.INSTANT: st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z"),
        Type.CHOICE: st.sampled_from(rule.choices or ("x",)),
        Type.SET: st.sets(TEXTS).map(sorted),
        Type.REF: st.integers(0, 10**12).map(str),
    }[rule.type]


def held(column: Column) -> st.SearchStrategy[Any]:
    """What a record may hold in a column: a value that its system can take, or nothing."""
    if column.parts:
        parts = {part.field: held(part) for part in column.parts}
        return st.lists(
            st.fixed_dictionaries({**parts, PART_ID: st.integers(1, 10**6).map(str) | st.none()}), max_size=4
        )
    if column.spec == "country_alpha3":
        return st.sampled_from(["DE", "AT", "CH", "GB", "US", "XK", None])
    return st.none() | canonical(column.rule).filter(lambda value: takes(column, value))


def records(translator: Translator) -> st.SearchStrategy[dict[str, Any]]:
    """Records with any of the fields that a create may give."""
    columns = {name: held(translator.columns[name]) for name in sorted(translator.creatable)}
    return st.fixed_dictionaries({}, optional=columns)


def exact(value: str) -> Decimal:
    """The number behind a canonical text."""
    return Decimal(value)
