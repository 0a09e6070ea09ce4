"""Oscillation: a field that our own writes change back and forth is withheld alone, and a person decides.

It begins where each system makes something else of what it is given, and what one made looks like an edit to the other.
Somebody who sets a value back moves one side only, and is followed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from connector.entities import Entity, Policy
from connector.reconcile.guards import MAPPING_CHANGED
from connector.reconcile.merge import Contest
from connector.reconcile.plan import COMBINED, PairPlan, Sight
from connector.records import Operation, OperationKind, Record, Side, Value, Version

FLIPS = "flips: "
"""How the reason of such a conflict begins."""

REASON = (
    f"{FLIPS}the connector's own writes change it back and forth, as one of the systems does not keep what it is given"
)
WENT_BACK = "went back: "
"""How the reason of a conflict begins when a side shows an older state than it had."""

_MOVING = frozenset({Policy.DELTA, Policy.UNION, Policy.LIFECYCLE})
"""Policies whose values come back by their nature: stock that is sold and returned, a state that moves on."""
_TWICE = 2


class Write(NamedTuple):
    """One update of our own to either record of a pair."""

    side: Side
    values: Record


def is_flip(name: str, side: Side, value: Value, trail: Sequence[Write], *, is_undoing: bool) -> bool:
    """Whether writing a value once more goes round in a circle; `trail` holds the writes to the pair, oldest first.

    It does where the same value was written before and the other side was written in answer; and, where the write only
    undoes what its target did (`is_undoing`), where the same was written twice in vain.
    """
    about = [(write.side, write.values[name]) for write in trail if name in write.values]
    same = [place for place, write in enumerate(about) if write == (side, value)]
    if not same:
        return False
    is_answered = any(other is side.other for other, _ in about[same[0] + 1 :])
    return is_answered or (is_undoing and len(same) >= _TWICE)


def flipping(
    entity: Entity, operation: Operation, sights: Mapping[Side, Sight], trail: Sequence[Write]
) -> frozenset[str]:
    """The groups of fields that an update would flip once more."""
    if operation.kind is not OperationKind.UPDATE or operation.reason == COMBINED or not trail:
        return frozenset()
    if operation.reason.startswith(MAPPING_CHANGED):
        return frozenset()
    source = sights[operation.side.other].half
    found = set()
    for name, value in operation.values.items():
        rule, is_undoing = entity.fields[name], source.now.get(name) == source.base.get(name)
        if rule.policy not in _MOVING and is_flip(name, operation.side, value, trail, is_undoing=is_undoing):
            found.add(rule.group or name)
    return frozenset(found)


def has_gone_back(before: Version | None, now: Version | None) -> bool:
    """Whether a version is smaller than one that was seen before, where versions are whole numbers that only grow."""
    return bool(before and now and before.isdecimal() and now.isdecimal() and int(now) < int(before))


def has_gone_on(before: Version | None, now: Version | None) -> bool:
    """Whether a version is larger than one that was seen before, where versions are whole numbers that only grow."""
    return has_gone_back(now, before)


def reverted(entity: Entity, sights: Mapping[Side, Sight], side: Side) -> dict[str, str]:
    """The groups in which a side that went back differs from what it held, each with the reason to ask about it."""
    half = sights[side].half
    moved = [name for name, value in half.base.items() if name in entity.fields and half.now.get(name) != value]
    reason = f"{WENT_BACK}{side} shows an older state than it had, as after a restored backup"
    return {entity.fields[name].group or name: reason for name in moved}


def is_withheld(reason: str) -> bool:
    """Whether a conflict with this reason is about what could be decided, and is withheld until a value moves."""
    return reason.startswith((FLIPS, WENT_BACK))


def withhold(entity: Entity, plan: PairPlan, reasons: Mapping[str, str], shared: Collection[str]) -> None:
    """Take groups of fields out of a pair's updates, and ask about them instead; everything else goes on."""
    taken = set()
    kept = []
    for operation in plan.operations:
        touched = {name for name in operation.settles if (entity.fields[name].group or name) in reasons}
        if operation.kind is not OperationKind.UPDATE or not touched:
            kept.append(operation)
            continue
        taken |= {entity.fields[name].group or name for name in touched}
        rest = _without(operation, touched)
        kept += [rest] if rest.values else []
    plan.operations[:] = kept
    # An edit that nothing was written over is not overridden.
    plan.overrides[:] = [override for override in plan.overrides if override.group not in taken]
    for group in sorted(taken):
        names = tuple(name for name in entity.groups[group] if name in shared)
        plan.contests.append(Contest(group, names, reasons[group]))


def _without(operation: Operation, names: Collection[str]) -> Operation:
    values, old, settles = (
        {name: value for name, value in record.items() if name not in names}
        for record in (operation.values, operation.old, operation.settles)
    )
    return operation._replace(values=values, old=old, settles=settles)
