"""A plain interpreter of mapping tables: slow and obvious, to hold the compiled functions against."""

from typing import Any

from connector.mappings.columns import PART_ID, Column
from connector.mappings.compile import Translator


def read(translator: Translator, body: dict[str, Any]) -> dict[str, Any]:
    """What reading a complete body must give."""
    return {name: _value(column, body) for name, column in translator.columns.items()}


def _value(column: Column, body: dict[str, Any]) -> Any:
    wire: Any = body
    for name in column.path:
        wire = (wire or {}).get(name)
    if column.rule.fields:
        return [{part.field: _value(part, item) for part in column.parts} for item in wire or []]
    return None if wire is None else column.converter.read(wire)


def write(translator: Translator, record: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """What writing a record must give."""
    body: dict[str, Any] = {}
    for name, column in translator.columns.items():
        if name in record and (column.row.creatable if creating else column.row.writable):
            _put(body, column.path, _wire(column, record[name]))
    return body | (dict(translator.resource.where) if creating else {})


def _wire(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if not column.rule.fields:
        return column.converter.write(value)
    written = []
    for item in value:
        part: dict[str, Any] = {}
        for inner in column.parts:
            default = inner.default
            held = item.get(inner.field) if item.get(inner.field) is not None else default
            if (inner.field in item or default is not None) and (inner.field != PART_ID or held):
                _put(part, inner.path, _wire(inner, held))
        written.append(part)
    return written


def _put(body: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value
