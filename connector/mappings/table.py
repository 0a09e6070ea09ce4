"""An entity's two mappings side by side, in words."""

from typing import NamedTuple

from connector.entities import Entity, FieldRule, FirstContact, Policy
from connector.mappings.compile import Translator
from connector.records import Side


class MappingLine(NamedTuple):
    """One canonical field: where each side keeps it, whose word counts, and what is special."""

    crm: str
    field: str
    erp: str
    owner: str
    """Which way it goes, in words."""
    policy: str
    first_contact: str
    group: str
    notes: str


def side_by_side(entity: Entity, crm: Translator, erp: Translator) -> list[MappingLine]:
    """Every field of an entity that at least one side has a row for, in the catalogue's order; parts below theirs."""
    lines: list[MappingLine] = []
    for name, rule in entity.fields.items():
        if name in crm.fields | erp.fields:
            lines.append(_line(name, rule, crm, erp))
            lines += _parts(name, rule, crm, erp)
    return lines


def _line(name: str, rule: FieldRule, crm: Translator, erp: Translator) -> MappingLine:
    is_shared = name in crm.fields and name in erp.fields
    return MappingLine(
        crm=crm.paths.get(name, ""),
        field=name,
        erp=erp.paths.get(name, ""),
        owner=_owner(rule, is_shared=is_shared),
        policy=_policy(rule) if is_shared else "",
        first_contact=_first_contact(rule) if is_shared else "",
        group=rule.group or "",
        notes="; ".join(_notes(name, rule, crm, erp)),
    )


def _owner(rule: FieldRule, *, is_shared: bool) -> str:
    if rule.told is not None:
        return "the connector's own"
    if not is_shared or rule.reserved:
        return "not shared"
    if rule.owner is None:
        return "both ways"
    return f"{_named(rule.owner)} to {_named(rule.owner.other)}"


def _policy(rule: FieldRule) -> str:
    if rule.owner is not None:
        return f"{_named(rule.owner)} wins"
    return f"{_named(Side(rule.policy))} wins" if rule.policy in (Policy.CRM, Policy.ERP) else str(rule.policy)


def _first_contact(rule: FieldRule) -> str:
    if rule.first_contact is FirstContact.OWNER:
        return f"{_named(rule.owner)} wins" if rule.owner else "ask"
    if rule.first_contact is FirstContact.ASK:
        return "ask"
    return f"{_named(Side(rule.first_contact))} wins"


def _named(side: Side) -> str:
    return side.upper()


def _notes(name: str, rule: FieldRule, crm: Translator, erp: Translator) -> list[str]:
    notes = [text for held, text in ((rule.required, "required"), (rule.personal, "personal")) if held]
    notes += [f"moves with {rule.group}"] if rule.group else []
    notes += ["written once both records exist"] if rule.deferred else []
    for translator in (crm, erp):
        notes += [f"{_named(translator.side)}: {note}" for note in _special(name, translator)]
    return notes


def _special(name: str, translator: Translator) -> list[str]:
    """What one side's row says beyond the path."""
    column = translator.columns.get(name)
    if column is None:
        return []
    row = column.row
    notes = ["read-only"] if row.read_only else []
    notes += ["only on create"] if row.on_create else []
    notes += [f"by {action}" for action in dict.fromkeys(row.transitions.values())]
    notes += [f"kept as {', '.join(row.normal)}"] if row.normal else []
    return notes


def _parts(name: str, rule: FieldRule, crm: Translator, erp: Translator) -> list[MappingLine]:
    held = {side: _part_paths(name, translator) for side, translator in ((Side.CRM, crm), (Side.ERP, erp))}
    return [
        MappingLine(held[Side.CRM].get(part, ""), f"{name}.{part}", held[Side.ERP].get(part, ""), "", "", "", "", note)
        for part, note in [(part, "required" if inner.required else "") for part, inner in rule.fields.items()]
        if any(part in paths for paths in held.values())
    ]


def _part_paths(name: str, translator: Translator) -> dict[str, str]:
    column = translator.columns.get(name)
    return {part.field: f"{column.row.path}.{part.row.path}" for part in column.parts} if column else {}
