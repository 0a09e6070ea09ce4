"""Read both live systems and compare them field by field, whatever the state says.

Every field of every linked pair is equal, equal after a declared normal form, or different. What explains a
difference is an open conflict or problem, or an undo; where nothing does it is told, and both keys go back into the
inbox.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.context import Context, Work
from connector.executor import undisturbed
from connector.gather import Chunk, Seen, look_up, resolve_references, valid_base
from connector.likeness import compare, is_equal_as_held
from connector.pull import pages
from connector.readings import Reading, read_pairs, side_to_list
from connector.reconcile.merge import Half, Pair
from connector.records import Arrival, Event, Link, LinkStatus, Presence, Ref, Side
from connector.report import Exit, Tally
from connector.store import conflicts, history, inbox, links, problems


class Known(NamedTuple):
    """What the store knows of one pair that may explain a difference."""

    contested: set[str]
    """Fields and groups with an open conflict."""
    trouble: str
    undone: dict[str, str]
    """Field -> the run whose write to it was undone."""


class Difference(NamedTuple):
    """One thing the two systems do not agree on, and what explains it, if anything does."""

    entity: str
    crm_id: str
    erp_id: str
    field: str
    explained: str


@dataclass(slots=True)
class Comparison:
    """What verifying one entity found."""

    entity: str
    pairs: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    unlinked: Counter[tuple[Side, str]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    unexplained: int = 0

    def add(self, difference: Difference) -> None:
        """Record a difference; only the first hundred are kept in full, all are counted."""
        self.unexplained += not difference.explained
        self.fields["explained" if difference.explained else "different"] += 1
        if len(self.differences) < SHOWN:
            self.differences.append(difference)

    def count(self, pairs: int, fields: Mapping[str, int]) -> None:
        """Count pairs of which nothing else is to be told."""
        self.pairs += pairs
        self.fields.update({what: number for what, number in fields.items() if number})

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain data."""
        return {
            "entity": self.entity,
            "pairs": self.pairs,
            "fields": dict(self.fields),
            "unlinked": {f"{side} {why}": count for (side, why), count in self.unlinked.items()},
            "unexplained": self.unexplained,
            "differences": [difference._asdict() for difference in self.differences],
        }


EQUAL, NORMAL = "equal", "equal after normal form"
SHOWN = 100
PARKED = "with an open problem"
MEANT = "not meant to be on the other side"


def verify(context: Context, *, entities: Collection[str] = ()) -> tuple[list[Comparison], Exit]:
    """Compare every entity; the exit code is FAILED where something differs and nothing explains it."""
    with undisturbed():
        found = [
            _verify_entity(Work(context, entity, "verify", Tally(name)))
            for name, entity in context.entities.items()
            if not entities or name in entities
        ]
    if any(comparison.unexplained for comparison in found):
        return found, Exit.FAILED
    explained = any(comparison.fields["explained"] for comparison in found)
    return found, Exit.DECISION if explained else Exit.CLEAN


def _verify_entity(work: Work) -> Comparison:
    comparison = Comparison(work.name)
    comparison.unlinked.update({(side, why): 0 for side in Side for why in (PARKED, MEANT)})
    listed = side_to_list(work)
    for reading in read_pairs(work, listed):
        rest = _compare_together(work, reading, comparison)
        if rest:
            _compare_closely(work, rest, comparison)
        if listed is not None:
            _judge_loose(work, listed, reading.loose, comparison)
        work.step("comparing", len(reading.ties))
    for side in Side:
        if side is not listed:
            _find_unlinked(work, side, comparison)
    return comparison


def _compare_together(work: Work, reading: Reading, comparison: Comparison) -> list[int]:
    """Compare what both sides show, and answer the links of the pairs that need a closer look."""
    shown = reading.shown
    there = [tie for tie in reading.ties if tie.crm_id in shown[Side.CRM] and tie.erp_id in shown[Side.ERP]]
    bodies = {side: [shown[side][tie.id_on(side)].body or {} for tie in there] for side in Side}
    found = compare(work, bodies)
    comparison.count(len(there) - len(found.rest), {EQUAL: found.equal, NORMAL: found.in_normal_form})
    kept = {tie.id for tie in there} - {there[place].id for place in found.rest}
    return [tie.id for tie in reading.ties if tie.id not in kept]


def _compare_closely(work: Work, numbers: Sequence[int], comparison: Comparison) -> None:
    """Read these pairs once more, as both are now, and say of each field what it is."""
    with work.store.read() as connection:
        found = links.get(connection, numbers)
    page = [link for link in found.values() if link.status is LinkStatus.ACTIVE]
    _compare_page(work, sorted(page, key=lambda link: link.id), comparison)


def _compare_page(work: Work, page: Sequence[Link], comparison: Comparison) -> None:
    chunk = Chunk([])
    for side in Side:
        look_up(work, chunk, side, [link.id_on(side) for link in page])
    resolve_references(work, chunk)
    with work.store.read() as connection:
        open_conflicts = conflicts.of_links(connection, [link.id for link in page])
        undone = _undone(history.of_links(connection, [link.id for link in page], "undone"))
        refs = [Ref(work.name, side, link.id_on(side)) for link in page for side in Side]
        open_problems = {
            Ref(item.problem.entity, item.problem.side, item.problem.id) for item in problems.of(connection, refs)
        }
    queue: list[Link] = []
    for link in page:
        contested = {
            name for item in open_conflicts.get(link.id, []) for name in (item.conflict.field, *item.conflict.crm_value)
        }
        troubled = any(Ref(work.name, side, link.id_on(side)) in open_problems for side in Side)
        before = comparison.unexplained
        known = Known(contested, "an open problem" if troubled else "", undone.get(link.id, {}))
        _compare_pair(work, chunk, link, known, comparison)
        if comparison.unexplained > before:
            queue.append(link)
    _queue(work, queue)


def _undone(events: Sequence[Event]) -> dict[int, dict[str, str]]:
    """The run whose write was undone, for each link and field; the latest undo counts."""
    found: dict[int, dict[str, str]] = {}
    for event in events:
        runs = dict.fromkeys(event.detail.get("restored", ()), str(event.detail.get("run")))
        found.setdefault(event.link or 0, {}).update(runs)
    return found


def _compare_pair(work: Work, chunk: Chunk, link: Link, known: Known, comparison: Comparison) -> None:
    comparison.pairs += 1
    seen = {side: chunk.seen[side].get(link.id_on(side), Seen(Presence.FORBIDDEN)) for side in Side}
    missing = [side for side in Side if seen[side].presence is not Presence.PRESENT]
    if missing:
        why = known.trouble or ("an open conflict" if known.contested else "")
        comparison.add(Difference(work.name, link.crm_id, link.erp_id, f"(missing on {missing[0]})", why))
        return
    forms = {side: work.translator(side) for side in Side}
    pair = Pair(work.entity, forms, {side: Half(seen[side].record, {}) for side in Side}, chunk.refs)
    for name in forms[Side.CRM].fields & forms[Side.ERP].fields:
        if is_equal_as_held(work.entity, name, seen[Side.CRM].record.get(name), seen[Side.ERP].record.get(name)):
            comparison.fields[EQUAL] += 1
        elif pair.same(name):
            comparison.fields[NORMAL if name not in work.entity.references else EQUAL] += 1
        else:
            why = _explained(work, link, name, known, seen) or _dangling(work, chunk, name, seen)
            comparison.add(Difference(work.name, link.crm_id, link.erp_id, name, why))


def _explained(work: Work, link: Link, name: str, known: Known, seen: Mapping[Side, Seen]) -> str:
    """What the store knows that explains a difference in one field."""
    if not known.contested.isdisjoint((name, work.entity.fields[name].group)):
        return "an open conflict"
    if name in known.undone and not _has_moved(work, link, name, seen):
        return f"undone in run {known.undone[name]}"
    return known.trouble


def _has_moved(work: Work, link: Link, name: str, seen: Mapping[Side, Seen]) -> bool:
    """Whether a side no longer holds what the last run left there, so that the next one has something to decide."""
    nothing = object()
    return any(
        valid_base(work, side, link.base_on(side)).get(name, nothing) != seen[side].record.get(name) for side in Side
    )


def _dangling(work: Work, chunk: Chunk, name: str, seen: Mapping[Side, Seen]) -> str:
    """A reference to a record that has no counterpart, such as a deleted one, cannot be the same on both sides."""
    target = work.entity.references.get(name)
    held = {side: seen[side].record.get(name) for side in Side}
    if target and any(
        value is not None and (target, side, str(value)) not in chunk.refs for side, value in held.items()
    ):
        return "it refers to a record without a counterpart"
    return ""


def _queue(work: Work, pairs: Iterable[Link]) -> None:
    arrivals = [Arrival(work.name, side, link.id_on(side), "verify") for link in pairs for side in Side]
    if arrivals:
        with work.store.write() as connection:
            inbox.put(connection, arrivals, work.now())


def _find_unlinked(work: Work, side: Side, comparison: Comparison) -> None:
    """Every record that a side lists and that has no link."""
    for page in pages(work, side, None, keys_only=True):
        ids = [remote.id for remote in page.remotes if not remote.deleted]
        with work.store.read() as connection:
            known = links.linked(connection, work.name, side, ids)
        _judge_loose(work, side, [record_id for record_id in ids if record_id not in known], comparison)
        work.step(f"listing {side}", len(ids))


def _judge_loose(work: Work, side: Side, loose: Sequence[str], comparison: Comparison) -> None:
    """Records without a link: they are not meant to have one, or a problem says why, or they are told."""
    if not loose:
        return
    with work.store.read() as connection:
        refs = [Ref(work.name, side, record_id) for record_id in loose]
        told = {item.problem.id for item in problems.of(connection, refs)}
        rows = inbox.rows(connection, work.name, side, loose)
    stay = {one for one, row in rows.items() if row.why == inbox.STAYS} - told
    _judge_unlinked(work, side, [item for item in loose if item not in told | stay], comparison)
    comparison.unlinked[side, PARKED] += len(told)
    comparison.unlinked[side, MEANT] += len(stay)


def _judge_unlinked(work: Work, side: Side, ids: Sequence[str], comparison: Comparison) -> None:
    chunk = Chunk([])
    look_up(work, chunk, side, ids)
    creator = work.creator(side.other)
    for record_id in ids:
        seen = chunk.seen[side].get(record_id)
        if seen is None or seen.presence is not Presence.PRESENT:
            continue
        if not creator.wanted(seen.record):
            comparison.unlinked[side, MEANT] += 1
            continue
        comparison.unlinked[side, "unexplained"] += 1
        crm_id, erp_id = (record_id, "-") if side is Side.CRM else ("-", record_id)
        comparison.add(Difference(work.name, crm_id, erp_id, f"(only on {side})", ""))
