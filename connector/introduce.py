"""Send newcomers across and settle what became of them, column by column; what is unusual goes the general way."""

from collections.abc import Collection, Sequence
from itertools import compress
from typing import NamedTuple

from sqlalchemy import Connection

from connector.apply import batches, call, note_attempt, put_back
from connector.context import Work
from connector.errors import RunError
from connector.mappings.pages import records_of, with_fields, without_fields
from connector.mappings.unfit import UNTRANSLATABLE
from connector.newcomers import Newcomers
from connector.records import Draft, OperationKind, Outcome, Record, Ref, Side, Value, Version, encode
from connector.settle import Answered, settle_creates
from connector.stage import clear_problems
from connector.store import cursors, inbox, journal, links, sightings
from connector.store.links import Held, LinkTaken
from connector.store.sightings import Seen


class _Made(NamedTuple):
    """Newcomers that were created as sent, as columns of one length."""

    operations: Sequence[str]
    sources: Sequence[str]
    targets: Sequence[str]
    source_bases: Sequence[bytes]
    target_bases: Sequence[bytes]
    source_versions: Sequence[Version | None]
    target_versions: Sequence[Version | None]
    rest: Sequence[int] = ()
    """The places of the others."""


class Sent(NamedTuple):
    """What became of the calls: the outcomes of all that came to an end, and what ended them."""

    outcomes: list[Outcome]
    tried: int = 0
    """How many were sent, whether or not an answer came."""
    error: RunError | None = None
    made: _Made | None = None
    """Those that were created as sent, and the places of the others."""


NOT_SENT = Sent([])


def send_newcomers(work: Work, new: Newcomers) -> Sent:
    """Create newcomers whose journal is hardened; `settle_newcomers` stores what became of them."""
    outcomes: list[Outcome] = []
    tried, ended = 0, None
    try:
        for batch in batches(range(len(new.operations)), work.write_size(new.side)):
            tried += len(batch)
            outcomes += _send(work, new, batch)
            work.step(f"creating on {new.side}", len(batch))
    except RunError as error:
        ended = error
    return Sent(outcomes, tried, ended, _look_at(work, new, outcomes) if outcomes else None)


def _look_at(work: Work, new: Newcomers, outcomes: Sequence[Outcome]) -> _Made:
    """Tell those that were made as sent from what was refused, or came out otherwise."""
    return _all_made(work, new, outcomes) or _made(work, new, outcomes, _told(work, new, outcomes))


def settle_newcomers(work: Work, new: Newcomers, sent: Sent) -> None:
    """Store what became of all calls together; what was not sent at all goes back into the inbox."""
    if sent.tried < len(new.operations):
        put_back(work, new.journalled(range(sent.tried, len(new.operations))))
    if sent.made:
        _settle(work, new, sent.outcomes, sent.made)


def _send(work: Work, new: Newcomers, batch: Sequence[int]) -> list[Outcome]:
    part = slice(batch[0], batch[-1] + 1)
    drafts = list(map(Draft, new.operations[part], new.bodies[part], new.sources[part]))
    note_attempt(work, new.side, new.operations[part])
    adapter, resource = work.adapter(new.side), work.resource(new.side)
    return call(work, len(drafts), lambda: adapter.create(resource, drafts), lambda: new.journalled(batch))


def _settle(work: Work, new: Newcomers, outcomes: Sequence[Outcome], made: _Made) -> None:
    """Store those that were made as sent; what was refused, or came out otherwise, is settled one by one."""
    rest: Collection[int] = made.rest
    try:
        if made.operations:
            with work.write() as connection:
                _store(connection, work, new.side, made)
    except LinkTaken:
        rest = range(len(outcomes))
    if rest:
        decisions = [(new.decision(place), outcomes[place]) for place in rest]
        settle_creates(work, new.side, [Answered(one, one.values, outcome) for one, outcome in decisions])


def _all_made(work: Work, new: Newcomers, outcomes: Sequence[Outcome]) -> _Made | None:
    """Everything at once, where each was made as sent and all answers tell the same fields: nearly always.

    The new record then holds what its source does, less what only that one's side has, and besides it what the answer
    tells of fields that only its own side has: the bytes of the one are most of the bytes of the other.
    """
    ids, versions, bodies, errors = zip(*outcomes, strict=True)
    blank, source = work.translator(new.side).blank, work.translator(new.side.other).fields
    count = len(outcomes)
    if errors.count(None) < count or None in bodies or _odd(work, new):
        return None
    try:
        told = work.translator(new.side).read_answers(bodies)
    except UNTRANSLATABLE:
        return None
    if any(not _is_as_sent(new, name, values) for name, values in told.items() if name in source):
        return None
    sources, common = new.records[:count], _common(work, new, count)
    if common is None:
        return None
    own = {name: told.get(name) or [value] for name, value in blank.items() if name not in source}
    targets = with_fields(common, own)
    sent = (new.operations[:count], new.sources[:count])
    return _Made(*sent, list(map(str, ids)), sources, targets, new.versions[:count], versions)


def _common(work: Work, new: Newcomers, count: int) -> Sequence[bytes] | None:
    """The sources' bytes without what only their side keeps; None where they cannot be told apart."""
    columns = work.translator(new.side.other).columns.values()
    if new.apart and any(column.parts for column in columns):
        # A part may have a field of the same name.
        return None
    return without_fields(new.records[:count], {name: values[:count] for name, values in new.apart.items()})


def _is_as_sent(new: Newcomers, name: str, values: Sequence[Value]) -> bool:
    held = new.columns.get(name) or new.kept[name]
    return list(held[: len(values)]) == list(values)


def _told(work: Work, new: Newcomers, outcomes: Sequence[Outcome]) -> list[Record | None]:
    """What each answer tells of the new record; None where it was refused, or leaves something to settle."""
    translator, shared, odd = work.translator(new.side), work.shared, _odd(work, new)
    found: list[Record | None] = []
    for place, (_, _, body, error) in enumerate(outcomes):
        told = None if error is not None or body is None or place in odd else translator.read_partial(body)
        if told and any(_is_new(new, name, place, told[name]) for name in shared.intersection(told)):
            told = None
        found.append(told)
    return found


def _odd(work: Work, new: Newcomers) -> set[int]:
    """The places of those that hold something which both sides keep and a create does not send."""
    blank = work.translator(new.side).blank
    return {
        place
        for name, values in new.kept.items()
        if values.count(blank[name]) < len(values)
        for place, value in enumerate(values)
        if value != blank[name]
    }


def _is_new(new: Newcomers, name: str, place: int, value: Value) -> bool:
    """Whether an answer fills a field that the source holds nothing in: it has to go across."""
    return value not in (None, []) and (name not in new.columns or new.columns[name][place] is None)


def _made(work: Work, new: Newcomers, outcomes: Sequence[Outcome], told: Sequence[Record | None]) -> _Made:
    """Those that were made as sent, one by one."""
    count, ids, versions = len(outcomes), [str(one[0]) for one in outcomes], [one[1] for one in outcomes]
    stored = list(map(encode, _stored(work, new, told)))
    columns = (new.operations, new.sources, ids, new.records, stored, new.versions, versions)
    usual = [one is not None for one in told]
    rest = [place for place in range(count) if not usual[place]]
    return _Made._make([*(list(compress(column, usual)) for column in columns), rest])


def _stored(work: Work, new: Newcomers, told: Sequence[Record | None]) -> list[Record]:
    """What the new records hold: what was sent, and what the answers tell besides."""
    count, blanks = len(told), work.translator(new.side).blank
    columns = {name: new.columns.get(name, [blank] * count)[:count] for name, blank in blanks.items()}
    stored = records_of(columns)
    for record, more in zip(stored, told, strict=True):
        record.update(more or {})
    return stored


def _store(connection: Connection, work: Work, side: Side, made: _Made) -> None:
    """One transaction: links with both bases, journal, sightings, echoes to expect, children that waited."""
    at, source = work.now(), side.other
    sources = Held(made.sources, made.source_bases, made.source_versions, work.translator(source).id)
    targets = Held(made.targets, made.target_bases, made.target_versions, work.translator(side).id)
    links.pair(connection, work.name, {source: sources, side: targets}, at)
    journal.complete(connection, list(zip(made.operations, made.targets, strict=True)), at)
    generation = cursors.get(connection, work.name, side).generation
    seen = Seen(made.targets, made.target_versions, [None] * len(made.targets))
    met = sightings.meet(connection, work.name, side, seen, generation, at)
    cursors.bump(connection, work.name, side, known=met, echoes=len(made.targets))
    refs = [(source, one) for one in made.sources], [(side, one) for one in made.targets]
    inbox.release(connection, (Ref(work.name, *ref) for both in refs for ref in both))
    clear_problems(connection, work, (Ref(work.name, source, one) for one in made.sources))
    work.tally.written[side, OperationKind.CREATE] += len(made.operations)
