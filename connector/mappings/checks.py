"""What a table must fulfil before the first record is translated, told as issues with file, line and path."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector.documents import suggest
from connector.entities import Entity, Type
from connector.errors import ConfigIssue
from connector.mappings.columns import Column
from connector.mappings.model import EntityMapping, Origin
from connector.mappings.unfit import UNTRANSLATABLE
from connector.records import Side


def check_table(entity: Entity, mapping: EntityMapping, side: Side, columns: Sequence[Column]) -> list[ConfigIssue]:
    """Everything that is wrong between one table and its entity."""
    issues = list(_paths(mapping.origin, columns))
    for column in columns:
        origin = mapping.origin(column.field)
        issues += _column(origin, column, excused=_never_sent(entity, column.field))
        for part in column.parts:
            issues += _column(origin.at("parts", part.field), part, excused=frozenset())
        issues += _required_parts(origin, column)
    issues += _missing(entity, mapping, side, {column.field: column for column in columns})
    return issues


def _never_sent(entity: Entity, field: str) -> frozenset[str]:
    """Choices that no counterpart is created for, and that a system therefore needs no code for."""
    allowed = entity.create_when.get(field)
    return frozenset(entity.fields[field].choices) - frozenset(allowed) if allowed else frozenset()


def _paths(origin_of: Any, columns: Sequence[Column]) -> Iterator[ConfigIssue]:
    """Two fields must not share a place, nor may one hold the other."""
    holders: dict[tuple[str, ...], str] = {}
    for column in columns:
        origin: Origin = origin_of(column.field)
        holder = holders.get(column.path)
        if holder is not None:
            yield origin.issue(("path",), f"{column.row.path} is already the place of {holder}")
        holders[column.path] = column.field
        yield from _part_paths(origin, column.parts)
    for column in columns:
        for length in range(1, len(column.path)):
            outer = holders.get(column.path[:length])
            if outer is not None:
                yield origin_of(column.field).issue(("path",), f"{column.row.path} lies within the place of {outer}")


def _part_paths(origin: Origin, parts: Sequence[Column]) -> Iterator[ConfigIssue]:
    yield from _paths(lambda field: origin.at("parts", field), parts) if parts else ()


def _column(origin: Origin, column: Column, *, excused: frozenset[str]) -> Iterator[ConfigIssue]:
    yield from _codes(origin, column, excused)
    yield from _transitions(origin, column)
    if column.row.default is not None:
        try:
            column.converter.write(column.default)
        except UNTRANSLATABLE:
            yield origin.issue(("default",), f"the default is not a value of {column.field}")


def _codes(origin: Origin, column: Column, excused: frozenset[str]) -> Iterator[ConfigIssue]:
    values, reverse = column.row.values, column.row.reverse
    if not values:
        return
    yield from _bijective(origin, values, reverse)
    if column.rule.type is not Type.CHOICE:
        return
    choices = column.rule.choices
    for value in (*values, *reverse.values()):
        if value not in choices:
            yield origin.issue(("values", value), f"{column.field} has no choice {value}{suggest(str(value), choices)}")
    lacking = [value for value in choices if value not in values and value not in excused]
    if column.row.creatable and lacking:
        yield origin.issue(("values",), f"there is no code for {', '.join(lacking)}")


def _bijective(origin: Origin, values: Mapping[Any, Any], reverse: Mapping[Any, Any]) -> Iterator[ConfigIssue]:
    takers: dict[tuple[type, Any], Any] = {}
    decided = {(type(code), code) for code in reverse}
    for value, code in values.items():
        key = (type(code), code)
        if key in takers and key not in decided:
            message = f"{code} already stands for {takers[key]}; say under `reverse:` which of them it is read as"
            yield origin.issue(("values", value), message)
        takers.setdefault(key, value)


def _transitions(origin: Origin, column: Column) -> Iterator[ConfigIssue]:
    for value in column.row.transitions:
        if value not in column.rule.choices:
            known = column.rule.choices
            yield origin.issue(("transitions", value), f"{column.field} has no choice {value}{suggest(value, known)}")


def _required_parts(origin: Origin, column: Column) -> Iterator[ConfigIssue]:
    for name, rule in column.rule.fields.items():
        if rule.required and name not in column.row.parts:
            yield origin.issue(("parts",), f"{name} is required in every part, but has no row")


def _missing(
    entity: Entity, mapping: EntityMapping, side: Side, columns: Mapping[str, Column]
) -> Iterator[ConfigIssue]:
    """Fields that matching and creating cannot do without."""
    told = set(mapping.rows)
    for name, rule in entity.fields.items():
        if not rule.required or rule.reserved:
            continue
        if name not in told:
            yield mapping.origin(name).issue((), f"{name} is required, but has no row")
        elif name in columns and side in entity.creates and not columns[name].row.creatable:
            yield mapping.origin(name).issue((), f"{name} is required, but cannot be given when a record is created")
    for name in _unmatched(entity, told):
        yield mapping.origin(name).issue(
            (), f"records are matched by {name}, which has no row; map it, or change `match`"
        )


def _unmatched(entity: Entity, mapped: Iterable[str]) -> list[str]:
    return sorted({name for key in entity.match for name in key.fields} - set(mapped))
