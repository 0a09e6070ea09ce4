"""First contact, looked at before it happens: who would be linked, who would be created, who needs a person.

It reads both sides and decides like a run, from the same code, and stores none of what it decides.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from connector.context import Context, Work
from connector.decide import Decisions, decide
from connector.endpoints import check_endpoints
from connector.gather import Chunk, census, gather, look_up
from connector.observe import keys_of
from connector.pull import Asked
from connector.reconcile.match import judge
from connector.records import Presence, Problem, Record, Side, Waiting
from connector.report import Exit, Report
from connector.store import inbox, links
from connector.stretches import finish_reading, read_first
from connector.sync import running

_LONGEST_REST = timedelta(days=3650)
SHOWN = 3
"""Examples of each kind that are kept for an entity."""
NAMES = ("name", "sku", "number", "reference")
"""Fields that name a record to a person, where they hold no person's data."""


class Named(NamedTuple):
    """One record as a person would call it; no name where only a person's data would be one."""

    side: Side
    id: str
    name: str | None


class Example(NamedTuple):
    """One record of a kind, with the records across that it concerns, and why."""

    kind: str
    record: Named
    others: tuple[Named, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Contact:
    """What first contact would do for one entity."""

    entity: str
    linked: int = 0
    """Links there are already."""
    would_link: int = 0
    would_create: Counter[Side] = field(default_factory=Counter)
    ambiguous: Counter[Side] = field(default_factory=Counter)
    incomplete: Counter[Side] = field(default_factory=Counter)
    left_alone: Counter[Side] = field(default_factory=Counter)
    """Records that are not meant to have a counterpart."""
    examples: list[Example] = field(default_factory=list)

    def wants(self, kind: str) -> bool:
        """Whether another example of a kind is still wanted."""
        return sum(example.kind == kind for example in self.examples) < SHOWN

    def as_dict(self) -> dict[str, Any]:
        """The counts and examples as plain data."""
        counted = ("would_create", "ambiguous", "incomplete", "left_alone")
        sides = {name: {str(side): getattr(self, name)[side] for side in Side} for name in counted}
        examples = [
            {**one._asdict(), "record": one.record._asdict(), "others": [other._asdict() for other in one.others]}
            for one in self.examples
        ]
        return {
            "entity": self.entity,
            "linked": self.linked,
            "would_link": self.would_link,
            **sides,
            "examples": examples,
        }


def match(context: Context, *, entities: Collection[str] = ()) -> tuple[list[Contact], Exit]:
    """Look at everything that is not linked yet; what was read waits in the inbox for the first sync."""
    report = Report(context.new_id(), "match")
    found = []
    with running(context, report) as epoch:
        check_endpoints(context, report)
        for name, entity in context.entities.items():
            if not entities or name in entities:
                work = Work(context, entity, report.run, report.tally(name), epoch, dry=True)
                finish_reading(work, *Side)
                read_first(work, Asked())
                found.append(_contact(work))
    return found, _exit(found)


def _exit(found: Iterable[Contact]) -> Exit:
    contacts = list(found)
    if any(one.ambiguous.total() or one.incomplete.total() for one in contacts):
        return Exit.DECISION
    pending = any(one.would_link or one.would_create.total() for one in contacts)
    return Exit.PENDING if pending else Exit.CLEAN


def _contact(work: Work) -> Contact:
    with work.store.read() as connection:
        contact = Contact(work.name, linked=links.count(connection, work.name))
    met: set[tuple[str, Side, str]] = set()
    for rows in _inbox(work):
        chunk = gather(work, rows)
        decisions = decide(work, chunk)
        _count_links(work, decisions, contact, met)
        _count_problems(work, chunk, decisions, contact, met)
        _count_rest(work, decisions, contact)
        work.step("matching", len(rows))
    return contact


def _inbox(work: Work) -> Iterator[list[Waiting]]:
    """All that waits in the inbox, also what rests until it is tried again, such as while a person is to choose."""
    with work.store.read() as connection:
        head = inbox.head(connection)
    after, chunk, rested = 0, work.context.limits.chunk, work.now() + _LONGEST_REST
    while True:
        with work.store.read() as connection:
            rows = inbox.take(connection, work.name, after, chunk, rested, upto_seq=head)
        if not rows:
            return
        yield rows
        after = rows[-1].seq


def _count_links(work: Work, decisions: Decisions, contact: Contact, met: set[tuple[str, Side, str]]) -> None:
    """A pair comes up once a chunk that holds one of its records; it is counted once."""
    for pair in decisions.pairs:
        key = ("link", Side.CRM, pair.sights[Side.CRM].id)
        if pair.link is not None or key in met:
            continue
        met.add(key)
        contact.would_link += 1
        if contact.wants("link"):
            crm, erp = (_named(work, side, pair.sights[side].id, pair.sights[side].half.now) for side in Side)
            contact.examples.append(Example("link", crm, (erp,), pair.why))


def _count_problems(
    work: Work, chunk: Chunk, decisions: Decisions, contact: Contact, met: set[tuple[str, Side, str]]
) -> None:
    for problem in decisions.problems:
        key = ("problem", problem.side, problem.id)
        if key in met:
            continue
        met.add(key)
        kind = "ambiguous" if problem.cause == "ambiguous" else "incomplete"
        (contact.ambiguous if kind == "ambiguous" else contact.incomplete)[problem.side] += 1
        if contact.wants(kind):
            contact.examples.append(_example(work, chunk, problem, kind))


def _example(work: Work, chunk: Chunk, problem: Problem, kind: str) -> Example:
    record = _seen(chunk, problem.side, problem.id)
    named = _named(work, problem.side, problem.id, record)
    others = _rivals(work, chunk, problem, record) if kind == "ambiguous" else ()
    return Example(kind, named, others, problem.message)


def _rivals(work: Work, chunk: Chunk, problem: Problem, record: Record) -> tuple[Named, ...]:
    """The records between which a person must choose, named."""
    keys = keys_of(work, problem.side, record)
    who, _ = census(work, problem.side, {problem.id: record}, {problem.id: keys})
    verdict = judge(problem.id, keys, who)
    across = {other for others in who.across.values() for other in others}
    ids = verdict.rivals or ((verdict.other,) if verdict.other else ())
    sides = {one: problem.side.other if one in across else problem.side for one in ids}
    for side in Side:
        look_up(work, chunk, side, [one for one, its in sides.items() if its is side])
    return tuple(_named(work, side, one, _seen(chunk, side, one)) for one, side in sides.items())


def _count_rest(work: Work, decisions: Decisions, contact: Contact) -> None:
    for create in decisions.creates:
        contact.would_create[create.side] += 1
        if contact.wants("create"):
            source = _named(work, create.side.other, create.source, create.record)
            contact.examples.append(Example("create", source, (), f"new on {create.side}"))
    told = {(problem.side, problem.id) for problem in decisions.problems}
    contact.left_alone.update(row.side for row in decisions.ignored if (row.side, row.id) not in told)


def _seen(chunk: Chunk, side: Side, record_id: str) -> Record:
    seen = chunk.seen[side].get(record_id)
    return seen.record if seen is not None and seen.presence is Presence.PRESENT else {}


def _named(work: Work, side: Side, record_id: str, record: Record) -> Named:
    for name in NAMES:
        rule = work.entity.fields.get(name)
        if rule is not None and not rule.personal and record.get(name):
            return Named(side, record_id, str(record[name]))
    return Named(side, record_id, None)
