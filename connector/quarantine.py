"""Look, for the linked pairs of one chunk, whether an update would flip a field that our own writes flipped before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connector.context import Work
from connector.reconcile.flips import FLIPS, Write, flipping, withhold
from connector.reconcile.plan import PairPlan, Sight
from connector.records import OperationKind, Side
from connector.store import journal
from connector.store.conflicts import OpenConflict


class Planned(NamedTuple):
    """A linked pair with its plan, and the conflicts of it that are not settled."""

    plan: PairPlan
    sights: Mapping[Side, Sight]
    open: Sequence[OpenConflict]


def withhold_flips(work: Work, pairs: Sequence[Planned]) -> None:
    """Withhold what would flip; what is withheld already stays so until a value moves or a person decides."""
    updated = [pair for pair in pairs if any(item.kind is OperationKind.UPDATE for item in pair.plan.operations)]
    if not updated:
        return
    trails = {side: _trails(work, side, updated) for side in Side}
    for pair in updated:
        writes = sorted(item for side in Side for item in trails[side].get(pair.sights[side].id, ()))
        trail = [write for _, _, write in writes]
        groups = {
            group
            for operation in pair.plan.operations
            for group in flipping(work.entity, operation, pair.sights, trail)
        }
        groups = (groups | _still(pair)) - _decided(pair)
        if groups:
            withhold(work.entity, pair.plan, groups, work.shared)


Trails = Mapping[str, Sequence[tuple[int, str, Write]]]
"""For each record its writes, with when each was done and the id of its operation."""


def _trails(work: Work, side: Side, pairs: Sequence[Planned]) -> Trails:
    since = work.now() - work.context.limits.guard_window
    with work.store.read() as connection:
        found = journal.written_since(connection, work.name, side, [pair.sights[side].id for pair in pairs], since)
    trails = defaultdict(list)
    for target, at, operation, values in found:
        trails[target].append((at, operation, Write(side, values)))
    return trails


def _still(pair: Planned) -> set[str]:
    """The groups that are withheld, and whose values on both sides are those that a person was asked about."""
    return {
        item.conflict.field
        for item in pair.open
        if item.resolution is None and item.conflict.reason.startswith(FLIPS) and _is_as_asked(pair, item)
    }


def _is_as_asked(pair: Planned, item: OpenConflict) -> bool:
    asked = {Side.CRM: item.conflict.crm_value, Side.ERP: item.conflict.erp_value}
    return all(pair.sights[side].half.now.get(name) == value for side in Side for name, value in asked[side].items())


def _decided(pair: Planned) -> set[str]:
    """The groups about which a person has said whose value holds: that is written."""
    return {item.conflict.field for item in pair.open if item.resolution is not None and _is_as_asked(pair, item)}
