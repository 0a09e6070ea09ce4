"""Read both live systems and compare them field by field, whatever the state says.

Every field of every linked pair is equal, equal after a declared normal form, or different. Pages of pairs are compared
at once; what is not alike there, or not shown, is read once more and looked at pair by pair, which tells what explains
it. Records without a link are told as well, but for those that are not meant to have one.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from connector.comparison import EQUAL, MEANT, NORMAL, PARKED, Comparison, Difference
from connector.context import Context, Work
from connector.executor import undisturbed
from connector.gather import Chunk, look_up
from connector.likeness import compare
from connector.parts import pages
from connector.readings import Reading, read_pairs, side_to_list
from connector.records import LinkStatus, Presence, Ref, Side
from connector.report import Exit, Tally
from connector.scrutiny import look_closely
from connector.store import inbox, links, problems


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
    # Where a side's list is not read for its pairs, its ids are; between the pages of pairs, so that nobody waits.
    ids = chain.from_iterable(_find_unlinked(work, side, comparison) for side in Side if side is not listed)
    rest: list[int] = []
    for reading in read_pairs(work, listed):
        rest += _compare_together(work, reading, comparison)
        if len(rest) >= work.context.limits.chunk:
            _compare_closely(work, rest, comparison)
            rest = []
        if listed is not None:
            _judge_loose(work, listed, reading.loose, comparison)
        work.step("comparing", len(reading.links))
        next(ids, None)
    _compare_closely(work, rest, comparison)
    deque(ids, 0)
    return comparison


def _compare_together(work: Work, reading: Reading, comparison: Comparison) -> list[int]:
    """Compare what both sides show, and answer the links of the pairs that need a closer look."""
    found = compare(work, reading.bodies)
    comparison.count(len(reading.links) - len(found.rest), {EQUAL: found.equal, NORMAL: found.in_normal_form})
    return [reading.links[place] for place in found.rest]


def _compare_closely(work: Work, numbers: Sequence[int], comparison: Comparison) -> None:
    """Read these pairs once more, as both are now, and say of each field what it is."""
    if not numbers:
        return
    with work.store.read() as connection:
        found = links.get(connection, numbers)
    page = [link for link in found.values() if link.status is LinkStatus.ACTIVE]
    look_closely(work, sorted(page, key=lambda link: link.id), comparison)


def _find_unlinked(work: Work, side: Side, comparison: Comparison) -> Iterator[None]:
    """Every record that a side lists and that has no link; a page at a time."""
    for page in pages(work, side, None, keys_only=True):
        ids = [remote.id for remote in page.remotes if not remote.deleted]
        with work.store.read() as connection:
            known = links.linked(connection, work.name, side, ids)
        _judge_loose(work, side, [record_id for record_id in ids if record_id not in known], comparison)
        yield


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
