"""Linked pairs as both live systems show them, page by page: the next pages are on their way while one is compared.

Where most of a side is linked its list is read, which costs least, and the counterparts are asked for by their ids
right after: so both records of a pair are of the same moment, and it does not matter in which order either side lists.
What the list does not show is asked for by id on both sides. Memory is bounded by the pages on their way.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple

from connector.context import Work
from connector.observe import fetch
from connector.pull import pages
from connector.records import Fetched, Remote, Side
from connector.store import cursors, links
from connector.store.links import Tie

_AHEAD = 1
"""So many pages are asked for across while another one is compared."""
_TOGETHER = 2
"""So many calls are under way for them."""
_ROOM = 4096


class Reading(NamedTuple):
    """Some pairs with what each side shows under their ids; `loose` are listed records without a link."""

    ties: Sequence[Tie]
    shown: Mapping[Side, Mapping[str, Remote]]
    loose: Sequence[str] = ()


class Marks:
    """The pairs that were read so far: a bit for each link."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.count = 0

    def add(self, number: int) -> bool:
        """Mark a link; says whether it was not marked before."""
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place - len(self._bits) + _ROOM))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        self.count += 1
        return True


def side_to_list(work: Work) -> Side | None:
    """The side whose list is to be read: the one that takes the fewest requests, if most of it is linked."""
    side = min(Side, key=lambda one: _requests(work, one))
    with work.store.read() as connection:
        linked, known = links.count_active(connection, work.name), cursors.get(connection, work.name, side).known
    return side if linked and linked * 2 >= known else None


def read_pairs(work: Work, listed: Side | None) -> Iterator[Reading]:
    """Every active link once, first as a side's list comes, then what it did not show."""
    marks = Marks()
    with work.context.executor(_TOGETHER) as reader:
        if listed is not None:
            yield from _arrived(_listed(work, listed, reader, marks))
        with work.store.read() as connection:
            count = links.count_active(connection, work.name)
        if marks.count != count:
            yield from _arrived(_walked(work, reader, marks))


def _requests(work: Work, listed: Side) -> float:
    """Requests a record."""
    return 1 / work.capabilities(listed).page_size + 1 / work.capabilities(listed.other).fetch_size


class _Asked(NamedTuple):
    """A page of pairs whose records are on their way."""

    ties: Sequence[Tie]
    shown: Mapping[Side, Mapping[str, Remote]]
    loose: Sequence[str]
    coming: Sequence[tuple[Side, Future[dict[str, Fetched]]]]


def _arrived(asked: Iterable[_Asked]) -> Iterator[Reading]:
    """The pages in their order, each as soon as it is there and the next ones are asked for."""
    waiting: deque[_Asked] = deque()
    for page in asked:
        waiting.append(page)
        if len(waiting) > _AHEAD:
            yield _complete(waiting.popleft())
    for page in waiting:
        yield _complete(page)


def _complete(page: _Asked) -> Reading:
    shown = {side: dict(page.shown.get(side, {})) for side in Side}
    for side, future in page.coming:
        shown[side].update((one, answer.remote) for one, answer in future.result().items() if answer.remote is not None)
    return Reading(page.ties, shown, page.loose)


def _listed(work: Work, side: Side, reader: Executor, marks: Marks) -> Iterator[_Asked]:
    """What a side lists; a record that comes again is left out."""
    for page in pages(work, side, None, keys_only=False):
        shown = {remote.id: remote for remote in page.remotes if not remote.deleted}
        with work.store.read() as connection:
            ties = links.ties(connection, work.name, side, list(shown))
            known = {tie.id_on(side) for tie in ties}
            unknown = [one for one in shown if one not in known]
            known = links.linked(connection, work.name, side, unknown)
        fresh = [tie for tie in ties if marks.add(tie.id)]
        coming = _ask(work, side.other, reader, fresh)
        yield _Asked(fresh, {side: shown}, [one for one in unknown if one not in known], coming)


def _walked(work: Work, reader: Executor, marks: Marks) -> Iterator[_Asked]:
    """Links in the order of their numbers, without those that were read."""
    after = 0
    while True:
        with work.store.read() as connection:
            page = links.ties_after(connection, work.name, after, work.context.limits.chunk)
        if not page:
            return
        after = page[-1].id
        fresh = [tie for tie in page if marks.add(tie.id)]
        if fresh:
            yield _Asked(fresh, {}, (), [each for side in Side for each in _ask(work, side, reader, fresh)])


def _ask(
    work: Work, side: Side, reader: Executor, ties: Sequence[Tie]
) -> list[tuple[Side, Future[dict[str, Fetched]]]]:
    ids, size = [tie.id_on(side) for tie in ties], work.capabilities(side).fetch_size
    starts = range(0, len(ids), size)
    return [(side, reader.submit(fetch, work, side, ids[start : start + size])) for start in starts]
