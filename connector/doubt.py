"""Creates whose answer never came: what both sides held when they were sent, and what they may have made."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from connector.context import Work
from connector.errors import OutcomeUnknown
from connector.reconcile.carry import PLAIN
from connector.reconcile.match import fold
from connector.records import Operation, OperationKind, OperationState, Record, Ref, Side
from connector.store import journal, problems

_STORY = 20
"""How many operations about one record are looked through."""

Held = Mapping[Side, Record]


def held_when_sent(connection: Connection, work: Work, operation: Operation) -> Held:
    """What each side held when a create was sent.

    Nothing is known where an earlier one may have made the record, and held something else.
    """
    told = journal.of_record(connection, work.name, operation.side.other, str(operation.source), _STORY)
    creates = [item for item, _, _ in told if item.kind is OperationKind.CREATE]
    earlier = [item for item in creates if item.state is not OperationState.ABANDONED and item.id != operation.id]
    sent = _plain(work, operation)
    if any(_plain(work, item) != sent for item in earlier):
        return {}
    return {operation.side.other: sent, operation.side: _stored(work, operation)}


def _plain(work: Work, create: Operation) -> Record:
    """What a create sends of plain values."""
    values, fields = work.creator(create.side).values(create.values), work.entity.fields
    return {name: held for name, held in values.items() if fields[name].type in PLAIN}


def _stored(work: Work, create: Operation) -> Record:
    """The same as the other side keeps it."""
    normal = work.translator(create.side).normal
    return {name: normal(name, held) for name, held in _plain(work, create).items()}


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


def lost_creates(work: Work) -> list[Operation]:
    """The creates of this entity of which nobody knows if they got through: mostly none."""
    with work.store.read() as connection:
        found = journal.by_state(connection, [OperationState.UNKNOWN], entity=work.name)
        if OutcomeUnknown.code in problems.causes(connection):
            parked = problems.caused(connection, work.name, OutcomeUnknown.code)
            found += [item for ref in parked for item in _sent(connection, work, ref)]
    return [item for item in found if item.kind is OperationKind.CREATE]


def made_by_lost(work: Work, side: Side, records: Mapping[str, Record]) -> dict[str, Ref]:
    """Which new records of one side a lost create may have made, and of whom.

    What they are matched by would mostly tell; but it may have been edited, or be too little for a key. So it is enough
    that as many of its fields hold what was sent as hold something else.
    """
    found: dict[str, Ref] = {}
    lost = [create for create in lost_creates(work) if create.side is side] if records else []
    folded = {record_id: _folded(work, record) for record_id, record in records.items()} if lost else {}
    for create in lost:
        sent = _folded(work, _stored(work, create))
        for record_id, held in folded.items():
            common = sent.keys() & held.keys()
            alike = sum(sent[name] == held[name] for name in common)
            if alike and 2 * alike >= len(common):
                found[record_id] = Ref(work.name, side.other, str(create.source))
    return found


def _folded(work: Work, record: Record) -> dict[str, bytes]:
    """What a record is matched by, as far as it holds any of it."""
    names = {name for _, _, fields in work.entity.match_plan for name in fields}
    folded = {name: fold(record[name]) for name in names if record.get(name) is not None}
    return {name: value for name, value in folded.items() if value}


def _sent(connection: Connection, work: Work, ref: Ref) -> list[Operation]:
    """The newest create of a record."""
    story = journal.of_record(connection, work.name, ref.side, ref.id, _STORY)
    return [item for item, _, _ in story if item.kind is OperationKind.CREATE][:1]
