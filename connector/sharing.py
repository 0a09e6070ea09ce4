"""A run shared with others: it is cut into portions, offered to a crew, and goes on when all of them are done.

One process conducts a run, under the one lease of the store; it reads, cuts, guards and counts. Whoever helps works on
one portion at a time, under that portion's lease and the run's. What a portion leaves behind, because whoever worked on
it died, is found where a single process's remains are: keys in the inbox, operations in the journal.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, groupby, pairwise
from operator import itemgetter
from typing import Any

from typing_extensions import override

from connector.apply import apply_planned
from connector.context import Sharing, Work
from connector.drain import decide_inbox, decide_range
from connector.errors import RunError
from connector.executor import Crew
from connector.holder import is_gone
from connector.logs import get_logger
from connector.records import Operation, Side
from connector.report import Tally
from connector.store import inbox, links, portions
from connector.store.portions import DONE, Ended, Left
from connector.store.stretches import LISTING, READING
from connector.stretches import PAGES, cut_listing, cut_reading, finish_listing, undone
from connector.worker import mappings_of

log = get_logger()

_LOOK_SECONDS = 0.2
_ASK_EVERY = 5
"""Looks; so often those are asked anew who may have died, or come meanwhile."""
_TELL_EVERY = 150
"""Looks; so often it is told that nobody has come."""
_CALLS = 10
"""A portion is worth so many calls at least, as far as it is no larger than wanted."""


class Shared(Sharing):
    """Cuts what is to be decided or applied into portions of `size` at most; what is smaller is done at once."""

    def __init__(self, crew: Crew, size: int) -> None:
        self._crew, self._size = crew, size

    @override
    def read(self, work: Work) -> None:
        for side in Side:
            cut_reading(work, side, self._stretch(work.capabilities(side).page_size))
        self._read_stretches(work, READING, Side)

    @override
    def compare(self, work: Work, sides: Sequence[Side]) -> None:
        """In ranges where a side's system knows them; else each side is read as a whole."""
        for side in sides:
            cut_listing(work, side, self._stretch(work.capabilities(side).keys_page_size))
        whole = self._read_stretches(work, LISTING, sides)
        shared = whole if len(whole) > 1 else []
        if shared:
            self._conduct(work, "list", [{"side": side} for side in shared])
        finish_listing(work, *[side for side in sides if side not in shared])

    def _stretch(self, page: int) -> int:
        """How many records make a stretch: some pages, so that one is on its way while another is looked at."""
        return PAGES * min(page, self._size)

    def _read_stretches(self, work: Work, kind: str, sides: Iterable[Side]) -> list[Side]:
        """Have all stretches of these sides read; gives the sides that are not read in stretches."""
        cut = {side: undone(work, side, kind) for side in sides}
        payloads = [{"kind": kind, "side": side, "number": one} for side, numbers in cut.items() for one in numbers]
        if payloads:
            self._conduct(work, "read", payloads)
        return [side for side, numbers in cut.items() if not numbers]

    @override
    def decide(self, work: Work) -> None:
        """First those whose link is known, by links; then the others, one side after the other, in ranges.

        So nobody meets a pair that another one is about to link or to decide, unless two records want the same third.
        """
        size = self._portion(work)
        with work.store.read() as connection:
            head = inbox.head(connection)
            many = inbox.is_more(connection, work.name, head, size)
            linked = inbox.linked(connection, work.name, head, work.now()) if many else []
        if not many:
            decide_inbox(work)
            return
        self.decide_linked(work, linked)
        for side in Side:
            with work.store.read() as connection:
                cuts = inbox.cuts(connection, work.name, side, head, size)
            if cuts:
                ranges = [{"side": side, "after": after, "upto": upto} for after, upto in pairwise([0, *cuts, head])]
                self._conduct(work, "range", ranges)
            else:
                decide_range(work, 0, head, side)
        _wake_children(work)

    @override
    def decide_linked(self, work: Work, keys: Sequence[tuple[int, int]]) -> None:
        if keys:
            self._conduct(work, "decide", [{"seqs": seqs} for seqs in _whole(keys, self._portion(work))])

    @override
    def apply(self, work: Work, operations: Sequence[Operation]) -> None:
        size = self._portion(work)
        if len(operations) <= size:
            apply_planned(work, operations)
            return
        ids = [(item.id, item.link or -place) for place, item in enumerate(operations)]
        self._conduct(work, "apply", [{"operations": some} for some in _whole(ids, size)])

    @override
    def close(self) -> None:
        self._crew.close()

    def _portion(self, work: Work) -> int:
        """How many keys or operations make a portion: enough calls to be worth it, few enough to be shared evenly."""
        most = max(work.write_size(side) for side in Side)
        return min(self._size, max(_CALLS * most, _CALLS))

    def _conduct(self, work: Work, task: str, payloads: Sequence[dict[str, Any]]) -> None:
        told = {"mappings": mappings_of(work.context, work.name)}
        with work.write() as connection:
            portions.add(connection, (work.run, work.epoch), work.name, task, [told | one for one in payloads])
        try:
            self._see_done(work)
        finally:
            ended = self._settle(work)
        for error in (one.error for one in ended if one.state != DONE and one.error):
            raise RunError(error)

    def _see_done(self, work: Work) -> None:
        """Ask for hands until nothing is left, or one portion has failed; keeps the run's lease meanwhile."""
        for look in count():
            left = self._look(work)
            if left.failed or not (left.free or left.held):
                return
            if look % _ASK_EVERY == 0:
                self._crew.ask(work.run, left.free)
            if look % _TELL_EVERY == _TELL_EVERY - 1 and not left.held:
                log.warning("nobody_works_on_portions", free=left.free)
            work.step("sharing", 0)
            self._crew.wait(_LOOK_SECONDS)

    def _look(self, work: Work) -> Left:
        """What is left; the portions of holders that are gone are free again."""
        with work.store.read() as connection:
            left = portions.left(connection, work.run)
        gone = [one.number for one in left.held if one.until <= work.now() or is_gone(one.owner)]
        if gone:
            with work.write() as connection:
                portions.free(connection, gone)
        work.hold_lease()
        held = [one for one in left.held if one.number not in gone]
        return left._replace(free=left.free + len(gone), held=held)

    def _settle(self, work: Work) -> list[Ended]:
        """Let nobody begin, wait for those who have begun, and count what all of them did."""
        while self._call_off(work):
            self._crew.wait(_LOOK_SECONDS)
        with work.write() as connection:
            ended = portions.ended(connection, work.run)
            portions.clear(connection, work.run)
        for one in ended:
            if one.tally:
                work.tally.add(Tally.of(one.tally))
        return ended

    def _call_off(self, work: Work) -> bool:
        """Call off what nobody has begun with; says whether anybody still works on something."""
        held = self._look(work).held
        with work.write() as connection:
            portions.call_off(connection, work.run, work.now())
        return bool(held)


def _whole(keyed: Sequence[tuple[Any, int]], size: int) -> Iterator[list[Any]]:
    """The keys in lists of about so many; what is about one link stays together."""
    some: list[Any] = []
    for _, group in groupby(sorted(keyed, key=itemgetter(1)), key=itemgetter(1)):
        mine = [key for key, _ in group]
        if some and len(some) + len(mine) > size:
            yield some
            some = []
        some += mine
    if some:
        yield some


def _wake_children(work: Work) -> None:
    """Make due what waits for records that were linked while it was being put to wait."""
    with work.store.read() as connection:
        awaited = inbox.awaited(connection, work.name)
        come = [ref for ref in awaited if links.counterparts(connection, ref.entity, ref.side, [ref.id])]
    if come:
        with work.write() as connection:
            inbox.release(connection, come)
