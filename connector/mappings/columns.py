"""Rows joined with what the entity says about their fields: everything a translation needs, looked up once."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from connector.documents import suggest
from connector.entities import Entity, FieldRule, Type
from connector.errors import ConfigIssue
from connector.mappings.converters import DEFAULTS, Converter, choice, find_converter
from connector.mappings.decimals import from_number
from connector.mappings.forms import Form, compose, find_form
from connector.mappings.model import EntityMapping, Origin, Row
from connector.records import Value

PART_ID = "id"
PART_ID_RULE = FieldRule(type=Type.REF)


class Column(NamedTuple):
    """One field, bound: where it is on the wire and how it gets there and back."""

    field: str
    path: tuple[str, ...]
    row: Row
    rule: FieldRule
    spec: str
    """The converter's name, as bases remember it."""
    converter: Converter
    forms: tuple[Form, ...]
    parts: tuple["Column", ...] = ()

    @property
    def default(self) -> Value:
        """The canonical value of a create that holds none."""
        given = self.row.default
        if self.rule.type is Type.DECIMAL and given is not None and not isinstance(given, str):
            return from_number(given)
        return given if isinstance(given, bool | int | str) else None

    def normal(self, value: Value) -> Value:
        """What the system holds after this value was written, canonically."""
        if self.parts:
            return [self._normal_part(part) for part in value] if isinstance(value, list) else []
        return compose(self.forms)(self.converter.normal(value))

    def _normal_part(self, part: Any) -> Any:
        """A part is always written whole, so its defaults take the place of what it lacks."""
        stored = {column.field: column.normal(_or(part.get(column.field), column.default)) for column in self.parts}
        return {name: value for name, value in stored.items() if name in part or value is not None}

    def digest(self) -> str:
        """A short hash of everything that decides what a wire value is read as: a base read otherwise is no base."""
        return hashlib.blake2b(orjson.dumps(self._reading()), digest_size=8).hexdigest()

    def _reading(self) -> list[Any]:
        codes = sorted([str(value), repr(code)] for value, code in self.row.values.items())
        reverse = sorted([repr(code), str(value)] for code, value in self.row.reverse.items())
        parts = [[part.field, *part._reading()] for part in self.parts]  # noqa: SLF001 -- the same class
        return [self.rule.type, self.row.path, self.spec, codes, reverse, parts]


def _or(value: Value, default: Value) -> Value:
    return default if value is None else value


class Binding(NamedTuple):
    """The columns of one table, and what is wrong with it."""

    columns: list[Column]
    issues: list[ConfigIssue]


def bind(entity: Entity, mapping: EntityMapping) -> Binding:
    """Join a table with its entity; rows that cannot be used are left out and told as issues."""
    binding = Binding([], [])
    for field, row in mapping.rows.items():
        origin = mapping.origin(field)
        rule = entity.fields.get(field)
        if rule is not None:
            column = _Binder(mapping.defaults, origin, binding.issues).column(field, row, rule, ())
            binding.columns.extend([column] if column else [])
        elif not origin.bundled:
            # A field that configuration removed from the entity takes its bundled row along.
            near = suggest(field, entity.fields) or "; declare it under `entities:`"
            binding.issues.append(origin.issue((), f"{entity.name} has no field {field}{near}"))
    return binding


class _Binder(NamedTuple):
    """Binds one row."""

    defaults: Mapping[Type, str]
    origin: Origin
    issues: list[ConfigIssue]

    def tell(self, path: tuple[str, ...], message: str) -> None:
        self.issues.append(self.origin.issue(path, message))

    def column(self, field: str, row: Row, rule: FieldRule, at: tuple[str, ...]) -> Column | None:
        spec, converter = self._converter(row, rule, at)
        forms = self._forms(row, at)
        parts = self._parts(row, rule, at) if rule.type is Type.PARTS else ()
        if rule.type is not Type.PARTS and row.parts:
            self.tell((*at, "parts"), f"{field} is no list of parts, it is a {rule.type}")
        if converter is None:
            return None
        return Column(field, tuple(row.path.split(".")), row, rule, spec, converter, forms, parts)

    def _converter(self, row: Row, rule: FieldRule, at: tuple[str, ...]) -> tuple[str, Converter | None]:
        if rule.type is Type.PARTS:
            return "parts", _NO_CONVERTER
        coded: Mapping[Any, Any] = row.values
        if rule.type is Type.CHOICE and not coded:
            coded = {value: value for value in rule.choices}
        if coded and row.converter is None:
            return "choice", choice(coded, row.reverse)
        spec = row.converter or self.defaults.get(rule.type) or DEFAULTS.get(rule.type, "text")
        try:
            converter = find_converter(spec)
        except ValueError as error:
            self.tell((*at, "converter"), str(error))
            return spec, None
        if rule.type not in converter.types:
            self.tell((*at, "converter"), f"{spec} does not translate a {rule.type}")
            return spec, None
        return spec, converter

    def _forms(self, row: Row, at: tuple[str, ...]) -> tuple[Form, ...]:
        forms: list[Form] = []
        for place, name in enumerate(row.normal):
            try:
                forms.append(find_form(name))
            except ValueError as error:
                self.tell((*at, "normal", str(place)), str(error))
        return tuple(forms)

    def _parts(self, row: Row, rule: FieldRule, at: tuple[str, ...]) -> tuple[Column, ...]:
        rules = {PART_ID: PART_ID_RULE, **rule.fields}
        bound = []
        for name, part in row.parts.items():
            place = (*at, "parts", name)
            if name in rules:
                bound.append(self.column(name, part, rules[name], place))
            else:
                self.tell(place, f"a part has no field {name}{suggest(name, rules)}")
        if PART_ID not in row.parts:
            self.tell((*at, "parts"), f"say where a part keeps its own id: `{PART_ID}: <path>`")
        return tuple(column for column in bound if column is not None)


def _unused(value: Any) -> Any:
    raise TypeError(f"parts have no converter ({type(value).__name__})")


_NO_CONVERTER = Converter(_unused, _unused, frozenset((Type.PARTS,)))
