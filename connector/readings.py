"""Linked pairs as both live systems show them, page by page: the next pages are on their way while one is compared.

Where most of a side is linked its list is read, which costs least, and the counterparts are asked for by their ids
right after: so both records of a pair are of the same moment, and it does not matter in which order either side lists.
What the list does not show is asked for by id on both sides. Memory is bounded by the pages on their way.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple, TypeAlias

from connector.context import Work
from connector.observe import fetch
from connector.parts import pages
from connector.records import Body, Side
from connector.store import cursors, links
from connector.store.links import Tie

_AHEAD = 1
"""So many pages are asked for across while another one is compared."""
_TOGETHER = 2
"""So many calls are under way for them."""
_ROOM = 4096

Bodies: TypeAlias = Sequence[Body | None]


class Reading(NamedTuple):
    """Some links with what each side shows of them, None where it shows nothing; `loose` are listed without a link."""

    links: Sequence[int]
    bodies: Mapping[Side, Bodies]
    loose: Sequence[str]


class Marks:
    """The pairs that were read so far: a bit for each link."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.count = self.sum = 0

    def add(self, number: int) -> bool:
        """Mark a link; says whether it was not marked before."""
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place - len(self._bits) + _ROOM))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        self.count += 1
        self.sum += number
        return True


def side_to_list(work: Work) -> Side | None:
    """The side whose list is to be read: the one that takes the fewest requests, if most of it is linked."""
    side = min(Side, key=lambda one: _requests(work, one))
    with work.store.read() as connection:
        linked, _ = links.count_active(connection, work.name)
        known = cursors.get(connection, work.name, side).known
    return side if linked and linked * 2 >= known else None


def read_pairs(work: Work, listed: Side | None) -> Iterator[Reading]:
    """Every active link once, first as a side's list comes, then what it did not show."""
    marks = Marks()
    with work.context.executor(_TOGETHER) as reader:
        if listed is not None:
            yield from _arrived(_listed(work, listed, reader, marks))
        with work.store.read() as connection:
            active = links.count_active(connection, work.name)
        if (marks.count, marks.sum) != active:
            yield from _arrived(_walked(work, reader, marks))


def _requests(work: Work, listed: Side) -> float:
    """Requests a record."""
    return 1 / work.capabilities(listed).page_size + 1 / work.capabilities(listed.other).fetch_size


class _Asked(NamedTuple):
    """A page of pairs whose records are here, or on their way."""

    ties: Sequence[Tie]
    coming: Mapping[Side, Sequence[Future[Bodies]]]
    here: Mapping[Side, Bodies] = {}
    loose: Sequence[str] = ()


def _arrived(asked: Iterable[_Asked]) -> Iterator[Reading]:
    """The pages in their order, each as soon as it is there and the next ones are asked for."""
    waiting: deque[_Asked] = deque()
    for page in asked:
        waiting.append(page)
        if len(waiting) > _AHEAD:
            yield _complete(waiting.popleft())
    while waiting:
        yield _complete(waiting.popleft())


def _complete(page: _Asked) -> Reading:
    came = {side: [body for part in parts for body in part.result()] for side, parts in page.coming.items()}
    return Reading([tie[0] for tie in page.ties], {**page.here, **came}, page.loose)


def _listed(work: Work, side: Side, reader: Executor, marks: Marks) -> Iterator[_Asked]:
    """What a side lists; a record that comes again is left out."""
    for page in pages(work, side, None, keys_only=False):
        shown = {remote.id: remote.body for remote in page.remotes if not remote.deleted}
        with work.store.read() as connection:
            ties = links.ties(connection, work.name, side, list(shown))
            loose = shown.keys() - set(_ids(side, ties))
            loose -= links.linked(connection, work.name, side, loose)
        fresh = [tie for tie in ties if marks.add(tie[0])]
        here = {side: [shown[one] for one in _ids(side, fresh)]}
        yield _Asked(fresh, {side.other: _ask(work, side.other, reader, fresh)}, here, sorted(loose))


def _walked(work: Work, reader: Executor, marks: Marks) -> Iterator[_Asked]:
    """Links in the order of their numbers, without those that were read."""
    after = 0
    while True:
        with work.store.read() as connection:
            page = links.ties_after(connection, work.name, after, work.context.limits.chunk)
        if not page:
            return
        after = page[-1][0]
        fresh = [tie for tie in page if marks.add(tie[0])]
        if fresh:
            yield _Asked(fresh, {side: _ask(work, side, reader, fresh) for side in Side})


def _ask(work: Work, side: Side, reader: Executor, ties: Sequence[Tie]) -> list[Future[Bodies]]:
    ids, size = _ids(side, ties), work.capabilities(side).fetch_size
    return [reader.submit(_read, work, side, ids[start : start + size]) for start in range(0, len(ids), size)]


def _read(work: Work, side: Side, ids: Sequence[str]) -> Bodies:
    """What a side shows now under these ids, in their order."""
    remotes = {one: answer.remote for one, answer in fetch(work, side, ids).items()}
    return [None if remote is None else remote.body for remote in map(remotes.get, ids)]


def _ids(side: Side, ties: Sequence[Tie]) -> list[str]:
    return [tie[1] for tie in ties] if side is Side.CRM else [tie[2] for tie in ties]
