"""Execute operations: journalled before the call, settled after it, one transaction each a batch.

An answer that never came is unknown, never failed. A whole call that got no usable answer leaves its batch unknown (or
puts it back, where the request provably was not sent) and ends the entity's run.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from connector.context import Work
from connector.decide import CreateDecision
from connector.errors import (
    AuthenticationFailed,
    MappingFailed,
    OutcomeUnknown,
    RecordError,
    RunError,
    Sent,
    TransportError,
)
from connector.reconcile.carry import Unlinked, carry
from connector.records import (
    Draft,
    Operation,
    OperationKind,
    OperationState,
    Outcome,
    Patch,
    Record,
    Removal,
    Side,
    Transition,
)
from connector.requeue import requeue
from connector.settle import (
    Answered,
    settle_creates,
    settle_failed_creates,
    settle_failures,
    settle_removals,
    settle_updates,
)
from connector.store import journal, links

Item = TypeVar("Item")
Prepared = tuple[Operation, Draft | Patch | Removal | Transition]


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def send_creates(work: Work, creates: Sequence[CreateDecision], refs: dict[tuple[str, Side, str], str]) -> None:
    """Create the counterparts of records that are journalled as sending.

    All calls of a chunk are settled in one transaction, also when a later one gets no answer; what then was not sent at
    all goes back into the inbox.
    """
    waiting = list(creates)
    for side in Side:
        mine = [create for create in creates if create.side is side]
        results: list[Answered] = []
        try:
            for batch in batches(mine, work.write_size(side)):
                sent = {create.id for create in batch}
                waiting = [create for create in waiting if create.id not in sent]
                results += send_batch(work, side, batch, refs)
                work.step(f"creating on {side}", len(batch))
        except RunError:
            put_back(work, [create.operation for create in waiting])
            raise
        finally:
            settle_creates(work, side, results)


def put_back(work: Work, operations: Sequence[Operation]) -> None:
    """Take back what was journalled as sending and never sent: its keys are decided anew."""
    with work.write() as connection:
        ids = [operation.id for operation in operations]
        journal.advance(connection, ids, OperationState.ABANDONED, work.now(), error="not sent: the run ended before")
        requeue(connection, work, operations, "not-sent")


def send_batch(
    work: Work, side: Side, batch: Sequence[CreateDecision], refs: dict[tuple[str, Side, str], str]
) -> list[Answered]:
    """Make one create call: what cannot be translated is parked, the other outcomes are the caller's to settle."""
    drafts: list[Draft] = []
    good: list[tuple[CreateDecision, Record]] = []
    bad = []
    write = work.translator(side).write
    for create in batch:
        try:
            values = carried(work, create, refs)
            drafts.append(Draft(create.id, write(values, creating=True), create.source))
            good.append((create, values))
        except RecordError as error:
            bad.append((create.operation, error))
    if bad:
        settle_failed_creates(work, side, bad)
    if not good:
        return []
    note_attempt(work, side, [draft.key for draft in drafts])
    resource = work.resource(side)
    outcomes = call(
        work,
        len(good),
        lambda: work.adapter(side).create(resource, drafts),
        lambda: [create.operation for create, _ in good],
    )
    return [Answered(create, values, outcome) for (create, values), outcome in zip(good, outcomes, strict=True)]


def note_attempt(work: Work, side: Side, ids: Sequence[str]) -> None:
    """Journal that these creates of a chunk, which is journalled as a whole, are the next ones to be sent.

    Where nobody may send a create twice, what counts no attempt when the process dies was certainly never sent.
    """
    if work.capabilities(side).repeats_creates:
        return
    with work.write(durable=True) as connection:
        journal.advance(connection, ids, OperationState.SENDING, work.now())


def carried(work: Work, create: CreateDecision, refs: dict[tuple[str, Side, str], str]) -> Record:
    """What a create sends, its references resolved through links."""
    values = create.values
    for name in work.creator(create.side).referring:
        if name not in values:
            continue
        try:
            new = carry(work.entity.fields[name], values[name], create.side.other, refs)
        except Unlinked as error:
            who = f"{create.entity} {create.side.other}:{create.source}"
            message = f"{who}: {name} refers to {error.ref}, which has no counterpart"
            raise MappingFailed(message, field=name) from error
        values = {**values, name: new}
    return values


def call(
    work: Work, count: int, write: Callable[[], list[Outcome]], operations: Callable[[], Sequence[Operation]]
) -> list[Outcome]:
    """Make one write call; when no usable answer comes, journal what that means for every item and end the run.

    Whoever slept since journalling may have a successor, to which these operations are in doubt: then nothing is sent.
    """
    work.hold_lease()
    try:
        outcomes = write()
    except TransportError as error:
        _journal_silence(work, operations(), error.sent)
        raise
    except AuthenticationFailed:
        _journal_silence(work, operations(), Sent.NO)
        raise
    missing = count - len(outcomes)
    return outcomes + [Outcome(None, error=OutcomeUnknown("the system did not report this item"))] * missing


def _journal_silence(work: Work, operations: Sequence[Operation], sent: Sent) -> None:
    """What was not done is planned anew, but for the repetition of a call that may have got through before."""
    unsent = [item for item in operations if sent is Sent.NO and item.state is not OperationState.UNKNOWN]
    doubtful = [item for item in operations if item not in unsent]
    with work.write() as connection:
        ids = [item.id for item in unsent]
        journal.advance(
            connection,
            ids,
            OperationState.ABANDONED,
            work.now(),
            error="not done: no call got through",
        )
        requeue(connection, work, unsent, "not-sent")
        ids = [item.id for item in doubtful]
        journal.advance(connection, ids, OperationState.UNKNOWN, work.now(), error="no answer came")


def apply_planned(work: Work, operations: Sequence[Operation]) -> None:
    """Execute planned updates, transitions and removals, side by side and kind by kind, in batches."""
    ordered = sorted(operations, key=_order)
    for (side, kind, _), group in groupby(ordered, key=lambda item: (item.side, item.kind, item.action)):
        for batch in batches(list(group), work.write_size(side)):
            _apply_batch(work, side, kind, batch)
            work.step(f"{_DOING[kind]} on {side}", len(batch))


_DOING = {
    OperationKind.UPDATE: "updating",
    OperationKind.PERFORM: "advancing",
    OperationKind.ARCHIVE: "archiving",
    OperationKind.DELETE: "deleting",
}


def _order(operation: Operation) -> tuple[str, str, str, str]:
    return operation.side, operation.kind, operation.action or "", operation.id


def _apply_batch(work: Work, side: Side, kind: OperationKind, batch: Sequence[Operation]) -> None:
    prepared, bad = _prepare(work, side, kind, batch)
    if bad:
        settle_failures(work, bad)
    if not prepared:
        return
    operations = [operation for operation, _ in prepared]
    items = [item for _, item in prepared]
    with work.write(durable=True) as connection:
        journal.advance(connection, [operation.id for operation in operations], OperationState.SENDING, work.now())
    adapter, resource = work.adapter(side), work.resource(side)
    verbs: dict[OperationKind, Callable[..., list[Outcome]]] = {
        OperationKind.UPDATE: adapter.update,
        OperationKind.PERFORM: adapter.perform,
        OperationKind.ARCHIVE: adapter.archive,
        OperationKind.DELETE: adapter.delete,
    }
    outcomes = call(work, len(items), lambda: verbs[kind](resource, items), lambda: operations)
    results = list(zip(operations, outcomes, strict=True))
    if kind in (OperationKind.UPDATE, OperationKind.PERFORM):
        settle_updates(work, side, results)
    else:
        settle_removals(work, side, results)


def _prepare(
    work: Work, side: Side, kind: OperationKind, batch: Sequence[Operation]
) -> tuple[list[Prepared], list[tuple[Operation, RecordError]]]:
    prepared: list[Prepared] = []
    bad: list[tuple[Operation, RecordError]] = []
    for operation in batch:
        try:
            prepared.append((operation, _item(work, side, kind, operation)))
        except RecordError as error:
            bad.append((operation, error))
    return prepared, bad


def _item(work: Work, side: Side, kind: OperationKind, operation: Operation) -> Patch | Removal | Transition:
    target = str(operation.target)
    if kind is OperationKind.UPDATE:
        body = work.translator(side).write(operation.values, creating=False)
        return Patch(operation.id, target, operation.version, body)
    if kind is OperationKind.PERFORM:
        return Transition(operation.id, target, operation.version, str(operation.action))
    return Removal(operation.id, target, operation.version)


def refs_of(work: Work, operations: Sequence[Operation]) -> dict[tuple[str, Side, str], str]:
    """The counterparts of everything some creates refer to, read from the links."""
    from connector.reconcile.carry import references

    wanted: dict[tuple[str, Side], set[str]] = {}
    for operation in operations:
        for ref in references(work.entity, operation.values, operation.side.other):
            wanted.setdefault((ref.entity, ref.side), set()).add(ref.id)
    known: dict[tuple[str, Side, str], str] = {}
    with work.store.read() as connection:
        for (entity, side), ids in wanted.items():
            for own, other in links.counterparts(connection, entity, side, sorted(ids)).items():
                known[entity, side, own] = other
    return known
