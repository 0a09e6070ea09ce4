"""The parts of a reading, taken apart in turn on the run's thread: both sides at a time, or several ranges of one.

Only the calls themselves are made by other threads, so that a part need not guard what it gathers.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TypeAlias

from connector.context import Work
from connector.errors import LeaseLost, RunError
from connector.logs import bound, get_logger
from connector.paging import AHEAD, Reading, together
from connector.records import Cursor, Page, Side

log = get_logger()


class Part(ABC):
    """One scan, whose pages are taken as they come."""

    def __init__(self, work: Work, side: Side, reading: Reading) -> None:
        self.work, self.side, self.reading = work, side, reading

    @abstractmethod
    def take(self, page: Page) -> bool:
        """Take the next page apart; False where the rest is to be left for now."""

    @abstractmethod
    def finish(self) -> None:
        """There was nothing more to take, or the rest is left."""


Lane: TypeAlias = Generator[Part, None, None]
"""Parts that are read one after the other, each made when its turn comes; several lanes may share one."""


def read_parts(lanes: Iterable[Lane]) -> list[Side]:
    """Read all lanes to their end, at a time; gives the sides whose parts were left before theirs.

    Where a part fails its lane ends, the others go on, and then it is told.
    """
    wrong: list[tuple[Part, RunError]] = []
    paused: list[Side] = []
    left: dict[Reading, tuple[Part, Lane]] = {}
    with ExitStack() as opened:
        for reading in together([_readings(lane, opened, left) for lane in lanes]):
            part, lane = left[reading]
            with _collected(wrong, part):
                if not part.take(reading.take()):
                    paused.append(part.side)
                if reading.is_done or part.side in paused:
                    part.finish()
                    reading.close()
            if reading.is_done:
                del left[reading]
            if wrong and wrong[-1][0] is part:
                _end(lane, left)
    _tell(wrong)
    return paused


def _readings(lane: Lane, opened: ExitStack, left: dict[Reading, tuple[Part, Lane]]) -> Iterator[Reading]:
    """The readings of a lane's parts, each when the one before is done."""
    for part in lane:
        opened.callback(part.reading.close)
        left[part.reading] = part, lane
        yield part.reading


def _end(lane: Lane, left: dict[Reading, tuple[Part, Lane]]) -> None:
    """Read nothing more of a lane, nor of those that share it."""
    lane.close()
    for reading in [reading for reading, (_, other) in left.items() if other is lane]:
        reading.close()
        del left[reading]


@contextmanager
def _collected(wrong: list[tuple[Part, RunError]], part: Part) -> Iterator[None]:
    """What ends one part is told later; but who lost the lease does nothing more."""
    try:
        with bound(system=part.work.context.systems[part.side].name):
            yield
    except LeaseLost:
        raise
    except RunError as error:
        part.reading.close()
        wrong.append((part, error))


def _tell(wrong: Sequence[tuple[Part, RunError]]) -> None:
    """Raise what went wrong first; what went wrong on the other side is not hidden by it."""
    for part, error in wrong[1:]:
        log.warning("side_failed_too", reason=str(error), error=type(error).__name__)
        part.work.tally.halted.append(f"{part.work.name}: {error}")
    if wrong:
        raise wrong[0][1]


def scan(work: Work, side: Side, cursor: Cursor | None, *, keys_only: bool, ahead: int = AHEAD) -> Reading:
    """A scan of one side."""
    executor, resource = work.context.executor, work.resource(side)
    return Reading(work.adapter(side), resource, cursor, executor, keys_only=keys_only, ahead=ahead)


def pages(work: Work, side: Side, cursor: Cursor | None, *, keys_only: bool) -> Iterator[Page]:
    """The pages of one scan; those behind the one that is being worked on are on their way."""
    with closing(scan(work, side, cursor, keys_only=keys_only)) as reading:
        while not reading.is_done:
            yield reading.take()
