"""The entities in force: the bundled catalogue with the user's changes, checked, parents first."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from connector.documents import Document, load_document, suggest
from connector.entities import Entity, FieldRule, Guard, Policy, Type
from connector.errors import ConfigError, ConfigIssue
from connector.mappings.model import Origin, in_order
from connector.mappings.overlay import overlay

RESERVED_PART_FIELD = "id"


def load_entities(
    overrides: Mapping[str, Any] | None = None, *, origin: Origin | None = None, guard: Guard | None = None
) -> dict[str, Entity]:
    """Every entity, parents before children; raises one `ConfigError` with everything that is wrong.

    `origin` is the document that holds the overrides; `guard` serves entities that declare none of their own.
    """
    changes = dict(overrides or {})
    source = origin or Origin(Document("configuration", changes, {}))
    text = (files("connector") / "entities.yaml").read_text(encoding="utf-8")
    base = Origin(load_document(text, "entities.yaml"), bundled=True)
    merged = overlay(base.document.data, changes)
    issues: list[ConfigIssue] = []
    entities = {}
    for name, value in merged.items():
        place = (source if name in changes else base).at(name)
        entity = _entity(name, value, place, guard, issues)
        if entity is not None:
            entities[name] = entity
            issues += _Rules(entity, place, merged.keys()).issues()
    issues += [] if issues else _circles(entities, source)
    if issues:
        raise ConfigError(in_order(issues))
    return _parents_first(entities)


def _entity(name: str, value: Any, place: Origin, guard: Guard | None, issues: list[ConfigIssue]) -> Entity | None:
    if not isinstance(value, Mapping):
        issues.append(place.issue((), "must be a table with `fields:`"))
        return None
    given = dict(value)
    if guard is not None:
        given.setdefault("guard", {key: getattr(guard, key) for key in Guard.model_fields})
    try:
        return Entity.model_validate({"name": name, **given})
    except ValidationError as error:
        issues += place.document.issues(error, model=Entity, under=place.under)
        return None


class _Rules:
    """What an entity's definition must fulfil beyond its shape."""

    def __init__(self, entity: Entity, place: Origin, known: Any) -> None:
        self.entity, self.place, self.known = entity, place, known

    def issues(self) -> list[ConfigIssue]:
        """Everything that is wrong."""
        found = [*self._named(), *self._states()]
        for name, rule in self.entity.fields.items():
            found += self._field(("fields", name), rule)
            for part, inner in rule.fields.items():
                found += self._part(("fields", name, "fields", part), part, inner)
        return found

    def _named(self) -> Iterator[ConfigIssue]:
        """Fields that the entity's own rules name must exist."""
        entity = self.entity
        named = [("match", name) for key in entity.match for name in key.fields]
        named += [("locked_fields", name) for name in entity.locked_fields]
        named += [("create_when", name) for name in entity.create_when]
        named += [("create_unless", name) for name in entity.create_unless]
        named += [("lock", entity.lock.field)] if entity.lock else []
        named += [("follows", entity.follows)] if entity.follows else []
        for where, name in named:
            if name not in entity.fields:
                message = f"{entity.name} has no field {name}{suggest(name, entity.fields)}"
                yield self.place.issue((where,), message)

    def _states(self) -> Iterator[ConfigIssue]:
        """States that rules name must be choices of the field they speak of."""
        entity = self.entity
        spoken = [("create_when", field, values) for field, values in entity.create_when.items()]
        spoken += [("create_unless", field, values) for field, values in entity.create_unless.items()]
        spoken += [("lock", entity.lock.field, entity.lock.states)] if entity.lock else []
        for name, rule in entity.fields.items():
            if rule.policy is Policy.LIFECYCLE:
                after = (state for states in entity.lifecycle.values() for state in states)
                spoken.append(("lifecycle", name, tuple(dict.fromkeys((*entity.lifecycle, *after)))))
        for where, field, states in spoken:
            rule_of = entity.fields.get(field)
            choices = rule_of.choices if rule_of else ()
            for state in states if choices else ():
                if state not in choices:
                    yield self.place.issue((where,), f"{field} has no choice {state}{suggest(state, choices)}")

    def _field(self, path: tuple[str, ...], rule: FieldRule) -> Iterator[ConfigIssue]:
        needs = {Policy.DELTA: (Type.DECIMAL, Type.INTEGER), Policy.UNION: (Type.SET,)}.get(rule.policy)
        if needs and rule.type not in needs:
            yield self.place.issue((*path, "policy"), f"{rule.policy} is for a {' or '.join(needs)}, not a {rule.type}")
        if rule.policy is Policy.LIFECYCLE and not self.entity.lifecycle:
            yield self.place.issue((*path, "policy"), "say under `lifecycle:` which state may follow which")
        if rule.type is Type.PARTS and not rule.fields:
            yield self.place.issue(path, "say under `fields:` what each part holds")
        yield from self._typed(path, rule)

    def _part(self, path: tuple[str, ...], name: str, rule: FieldRule) -> Iterator[ConfigIssue]:
        if name == RESERVED_PART_FIELD:
            yield self.place.issue(path, "a part's own id needs no field; call this one differently")
        if rule.type is Type.PARTS:
            yield self.place.issue((*path, "type"), "parts within parts are not supported")
        yield from self._typed(path, rule)

    def _typed(self, path: tuple[str, ...], rule: FieldRule) -> Iterator[ConfigIssue]:
        if rule.type is Type.CHOICE and not rule.choices:
            yield self.place.issue(path, "a choice needs `choices:`")
        if rule.type is Type.REF and rule.entity not in self.known:
            named = f"there is no entity {rule.entity}{suggest(rule.entity, self.known)}" if rule.entity else None
            yield self.place.issue((*path, "entity"), named or "a ref needs `entity:`, what it points to")


def _circles(entities: Mapping[str, Entity], source: Origin) -> list[ConfigIssue]:
    """Entities that wait for each other can never be created."""
    ordered = _parents_first(entities)
    placed: set[str] = set()
    stuck = []
    for name, entity in ordered.items():
        if entity.parents - {name} <= placed:
            placed.add(name)
        else:
            stuck.append(name)
    message = f"{', '.join(stuck)} wait for each other; make one of the references `deferred: true`"
    return [source.issue((stuck[0],), message)] if stuck else []


def _parents_first(entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """The entities in the catalogue's order, but for parents, which come before their children."""
    ordered: dict[str, Entity] = {}
    waiting = dict(entities)
    while waiting:
        ready = [name for name, entity in waiting.items() if entity.parents - {name} <= ordered.keys()]
        for name in ready[:1] or list(waiting):
            ordered[name] = waiting.pop(name)
    return ordered
