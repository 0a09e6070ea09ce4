"""Send newcomers across and settle what became of them, column by column; what is unusual goes the general way."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

from connector.apply import batches, call, note_attempt, put_back
from connector.context import Work
from connector.deposits import Documents, keep_born
from connector.errors import RunError
from connector.mappings.pages import records_of, with_fields, without_fields
from connector.mappings.unfit import UNTRANSLATABLE
from connector.newcomers import Newcomers
from connector.records import Draft, OperationKind, Outcome, Record, Side, Value, encode
from connector.settle import Answered, settle_creates
from connector.store.links import Born


class Sent(NamedTuple):
    """What became of the calls: whom an answer came for, with its outcomes, who was not sent, and what ended it."""

    answered: Newcomers
    outcomes: list[Outcome]
    unsent: Newcomers
    error: RunError | None = None


class Fates(NamedTuple):
    """The newcomers that were created as sent, and the places of those that came to something else."""

    made: Born
    rest: Sequence[int]


@dataclass(slots=True)
class Line:
    """The calls of one run's creates: after one that ended the run none is begun, whoever's turn it is."""

    is_broken: bool = False


class Calls(NamedTuple):
    """Newcomers and the calls that create them, each with the places it is for; None comes of one that was not made."""

    new: Newcomers
    made: "Sequence[tuple[Sequence[int], Future[list[Outcome] | None]]]"


def send_newcomers(work: Work, new: Newcomers, callers: Executor, line: Line) -> Calls:
    """Have newcomers created whose journal is hardened; as many calls are under way as there are callers.

    They get in line behind those of the chunks before, so that no caller waits for the end of a chunk.
    """
    parts = batches(range(len(new.operations)), work.write_size(new.side))
    return Calls(new, [(part, callers.submit(_send, work, new, part, line)) for part in parts])


def await_newcomers(work: Work, calls: Calls) -> Sent:
    """What became of the calls once all have ended; `store_made` and `settle_rest` store it."""
    answered: list[int] = []
    outcomes: list[Outcome] = []
    unsent: list[int] = []
    ended: RunError | None = None
    for part, made in calls.made:
        try:
            found = made.result()
        except RunError as error:
            ended = ended or error
            continue
        if found is None:
            unsent += part
            continue
        outcomes += found
        answered += part
        work.step(f"creating on {calls.new.side}", len(part))
    return Sent(calls.new.only(answered), outcomes, calls.new.only(unsent), ended)


def tell_fates(work: Work, sent: Sent) -> Fates:
    """Tell those that were made as sent from what was refused, or came out otherwise."""
    new, outcomes, _, _ = sent
    all_made = _all_made(work, new, outcomes) if outcomes else None
    return Fates(all_made, []) if all_made else _made(work, new, outcomes, _told(work, new, outcomes))


def store_made(work: Work, new: Newcomers, made: Born) -> "Future[bool]":
    """Have those stored that were made as sent; False comes where one of them turns out to be linked."""
    mappings = {side: work.translator(side).id for side in Side}
    return work.keep(keep_born, new.side, made, mappings)


def settle_rest(work: Work, sent: Sent, fates: Fates, *, stored: bool) -> None:
    """Settle one by one what was refused or came out otherwise; what was not sent at all goes back into the inbox."""
    new, outcomes, unsent, _ = sent
    if unsent.operations:
        put_back(work, unsent.journalled(range(len(unsent.operations))))
    if stored:
        work.tally.written[new.side, OperationKind.CREATE] += len(fates.made.operations)
    rest: Sequence[int] = fates.rest if stored else range(len(outcomes))
    # As records by themselves they take several times the memory that they do as columns: so a few at a time.
    for part in batches(rest, work.context.limits.chunk // 2 or 1):
        decisions = [(new.decision(place), outcomes[place]) for place in part]
        settle_creates(work, new.side, [Answered(one, one.values, outcome) for one, outcome in decisions])


def _send(work: Work, new: Newcomers, batch: Sequence[int], line: Line) -> list[Outcome] | None:
    if line.is_broken:
        return None
    part = slice(batch[0], batch[-1] + 1)
    drafts = list(map(Draft, new.operations[part], new.bodies[part], new.sources[part]))
    adapter, resource = work.adapter(new.side), work.resource(new.side)
    try:
        note_attempt(work, new.side, new.operations[part])
        return call(work, len(drafts), lambda: adapter.create(resource, drafts), lambda: new.journalled(batch))
    except BaseException:
        line.is_broken = True
        raise


def _all_made(work: Work, new: Newcomers, outcomes: Sequence[Outcome]) -> Born | None:
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
    common = _common(work, new)
    if common is None:
        return None
    own = {name: told.get(name) or [value] for name, value in blank.items() if name not in source}
    targets = with_fields(common, own)
    return Born(new.operations, new.sources, list(map(str, ids)), Documents(targets), versions, not work.entity.parts)


def _common(work: Work, new: Newcomers) -> Sequence[bytes] | None:
    """The sources' bytes without what only their side keeps; None where they cannot be told apart."""
    columns = work.translator(new.side.other).columns.values()
    if new.apart and any(column.parts for column in columns):
        # A part may have a field of the same name.
        return None
    return without_fields(new.records, new.apart)


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


def _made(work: Work, new: Newcomers, outcomes: Sequence[Outcome], told: Sequence[Record | None]) -> Fates:
    """Those that were made as sent, one by one, and the places of the others."""
    count, ids, versions = len(outcomes), [str(one[0]) for one in outcomes], [one[1] for one in outcomes]
    stored = list(map(encode, _stored(work, new, told)))
    columns = (new.operations, new.sources, ids, stored, versions)
    usual = [one is not None for one in told]
    rest = [place for place in range(count) if not usual[place]]
    made = Born._make([*(list(compress(column, usual)) for column in columns), not work.entity.parts])
    return Fates(made, rest)


def _stored(work: Work, new: Newcomers, told: Sequence[Record | None]) -> list[Record]:
    """What the new records hold: what was sent, and what the answers tell besides."""
    count, blanks = len(told), work.translator(new.side).blank
    columns = {name: new.columns.get(name, [blank] * count)[:count] for name, blank in blanks.items()}
    stored = records_of(columns)
    for record, more in zip(stored, told, strict=True):
        record.update(more or {})
    return stored
