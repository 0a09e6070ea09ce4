"""Creates whose answer never came: what each side held when they were sent, so that what was edited since shows."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from connector.context import Work
from connector.errors import OutcomeUnknown
from connector.reconcile.carry import PLAIN
from connector.records import Operation, OperationKind, OperationState, Record, Ref, Side
from connector.store import journal, problems

_STORY = 20
"""How many operations about one record are looked through."""

Held = Mapping[Side, Record]


def held_when_sent(connection: Connection, work: Work, operation: Operation) -> Held:
    """What each side held when a create was sent; nothing is known where an earlier one may have made the record."""
    told = journal.of_record(connection, work.name, operation.side.other, str(operation.source), _STORY)
    creates = [item for item, _, _ in told if item.kind is OperationKind.CREATE]
    earlier = [item for item in creates if item.state is not OperationState.ABANDONED and item.id != operation.id]
    fields, target = work.entity.fields, work.translator(operation.side)
    values = work.creator(operation.side).values(operation.values)
    sent = {} if earlier else {name: held for name, held in values.items() if fields[name].type in PLAIN}
    kept = {name: target.normal(name, held) for name, held in sent.items()}
    return {operation.side.other: sent, operation.side: kept}


def in_doubt(work: Work, refs: Collection[Ref]) -> dict[Ref, Held]:
    """For each of these records of which a create may have got through: what both sides held when it was sent."""
    if not refs:
        return {}
    with work.store.read() as connection:
        found = {
            Ref(work.name, side, str(item.source)): item
            for side in Side
            for item in _under_way(connection, work, side.other, [ref.id for ref in refs if ref.side is side])
        }
        found |= {ref: item for ref in _parked(connection, work, refs) for item in _sent(connection, work, ref)}
        return {ref: held_when_sent(connection, work, item) for ref, item in found.items()}


def _under_way(connection: Connection, work: Work, side: Side, sources: Collection[str]) -> Collection[Operation]:
    return journal.live_keys(connection, work.name, side, [f"new:{source}" for source in sources]).values()


def _parked(connection: Connection, work: Work, refs: Collection[Ref]) -> list[Ref]:
    if not problems.count(connection).get(work.name):
        return []
    told = [item.problem for item in problems.of(connection, refs)]
    return [Ref(*problem[:3]) for problem in told if problem.cause == OutcomeUnknown.code]


def _sent(connection: Connection, work: Work, ref: Ref) -> list[Operation]:
    """The newest create of a record."""
    story = journal.of_record(connection, work.name, ref.side, ref.id, _STORY)
    return [item for item, _, _ in story if item.kind is OperationKind.CREATE][:1]
