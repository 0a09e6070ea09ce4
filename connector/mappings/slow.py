"""Translation row by row: for bodies that hold only some fields, and to find the field that made one fail."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connector.errors import MappingFailed
from connector.mappings.columns import Column
from connector.mappings.unfit import UNTRANSLATABLE, Unfit
from connector.records import Body, Record, Value

MISSING: Final = object()
SHOWN = 40
"""So much of a refused value is shown, where it is nobody's personal data."""


def nested(value: Any) -> Mapping[str, Any]:
    """An object within a body that is no plain dict: nothing at all is an empty one."""
    if value is None or value == "":
        return {}
    if isinstance(value, Mapping):
        return value
    raise Unfit("not an object")


def read_parts_list(value: Any) -> Sequence[Any]:
    """The parts on the wire; none at all is an empty list."""
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise Unfit("not a list")
    for part in value:
        if part.__class__ is not dict:
            raise Unfit("not a list of objects")
    return value


def find(body: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The wire value at a path, or MISSING where the body does not reach that far.

    An object that is there but empty (null) holds an empty value for every path below it.
    """
    value: Any = body
    for name in path:
        if value is None:
            return None
        value = nested(value).get(name, MISSING)
        if value is MISSING:
            return MISSING
    return value


def read_column(column: Column, wire: Any) -> Value:
    """One canonical value."""
    if column.parts:
        return [_read_part(column.parts, part) for part in read_parts_list(wire)]
    return None if wire is None else column.converter.read(wire)


def write_column(column: Column, value: Any) -> Any:
    """One wire value."""
    return None if value is None else column.converter.write(value)


def read_present(columns: Iterable[Column], body: Body) -> Record:
    """The fields that a partial body holds."""
    found = ((column, find(body, column.path)) for column in columns)
    return {column.field: read_column(column, wire) for column, wire in found if wire is not MISSING}


def _read_part(columns: Sequence[Column], part: Any) -> dict[str, Any]:
    return {column.field: read_column(column, _present(find(part, column.path))) for column in columns}


def _present(wire: Any) -> Any:
    return None if wire is MISSING else wire


class Failure(NamedTuple):
    """Which field could not be translated, and why."""

    column: Column
    field: str
    path: str
    value: Any
    error: Exception

    def told(self, subject: str, what: str) -> MappingFailed:
        """The failure as an error that names entity, field and path, and the value only where it is nobody's own."""
        if isinstance(self.error, KeyError):
            reason = "the mapping has no row for this code" if self.column.spec == "choice" else "not a known code"
        else:
            reason = str(self.error) if isinstance(self.error, Unfit) else "not a value of this kind"
        shown = "" if self.column.rule.personal or self.value is None else f" ({repr(self.value)[:SHOWN]})"
        return MappingFailed(f"{subject}: {self.field} ({self.path}) {what}: {reason}{shown}", field=self.field)


def why_unreadable(subject: str, columns: Sequence[Column], body: Body) -> MappingFailed:
    """The error that names the field whose wire value could not be read."""
    failure = _unreadable(columns, body)
    return failure.told(subject, "cannot be read") if failure else MappingFailed(f"{subject}: cannot be read")


def why_unwritable(subject: str, columns: Sequence[Column], record: Record) -> MappingFailed:
    """The error that names the field whose canonical value could not be written."""
    failure = _unwritable(columns, record)
    return failure.told(subject, "cannot be written") if failure else MappingFailed(f"{subject}: cannot be written")


def _unreadable(columns: Sequence[Column], body: Any, field: str = "", path: str = "") -> Failure | None:
    for column in columns:
        inner, place = f"{field}{column.field}", f"{path}{column.row.path}"
        wire = None
        try:
            wire = _present(find(body, column.path))
            if not column.parts:
                read_column(column, wire)
                continue
            failures = (_unreadable(column.parts, part, f"{inner}.", f"{place}.") for part in read_parts_list(wire))
            if failure := next(filter(None, failures), None):
                return failure
        except UNTRANSLATABLE as error:
            return Failure(column, inner, place, wire, error)
    return None


def _unwritable(columns: Sequence[Column], record: Any, field: str = "", path: str = "") -> Failure | None:
    for column in columns:
        inner, place = f"{field}{column.field}", f"{path}{column.row.path}"
        value = None
        try:
            value = record.get(column.field)
            if not column.parts:
                write_column(column, value)
                continue
            failures = (_unwritable(column.parts, part, f"{inner}.", f"{place}.") for part in value or ())
            if failure := next(filter(None, failures), None):
                return failure
        except UNTRANSLATABLE as error:
            return Failure(column, inner, place, value, error)
    return None
