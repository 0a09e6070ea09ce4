"""Decide one gathered chunk: pairs, first contacts and creates, as values that `stage` makes durable."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.context import Work
from connector.doubt import Held, in_doubt, made_by_lost
from connector.errors import OutcomeUnknown
from connector.gather import (
    Chunk,
    Seen,
    carried,
    census,
    is_canary_alive,
    is_settled_long_enough,
    known_keys,
    look_up,
    resolve_references,
    rows_across,
    sight,
    sights,
    suspects,
    unproved,
)
from connector.moves import MISSING, Moves, follow_moves
from connector.observe import fetch
from connector.quarantine import Planned, withhold_flips
from connector.reconcile.flips import is_withheld
from connector.reconcile.match import CREATE, Finding, Verdict, contradicts, judge
from connector.reconcile.merge import Resolution
from connector.reconcile.plan import PairPlan, Planner, Sight
from connector.records import (
    MARKER,
    Link,
    Operation,
    OperationKind,
    OperationState,
    Presence,
    Problem,
    Record,
    Ref,
    Side,
    Version,
    Waiting,
)
from connector.store import problems
from connector.store.conflicts import OpenConflict
from connector.unread import Draft, decide_unread

_ABSENT = Seen(Presence.ABSENT)


class PairDecision(NamedTuple):
    """What to do about two records that are linked, or are to be linked (`link` is None)."""

    link: Link | None
    sights: Mapping[Side, Sight]
    plan: PairPlan
    rows: list[Waiting]
    open: list[OpenConflict]
    why: str = ""


class CreateDecision(NamedTuple):
    """One record to create across: what is sent, in the source's ids, and the source as it was read, for its base."""

    id: str
    """Of the operation."""
    entity: str
    side: Side
    """Where it is created."""
    source: str
    version: Version | None
    values: Record
    reserved: int | None
    record: Record
    data: bytes | None
    """The canonical bytes of `record`, where they exist already."""
    seq: int
    """The inbox number that this create takes out; 0 for one that is repeated, because its answer never came."""
    waits: list[Ref]

    @property
    def operation(self) -> Operation:
        """The write as the journal knows it, about to be sent."""
        return Operation(
            id=self.id,
            entity=self.entity,
            side=self.side,
            kind=OperationKind.CREATE,
            target=None,
            source=self.source,
            link=None,
            version=None,
            values=self.values,
            old={},
            settles={},
            source_version=self.version,
            reason=f"new on {self.side.other}",
            reserved=self.reserved,
            state=OperationState.SENDING if self.seq else OperationState.UNKNOWN,
        )


@dataclass(slots=True)
class Decisions:
    """Everything decided about one chunk."""

    pairs: list[PairDecision] = field(default_factory=list)
    creates: list[CreateDecision] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    parked: list[Waiting] = field(default_factory=list)
    ignored: list[Waiting] = field(default_factory=list)
    vanished: list[Waiting] = field(default_factory=list)
    moves: Moves = field(default_factory=Moves)
    start: int = 0
    """The first inbox number of the chunk."""


def decide(work: Work, chunk: Chunk) -> Decisions:
    """Decide every key of a chunk, in the order: linked pairs, first contacts, creates."""
    drafts = decide_unread(work, chunk)
    moves = follow_moves(work, chunk)
    decisions = Decisions(problems=list(chunk.problems), moves=moves, start=chunk.rows[0].seq)
    decisions.ignored, decisions.parked = list(chunk.dropped), list(moves.postponed)
    verdicts = {side: _judge_loose(work, chunk, side, decisions) for side in Side}
    partners = _partners(work, chunk, verdicts)
    resolve_references(work, chunk)
    planner = Planner(work.entity, {side: work.translator(side) for side in Side}, chunk.refs, work.context.new_id)
    _decide_linked(work, chunk, planner, drafts, decisions)
    taken = _decide_partners(work, chunk, planner, partners, decisions)
    _leave_doubtful(work, chunk, taken, decisions)
    for side in Side:
        rows = [row for row in chunk.loose if row.side is side and row.id in verdicts[side]]
        _decide_loose(
            work, chunk, side, [(row, verdicts[side][row.id]) for row in rows if row.id not in taken[side]], decisions
        )
    return decisions


def _decide_linked(
    work: Work, chunk: Chunk, planner: Planner, drafts: Mapping[int, Draft], decisions: Decisions
) -> None:
    proofs = _proofs(work, chunk)
    decided = []
    for link_id, link in chunk.linked.items():
        rows = chunk.by_link.get(link_id, [])
        if any(link.id_on(side) not in chunk.seen[side] for side in Side):
            decisions.ignored.extend(rows)
            continue
        draft = drafts.get(link_id)
        if draft is not None and draft.link is link:
            decided.append(PairDecision(link, draft.sights, draft.plan, rows, []))
            continue
        both, still_open = sights(work, chunk, link, proofs), chunk.open.get(link_id, [])
        plan = planner.pair(link_id, both, _resolutions(still_open))
        # What was agreed beside a write that a changed mapping brought about settles in the look after that write.
        plan.again |= bool(plan.agreed and plan.operations) and any(one.remapped for one in both.values())
        decided.append(PairDecision(link, both, plan, rows, still_open))
    withhold_flips(work, [Planned(pair.link, pair.plan, pair.sights, pair.open) for pair in decided if pair.link])
    decisions.pairs += decided


def _resolutions(open_conflicts: Sequence[OpenConflict]) -> dict[str, Resolution]:
    found = {}
    for item in open_conflicts:
        asked = item.conflict
        withheld = asked.reason if is_withheld(asked.reason) else None
        found[asked.field] = Resolution(item.resolution, asked.crm_value, asked.erp_value, withheld)
    return found


def _proofs(work: Work, chunk: Chunk) -> dict[Side, set[str]]:
    """The absences that count as deletes: of records old enough to be visible, on a side that shows its canary.

    They are read once more after both are known: at the first reading a new record, or lost rights, could hide them.
    What goes on elsewhere was not deleted.
    """
    proofs: dict[Side, set[str]] = {}
    for side, ids in unproved(chunk).items():
        alive = bool(ids) and is_canary_alive(work, side)
        settled = is_settled_long_enough(work, side, ids) if alive else {}
        answers = fetch(work, side, sorted(record_id for record_id in settled if settled[record_id]))
        missing = [answer for answer in answers.values() if answer.presence in MISSING]
        proofs[side] = {answer.id for answer in missing if answer.moved_to is None}
    return proofs


def _judge_loose(work: Work, chunk: Chunk, side: Side, decisions: Decisions) -> dict[str, Verdict]:
    """A verdict for every unlinked record of one side that exists."""
    records = _read_loose(work, chunk, side, decisions)
    keys = known_keys(work, chunk, side, records) if records else {}
    forgotten = records.keys() - keys.keys()
    if forgotten:
        # What a list had shown is known to be gone since, such as by a merge: it is not created from what it was.
        for record_id in forgotten:
            del records[record_id], chunk.seen[side][record_id]
        look_up(work, chunk, side, forgotten)
        records |= _read_loose(work, chunk, side, decisions, only=forgotten)
        keys = known_keys(work, chunk, side, records) if records else {}
    if not records:
        return {}
    chunk.keys[side] = keys
    verdicts = dict.fromkeys(records, CREATE)
    suspected = suspects(work, side, records, keys)
    if suspected:
        who, outright = census(work, side, suspected, {record_id: keys[record_id] for record_id in suspected})
        for record_id in suspected:
            named = outright.get(record_id)
            verdicts[record_id] = (
                judge(record_id, keys[record_id], who) if named is None else Verdict(Finding.LINK, named)
            )
    return verdicts


def _read_loose(
    work: Work, chunk: Chunk, side: Side, decisions: Decisions, only: Collection[str] | None = None
) -> dict[str, Record]:
    """The unlinked records of one side that can be read; what becomes of the others is decided here."""
    records: dict[str, Record] = {}
    missing = []
    for row in chunk.loose:
        if row.side is not side or (only is not None and row.id not in only):
            continue
        seen = chunk.seen[side].get(row.id)
        if seen is None:
            decisions.ignored.append(row)
        elif seen.presence is Presence.FORBIDDEN:
            # Its version is known already, so no scan would bring it again once it may be read.
            decisions.problems.append(_unreadable(row))
            decisions.parked.append(row)
        elif seen.presence is not Presence.PRESENT:
            missing.append(row)
        else:
            records[row.id] = seen.record
    if missing:
        _leave_missing(work, side, missing, decisions)
    return records


def _leave_missing(work: Work, side: Side, missing: Sequence[Waiting], decisions: Decisions) -> None:
    """What is not there is forgotten; a new record, which only cannot be read yet, is looked at again."""
    settled = is_settled_long_enough(work, side, [row.id for row in missing])
    for row in missing:
        (decisions.vanished if settled[row.id] else decisions.parked).append(row)


def _partners(work: Work, chunk: Chunk, verdicts: Mapping[Side, dict[str, Verdict]]) -> list[tuple[str, str]]:
    """The pairs (crm id, erp id) that first contact links, each once, with both records read."""
    pairs: dict[tuple[str, str], None] = {}
    for side, found in verdicts.items():
        for record_id, verdict in found.items():
            if verdict.finding is Finding.LINK and verdict.other is not None:
                pair = (record_id, verdict.other) if side is Side.CRM else (verdict.other, record_id)
                pairs[pair] = None
    for side in Side:
        across = {pair[side is Side.ERP] for pair in pairs}
        known = {row.id for row in chunk.rows if row.side is side}
        brought = rows_across(work, side, across - known)
        chunk.rows.extend(brought.values())
        chunk.loose.extend(brought.values())
        for row in brought.values():
            if row.carries and not work.rereads:
                chunk.seen[side][row.id] = carried(row)
        look_up(work, chunk, side, across)
    return list(pairs)


def _decide_partners(
    work: Work, chunk: Chunk, planner: Planner, partners: Sequence[tuple[str, str]], decisions: Decisions
) -> dict[Side, set[str]]:
    """Decide the pairs that first contact links; says which records they take."""
    taken: dict[Side, set[str]] = {side: set() for side in Side}
    rows = {(row.side, row.id): row for row in chunk.loose}
    # A link may just have followed its record to one of them: then the other is judged anew, and finds it linked.
    followed = {(side, link.id_on(side)) for link in chunk.linked.values() for side in Side}
    doubts = in_doubt(work, [Ref(work.name, *item) for pair in partners for item in zip(Side, pair, strict=True)])
    for crm_id, erp_id in partners:
        keys = {Side.CRM: crm_id, Side.ERP: erp_id}
        mine = [rows[item] for item in keys.items() if item in rows]
        seen = {side: chunk.seen[side].get(record_id) for side, record_id in keys.items()}
        if any(record_id in taken[side] for side, record_id in keys.items()):
            continue
        for side, record_id in keys.items():
            taken[side].add(record_id)
        unread = any(item is None or item.presence is not Presence.PRESENT for item in seen.values())
        if unread or not followed.isdisjoint(keys.items()):
            decisions.parked.extend(mine)
            continue
        clash = contradicts(work.entity, *(item.record for item in seen.values() if item is not None))
        if clash is not None:
            _ambiguous(work, mine, f"a weaker key matches, but {clash} differs", (erp_id,), decisions)
            continue
        held = [doubts[ref] for ref in (Ref(work.name, *item) for item in keys.items()) if ref in doubts]
        known: Held = held[0] if held and _is_marked(chunk, keys) else {}
        both = {
            side: sight(work, chunk, side, one, dict(known.get(side, {})), proved=False) for side, one in keys.items()
        }
        # Whether a lost create made this record or people typed it, nobody knows: then no rule may choose a value.
        plan = planner.pair(None, both, _asked(work) if held and not known else {})
        decisions.pairs.append(PairDecision(None, both, plan, mine, [], "its match key"))
    return taken


def _is_marked(chunk: Chunk, keys: Mapping[Side, str]) -> bool:
    """Whether one of two records carries the other's id: only that proves that it was made of it."""
    return any(chunk.seen[side].get(one, _ABSENT).record.get(MARKER) == keys[side.other] for side, one in keys.items())


def _asked(work: Work) -> dict[str, Resolution]:
    """Every group that no side owns, as one that waits for a person."""
    fields, groups = work.entity.fields, work.entity.groups
    return {group: Resolution(None, {}, {}) for group, names in groups.items() if fields[names[0]].owner is None}


def _leave_doubtful(work: Work, chunk: Chunk, taken: dict[Side, set[str]], decisions: Decisions) -> None:
    """Leave records of which a create may have got through: only a person may say that they are to be created again."""
    refs = {Ref(work.name, row.side, row.id): row for row in chunk.loose if row.id not in taken[row.side]}
    if not refs:
        return
    with work.store.read() as connection:
        if not problems.count(connection).get(work.name):
            return
        told = [item.problem for item in problems.of(connection, refs) if item.problem.cause == OutcomeUnknown.code]
    for problem in told:
        decisions.ignored.append(refs[Ref(*problem[:3])])
        taken[problem.side].add(problem.id)


def _decide_loose(
    work: Work, chunk: Chunk, side: Side, rows: Sequence[tuple[Waiting, Verdict]], decisions: Decisions
) -> None:
    creator, across, new_id = work.creator(side.other), side.other, work.context.new_id
    states, keys_of, refs, entity = chunk.seen[side], chunk.keys[side], chunk.refs, work.name
    creates, ignored = decisions.creates, decisions.ignored
    new = {row.id: states[row.id].record for row, verdict in rows if verdict.finding is not Finding.AMBIGUOUS}
    lost = made_by_lost(work, side, new)
    for row, verdict in rows:
        record_id = row.id
        _, record, version, _, data = states[record_id]
        if verdict.finding is Finding.AMBIGUOUS:
            _ambiguous(work, [row], verdict.reason, verdict.rivals, decisions)
        elif record_id in lost:
            reason = f"it may be what a create on {side} has made whose answer never came"
            _ambiguous(work, [row], reason, (str(lost[record_id]),), decisions)
        elif not creator.wanted(record):
            ignored.append(row)
        elif (lacking := creator.lacks(record)) is not None:
            decisions.problems.append(_incomplete(row, lacking))
            ignored.append(row)
        else:
            keys, values = keys_of[record_id], creator.values(record)
            reserved, waits = keys[0] if keys else None, creator.waits(values, refs)
            # By position, which halves what the tuple costs: it is made for every record of a first contact.
            creates.append(
                CreateDecision(
                    new_id(), entity, across, record_id, version, values, reserved, record, data, row.seq, waits
                )
            )


def _unreadable(row: Waiting) -> Problem:
    who = f"{row.entity} {row.side}:{row.id}"
    message = f"{who}: {row.side} does not let the connector read it; give the connector's user the right to"
    return Problem(row.entity, row.side, row.id, "forbidden", message)


def _incomplete(row: Waiting, lacking: str) -> Problem:
    who = f"{row.entity} {row.side}:{row.id}"
    message = f"{who} has no {lacking}, which {row.side.other} requires; fill it in on {row.side}"
    return Problem(row.entity, row.side, row.id, "incomplete", message, lacking)


def _ambiguous(work: Work, rows: Sequence[Waiting], reason: str, rivals: Sequence[str], decisions: Decisions) -> None:
    for row in rows:
        names = ", ".join(rivals)
        message = (
            f"{work.name} {row.side}:{row.id} was neither linked nor created: {reason} ({names}). Merge or correct "
            f"the records, "
            f"or say who it is: connector links add {work.name} --crm ID --erp ID"
        )
        decisions.problems.append(Problem(work.name, row.side, row.id, "ambiguous", message))
        decisions.parked.append(row)
        work.tally.ambiguous += 1
