"""Undo a run: write back the values that its updates overwrote, where nobody has changed them since.

The restored value becomes the base of the side it is written to, and the other side keeps its own base and value: no
side has moved then, so that the next sync neither repeats the write nor takes the undo for a person's edit. What a run
created, deleted, archived or moved on by a named action stays as it is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from connector.apply import batches
from connector.context import Context, Work
from connector.drain import apply_staged
from connector.endpoints import check_endpoints
from connector.entities import Policy
from connector.gather import Chunk, Seen, look_up, valid_base
from connector.reconcile.carry import without_ids
from connector.records import (
    UNDO,
    Link,
    LinkStatus,
    Operation,
    OperationKind,
    OperationState,
    Presence,
    Record,
    Side,
    Value,
    Version,
)
from connector.recover import recover, resolve_doubtful
from connector.report import Report, Tally
from connector.store import conflicts, journal, links
from connector.sync import count_open, running

NEVER = "only changed values are undone, never what was created, deleted, archived or moved on to another state"


class Left(NamedTuple):
    """Something the run wrote that is not undone, and why."""

    entity: str
    side: Side
    id: str
    what: str
    why: str


@dataclass(slots=True)
class Undoing:
    """What undoing one run comes to; the operations carry their state as it was when the work ended."""

    run: str
    operations: list[Operation] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    """Values that were left alone because somebody needs them as they are."""
    never: list[Left] = field(default_factory=list)
    """Writes of a kind that is never undone."""
    already: int = 0
    """Values that are as they were before the run."""


@dataclass(slots=True)
class _Written:
    """What one run wrote to one record: whole groups as they were before, and as it left them."""

    side: Side
    id: str
    link: int
    before: Record = field(default_factory=dict)
    after: Record = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)


def preview(context: Context, run: str, entities: Collection[str] = ()) -> Undoing:
    """What undoing a run would write now; nothing is stored, and neither system is written to."""
    check_endpoints(context, Report(run, "undo"))
    undoing = Undoing(run)
    for name in _chosen(context, entities):
        work = Work(context, context.entities[name], "", Tally(name), dry=True)
        for operations in _plan(work, undoing):
            undoing.operations += operations
    return undoing


def undo(context: Context, run: str, entities: Collection[str] = ()) -> tuple[Undoing, Report]:
    """Write back what a run overwrote, through the guards and the journal like any other change."""
    report, undoing = Report(context.new_id(), "undo"), Undoing(run)
    with running(context, report) as epoch:
        check_endpoints(context, report)
        for name in _chosen(context, entities):
            work = Work(context, context.entities[name], report.run, report.tally(name), epoch)
            _undo_entity(work, undoing)
        report.replanned += [f"{one.entity} {one.side}:{one.id} {one.what}: {one.why}" for one in undoing.left]
        count_open(context, report)
    return undoing, report


def _chosen(context: Context, entities: Collection[str]) -> list[str]:
    return [name for name in context.entities if not entities or name in entities]


def _undo_entity(work: Work, undoing: Undoing) -> None:
    recover(work)
    staged: list[str] = []
    for operations in _plan(work, undoing):
        with work.write() as connection:
            journal.add(connection, operations, work.now())
        work.tally.planned.update((one.side, one.kind) for one in operations)
        staged += [one.id for one in operations]
    apply_staged(work)
    resolve_doubtful(work)
    for ids in batches(staged, work.context.limits.chunk):
        with work.store.read() as connection:
            ended = journal.get(connection, ids)
        undoing.operations += [ended[one] for one in ids]
    undoing.left += [
        Left(work.name, one.side, str(one.target), ", ".join(one.values), _ended(one))
        for one in undoing.operations
        if one.entity == work.name and one.state not in (OperationState.DONE, OperationState.HELD)
    ]


def _ended(operation: Operation) -> str:
    """Why a planned restoration was not written; what a system said may quote a value, and stands in the problem."""
    if operation.state is OperationState.REJECTED:
        return "the system refused it: connector problems list"
    return str(operation.error or operation.state)


def _plan(work: Work, undoing: Undoing) -> Iterator[list[Operation]]:
    """The operations that restore one entity's values, chunk by chunk; what is left alone is noted."""
    written = _read_journal(work, undoing)
    for some in batches(list(written.values()), work.context.limits.chunk):
        operations = _plan_chunk(work, some, undoing)
        if operations:
            yield operations


def _read_journal(work: Work, undoing: Undoing) -> dict[tuple[Side, str], _Written]:
    """What the run wrote to each record, several updates of one folded together."""
    written: dict[tuple[Side, str], _Written] = {}
    # A run's operations have later ids than the run itself.
    after = undoing.run
    while True:
        with work.store.read() as connection:
            done = [OperationState.DONE]
            page = journal.by_state(connection, done, work.name, undoing.run, work.context.limits.chunk, after)
        if not page:
            return written
        after = page[-1].id
        for operation in page:
            target = str(operation.target)
            if operation.kind is not OperationKind.UPDATE or operation.link is None:
                what = operation.action or str(operation.kind)
                undoing.never.append(Left(work.name, operation.side, target, what, NEVER))
                continue
            known = written.setdefault((operation.side, target), _Written(operation.side, target, operation.link))
            _fold(work, known, operation)


def _fold(work: Work, known: _Written, operation: Operation) -> None:
    """A later update of the run starts where the earlier one ended, unless somebody came between them."""
    for name, value in operation.old.items():
        if name not in known.after or not _is_same(work, operation.side, name, known.after[name], value):
            known.before[name] = value
        known.after[name] = operation.values.get(name, value)
    known.fields |= operation.values.keys()


def _is_same(work: Work, side: Side, name: str, value: Value, stored: Value) -> bool:
    """Whether a side holds what it makes of a value, part ids apart."""
    return work.translator(side).stores(name, without_ids(value), without_ids(stored))


class _Facts(NamedTuple):
    """What is known now of one record that the run wrote to."""

    link: Link
    now: Record
    version: Version | None
    contested: set[str]
    """Fields and groups with an open conflict."""


def _plan_chunk(work: Work, written: Sequence[_Written], undoing: Undoing) -> list[Operation]:
    chunk = Chunk([])
    for side in Side:
        look_up(work, chunk, side, [one.id for one in written if one.side is side])
    with work.store.read() as connection:
        linked = links.get(connection, [one.link for one in written])
        contested = conflicts.of_links(connection, list(linked))
        busy = _busy(connection, work, written)
    operations = []
    for one in written:
        seen, link = chunk.seen[one.side].get(one.id, Seen(Presence.FORBIDDEN)), linked.get(one.link)
        obstacle = _obstacle(one, link, seen, is_busy=(one.side, one.id) in busy)
        if link is None or obstacle:
            undoing.left.append(Left(work.name, one.side, one.id, ", ".join(sorted(one.fields)), obstacle))
            continue
        waiting = {item.conflict.field for item in contested.get(one.link, [])}
        facts = _Facts(link, seen.record, seen.version, waiting)
        names = _restorable(work, one, facts, undoing)
        if names:
            operations.append(_operation(work, one, facts, names, undoing.run))
    return operations


def _busy(connection: Connection, work: Work, written: Sequence[_Written]) -> set[tuple[Side, str]]:
    found: set[tuple[Side, str]] = set()
    for side in Side:
        keys = [one.id for one in written if one.side is side]
        found |= {(side, key) for key in journal.live_keys(connection, work.name, side, keys)}
    return found


def _obstacle(one: _Written, link: Link | None, seen: Seen, *, is_busy: bool) -> str:
    """Why a whole record is left alone; empty where nothing stands in the way."""
    if link is None or link.status is not LinkStatus.ACTIVE:
        return "the record is no longer linked"
    if seen.presence is not Presence.PRESENT:
        return f"{one.side} does not show the record any more"
    return "another write of the record has not come to its end; first run: connector sync" if is_busy else ""


def _restorable(work: Work, one: _Written, facts: _Facts, undoing: Undoing) -> list[str]:
    """The fields to restore: a group as a whole or not at all, and only as the run left it."""
    restorable: list[str] = []
    for group, names in work.entity.groups.items():
        held = [name for name in names if name in one.after]
        fields = [name for name in held if name in one.fields]
        if not fields:
            continue
        if all(_is_same(work, one.side, name, one.before[name], facts.now.get(name)) for name in held):
            undoing.already += len(fields)
            continue
        why = _refusal(work, one, facts, group, held)
        if why:
            told = undoing.never if why == NEVER else undoing.left
            told.append(Left(work.name, one.side, one.id, ", ".join(fields), why))
        else:
            restorable += fields
    return restorable


def _refusal(work: Work, one: _Written, facts: _Facts, group: str, held: Sequence[str]) -> str:
    """Why a group of fields is left as it is; empty where nothing speaks against restoring it."""
    fields = [name for name in held if name in one.fields]
    if any(work.entity.fields[name].policy is Policy.LIFECYCLE for name in fields):
        return NEVER
    if not all(_is_same(work, one.side, name, one.after[name], facts.now.get(name)) for name in held):
        return "changed since"
    if group in facts.contested or not facts.contested.isdisjoint(held):
        return "it waits for a person's decision: connector conflicts list"
    lock = work.entity.lock
    if lock and facts.now.get(lock.field) in lock.states and not work.entity.locked_fields.isdisjoint(fields):
        return f"the document is {facts.now.get(lock.field)}, and locked"
    return _unfit(work, one, facts, fields)


def _unfit(work: Work, one: _Written, facts: _Facts, fields: Sequence[str]) -> str:
    """Why the mapping of today does not allow to restore fields; empty where it does."""
    bases = [valid_base(work, side, facts.link.base_on(side)) for side in Side]
    if not all(name in base for name in fields for base in bases):
        return "its mapping has changed since; the next sync compares it anew"
    if not work.translator(one.side).writable.issuperset(fields):
        return f"the mapping no longer writes it on {one.side}"
    return ""


def _operation(work: Work, one: _Written, facts: _Facts, names: Sequence[str], run: str) -> Operation:
    """One conditional update; what it settles is the other side's base as it is, so that only ours moves."""
    across = one.side.other
    other = valid_base(work, across, facts.link.base_on(across))
    return Operation(
        id=work.context.new_id(),
        entity=work.name,
        side=one.side,
        kind=OperationKind.UPDATE,
        target=one.id,
        source=facts.link.id_on(across),
        link=one.link,
        version=facts.version,
        values={name: _restored(one.before[name], facts.now.get(name)) for name in names},
        old={name: facts.now.get(name) for name in names},
        settles={name: other[name] for name in names},
        reason=f"{UNDO}{run}",
        run=work.run,
    )


def _restored(before: Value, now: Value) -> Value:
    """A value as it was; a part that is gone is made anew, without its old id."""
    if not isinstance(before, list):
        return before
    alive = {str(part["id"]) for part in now if isinstance(part, dict)} if isinstance(now, list) else set()
    return [
        {**part, "id": part["id"] if str(part["id"]) in alive else None} if isinstance(part, dict) else part
        for part in before
    ]
