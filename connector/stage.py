"""Make decisions durable: one transaction a chunk, from inbox keys to links, bases, conflicts and operations.

From here on the operations carry what the inbox rows carried: an operation that does not end well puts its keys back.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from connector.context import Work
from connector.decide import CreateDecision, Decisions, PairDecision
from connector.errors import OutcomeUnknown
from connector.moves import Moves, awaited, store_moves
from connector.observe import forget, keys_of, remember
from connector.reconcile.guards import digest
from connector.reconcile.merge import Contest
from connector.reconcile.plan import PairPlan, Sight
from connector.records import (
    FOLLOW_UP,
    MARKER,
    Arrival,
    Base,
    Conflict,
    Event,
    LinkStatus,
    NewLink,
    Operation,
    OperationState,
    Presence,
    Problem,
    Rebase,
    Record,
    Ref,
    Side,
    Sighting,
    encode,
)
from connector.stays import staying
from connector.store import conflicts, creating, history, inbox, journal, links, problems
from connector.store.journal import OperationTaken


def stage(work: Work, decisions: Decisions) -> list[CreateDecision]:
    """Store one chunk's decisions; returns the creates that are marked as sending and must be called now."""
    if work.dry:
        _stage_plan(work, decisions)
        return []
    if work.allowed is not None:
        decisions = _only_allowed(work, decisions)
    ready = [create for create in decisions.creates if not create.waits]
    # Where a create cannot be repeated, each call is journalled once more right before it: that is soon enough.
    durable = any(work.capabilities(side).repeats_creates for side in {create.side for create in ready})
    with work.write(durable=durable) as connection:
        _stage_moves(connection, work, decisions.moves)
        _stage_pairs(connection, work, _without_busy(connection, work, decisions.pairs))
        ready = _stage_creates(connection, work, ready)
        _stage_rest(connection, work, decisions)
    return ready


def _stage_moves(connection: Connection, work: Work, moves: Moves) -> None:
    if moves != Moves():
        store_moves(connection, work, moves)
        for side in Side:
            forget(connection, work, side, [trail.old for trail in moves.trails if trail.side is side])


def _without_busy(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> list[PairDecision]:
    """Leave a record alone that still has a live operation, such as one whose outcome is unknown; its keys stay."""
    busy = _busy(connection, work, pairs)
    if not busy:
        return list(pairs)
    held = [pair for pair in pairs if _is_busy(pair, busy)]
    retry = work.now() + work.context.limits.retry_after
    inbox.park(connection, [(row.seq, None, retry) for pair in held for row in pair.rows])
    return [pair for pair in pairs if pair not in held]


def _busy(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> set[tuple[Side, str]]:
    busy: set[tuple[Side, str]] = set()
    for side in Side:
        keys = [item.key for pair in pairs for item in pair.plan.operations if item.side is side]
        busy |= {(side, key) for key in journal.live_keys(connection, work.name, side, keys)}
    return busy


def _is_busy(pair: PairDecision, busy: set[tuple[Side, str]]) -> bool:
    return any((item.side, item.key) in busy for item in pair.plan.operations)


def _only_allowed(work: Work, decisions: Decisions) -> Decisions:
    """Keep what came out exactly as planned, and what writes nothing; the rest stays in the inbox, for the next plan.

    A pair that is only linked is written nowhere, but what was planned may refer to it.
    """
    pairs = [pair for pair in decisions.pairs if _is_allowed(work, pair.plan.operations)]
    creates = [create for create in decisions.creates if not create.waits and _is_allowed(work, [create.operation])]
    return Decisions(pairs=pairs, creates=creates, moves=decisions.moves)


def _is_allowed(work: Work, operations: Sequence[Operation]) -> bool:
    digests = {digest(operation) for operation in operations}
    if work.allowed is None or not digests <= work.allowed:
        return False
    work.executed |= digests
    return True


def _stage_plan(work: Work, decisions: Decisions) -> None:
    """A plan only: operations are stored to be shown and applied, everything else stays as it is."""
    pairs = _unheld(work, _met_first(work, decisions))
    operations = [operation._replace(run=work.run) for pair in pairs for operation in pair.plan.operations]
    for create in decisions.creates:
        planned = create.operation._replace(state=OperationState.PLANNED, run=work.run, reserved=None)
        waits = ", ".join(str(ref) for ref in create.waits)
        operations.append(planned._replace(reason=f"{planned.reason}; after {waits}") if waits else planned)
    with work.write() as connection:
        journal.add(connection, operations, work.now())
    for pair in pairs:
        work.tally.linked += pair.link is None
        work.tally.conflicts += len(pair.plan.contests)
    work.tally.planned.update((operation.side, operation.kind) for operation in operations)


def _unheld(work: Work, pairs: list[PairDecision]) -> list[PairDecision]:
    """Leave out what an operation of an earlier run stands for still, such as one that a guard holds."""
    with work.store.read() as connection:
        busy = _busy(connection, work, pairs)
    return [pair for pair in pairs if not _is_busy(pair, busy)]


def _met_first(work: Work, decisions: Decisions) -> list[PairDecision]:
    """The pairs that no earlier chunk has met: a plan leaves the inbox as it is, where a pair may stand twice."""
    with work.store.read() as connection:
        rows = {
            side: inbox.rows(connection, work.name, side, [pair.sights[side].id for pair in decisions.pairs])
            for side in Side
        }
    met_first = []
    for pair in decisions.pairs:
        waiting = [rows[side][pair.sights[side].id].seq for side in Side if pair.sights[side].id in rows[side]]
        if not waiting or min(waiting) >= decisions.start:
            met_first.append(pair)
    return met_first


def _stage_pairs(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> None:
    identified = _add_links(connection, work, pairs)
    rebases = [rebase for pair in pairs if pair.link is not None for rebase in _rebases(work, pair)]
    links.rebase(connection, rebases, work.now())
    operations = [
        operation._replace(link=link, run=work.run) for pair, link in identified for operation in pair.plan.operations
    ]
    journal.add(connection, operations, work.now())
    work.tally.planned.update((operation.side, operation.kind) for operation in operations)
    _stage_conflicts(connection, work, identified)
    _stage_fates(connection, work, pairs)
    history.append(
        connection, work.run, [event for pair, link in identified for event in _events(work, pair, link)], work.now()
    )
    _stage_rows(connection, work, pairs)


def _add_links(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> list[tuple[PairDecision, int]]:
    fresh = [pair for pair in pairs if pair.link is None]
    rows = [
        NewLink(
            work.name,
            pair.sights[Side.CRM].id,
            pair.sights[Side.ERP].id,
            *(_first_base(work, pair, side) for side in Side),
        )
        for pair in fresh
    ]
    added = links.add(connection, rows, work.now())
    if fresh:
        inbox.release(connection, [Ref(work.name, side, pair.sights[side].id) for pair in fresh for side in Side])
    work.tally.linked += len(fresh)
    known = [(pair, pair.link.id) for pair in pairs if pair.link is not None]
    return known + list(zip(fresh, added, strict=True))


def _first_base(work: Work, pair: PairDecision, side: Side) -> Base:
    half = pair.sights[side].half
    agreed = {name: half.now.get(name) for name in pair.plan.agreed}
    return _base(work, side, {**half.base, **agreed}, pair.sights[side])


def _base(work: Work, side: Side, record: Record, sight: Sight) -> Base:
    return Base(encode(record), sight.version, work.translator(side).id, _is_whole(record, sight))


def _is_whole(record: Record, sight: Sight) -> bool:
    return sight.version is not None and {**record, MARKER: None} == {**sight.half.now, MARKER: None}


def _rebases(work: Work, pair: PairDecision) -> Iterable[Rebase]:
    """New bases where fields were agreed, and the version that was looked at, so that it is not looked at again."""
    link = pair.link
    if link is None or pair.plan.fate is not None:
        return
    work.tally.agreed += len(pair.plan.agreed)
    for side in Side:
        old = link.base_on(side)
        if pair.sights[side].presence is not Presence.PRESENT:
            # Until that is settled, the base must not stand for a record that is not read.
            new = old._replace(whole=False) if old.whole else old
        else:
            new = _looked_at(work, pair, side, old)
        if new is not old:
            yield Rebase(link.id, side, new)


def _looked_at(work: Work, pair: PairDecision, side: Side, old: Base) -> Base:
    sight = pair.sights[side]
    is_new = sight.version != old.version
    if _awaits_mapping(pair):
        # A guard may hold the writes back for long, and must know then too that a mapping brought them about.
        return old._replace(version=sight.version, whole=False) if is_new else old
    settled = {name: sight.half.now.get(name) for name in pair.plan.agreed}
    if settled or (is_new and sight.remapped):
        return _base(work, side, {**sight.half.base, **settled}, sight)
    if not is_new and (old.whole or sight.remapped):
        return old
    is_whole = _is_whole(sight.half.base, sight)
    return old._replace(version=sight.version, whole=is_whole) if is_new or is_whole else old


def _awaits_mapping(pair: PairDecision) -> bool:
    """Whether something is to be written because a mapping changed: until it is, the bases stay what they were."""
    return bool(pair.plan.operations) and any(sight.remapped for sight in pair.sights.values())


def _stage_conflicts(connection: Connection, work: Work, identified: Sequence[tuple[PairDecision, int]]) -> None:
    opened = [_conflict(work, pair, link, contest) for pair, link in identified for contest in pair.plan.contests]
    work.tally.conflicts += conflicts.open(connection, opened, work.now())
    contested = {(conflict.link, conflict.field) for conflict in opened}
    closed = [
        (link, item.conflict.field)
        for pair, link in identified
        if not pair.plan.trouble
        for item in pair.open
        if (link, item.conflict.field) not in contested and not _awaits_write(pair.plan, item.conflict)
    ]
    if closed:
        conflicts.close(connection, closed, "settled", work.now())


def _awaits_write(plan: PairPlan, conflict: Conflict) -> bool:
    """A conflict whose resolution is about to be written closes when the write is done."""
    names = conflict.crm_value.keys() | conflict.erp_value.keys()
    return any(names & operation.settles.keys() for operation in plan.operations)


def _conflict(work: Work, pair: PairDecision, link: int, contest: Contest) -> Conflict:
    group, names, reason = contest
    values = {side: {name: pair.sights[side].half.now.get(name) for name in names} for side in Side}
    bases = {side: {name: pair.sights[side].half.base.get(name) for name in names} for side in Side}
    return Conflict(
        work.name,
        link,
        pair.sights[Side.CRM].id,
        pair.sights[Side.ERP].id,
        group,
        bases[Side.CRM],
        bases[Side.ERP],
        values[Side.CRM],
        values[Side.ERP],
        reason,
    )


def _stage_fates(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> None:
    for pair in pairs:
        if pair.plan.fate is None or pair.link is None:
            continue
        if pair.plan.fate.what == "tombstone":
            links.set_status(connection, [pair.link.id], LinkStatus.TOMBSTONED, work.now())
        else:
            links.remove(connection, [pair.link.id])
        work.tally.unlinked += 1
        for side, sight in pair.sights.items():
            if sight.presence is not Presence.PRESENT:
                forget(connection, work, side, [sight.id])
            else:
                # If the connector created it, it was found by what its counterpart is matched by.
                keys = keys_of(work, side, sight.half.now)
                remember(connection, work, side, [Sighting(sight.id, sight.version, keys)])


def _events(work: Work, pair: PairDecision, link: int) -> Iterable[Event]:
    crm_id, erp_id = pair.sights[Side.CRM].id, pair.sights[Side.ERP].id
    if pair.link is None:
        yield Event(work.name, Side.CRM, crm_id, "linked", {"erp_id": erp_id, "by": pair.why}, link)
    if pair.plan.fate is not None:
        yield Event(work.name, Side.CRM, crm_id, "unlinked", {"erp_id": erp_id, "why": pair.plan.fate.reason}, link)
    for override in pair.plan.overrides:
        work.tally.overridden += 1
        detail = {"group": override.group, "policy": override.policy, "lost": override.lost, "side": override.loser}
        yield Event(work.name, override.loser, pair.sights[override.loser].id, "overridden", detail, link)
    for contest in pair.plan.contests:
        yield Event(work.name, Side.CRM, crm_id, "conflict", {"field": contest.group, "why": contest.reason}, link)


def _stage_rows(connection: Connection, work: Work, pairs: Sequence[PairDecision]) -> None:
    """Take the decided keys out of the inbox; those that wait for a parent, or cannot be read for now, stay."""
    at = work.now()
    held = [(row.seq, pair.plan.waits[0]) for pair in pairs if pair.plan.waits for row in pair.rows]
    waiting = _waiting(connection, held)
    again = [_again(work, pair) for pair in pairs if pair.plan.again]
    troubled = [_trouble(work, pair) for pair in pairs if pair.plan.trouble]
    retry = at + work.context.limits.retry_after
    unread = [(row.seq, None, retry) for pair in pairs if pair.plan.trouble for row in pair.rows]
    inbox.park(connection, waiting)
    inbox.park(connection, unread)
    decided = [pair for pair in pairs if not pair.plan.waits and not pair.plan.trouble]
    inbox.settle(connection, [row.seq for pair in decided for row in pair.rows])
    inbox.put(connection, again, at)
    work.tally.waiting += len(waiting)
    if troubled:
        work.tally.problems += problems.report(connection, troubled, at)
    fine = [Ref(work.name, side, pair.sights[side].id) for pair in pairs if not pair.plan.trouble for side in Side]
    problems.clear_any(connection, work.name, fine, work.now())


def _waiting(connection: Connection, held: Sequence[tuple[int, Ref]]) -> list[tuple[int, Ref, None]]:
    parents = awaited(connection, [parent for _, parent in held])
    return [(seq, parent, None) for (seq, _), parent in zip(held, parents, strict=True)]


def _again(work: Work, pair: PairDecision) -> Arrival:
    side = Side.CRM if pair.sights[Side.CRM].presence is Presence.PRESENT else Side.ERP
    return Arrival(work.name, side, pair.sights[side].id, FOLLOW_UP)


def _trouble(work: Work, pair: PairDecision) -> Problem:
    side = next((side for side in Side if pair.sights[side].presence is not Presence.PRESENT), Side.CRM)
    sight = pair.sights[side]
    cause = "forbidden" if sight.presence is Presence.FORBIDDEN else "unproved_delete"
    return Problem(work.name, side, sight.id, cause, f"{work.name} {side}:{sight.id}: {pair.plan.trouble}")


def _stage_creates(connection: Connection, work: Work, creates: Sequence[CreateDecision]) -> list[CreateDecision]:
    """Journal creates as sending; one whose record or key still has a live operation waits until that is resolved."""
    busy: set[str] = set()
    for side in Side:
        mine = [create for create in creates if create.side is side]
        try:
            _journal_creates(connection, work, side, mine)
        except OperationTaken as taken:
            busy.update(taken.ids)
            _journal_creates(connection, work, side, [create for create in mine if create.id not in busy])
    if not busy:
        return list(creates)
    retry = work.now() + work.context.limits.retry_after
    inbox.park(connection, [(create.seq, None, retry) for create in creates if create.id in busy])
    return [create for create in creates if create.id not in busy]


def _journal_creates(connection: Connection, work: Work, side: Side, creates: Sequence[CreateDecision]) -> None:
    if creates:
        columns: dict[str, Any] = dict(zip(CreateDecision._fields, zip(*creates, strict=True), strict=True))
        sent = {"id": columns["id"], "source": columns["source"], "source_version": columns["version"]}
        sent |= {"reserved": columns["reserved"], "values": list(map(encode, columns["values"]))}
        creating.send(connection, (work.name, side, work.run), sent, work.now())
        inbox.settle(connection, columns["seq"])


def _stage_rest(connection: Connection, work: Work, decisions: Decisions) -> None:
    at = work.now()
    waiting = _waiting(connection, [(create.seq, create.waits[0]) for create in decisions.creates if create.waits])
    retry = at + work.context.limits.retry_after
    inbox.park(connection, waiting)
    content = staying(connection, work, waiting)
    inbox.mark_staying(connection, content)
    inbox.park(connection, [(row.seq, None, retry) for row in decisions.parked])
    inbox.settle(connection, [row.seq for row in decisions.ignored + decisions.vanished])
    for side in Side:
        forget(connection, work, side, [row.id for row in decisions.vanished if row.side is side])
    if decisions.vanished:
        _clear_vanished(connection, work, [Ref(work.name, row.side, row.id) for row in decisions.vanished])
    if decisions.problems:
        work.tally.problems += problems.report(connection, decisions.problems, at)
    work.tally.waiting += len(waiting) - len(content)
    work.tally.ignored += len(decisions.ignored) + len(content)


def _clear_vanished(connection: Connection, work: Work, refs: Sequence[Ref]) -> None:
    """What is gone needs nobody's decision any more, but for a counterpart that may have been made of it."""
    told = problems.of(connection, refs)
    doubted = {item.problem[:3] for item in told if item.problem.cause == OutcomeUnknown.code}
    problems.clear_any(connection, work.name, [ref for ref in refs if tuple(ref) not in doubted], work.now())
