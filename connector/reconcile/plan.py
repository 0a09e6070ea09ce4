"""From the state of one pair, or of one unlinked record, to operations: values in, values out, nothing executed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.entities import Entity, Removal, Type
from connector.reconcile.carry import align, carry, references
from connector.reconcile.guards import FIRST_CONTACT, MAPPING_CHANGED
from connector.reconcile.lifecycle import next_step
from connector.reconcile.merge import Contest, Form, Half, Merge, Override, Pair, Resolution, merge
from connector.records import Links, Operation, OperationKind, Presence, Record, Ref, Side, Version

COMBINED = "both sides' changes count"
"""The reason of an update whose value is made of both sides' movements."""

DELETED = "*"
"""The field a conflict between a delete and an edit is filed under."""


class Sight(NamedTuple):
    """What is known of one side of a linked pair; `proved` says an absence is evidence of a delete.

    `remapped` says that its base was read by another mapping than today's.
    """

    id: str
    presence: Presence
    half: Half
    version: Version | None = None
    proved: bool = False
    remapped: bool = False


class LinkFate(NamedTuple):
    """What becomes of a link: 'tombstone' keeps its record from being created again, 'remove' forgets it."""

    what: str
    reason: str


@dataclass(slots=True)
class PairPlan:
    """What is to be done about one linked pair."""

    operations: list[Operation] = field(default_factory=list)
    agreed: list[str] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    waits: list[Ref] = field(default_factory=list)
    fate: LinkFate | None = None
    trouble: str | None = None
    again: bool = False
    """Another look is needed once these operations are done."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans pairs and creates of one entity."""

    entity: Entity
    forms: Mapping[Side, Form]
    links: Links
    new_id: Callable[[], str]

    def pair(self, link: int | None, sights: Mapping[Side, Sight], resolutions: Mapping[str, Resolution]) -> PairPlan:
        """What to do about two records that are (or are about to be) linked."""
        if all(sight.presence is Presence.PRESENT for sight in sights.values()):
            return self._merged(link, sights, resolutions)
        if any(sight.presence is Presence.FORBIDDEN for sight in sights.values()):
            side = next(side for side in Side if sights[side].presence is Presence.FORBIDDEN)
            return PairPlan(
                trouble=f"{side} does not let the connector read it; give the connector's user the right to"
            )
        return self._removed(link, sights, resolutions)

    def _merged(
        self, link: int | None, sights: Mapping[Side, Sight], resolutions: Mapping[str, Resolution]
    ) -> PairPlan:
        pair = Pair(
            self.entity, self.forms, {side: sight.half for side, sight in sights.items()}, self.links, resolutions
        )
        result = merge(pair)
        plan = PairPlan(
            agreed=result.agreed,
            contests=result.contests,
            overrides=result.overrides,
            waits=result.waits,
            again=bool(result.combined),
        )
        for side in Side:
            if result.settles[side]:
                self._write(plan, link, side, sights, result)
        return plan

    def _write(self, plan: PairPlan, link: int | None, side: Side, sights: Mapping[Side, Sight], merged: Merge) -> None:
        """Turn one side's merged values into an update, or a named transition where only that can change them.

        Combined values are an operation of their own, which goes first: its outcome has rules of its own.
        """
        form, target, source = self.forms[side], sights[side], sights[side.other]
        combined = merged.combined & merged.settles[side].keys()
        settles = {name: value for name, value in merged.settles[side].items() if not combined or name in combined}
        writes = {name: value for name, value in merged.writes[side].items() if not combined or name in combined}
        operation = Operation(
            id=self.new_id(),
            entity=self.entity.name,
            side=side,
            kind=OperationKind.UPDATE,
            target=target.id,
            source=source.id,
            link=link,
            version=target.version,
            values=self._carried(side, writes, sights),
            old={name: target.half.now.get(name) for name in settles},
            settles=settles,
            source_version=source.version,
            reason=COMBINED if combined else _reason(side, merged, sights),
        )
        acted = [name for name in operation.values if name not in form.writable]
        plain = {name: value for name, value in operation.values.items() if name in form.writable}
        if plain:
            kept = {name: value for name, value in settles.items() if name not in acted}
            plan.operations.append(operation._replace(values=plain, settles=kept))
            plan.again = plan.again or bool(acted)
        elif acted:
            self._perform(plan, operation, acted[0], str(target.half.now.get(acted[0])))

    def _carried(self, side: Side, values: Record, sights: Mapping[Side, Sight]) -> Record:
        source, target = sights[side.other].half, sights[side].half
        carried: Record = {}
        for name, value in values.items():
            rule = self.entity.fields[name]
            new = carry(rule, value, side.other, self.links)
            if rule.type is Type.PARTS and isinstance(new, list) and isinstance(value, list):
                new = align(rule, new, value, (source.base.get(name), target.base.get(name)), target.now.get(name))
            carried[name] = new
        return carried

    def _perform(self, plan: PairPlan, operation: Operation, name: str, state: str) -> None:
        """One legal step towards the wanted state, by the action that makes it; the next look takes the next."""
        wanted = str(operation.values[name])
        actions = self.forms[operation.side].transitions[name]
        source = operation.side.other
        step = wanted if wanted in actions else next_step(self.entity.lifecycle, state, wanted, source)
        if step is None or step not in actions:
            reason = f"{operation.side} has no action that leads from {state} to {wanted}"
            plan.contests.append(Contest(self.entity.fields[name].group or name, (name,), reason))
            return
        settles = {name: operation.settles[name]} if step == wanted else {}
        values: Record = {name: step}
        plan.operations.append(
            operation._replace(kind=OperationKind.PERFORM, action=actions[step], values=values, settles=settles)
        )
        plan.again = plan.again or step != wanted

    def _removed(
        self, link: int | None, sights: Mapping[Side, Sight], resolutions: Mapping[str, Resolution]
    ) -> PairPlan:
        """One side, or both, no longer hold the record."""
        missing = [side for side in Side if sights[side].presence is not Presence.PRESENT]
        unproved = [side for side in missing if not sights[side].proved]
        if unproved:
            return PairPlan(
                trouble=f"{unproved[0]} does not show it, but nothing proves that it was deleted; look there"
            )
        if len(missing) == len(Side):
            return PairPlan(fate=LinkFate("remove", "deleted on both sides"))
        survivor = missing[0].other
        shared = self.forms[survivor].fields & self.forms[survivor.other].fields
        edited = [name for name in shared if _edited(sights[survivor].half, name, self.entity)]
        chosen = resolutions.get(DELETED)
        if edited and (chosen is None or chosen.take is None):
            reason = f"deleted on {missing[0]}, but {', '.join(sorted(edited))} edited on {survivor}"
            return PairPlan(contests=[Contest(DELETED, (DELETED,), reason)])
        if edited and chosen is not None and chosen.take is survivor:
            return PairPlan(fate=LinkFate("remove", f"kept on {survivor} by a person's decision"), again=True)
        return self._propagate_removal(link, survivor, sights)

    def _propagate_removal(self, link: int | None, survivor: Side, sights: Mapping[Side, Sight]) -> PairPlan:
        removal = self.entity.deletes.get(survivor, Removal.IGNORE)
        reason = f"deleted on {survivor.other}"
        if removal is Removal.IGNORE:
            return PairPlan(fate=LinkFate("tombstone", f"{reason}; policy is to keep it on {survivor}"))
        if removal is Removal.UNLINK:
            return PairPlan(fate=LinkFate("remove", f"{reason}; policy is to unlink"))
        if removal is Removal.RESTORE:
            return PairPlan(fate=LinkFate("remove", f"{reason}; policy is to create it again"), again=True)
        operation = Operation(
            id=self.new_id(),
            entity=self.entity.name,
            side=survivor,
            kind=OperationKind.DELETE if removal is Removal.DELETE else OperationKind.ARCHIVE,
            target=sights[survivor].id,
            source=sights[survivor.other].id,
            link=link,
            version=sights[survivor].version,
            values={},
            old=sights[survivor].half.now,
            settles={},
            reason=reason,
        )
        return PairPlan(operations=[operation])


def _edited(half: Half, name: str, entity: Entity) -> bool:
    """Whether a field holds what the other side never had: an edit, or a value that the two never agreed on."""
    rule, now = entity.fields.get(name), half.now.get(name)
    if rule is None or rule.owner is not None:
        return False
    return now != half.base[name] if name in half.base else now not in (None, "", [])


def _reason(side: Side, merged: Merge, sights: Mapping[Side, Sight]) -> str:
    known = all(name in sight.half.base for sight in sights.values() for name in merged.settles[side])
    remapped = not known and any(sight.remapped for sight in sights.values())
    if not known and not remapped:
        # Guards tell these by exactly this reason; what gave way stands in the history.
        return FIRST_CONTACT
    lost = [f"{override.group}: {override.policy}" for override in merged.overrides if override.loser is side]
    if remapped:
        # And these by how their reason begins.
        lost.insert(0, MAPPING_CHANGED)
    return "; ".join(lost) or f"changed on {side.other}"


@dataclass(frozen=True, slots=True)
class Creator:
    """Plans the creation of counterparts on one side: compiled once per entity and side, for the hot path."""

    entity: Entity
    side: Side
    sent: tuple[str, ...]
    required: tuple[str, ...]
    referring: tuple[str, ...]
    """The fields that hold references, in themselves or in their parts."""

    @classmethod
    def compile(cls, entity: Entity, side: Side, source_fields: frozenset[str], creatable: frozenset[str]) -> "Creator":
        """Choose the fields a create sends: known on both sides, taken by the side written to, not deferred.

        Fields that side owns are sent too: a filled value is never held back in favour of an empty one.
        """
        sent = tuple(
            name
            for name, rule in entity.fields.items()
            if name in source_fields and name in creatable and not rule.deferred
        )
        required = tuple(name for name in sent if entity.fields[name].required)
        referring = tuple(name for name in sent if name in entity.references or name in entity.part_references)
        return cls(entity, side, sent, required, referring)

    def wanted(self, record: Record) -> bool:
        """Whether this record gets a counterpart at all."""
        if self.side not in self.entity.creates:
            return False
        conditions, exceptions = self.entity.create_when, self.entity.create_unless
        if any(record.get(name) in kept for name, kept in exceptions.items()):
            return False
        return not conditions or all(record.get(name) in allowed for name, allowed in conditions.items())

    def lacks(self, record: Record) -> str | None:
        """The first required field that is empty."""
        for name in self.required:
            if record.get(name) in (None, ""):
                return name
        return None

    def values(self, record: Record) -> Record:
        """What the create sends, in the source's ids."""
        get = record.get
        return {name: value for name in self.sent if (value := get(name)) is not None}

    def waits(self, values: Record, links: Links) -> list[Ref]:
        """The references among the values of a create that need a counterpart first."""
        if not self.referring:
            return []
        return [ref for ref in references(self.entity, values, self.side.other) if ref not in links]
