"""Store what became of a batch: journal, links, bases and follow-ups in one transaction.

The target's base is the value as stored, from the write's own answer where it tells; the source's base is the value the
decision read, never a later one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection

from connector.adopt import adopt, meet
from connector.context import Work
from connector.decide import CreateDecision
from connector.errors import AlreadyExists, Forbidden, Gone, NotFound, OutcomeUnknown, RecordError, VersionConflict
from connector.gather import valid_base
from connector.mappings.compile import Translator
from connector.observe import forget, keys_of, remember
from connector.reconcile.plan import COMBINED
from connector.records import (
    FOLLOW_UP,
    MARKER,
    Arrival,
    Base,
    Body,
    Event,
    Link,
    LinkStatus,
    NewLink,
    Operation,
    OperationKind,
    OperationState,
    Outcome,
    Problem,
    Rebase,
    Record,
    Ref,
    Side,
    Sighting,
    decode,
    encode,
)
from connector.requeue import requeue
from connector.store import conflicts, cursors, history, inbox, journal, links, problems, sightings
from connector.store.links import LinkTaken
from connector.unread import hidden, stays_whole

Result = tuple[Operation, Outcome]


class Answered(NamedTuple):
    """A create that was sent: its values in the target's own ids, and what became of it."""

    create: CreateDecision
    values: Record
    outcome: Outcome


class Creation(NamedTuple):
    """A finished create: the link it makes, the sighting of the new record, and the looks that still have to follow."""

    operation: str
    source: str
    link: NewLink
    sighting: Sighting
    follow: list[Arrival]


def settle_creates(work: Work, side: Side, results: Sequence[Answered]) -> None:
    """Link what was created, adopt what was there already, and park what was refused."""
    done = _creations(work, side, [one for one in results if one.outcome.error is None])
    failed = [(one.create.operation, one.outcome.error) for one in results if one.outcome.error is not None]
    if done:
        with work.write() as connection:
            store_creations(connection, work, side, done)
    if failed:
        settle_failed_creates(work, side, failed)


def _creations(work: Work, side: Side, done: Sequence[Answered]) -> list[Creation]:
    """Both bases of each new link: fields that were sent or are equal are settled, the rest is first contact.

    New records are sighted without match keys of their own: who has the same ones is found through their sources.
    """
    here, there, shared = work.translator(side).id, work.translator(side.other).id, work.shared
    held_back = shared.difference(work.creator(side).sent)
    # Parts have ids of their own on each side.
    parts = work.entity.parts
    creations = []
    for create, values, outcome in done:
        source, data, target = create.record, create.data, str(outcome.id)
        stored, told = _stored(work.translator(side), values, outcome.body)
        # What was neither sent nor told is empty on both sides, or held back.
        others = [name for name in (*told, *held_back) if name in shared and name not in values]
        unsettled = [name for name in others if source.get(name) != stored.get(name)]
        ours = data if data is not None and not unsettled else encode(_without(source, unsettled))
        is_told = outcome.body is not None and all(name in told for name in parts if stored.get(name))
        theirs = Base(encode(_without(stored, unsettled)), outcome.version, here, is_told and not unsettled)
        link = _new_link(create, target, Base(ours, create.version, there, not unsettled), theirs)
        follow = _follow_up(create, outcome, stored) if unsettled else []
        creations.append(Creation(create.id, create.source, link, Sighting(target, outcome.version), follow))
    return creations


def _follow_up(create: CreateDecision, outcome: Outcome, stored: Record) -> list[Arrival]:
    """Both records get another look, as they were just read and answered: versions guard what is decided from them."""
    entity, side, source = create.entity, create.side, create.source
    if create.data is None or outcome.body is None:
        return [Arrival(entity, side.other, source, FOLLOW_UP)]
    return [
        Arrival(entity, side.other, source, FOLLOW_UP, create.version, create.data),
        Arrival(entity, side, str(outcome.id), FOLLOW_UP, outcome.version, encode(stored)),
    ]


def _new_link(create: CreateDecision, target: str, source_base: Base, target_base: Base) -> NewLink:
    if create.side is Side.ERP:
        return NewLink(create.entity, create.source, target, source_base, target_base)
    return NewLink(create.entity, target, create.source, target_base, source_base)


def _stored(translator: Translator, values: Record, body: Body | None) -> tuple[Record, Record]:
    """What a new record holds, canonically: what was sent and what the answer tells, else the normal form; and that."""
    if body is None:
        return {name: translator.normal(name, value) for name, value in values.items()}, {}
    told = translator.read_partial(body)
    return {**translator.blank, **values, **told}, told


def _without(record: Record, names: Sequence[str]) -> Record:
    if not names and MARKER not in record:
        return record
    return {name: value for name, value in record.items() if name not in names and name != MARKER}


def store_creations(connection: Connection, work: Work, side: Side, done: Sequence[Creation]) -> None:
    """One transaction: links with both bases, journal, sightings, echoes to expect, children that waited."""
    at = work.now()
    _add_links(connection, done, at)
    journal.complete(connection, [(item.operation, item.sighting.id) for item in done], at)
    generation = cursors.get(connection, work.name, side).generation
    new = sightings.see(connection, work.name, side, [item.sighting for item in done], generation, at)
    cursors.bump(connection, work.name, side, known=new, echoes=len(done))
    sources = (Ref(work.name, side.other, item.source) for item in done)
    made = (Ref(work.name, side, item.sighting.id) for item in done)
    inbox.release(connection, chain(sources, made))
    inbox.put(connection, [arrival for item in done for arrival in item.follow], at)
    problems.clear_any(connection, work.name, (Ref(work.name, side.other, item.source) for item in done), work.now())
    work.tally.written[side, OperationKind.CREATE] += len(done)


def _add_links(connection: Connection, done: Sequence[Creation], at: datetime) -> None:
    """Link what was created, but for what matching linked already, before its create was known."""
    try:
        links.add(connection, [item.link for item in done], at)
    except LinkTaken as error:
        taken = set(error.taken)
        free = [item.link for item in done if taken.isdisjoint(_refs(item.link))]
        links.add(connection, free, at)


def _refs(link: NewLink) -> list[Ref]:
    return [Ref(link.entity, Side.CRM, link.crm_id), Ref(link.entity, Side.ERP, link.erp_id)]


def settle_failed_creates(work: Work, side: Side, failed: Sequence[tuple[Operation, RecordError]]) -> None:
    """A taken marker means our own earlier create got through: adopt it; the rest is unknown or refused."""
    marker = work.capabilities(side).marker_field
    refused, doubtful = [], []
    for operation, error in failed:
        ours = isinstance(error, AlreadyExists) and error.existing_id is not None and error.field == marker
        if ours and isinstance(error, AlreadyExists):
            adopt(work, operation, str(error.existing_id))
        elif isinstance(error, OutcomeUnknown):
            with work.write() as connection:
                journal.advance(connection, [operation.id], OperationState.UNKNOWN, work.now(), error=str(error))
        elif _is_there(work, operation, error):
            meet(work, side, [operation], [], "a record there holds what only one may hold")
        elif _may_still_arrive(work, operation, error):
            doubtful.append((operation, error))
        else:
            refused.append((operation, error))
    if doubtful:
        _tell_doubtful(work, doubtful)
    if refused:
        settle_failures(work, refused)


def _is_there(work: Work, operation: Operation, error: RecordError) -> bool:
    """Whether a repeated create met what it, or a person, has made before: without a key of its own nobody can tell."""
    is_repeated = operation.state is OperationState.UNKNOWN and not work.capabilities(operation.side).repeats_creates
    return is_repeated and isinstance(error, AlreadyExists)


def _may_still_arrive(work: Work, operation: Operation, error: RecordError) -> bool:
    """Whether a create was refused now, and an earlier call for it may yet be taken.

    Only its own key tells the system that both are one: a create anew, under another key, would make a second record.
    With a marker it would not, but what the first call has made would be met as if people had typed it.
    """
    keyed = work.capabilities(operation.side).repeats_creates
    if not keyed or operation.state is not OperationState.UNKNOWN or isinstance(error, AlreadyExists):
        return False
    with work.store.read() as connection:
        sent = journal.changed_at(connection, [operation.id])[operation.id]
    return work.now() - sent < _longest_way(work)


def _longest_way(work: Work) -> timedelta:
    """How long after it was journalled a call may still reach its system."""
    return work.context.limits.lease + work.context.limits.under_way


def _tell_doubtful(work: Work, refused: Sequence[tuple[Operation, RecordError]]) -> None:
    """The problem is told, and the create stays in doubt: the next run repeats it under its key."""
    minutes = _longest_way(work) / timedelta(minutes=1)
    why = f"an earlier call may yet arrive, so a correction waits up to {minutes:.0f} minutes"
    with work.write() as connection:
        told = [_refusal(operation, error) for operation, error in refused]
        rows = [problem._replace(message=f"{problem.message}; {why}") for problem in told]
        work.tally.problems += problems.report(connection, rows, work.now())


def settle_updates(work: Work, side: Side, results: Sequence[Result]) -> None:
    """Advance both bases of what was written; what the system changed besides gets another look."""
    done = [(operation, outcome) for operation, outcome in results if outcome.error is None]
    if done:
        with work.write() as connection:
            _store_updates(connection, work, side, done)
    failed = [(operation, outcome.error) for operation, outcome in results if outcome.error is not None]
    if failed:
        settle_failures(work, failed)


def _store_updates(connection: Connection, work: Work, side: Side, done: Sequence[Result]) -> None:
    at = work.now()
    found = links.get(connection, [operation.link for operation, _ in done if operation.link is not None])
    rebases: list[Rebase] = []
    again: list[Arrival] = []
    for operation, outcome in done:
        link = found.get(operation.link or 0)
        if link is None:
            continue
        stored = _stored_fields(work, side, operation, outcome.body)
        held = valid_base(work, side, link.base_on(side))
        if _differs(held, stored, operation):
            again.append(Arrival(work.name, side, str(operation.target), FOLLOW_UP))
        rebases += _rebased(work, link, operation, outcome, held, stored)
    links.rebase(connection, rebases, at)
    _sight_again(connection, work, side, done, rebases)
    inbox.put(connection, again, at)
    journal.advance(connection, [operation.id for operation, _ in done], OperationState.DONE, at)
    history.append(connection, work.run, [_undone(operation) for operation, _ in done if operation.undoes], at)
    _close_conflicts(connection, work, [operation for operation, _ in done])
    cursors.bump(connection, work.name, side, echoes=len(done))
    work.tally.written.update((side, operation.kind) for operation, _ in done)


def _undone(operation: Operation) -> Event:
    detail = {"run": operation.undoes, "was": operation.old, "restored": operation.values}
    target = str(operation.target)
    return Event(operation.entity, operation.side, target, "undone", detail, operation.link, operation.id)


def _sight_again(
    connection: Connection, work: Work, side: Side, done: Sequence[Result], rebases: Sequence[Rebase]
) -> None:
    """A record whose match fields were written is found by its new keys, and no longer by its old ones."""
    matched = {name for fields in work.entity.match_fields for name in fields}
    stored = {rebase.link: rebase.base for rebase in rebases if rebase.side is side}
    rows = [
        Sighting(str(operation.target), outcome.version, keys_of(work, side, decode(stored[operation.link].record)))
        for operation, outcome in done
        if operation.link in stored and matched & operation.values.keys()
    ]
    remember(connection, work, side, rows)


def _stored_fields(work: Work, side: Side, operation: Operation, body: Body | None) -> Record:
    translator = work.translator(side)
    if body is not None:
        return {**operation.values, **translator.read_partial(body)}
    return {name: translator.normal(name, value) for name, value in operation.values.items()}


def _rebased(
    work: Work, link: Link, operation: Operation, outcome: Outcome, target: Record, stored: Record
) -> list[Rebase]:
    """The target settles what is stored, or what it held where nothing had to be written; the source what was read."""
    # What was not written is as it was decided from: another value in the answer is somebody's edit since.
    # An action that led elsewhere than it was to, such as a confirmation to a hold, is the system's own move.
    kept = operation.values if operation.kind is OperationKind.PERFORM else stored
    written = {name: kept[name] for name in operation.settles if name in operation.values and name in kept}
    settled = {**{name: operation.old.get(name) for name in operation.settles}, **written}
    # What the source moved is absorbed; what the target moved still has to go across, so it must look moved.
    target.update(operation.settles if operation.reason == COMBINED else settled)
    side, source_side = operation.side, operation.side.other
    is_whole = stays_whole(work, link, operation, outcome, told={**target, **stored} == target)
    base = Base(encode(target), outcome.version, work.translator(side).id, is_whole)
    rebases = [Rebase(link.id, side, base)]
    if operation.settles:
        old = link.base_on(source_side)
        source = {**valid_base(work, source_side, old), **operation.settles}
        version = old.version
        rebases.append(Rebase(link.id, source_side, Base(encode(source), version, work.translator(source_side).id)))
    return rebases


def _differs(base: Record, stored: Record, operation: Operation) -> bool:
    """Whether the answer shows an unwritten field with another value than the one decided from, or its base.

    An action is told by name, so the field that it changes may have come to something else.
    """
    told = operation.values if operation.kind is OperationKind.PERFORM else {}
    return any(
        told.get(name, value) != value
        or (name not in operation.values and operation.old.get(name, base.get(name)) != value)
        for name, value in stored.items()
    )


def _close_conflicts(connection: Connection, work: Work, operations: Sequence[Operation]) -> None:
    by_link = {operation.link: operation for operation in operations if operation.link is not None}
    closed = []
    for link, still_open in conflicts.of_links(connection, list(by_link)).items():
        settled = by_link[link].settles.keys()
        closed += [(link, item.conflict.field) for item in still_open if settled & item.conflict.crm_value.keys()]
    if closed:
        conflicts.close(connection, closed, "written", work.now())


def settle_removals(work: Work, side: Side, results: Sequence[Result]) -> None:
    """A propagated delete leaves a tombstone link, so that the record is never created again."""
    done = [operation for operation, outcome in results if outcome.error is None]
    at = work.now()
    if done:
        with work.write() as connection:
            journal.advance(connection, [operation.id for operation in done], OperationState.DONE, at)
            link_ids = [operation.link for operation in done if operation.link is not None]
            links.set_status(connection, link_ids, LinkStatus.TOMBSTONED, at)
            forget(connection, work, side.other, [str(operation.source) for operation in done])
            deleted = [str(operation.target) for operation in done if operation.kind is OperationKind.DELETE]
            forget(connection, work, side, deleted)
            cursors.bump(connection, work.name, side, echoes=len(done))
        work.tally.written.update((side, operation.kind) for operation in done)
        work.tally.unlinked += len(done)
    failed = [(operation, outcome.error) for operation, outcome in results if outcome.error is not None]
    if failed:
        settle_failures(work, failed)


def settle_failures(work: Work, failed: Sequence[tuple[Operation, RecordError]]) -> None:
    """Stale and vanished targets are decided anew; unknown ones stay unknown; refused ones become problems.

    A repetition that is stale stays in doubt: the first call may be what its record was moved by.
    """
    at = work.now()
    unknown = [
        operation for operation, error in failed if isinstance(error, OutcomeUnknown) or _is_met(operation, error)
    ]
    moved = [operation for operation, error in failed if isinstance(error, (VersionConflict, NotFound, Gone))]
    stale = [operation for operation in moved if operation not in unknown]
    stale += hidden(work, [operation for operation, error in failed if isinstance(error, Forbidden)])
    refused = [(operation, error) for operation, error in failed if operation not in stale and operation not in unknown]
    with work.write() as connection:
        journal.advance(
            connection, [item.id for item in stale], OperationState.ABANDONED, at, error="moved since it was read"
        )
        requeue(connection, work, stale, "moved")
        journal.advance(connection, [item.id for item in unknown], OperationState.UNKNOWN, at, error="not reported")
        for operation, error in refused:
            journal.advance(connection, [operation.id], OperationState.REJECTED, at, error=f"{error.code}: {error}")
        work.tally.problems += problems.report(connection, [_refusal(item, error) for item, error in refused], at)


def _is_met(operation: Operation, error: RecordError) -> bool:
    return operation.state is OperationState.UNKNOWN and isinstance(error, VersionConflict)


def _refusal(operation: Operation, error: RecordError) -> Problem:
    side = operation.side.other if operation.target is None else operation.side
    record = str(operation.source if operation.target is None else operation.target)
    what = f"{operation.entity} {side}:{record} could not be written to {operation.side} ({operation.kind})"
    advice = f"correct it on {operation.side.other}, then: connector problems retry"
    return Problem(operation.entity, side, record, error.code, f"{what}: {error}; {advice}", error.field)
