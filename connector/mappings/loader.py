"""Load a system's mapping table and lay the user's changes over it; everything wrong is one `ConfigError`.

A file is a table of entities; each entity is a table of canonical fields, with two words that are no fields:
`resource` says which of the system's collections holds the entity. Beside the entities, `defaults` names the system's
own converter for a type of field. Changes have the same shape, and `file: PATH` among them replaces the bundled table.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from connector.documents import Document, load_document
from connector.entities import Type
from connector.errors import ConfigError, ConfigIssue
from connector.mappings.catalogue import load_entities
from connector.mappings.converters import find_converter
from connector.mappings.model import EntityMapping, Origin, Place, Row, SystemMapping, in_order
from connector.mappings.overlay import overlay

__all__ = ["load_entities", "load_system"]

RESOURCE, DEFAULTS, FILE = "resource", "defaults", "file"
_DEFAULTS = TypeAdapter(dict[Type, str])


def load_system(
    name: str, overrides: Mapping[str, Any] | None = None, *, origin: Origin | None = None
) -> SystemMapping:
    """The mapping of a bundled system, or of the YAML file that `name` or `overrides` point to, with the overrides.

    `origin` is the document that holds the overrides, so that issues can name file and line.
    """
    changes = dict(overrides or {})
    source = origin or Origin(Document("configuration", changes, {}))
    base = _base(name, changes.pop(FILE, None), source)
    issues: list[ConfigIssue] = []
    defaults = _defaults(base, changes.pop(DEFAULTS, None), source, issues)
    entities = {
        entity: mapping for entity, mapping in _tables(base, changes, source, defaults, issues) if mapping is not None
    }
    if issues:
        raise ConfigError(in_order(issues))
    return SystemMapping(name=name, entities=entities)


def _base(name: str, given: Any, source: Origin) -> Origin:
    """The document that changes are laid over."""
    if given is not None and not isinstance(given, str):
        raise ConfigError([source.issue((FILE,), "write the path of a mapping table")])
    path = given or (name if name.endswith((".yaml", ".yml")) else None)
    if path is None:
        bundled = files("connector.mappings") / f"{name}.yaml"
        if not bundled.is_file():
            raise ConfigError.of(f'there is no mapping table "{name}"')
        document = load_document(bundled.read_text(encoding="utf-8"), f"{name}.yaml")
    else:
        # A path in the configuration is meant from the configuration's own folder.
        document = load_document(Path(source.document.name).parent / path)
    if not isinstance(document.data, dict):
        raise ConfigError([document.issue((), "a mapping table is a table of entities")])
    return Origin(document, bundled=path is None)


def _defaults(base: Origin, changes: Any, source: Origin, issues: list[ConfigIssue]) -> dict[Type, str]:
    try:
        defaults = _DEFAULTS.validate_python(overlay(base.document.data.get(DEFAULTS) or {}, changes or {}))
    except ValidationError as error:
        where = source if changes else base
        issues += where.document.issues(error, under=(*where.under, DEFAULTS))
        return {}
    for kind, spec in defaults.items():
        where = source if kind in (changes or {}) else base
        try:
            if kind not in find_converter(spec).types:
                issues.append(where.issue((DEFAULTS, kind), f"{spec} does not translate a {kind}"))
        except ValueError as error:
            issues.append(where.issue((DEFAULTS, kind), str(error)))
    return defaults


def _tables(
    base: Origin, changes: Mapping[str, Any], source: Origin, defaults: dict[Type, str], issues: list[ConfigIssue]
) -> Iterator[tuple[str, EntityMapping | None]]:
    known = {name: table for name, table in base.document.data.items() if name != DEFAULTS}
    for name in {**known, **changes}:
        if name in changes and changes[name] is None:
            continue
        table, change = known.get(name), changes.get(name, {})
        places = [origin for origin, held in ((base, table is not None), (source, name in changes)) if held]
        wrong = [
            origin.issue((name,), "must be a table of fields")
            for origin, value in ((base, table or {}), (source, change))
            if not isinstance(value, Mapping)
        ]
        issues += wrong
        if not wrong:
            yield name, _Table(name, places, table or {}, change).build(defaults, issues)


class _Table:
    """One entity's table, from the base and from the changes."""

    def __init__(self, name: str, places: list[Origin], table: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        self.table, self.change = _spelled_out(table), _spelled_out(change)
        self.places = [place.at(name) for place in places]

    def build(self, defaults: dict[Type, str], issues: list[ConfigIssue]) -> EntityMapping | None:
        """The validated table, or None after telling what is wrong with it."""
        merged = overlay(self.table, self.change)
        before = len(issues)
        resource = self._validated(Place, RESOURCE, merged.pop(RESOURCE, None), issues)
        rows = {field: self._validated(Row, field, value, issues) for field, value in merged.items()}
        if len(issues) > before or resource is None:
            return None
        # Rows that a change took out are remembered too: what is missed later was taken out there.
        origins = {"": self.places[0], **{field: self.origin(field) for field in (*rows, *self.change)}}
        return EntityMapping(resource=resource, rows=rows, defaults=defaults).written_at(origins)

    def origin(self, key: str) -> Origin:
        """Where a row was written last."""
        return (self.places[-1] if key in self.change else self.places[0]).at(key)

    def _validated(self, model: Any, key: str, value: Any, issues: list[ConfigIssue]) -> Any:
        origin = self.origin(key)
        if value is None:
            issues.append(origin.issue((), "is missing: which of the system's collections holds this entity?"))
            return None
        try:
            return model.model_validate(value)
        except ValidationError as error:
            issues += origin.document.issues(error, model=model, under=origin.under)
            return None


def _spelled_out(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with bare words written out, so that changes can merge with them."""
    return {key: _spelled("name" if key == RESOURCE else "path", value) for key, value in table.items()}


def _spelled(word: str, row: Any) -> Any:
    if isinstance(row, str):
        return {word: row}
    if isinstance(row, Mapping) and isinstance(row.get("parts"), Mapping):
        return {**row, "parts": _spelled_out(row["parts"])}
    return row
