"""Canonical values to try a mapping with: few, the same every time, and as nasty as people's data."""

from typing import Any

from connector.entities import FieldRule, Type
from connector.mappings.columns import PART_ID, Column
from connector.mappings.unfit import UNTRANSLATABLE
from connector.records import Value

TEXTS = (
    "Muster GmbH",
    "  Ünïcode\u00a0ß  & Söhne  ",
    "0042",
    "null",
    "+49 30 901820",
    "de-123.456/78",
    'O\'Brien; "x" <y>\n\tz',
    "long " * 60,
    "DE",
    "CH",
)
DECIMALS = ("0", "1", "-1", "0.1", "19.99", "-0.005", "0.0001", "1234567.89", "999999999.9999", "100")
INTEGERS = (0, 1, -1, 2**31, 2**53)
DATES = ("2026-11-23", "2024-02-29", "1999-12-31", "9999-12-31")
INSTANTS = ("2026-11-23T20:44:10.123Z", "1999-12-31T23:59:59.999Z", "2024-02-29T00:00:00.000Z")
SETS = (["a"], ["a", "b c", "Ä"], ["0", "x" * 50])
IDS = ("1", "42", "9007199254740993", "acc-1001")

_PLAIN: dict[Type, tuple[Value, ...]] = {
    Type.TEXT: TEXTS,
    Type.INTEGER: INTEGERS,
    Type.BOOLEAN: (True, False),
    Type.DATE: DATES,
    Type.INSTANT: INSTANTS,
    Type.SET: SETS,
    Type.REF: IDS,
}


def samples(column: Column) -> tuple[Value, ...]:
    """Values that the column's field may hold; a side need not be able to take every one."""
    if column.parts:
        return ([], [_part(column.parts, 0)], [_part(column.parts, place) for place in range(3)])
    return values_of(column.rule)


def values_of(rule: FieldRule) -> tuple[Value, ...]:
    """Values of a field's type, within its choices or its scale."""
    if rule.type is Type.CHOICE:
        return rule.choices
    if rule.type is Type.DECIMAL:
        return tuple(value for value in DECIMALS if rule.scale is None or len(value.partition(".")[2]) <= rule.scale)
    return _PLAIN.get(rule.type, ())


def _part(columns: tuple[Column, ...], place: int) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for column in columns:
        fit = [value for value in values_of(column.rule) if takes(column, value)]
        part[column.field] = fit[place % len(fit)] if fit and (column.field != PART_ID or place) else None
    return part


def takes(column: Column, value: Value) -> bool:
    """Whether the column can write a value at all."""
    try:
        column.converter.write(value)
    except UNTRANSLATABLE:
        return False
    return True
