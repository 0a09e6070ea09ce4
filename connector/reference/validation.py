"""Plain functions, compiled once from a field table, that turn what was sent into what is stored."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from connector.reference.amounts import read_decimal, round_half_up
from connector.reference.fields import Collection, Field, Kind
from connector.reference.refusals import invalid

Values = dict[str, Any]
Reader = Callable[[Any], Any]

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SMALLEST_WHOLE, LARGEST_WHOLE = -(2**63), 2**63 - 1
MOST_SCALARS, LONGEST_NAME, LONGEST_SCALAR = 200, 80, 4000
LONGEST_TEXT = 100_000
MOST_LINES = 5000


class Form:
    """What one collection takes: reads values on create and on change, and says what it does not take."""

    def __init__(self, collection: Collection, *, extra: str = "") -> None:
        """With `extra`, names that begin so are columns of the users' own, holding scalars."""
        self._extra = extra
        self._readers = {each.name: _reader(each) for each in collection.fields}
        self._fields = collection.by_name
        self._required = [each.name for each in collection.fields if each.required and not each.read_only]
        self._fixed = [each.name for each in collection.fields if each.fixed]
        self._defaults = {each.name: _default(each) for each in collection.fields}

    def read_new(self, sent: object) -> Values:
        """A whole record from the values of a create: every field is there."""
        values = {**self._defaults, **self._read(sent)}
        for name in self._required:
            if values[name] is None:
                raise invalid(f"{name} is required", name)
        return values

    def read_change(self, sent: object, before: Values) -> Values:
        """The values of a change, only those that were sent; what is fixed may only be sent as it is."""
        values = self._read(sent)
        for name in self._fixed:
            if name in values and values[name] != before[name]:
                raise invalid(f"{name} cannot be changed", name)
        for name in self._required:
            if name in values and values[name] is None:
                raise invalid(f"{name} is required", name)
        return values

    def _read(self, sent: object) -> Values:
        if not isinstance(sent, dict):
            raise invalid("values must be an object")
        return {name: self._value(name, value) for name, value in sent.items()}

    def _value(self, name: str, value: object) -> Any:
        field = self._fields.get(name)
        if field is None:
            return self._extra_value(name, value)
        if field.read_only:
            raise invalid(f"{name} cannot be written", name)
        if value is None:
            return _default(field) if field.kind in (Kind.LINES, Kind.SCALARS) else None
        return self._readers[name](value)

    def _extra_value(self, name: str, value: object) -> Any:
        if not self._extra or not name.startswith(self._extra) or len(name) > LONGEST_NAME:
            raise invalid(f"there is no field {name[:LONGEST_NAME]}", name[:LONGEST_NAME])
        return _scalar(name, value)


def _default(field: Field) -> Any:
    """What a field holds when nothing was sent; shared by all records, so never changed in place."""
    if field.kind is Kind.LINES:
        return []
    return {} if field.kind is Kind.SCALARS else field.default


def _reader(field: Field, path: str = "") -> Reader:
    """The function that reads one value of this field; `path` names it in messages."""
    place = path or field.name
    if field.kind in COMPOSED:
        return COMPOSED[field.kind](field, place)
    if field.kind in SPECIAL:
        return partial(SPECIAL[field.kind], field, place)
    # Times are the servers' own: they are never read.
    return partial(PLAIN.get(field.kind, _integer), place)


def _text(field: Field, path: str, value: object) -> str | None:
    if not isinstance(value, str):
        raise invalid(f"{path} must be text", path)
    try:
        text = field.normal(value) if field.normal else value
    except ValueError as error:
        raise invalid(f"{path} {error}", path) from error
    if field.required and (text is None or not text.strip()):
        return None
    if text and len(text) > (field.longest or LONGEST_TEXT):
        if not field.cut:
            raise invalid(f"{path} is longer than {field.longest or LONGEST_TEXT} characters", path)
        text = text[: field.longest]
    return text


def _number(path: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{path} must be a number", path)
    try:
        read_decimal(value)
    except ValueError as error:
        raise invalid(f"{path} {error}", path) from error
    return value


def _decimal(field: Field, path: str, value: object) -> str:
    try:
        number = round_half_up(read_decimal(value), field.scale or 0)
    except ValueError as error:
        raise invalid(f"{path} {error}", path) from error
    return written(number)


def written(number: Decimal) -> str:
    """A decimal as text, without exponent; zero has no sign."""
    return format(number or abs(number), "f")


def _integer(path: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not SMALLEST_WHOLE <= value <= LARGEST_WHOLE:
        raise invalid(f"{path} must be a whole number", path)
    return value


def _boolean(path: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"{path} must be true or false", path)
    return value


def _date(path: str, value: object) -> str:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise invalid(f"{path} must be a date like 2026-11-23", path)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise invalid(f"{path} is no day of the calendar", path) from error


def _choice(field: Field, path: str, value: object) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise invalid(f"{path} must be one of {', '.join(field.choices)}", path)
    return value


def _reference(path: str, value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise invalid(f"{path} must be an id", path)
    return value


def _object(field: Field, path: str) -> Reader:
    """Reads only what was sent of an object: a change merges it into what is stored."""
    readers = {each.name: _reader(each, f"{path}.{each.name}") for each in field.fields}

    def read(value: object) -> Values:
        if not isinstance(value, dict):
            raise invalid(f"{path} must be an object", path)
        unknown = next((name for name in value if name not in readers), None)
        if unknown is not None:
            raise invalid(f"there is no field {path}.{unknown[:LONGEST_NAME]}", path)
        return {name: None if each is None else readers[name](each) for name, each in value.items()}

    return read


def _lines(field: Field, path: str) -> Reader:
    readers = {each.name: (each, _reader(each, f"{path}.{each.name}")) for each in field.fields}
    blank = {each.name: each.default for each in field.fields}

    def read(value: object) -> list[Values]:
        if not isinstance(value, list):
            raise invalid(f"{path} must be a list", path)
        if len(value) > MOST_LINES:
            raise invalid(f"{path} holds more than {MOST_LINES} lines", path)
        return [_line(readers, blank, path, each) for each in value]

    return read


def _line(readers: Mapping[str, tuple[Field, Reader]], blank: Values, path: str, sent: object) -> Values:
    if not isinstance(sent, dict):
        raise invalid(f"{path} must hold objects", path)
    line = dict(blank)
    for name, value in sent.items():
        if name not in readers:
            raise invalid(f"there is no field {path}.{name[:LONGEST_NAME]}", path)
        field, read = readers[name]
        # What the server works out for a line may come back with it and is left aside; its id says which line it is.
        if value is not None and (not field.read_only or field.kind is Kind.REFERENCE):
            line[name] = read(value)
    for name, (field, _) in readers.items():
        if field.required and line[name] is None:
            raise invalid(f"{path}.{name} is required", f"{path}.{name}")
    return line


def _scalars(path: str, value: object) -> Values:
    if not isinstance(value, dict) or len(value) > MOST_SCALARS:
        raise invalid(f"{path} must be an object of at most {MOST_SCALARS} scalars", path)
    return {name: _scalar(f"{path}.{name[:LONGEST_NAME]}", each) for name, each in value.items()}


def _scalar(path: str, value: object) -> Any:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise invalid(f"{path} must be a scalar", path)
    if isinstance(value, str) and len(value) > LONGEST_SCALAR:
        raise invalid(f"{path} is longer than {LONGEST_SCALAR} characters", path)
    return value


PLAIN: Mapping[Kind, Callable[[str, Any], Any]] = {
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.REFERENCE: _reference,
    Kind.SCALARS: _scalars,
}
"""What is read in one way, whatever the field."""

SPECIAL: Mapping[Kind, Callable[[Field, str, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.DECIMAL: _decimal,
    Kind.CHOICE: _choice,
}
COMPOSED: Mapping[Kind, Callable[[Field, str], Reader]] = {Kind.OBJECT: _object, Kind.LINES: _lines}
