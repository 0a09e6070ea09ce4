"""Find out what became of writes whose answer never came: after a crash, a time-out, a reset, or a half-reported batch.

An update that is read back as it was sent is done; any other is decided anew, from both sides as they are read; where
movements count, it is repeated while its record has not moved, and what was moved since is told apart, or asked about.
A create is repeated with its own key where the server enforces uniqueness, else looked up by its marker or unique
field, and parked where neither is possible. Nothing is ever created blindly a second time.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from connector.adapters.base import Capabilities
from connector.adopt import adopt, meet, park
from connector.apply import apply_planned, batches, put_back, refs_of, send_batch
from connector.context import Work
from connector.decide import CreateDecision
from connector.entities import Policy
from connector.errors import MappingFailed
from connector.gather import is_canary_alive, valid_base
from connector.moves import MISSING
from connector.observe import fetch, observe
from connector.reconcile.carry import PLAIN, without_ids
from connector.reconcile.plan import COMBINED
from connector.records import (
    Base,
    Conflict,
    Fetched,
    Link,
    Operation,
    OperationKind,
    OperationState,
    Outcome,
    Rebase,
    Record,
    Remote,
    Side,
    encode,
)
from connector.requeue import requeue
from connector.settle import settle_creates, settle_updates
from connector.store import conflicts, journal, links

_COUNTING = frozenset({Policy.DELTA, Policy.UNION})
DOUBTFUL = (OperationState.SENDING, OperationState.UNKNOWN)


def recover(work: Work) -> None:
    """Put back what was planned and never sent, then resolve what may or may not have been done."""
    # A plan leaves held operations as they are, so that they can still be approved.
    stale = [OperationState.PLANNED] if work.dry else [OperationState.PLANNED, OperationState.HELD]
    with work.store.read() as connection:
        if not journal.is_any_live(connection, work.name):
            return
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
    others = [item for item in doubtful if item.kind is not OperationKind.CREATE]
    for side in Side:
        got_through = _got_through(work, side, others)
        others = [item for item in others if item not in got_through]
    moved: list[tuple[Operation, Record]] = []
    unmoved: list[Operation] = []
    for side in Side:
        counted = [item for item in others if item.side is side and _counted(work, item)]
        found, still, hidden = _read_again(work, side, counted)
        moved += found
        unmoved += still
        # What they moved is only known once their records are seen again: until then they stay in doubt.
        others = [item for item in others if item not in hidden and item not in still]
    with work.write() as connection:
        for item, record in moved:
            _count_once(connection, work, item, record)
        ids = [item.id for item in others]
        journal.advance(connection, ids, OperationState.ABANDONED, work.now(), error="read and decided anew")
        requeue(connection, work, others, "unknown")
    _write_again(work, unmoved)
    for side in Side:
        _resolve_creates(work, side, [item for item in creates if item.side is side])


def _got_through(work: Work, side: Side, operations: Sequence[Operation]) -> list[Operation]:
    """Settle the updates that are read back as they were sent: an edit of their source since then is no conflict.

    Their records get another look besides: a person may have changed other fields.
    """
    plain = [item for item in operations if item.kind is OperationKind.UPDATE and not _counted(work, item)]
    answers = fetch(work, side, [str(item.target) for item in plain if item.side is side])
    present = {one.id: one for one in observe(work, side, [a.remote for a in answers.values() if a.remote]).present}
    results = [
        (item, Outcome(one.id, one.version, one.remote.body))
        for item, one in ((item, present.get(str(item.target))) for item in plain if item.side is side)
        if one is not None and one.version != item.version and _is_as_sent(work, item, one.record)
    ]
    settle_updates(work, side, results)
    done = [item for item, _ in results]
    with work.write() as connection:
        requeue(connection, work, done, "unknown")
    return done


def _is_as_sent(work: Work, operation: Operation, now: Record) -> bool:
    stores = work.translator(operation.side).stores
    return all(stores(name, without_ids(value), without_ids(now.get(name))) for name, value in operation.values.items())


def _counted(work: Work, operation: Operation) -> list[str]:
    """The fields of an update in which both sides' movements count."""
    return [name for name in operation.values if work.entity.fields[name].policy in _COUNTING]


def _write_again(work: Work, unmoved: Sequence[Operation]) -> None:
    """Repeat updates in which movements count and whose records stand at the version that they were to be written on.

    Decided anew, the first call could arrive later, and what it wrote would pass for a movement of that side. As it is,
    the server takes one of both calls, and refuses the other, which comes from a version that is past.
    """
    apply_planned(work, [item._replace(state=OperationState.UNKNOWN) for item in unmoved])


def _read_again(
    work: Work, side: Side, counted: Sequence[Operation]
) -> tuple[list[tuple[Operation, Record]], list[Operation], list[Operation]]:
    """Updates in which movements count: whose record is no longer as it was, with what it holds; is; and is hidden.

    Hidden is a record that is neither shown nor proved to be gone.
    """
    answers = fetch(work, side, [str(item.target) for item in counted])
    present = {one.id: one for one in observe(work, side, [a.remote for a in answers.values() if a.remote]).present}
    seen = [(item, present[str(item.target)]) for item in counted if item.target in present]
    unseen = [item for item in counted if item.target not in present]
    hidden = [item for item in unseen if not _is_gone(work, side, answers.get(str(item.target)))]
    unmoved = [item for item, one in seen if one.version is not None and one.version == item.version]
    return [(item, one.record) for item, one in seen if item not in unmoved], unmoved, hidden


def _is_gone(work: Work, side: Side, answer: Fetched | None) -> bool:
    return answer is not None and answer.presence in MISSING and is_canary_alive(work, side)


def _count_once(connection: Connection, work: Work, operation: Operation, now: Record) -> None:
    """See that no movement counts twice: what got through is settled, and where nobody knows a person is asked."""
    link = links.get(connection, [operation.link or 0]).get(operation.link or 0)
    if link is None:
        return
    side, across = operation.side, operation.side.other
    bases = {one: valid_base(work, one, link.base_on(one)) for one in Side}
    for name in _counted(work, operation):
        read = operation.settles.get(name)
        if now.get(name) == operation.values[name]:
            bases[side][name] = read if operation.reason == COMBINED else now.get(name)
            bases[across][name] = read
        elif work.entity.fields[name].policy is not Policy.DELTA or now.get(name) != operation.old.get(name):
            bases[side].pop(name, None)
            bases[across].pop(name, None)
            values: dict[Side, Record] = {side: {name: now.get(name)}, across: {name: read}}
            conflicts.open(connection, [_doubt(work, link, name, values)], work.now())
    rows = [Rebase(link.id, one, Base(encode(bases[one]), None, work.translator(one).id)) for one in Side]
    links.rebase(connection, rows, work.now())


def _doubt(work: Work, link: Link, name: str, values: Mapping[Side, Record]) -> Conflict:
    group = work.entity.fields[name].group or name
    reason = "a change of it may or may not have been written, and it was changed since"
    return Conflict(
        work.name, link.id, link.crm_id, link.erp_id, group, {}, {}, values[Side.CRM], values[Side.ERP], reason
    )


def _resolve_creates(work: Work, side: Side, creates: Sequence[Operation]) -> None:
    capabilities = work.capabilities(side)
    for batch in batches(creates, work.write_size(side)):
        if capabilities.repeats_creates:
            _repeat(work, side, batch)
        elif capabilities.marker_field is not None:
            _look_up(work, side, batch, capabilities)
        else:
            _seek(work, side, batch, capabilities)


def _repeat(work: Work, side: Side, batch: Sequence[Operation]) -> None:
    """The same call with the same key: the server answers with what the first one made."""
    wanted = _without_linked(work, side, batch)
    decisions = [_as_decision(work, operation) for operation in wanted]
    if decisions:
        settle_creates(work, side, send_batch(work, side, decisions, refs_of(work, wanted)))


def _without_linked(work: Work, side: Side, batch: Sequence[Operation]) -> list[Operation]:
    """Give up the creates of records that have been linked meanwhile: another counterpart would be one too many."""
    with work.store.read() as connection:
        linked = links.linked(connection, work.name, side.other, [str(item.source) for item in batch])
    over = [item.id for item in batch if item.source in linked]
    if over:
        with work.write() as connection:
            journal.advance(connection, over, OperationState.ABANDONED, work.now(), error="linked meanwhile")
    return [item for item in batch if item.source not in linked]


def _as_decision(work: Work, operation: Operation) -> CreateDecision:
    """A create read back from the journal: its source's base is what was sent, anything else is first contact."""
    values = work.creator(operation.side).values(operation.values)
    return CreateDecision(
        operation.id,
        operation.entity,
        operation.side,
        str(operation.source),
        None,
        values,
        operation.reserved,
        dict(values),
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
            park(work, [operation], f"{len(carriers)} records on {side} carry its marker; delete all but one there")
        elif _is_untried(operation):
            put_back(work, [operation])
        elif _lag_is_over(work, operation, capabilities.lookup_lag):
            park(
                work, [operation], f"its create on {side} was sent, but no record there carries its marker; look there"
            )


def _is_untried(operation: Operation) -> bool:
    """Whether the process died before it came to this create: `apply` counts an attempt before each call."""
    return operation.state is OperationState.SENDING and operation.attempts == 0


def _seek(work: Work, side: Side, batch: Sequence[Operation], capabilities: Capabilities) -> None:
    """A unique business key: whatever holds it is the record, and where nothing does, the server takes only one."""
    keys: dict[tuple[str, str], Operation] = {}
    for operation in batch:
        key = _unique_key(work, operation, capabilities.unique_fields)
        if _is_untried(operation):
            put_back(work, [operation])
        elif key is None:
            park(work, [operation], f"{side} can neither repeat a create safely nor be searched for it")
        else:
            keys[key] = operation
    for field in sorted({field for field, _ in keys}):
        asked = {value: item for (name, value), item in keys.items() if name == field}
        found = work.adapter(side).find(work.resource(side), field, list(asked))
        held = {str((remote.body or {}).get(field)) for remote in found}
        if shown := [item for value, item in asked.items() if value in held]:
            meet(work, side, shown, found, "a record there holds its unique key")
        lag = capabilities.lookup_lag
        missing = [item for value, item in asked.items() if value not in held and _lag_is_over(work, item, lag)]
        if missing:
            _repeat(work, side, missing)


def _unique_key(work: Work, operation: Operation, fields: Sequence[str]) -> tuple[str, str] | None:
    """The first wire field that the server keeps unique and the create fills, with its value.

    What refers to other records is left out: in the journal it still holds the ids of the side across.
    """
    values = work.creator(operation.side).values(operation.values)
    plain = {name: value for name, value in values.items() if work.entity.fields[name].type in PLAIN}
    try:
        body = work.translator(operation.side).write(plain, creating=True)
    except MappingFailed:
        return None
    return next(((name, str(body[name])) for name in fields if body.get(name) not in (None, "")), None)


def _lag_is_over(work: Work, operation: Operation, lag: timedelta) -> bool:
    with work.store.read() as connection:
        sent = journal.changed_at(connection, [operation.id])[operation.id]
    return work.now() - sent >= lag
