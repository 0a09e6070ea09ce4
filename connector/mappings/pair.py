"""Hold the two sides' mappings of one entity against each other."""

from collections.abc import Iterator

from connector.entities import Type
from connector.mappings.compile import Translator
from connector.mappings.finding import Finding
from connector.mappings.samples import samples
from connector.records import Side


def check_pair(crm: Translator, erp: Translator) -> list[Finding]:
    """What the two tables, each right in itself, do not do together."""
    sides = {Side.CRM: crm, Side.ERP: erp}
    found = [*_alone(sides), *_split(sides), *_mute(sides)]
    for name in crm.entity.fields:
        if name in crm.fields & erp.fields:
            found += [*_spelling(sides, name), *_parts(sides, name)]
    return found


def _alone(sides: dict[Side, Translator]) -> Iterator[Finding]:
    """Fields that only one side has a row for."""
    entity = sides[Side.CRM].entity
    for side, translator in sides.items():
        for name in entity.fields:
            if name not in translator.fields or name in sides[side.other].fields:
                continue
            if entity.fields[name].required:
                message = f"is required, but has no row on {side.other}"
                yield Finding(entity.name, name, "on both sides", "error", message)
            elif not entity.fields[name].reserved and entity.fields[name].told is None:
                message = f"is not shared: only {side} has a row for it"
                yield Finding(entity.name, name, "on both sides", "lossy", message)


def _split(sides: dict[Side, Translator]) -> Iterator[Finding]:
    """Groups that move together, but not as a whole."""
    entity = sides[Side.CRM].entity
    shared = sides[Side.CRM].fields & sides[Side.ERP].fields
    for group, names in entity.groups.items():
        left = [name for name in names if name not in shared]
        if left and len(left) < len(names):
            message = f"the group moves without {', '.join(left)}, which not both sides have a row for"
            yield Finding(entity.name, group, "whole groups", "lossy", message)


def _mute(sides: dict[Side, Translator]) -> Iterator[Finding]:
    """Fields whose edits on one side can never arrive on the other."""
    entity = sides[Side.CRM].entity
    for side, translator in sides.items():
        for name, rule in entity.fields.items():
            if name not in translator.fields or name not in sides[side.other].fields or rule.owner is side:
                continue
            if name not in translator.creatable and name not in translator.transitions:
                message = f"edits on {side.other} cannot reach {side}, where it is read-only; give it `owner: {side}`"
                yield Finding(entity.name, name, "both ways", "lossy", message)


def _spelling(sides: dict[Side, Translator], name: str) -> Iterator[Finding]:
    """Normal forms that never let the two sides hold the same, however often a value goes round."""
    crm, erp = sides[Side.CRM], sides[Side.ERP]
    if crm.entity.fields[name].type in (Type.PARTS, Type.REF):
        return
    for value in samples(crm.columns[name]):
        settled = crm.normal(name, erp.normal(name, crm.normal(name, value)))
        if crm.normal(name, erp.normal(name, settled)) != erp.normal(name, settled):
            message = "the two sides never hold the same text: each keeps its own spelling"
            yield Finding(crm.entity.name, name, "same spelling", "lossy", message)
            return


def _parts(sides: dict[Side, Translator], name: str) -> Iterator[Finding]:
    """Parts are compared whole, so both sides must know the same fields of them."""
    held = {side: {part.field for part in translator.columns[name].parts} for side, translator in sides.items()}
    for side in Side:
        for field in sorted(held[side] - held[side.other]):
            message = f"only {side} has a row for it, so parts would never be equal: map it on both sides, or on none"
            yield Finding(sides[side].entity.name, f"{name}.{field}", "on both sides", "error", message)
