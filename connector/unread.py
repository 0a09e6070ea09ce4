"""Pairs of which one record need not be read: its base stands for it, and the write that follows proves that.

A base is *whole* where its side held just that at the base's version. Somebody edits the other record: what that comes
to can be decided from the whole base, if it is nothing, or an update that its server refuses from another version.
Refused, it is read and decided anew, like any stale write. Whatever else a decision might be (a value agreed on
without a write, a conflict, an action, something to write on the edited side) says something about the record as it is
now, and waits until it was read.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connector.context import Work
from connector.gather import Chunk, look_up, resolve_references, sights
from connector.observe import fetch
from connector.reconcile.plan import PairPlan, Planner, Sight
from connector.records import Link, Operation, OperationKind, Outcome, Presence, Side


class Draft(NamedTuple):
    """A pair's plan, and what it was made from."""

    link: Link
    sights: Mapping[Side, Sight]
    plan: PairPlan


def decide_unread(work: Work, chunk: Chunk) -> dict[int, Draft]:
    """The plans that a write proves, by link; the records that the others took for known are read."""
    if not chunk.unread:
        return {}
    resolve_references(work, chunk)
    translators = {side: work.translator(side) for side in Side}
    planner = Planner(work.entity, translators, chunk.refs, work.context.new_id)
    found: dict[int, Draft] = {}
    for number, side in chunk.unread.items():
        link = chunk.linked[number]
        both = sights(work, chunk, link)
        plan = planner.pair(number, both, {})
        if _is_proved(plan, side):
            found[number] = Draft(link, both, plan)
    _read_rest(work, chunk, found)
    return found


def _is_proved(plan: PairPlan, side: Side) -> bool:
    """Whether a plan is nothing but updates of the record that was not read."""
    if plan.agreed or plan.contests or plan.overrides or plan.waits or plan.trouble or plan.fate or plan.again:
        return False
    return all(item.side is side and item.kind is OperationKind.UPDATE for item in plan.operations)


def _read_rest(work: Work, chunk: Chunk, found: Mapping[int, Draft]) -> None:
    rest = [(side, chunk.linked[number].id_on(side)) for number, side in chunk.unread.items() if number not in found]
    for side, record_id in rest:
        del chunk.seen[side][record_id]
        chunk.referring[side].discard(record_id)
    for side in Side:
        look_up(work, chunk, side, [record_id for one, record_id in rest if one is side])


def stays_whole(work: Work, link: Link, operation: Operation, outcome: Outcome, *, told: bool) -> bool:
    """Whether the base of a record that was just written is whole; `told` says that all of the answer is in it.

    It was whole at the version that was written on, and nobody else wrote in between.
    """
    base, claims = link.base_on(operation.side), work.capabilities(operation.side)
    was_whole = base.whole and base.version == operation.version and base.mapping == work.translator(operation.side).id
    return was_whole and told and outcome.body is not None and claims.conditional_write


def hidden(work: Work, forbidden: Sequence[Operation]) -> list[Operation]:
    """Those of some forbidden writes whose record may not be read, either: another look at it says so, and waits."""
    found: list[Operation] = []
    for side in Side:
        mine = {item.target: item for item in forbidden if item.side is side and item.target is not None}
        answers = fetch(work, side, sorted(mine))
        found += [mine[one.id] for one in answers.values() if one.presence is Presence.FORBIDDEN]
    return found
