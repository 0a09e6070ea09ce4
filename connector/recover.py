"""Find out what became of writes whose answer never came: after a crash, a time-out, a reset, or a half-reported batch.

An update is simply decided anew: both sides are read, and what got through is found equal. A create is repeated with
its own key where the server enforces uniqueness, else looked up by its marker or unique field, and parked where
neither is possible. Nothing is ever created blindly a second time.
"""

from collections.abc import Sequence
from datetime import timedelta

from connector.adapters.base import Capabilities
from connector.apply import batches, refs_of, send_batch
from connector.context import Work
from connector.decide import CreateDecision
from connector.observe import fetch, observe
from connector.reconcile.plan import COMBINED
from connector.records import Operation, OperationKind, OperationState, Outcome, Problem, Remote, Side
from connector.settle import adopt, settle_creates, settle_updates
from connector.stage import requeue
from connector.store import journal, problems

DOUBTFUL = (OperationState.SENDING, OperationState.UNKNOWN)


def recover(work: Work) -> None:
    """Put back what was planned and never sent, then resolve what may or may not have been done."""
    # A plan leaves held operations as they are, so that they can still be approved.
    stale = [OperationState.PLANNED] if work.dry else [OperationState.PLANNED, OperationState.HELD]
    with work.write() as connection:
        left = journal.by_state(connection, stale, entity=work.name)
        if left:
            journal.advance(
                connection, [item.id for item in left], OperationState.ABANDONED, work.now(), error="planned anew"
            )
            requeue(connection, work, left, "planned-anew")
    if not work.dry:
        resolve_doubtful(work)


def resolve_doubtful(work: Work) -> None:
    """Resolve every operation of this entity that was sent and not settled."""
    with work.store.read() as connection:
        doubtful = journal.by_state(connection, DOUBTFUL, entity=work.name)
    if not doubtful:
        return
    creates = [item for item in doubtful if item.kind is OperationKind.CREATE]
    combined = [item for item in doubtful if item.reason == COMBINED]
    others = [item for item in doubtful if item.kind is not OperationKind.CREATE and item.reason != COMBINED]
    for side in Side:
        others += _look_at_combined(work, side, [item for item in combined if item.side is side])
    with work.write() as connection:
        journal.advance(
            connection,
            [item.id for item in others],
            OperationState.ABANDONED,
            work.now(),
            error="read and decided anew",
        )
        requeue(connection, work, others, "unknown")
    for side in Side:
        _resolve_creates(work, side, [item for item in creates if item.side is side])


def _look_at_combined(work: Work, side: Side, operations: Sequence[Operation]) -> list[Operation]:
    """Movements must not count twice: settle what got through, give back what did not, park what cannot be told."""
    answers = fetch(work, side, [str(item.target) for item in operations])
    present = {one.id: one for one in observe(work, side, [a.remote for a in answers.values() if a.remote]).present}
    untouched = []
    for item in operations:
        seen = present.get(str(item.target))
        if seen is not None and seen.version == item.version:
            untouched.append(item)
        elif seen is not None and all(seen.record.get(name) == value for name, value in item.values.items()):
            settle_updates(work, side, [(item, Outcome(seen.id, seen.version))])
        else:
            what = ", ".join(item.values)
            _park(work, [item], f"its change of {what} on {side} may or may not have been written; look there")
    return untouched


def _resolve_creates(work: Work, side: Side, creates: Sequence[Operation]) -> None:
    capabilities = work.capabilities(side)
    for batch in batches(creates, work.write_size(side)):
        if capabilities.idempotency_key or capabilities.marker_unique:
            _repeat(work, side, batch)
        elif capabilities.marker_field is not None:
            _look_up(work, side, batch, capabilities)
        else:
            _park(work, batch, f"{side} can neither repeat a create safely nor be searched for it")


def _repeat(work: Work, side: Side, batch: Sequence[Operation]) -> None:
    """The same call with the same key: the server answers with what the first one made."""
    decisions = [_as_decision(operation) for operation in batch]
    settle_creates(work, side, send_batch(work, side, decisions, refs_of(work, batch)))


def _as_decision(operation: Operation) -> CreateDecision:
    """A create read back from the journal: its source's base is what was sent, anything else is first contact."""
    return CreateDecision(
        operation.id,
        operation.entity,
        operation.side,
        str(operation.source),
        None,
        operation.values,
        operation.reserved,
        dict(operation.values),
        None,
        0,
        [],
    )


def _look_up(work: Work, side: Side, batch: Sequence[Operation], capabilities: Capabilities) -> None:
    """A searchable marker: adopt the record that carries it; not finding one proves nothing within the lag."""
    field = str(capabilities.marker_field)
    found: dict[str, list[Remote]] = {}
    for remote in work.adapter(side).find(work.resource(side), field, [str(item.source) for item in batch]):
        found.setdefault(str((remote.body or {}).get(field)), []).append(remote)
    for operation in batch:
        carriers = found.get(str(operation.source), [])
        if len(carriers) == 1:
            adopt(work, operation, carriers[0].id)
        elif carriers:
            _park(work, [operation], f"{len(carriers)} records on {side} carry its marker; delete all but one there")
        elif _lag_is_over(work, operation, capabilities.lookup_lag):
            _park(
                work, [operation], f"its create on {side} was sent, but no record there carries its marker; look there"
            )


def _lag_is_over(work: Work, operation: Operation, lag: timedelta) -> bool:
    with work.store.read() as connection:
        sent = journal.changed_at(connection, [operation.id])[operation.id]
    return work.now() - sent >= lag


def _park(work: Work, operations: Sequence[Operation], reason: str) -> None:
    at = work.now()
    rows = [
        Problem(
            item.entity,
            item.side.other,
            str(item.source),
            "outcome_unknown",
            f"{item.entity} {item.side.other}:{item.source}: {reason}. {_advice(item)}",
        )
        for item in operations
    ]
    with work.write() as connection:
        journal.advance(connection, [item.id for item in operations], OperationState.REJECTED, at, error=reason)
        work.tally.problems += problems.report(connection, rows, at)


def _advice(operation: Operation) -> str:
    if operation.kind is OperationKind.CREATE:
        link = f"connector links add {operation.entity} --crm ID --erp ID"
        return f"Then say who it is: {link}; or create it again: connector problems retry"
    return "Then set the right value on one side"
