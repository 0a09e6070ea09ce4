"""Look, for the linked pairs of one chunk, whether an update would flip a field, or carry on what only went back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from connector.context import Work
from connector.reconcile.flips import REASON, Write, flipping, has_gone_back, reverted, withhold
from connector.reconcile.plan import PairPlan, Sight
from connector.records import Link, OperationKind, Side
from connector.store import journal
from connector.store.conflicts import OpenConflict


class Planned(NamedTuple):
    """A linked pair with its plan, and the conflicts of it that are not settled."""

    link: Link
    plan: PairPlan
    sights: Mapping[Side, Sight]
    open: Sequence[OpenConflict]


def withhold_flips(work: Work, pairs: Sequence[Planned]) -> None:
    """Withhold what would flip or only went back; the merge leaves it so until a value moves or a person decides."""
    updated = [pair for pair in pairs if any(item.kind is OperationKind.UPDATE for item in pair.plan.operations)]
    if not updated:
        return
    with work.store.read() as connection:
        trails = {side: _trails(connection, work, side, updated) for side in Side}
    for pair in updated:
        decided = _decided(pair)
        reasons = _flips(work, pair, trails) | _reverted(work, pair)
        asked = {group: reason for group, reason in reasons.items() if group not in decided}
        if asked:
            withhold(work.entity, pair.plan, asked, work.shared)


def _flips(work: Work, pair: Planned, trails: "Mapping[Side, Trails]") -> dict[str, str]:
    writes = sorted(item for side in Side for item in trails[side].get(pair.sights[side].id, ()))
    trail = [write for _, _, write in writes]
    groups = [group for item in pair.plan.operations for group in flipping(work.entity, item, pair.sights, trail)]
    return dict.fromkeys(groups, REASON)


def _reverted(work: Work, pair: Planned) -> dict[str, str]:
    found: dict[str, str] = {}
    for side in Side:
        is_ordered = work.capabilities(side).ordered_versions
        if is_ordered and has_gone_back(pair.link.base_on(side).version, pair.sights[side].version):
            found |= reverted(work.entity, pair.sights, side)
    return found


Trails = Mapping[str, Sequence[tuple[int, str, Write]]]
"""For each record its writes, with when each was done and the id of its operation."""


def _trails(connection: Connection, work: Work, side: Side, pairs: Sequence[Planned]) -> Trails:
    since = work.now() - work.context.limits.guard_window
    found = journal.written_since(connection, work.name, side, [pair.sights[side].id for pair in pairs], since)
    trails = defaultdict(list)
    for target, at, operation, values in found:
        trails[target].append((at, operation, Write(side, values)))
    return trails


def _is_as_asked(pair: Planned, item: OpenConflict) -> bool:
    asked = {Side.CRM: item.conflict.crm_value, Side.ERP: item.conflict.erp_value}
    return all(pair.sights[side].half.now.get(name) == value for side in Side for name, value in asked[side].items())


def _decided(pair: Planned) -> set[str]:
    """The groups about which a person has said whose value holds: that is written."""
    return {item.conflict.field for item in pair.open if item.resolution is not None and _is_as_asked(pair, item)}
