"""Linked pairs looked at one by one: each field is equal, equal in normal form, or different, and what explains that.

What explains a difference is an open conflict or problem, or an undo; where nothing does it is told, and both keys go
back into the inbox.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from connector.comparison import EQUAL, NORMAL, Comparison, Difference
from connector.context import Work
from connector.gather import Chunk, Seen, look_up, resolve_references, valid_base
from connector.likeness import is_equal_as_held
from connector.moves import MISSING
from connector.reconcile.merge import Half, Pair
from connector.records import Arrival, Event, Link, Presence, Ref, Side
from connector.store import conflicts, history, inbox, problems


class Known(NamedTuple):
    """What the store knows of one pair that may explain a difference."""

    contested: set[str]
    """Fields and groups with an open conflict."""
    trouble: str
    undone: dict[str, str]
    """Field -> the run whose write to it was undone."""


def look_closely(work: Work, page: Sequence[Link], comparison: Comparison) -> None:
    """Read these pairs as both are now, and say of each field what it is; what nothing explains needs another look."""
    chunk = Chunk([])
    with work.context.executor(1) as reader:
        one = reader.submit(look_up, work, chunk, Side.CRM, [link.crm_id for link in page])
        look_up(work, chunk, Side.ERP, [link.erp_id for link in page])
        one.result()
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
        what = "missing" if seen[missing[0]].presence in MISSING else "not readable"
        comparison.add(Difference(work.name, link.crm_id, link.erp_id, f"({what} on {missing[0]})", why))
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
