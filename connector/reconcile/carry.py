"""Carry a value across: references become the other side's ids, parts keep the identity their bases gave them."""

from collections.abc import Mapping
from typing import Any, Final

from connector.entities import Entity, FieldRule, Type
from connector.records import Links, Record, Ref, Side, Value


class Unlinked(LookupError):
    """A reference points to a record that has no counterpart yet."""

    def __init__(self, ref: Ref) -> None:
        super().__init__(str(ref))
        self.ref = ref


PLAIN: Final = frozenset(Type) - {Type.REF, Type.PARTS}


def carry(rule: FieldRule, value: Value, source: Side, links: Links) -> Value:
    """The value as the side across would hold it; raises `Unlinked` for a reference without a counterpart.

    Parts come back with id None: `align` gives them the ids they have across.
    """
    if value is None or rule.type in PLAIN:
        return value
    if rule.type is Type.REF:
        return _carry_ref(str(rule.entity), str(value), source, links)
    parts = value if isinstance(value, list) else []
    return [_carry_part(rule.fields, part, source, links) for part in parts]


def _carry_ref(entity: str, value: str, source: Side, links: Links) -> str:
    other = links.get((entity, source, value))
    if other is None:
        raise Unlinked(Ref(entity, source, value))
    return other


def _carry_part(fields: Mapping[str, FieldRule], part: dict[str, Any], source: Side, links: Links) -> dict[str, Any]:
    carried = {name: carry(fields[name], value, source, links) for name, value in part.items() if name in fields}
    carried["id"] = None
    return carried


def without_ids(value: Value) -> Value:
    """Parts without their own side's ids, so that two sides can be compared."""
    if not isinstance(value, list):
        return value
    return [
        {name: item for name, item in part.items() if name != "id"} if isinstance(part, dict) else part
        for part in value
    ]


def align(rule: FieldRule, carried: list[Any], own: list[Any], bases: tuple[Value, Value], theirs: Value) -> list[Any]:
    """Give carried parts the ids they have across; `bases` are our and their base of the same field.

    The two bases hold the same parts in the same order, so position in them pairs the ids. Without bases a part takes
    the first unused one across with the same references: the stable key of a line is what it is about, not its
    numbers.
    """
    pairs = _pairs_by_base(*bases)
    alive = {str(part["id"]): part for part in theirs} if isinstance(theirs, list) else {}
    used: set[str | None] = {None}
    aligned = []
    for part, ours in zip(carried, own, strict=True):
        other = pairs.get(str(ours.get("id"))) if pairs else _by_references(rule, part, alive, used)
        known = other if other in alive and other not in used else None
        used.add(known)
        aligned.append({**part, "id": known})
    return aligned


def _pairs_by_base(our_base: Value, their_base: Value) -> dict[str, str]:
    if not isinstance(our_base, list) or not isinstance(their_base, list) or len(our_base) != len(their_base):
        return {}
    return {str(one["id"]): str(other["id"]) for one, other in zip(our_base, their_base, strict=True)}


def _by_references(
    rule: FieldRule, part: dict[str, Any], alive: Mapping[str, Any], used: set[str | None]
) -> str | None:
    keys = [name for name, field in rule.fields.items() if field.type is Type.REF]
    for known, other in alive.items():
        if known not in used and all(other.get(key) == part.get(key) for key in keys):
            return known
    return None


def references(entity: Entity, record: Record, side: Side) -> list[Ref]:
    """Every reference a record holds, its parts' included."""
    found = [Ref(target, side, str(record[name])) for name, target in entity.references.items() if record.get(name)]
    for name, targets in entity.part_references.items():
        parts = record.get(name)
        for part in parts if isinstance(parts, list) else ():
            found.extend(Ref(target, side, str(part[key])) for key, target in targets.items() if part.get(key))
    return found
