"""Sends one chunk's creates while the next one is being decided, and stores what an earlier one came to.

Five things go on at once, each in its own order: the run's thread decides, its keeper stores, one thread waits for the
disk, one puts calls in line, and as many as a system serves well make them, so that none waits for a chunk to end.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple, Self

from connector.apply import put_back, send_creates
from connector.context import Work
from connector.decide import CreateDecision
from connector.errors import RunError
from connector.introduce import (
    Calls,
    Fates,
    Line,
    Sent,
    await_newcomers,
    send_newcomers,
    settle_rest,
    store_made,
    tell_fates,
)
from connector.newcomers import Newcomers, journal_newcomers
from connector.records import Outcome, Side
from connector.report import Tally

_MOST = 2
"""So many chunks may wait for the system beside the newest: more of them cost memory, and gain nothing."""


class _UnderWay(NamedTuple):
    """A chunk that is journalled or about to be: newcomers, or None for what went the general way."""

    new: Newcomers | None
    calls: "Future[Calls | None]"
    """None where the newcomers could not be journalled, and of what goes the general way, which settles by itself."""


class _Settling(NamedTuple):
    """A chunk of newcomers that is being settled: those of them that were made as sent are being stored."""

    sent: Sent
    fates: Fates
    stored: "Future[bool]"


class Sender:
    """Journals, sends and settles creates beside the run; each thread counts for itself, as two would lose counts."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._calling = replace(work, tally=Tally(work.name))
        self._under_way: deque[_UnderWay] = deque()
        self._journalling: Future[bool] | None = None
        self._settling: _Settling | None = None
        self._refused: list[Newcomers] = []
        self._line = Line()
        self._calls: list[Future[list[Outcome] | None]] = []

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            beside, known = self._work.context.executor, self._work.capabilities
            self._hardener, self._sender = (opened.enter_context(beside(1)) for _ in range(2))
            self._callers = {side: opened.enter_context(beside(known(side).parallel)) for side in Side}
            self._opened = opened.pop_all()
        return self

    def send(self, creates: Sequence[CreateDecision], refs: dict[tuple[str, Side, str], str]) -> None:
        """Send in turn what is journalled, once there is room; raises what an earlier chunk ended with."""
        if creates:
            self._start(None, lambda: self._send(creates, refs))

    def introduce(self, new: Newcomers) -> None:
        """Journal newcomers and then send them in turn; those that cannot be journalled are `refused` later."""
        journalled = self._journalling = journal_newcomers(self._work, new)
        hardened = self._hardener.submit(self._harden, journalled)
        self._start(new, lambda: self._introduce(new, hardened))

    def refused(self) -> list[Newcomers]:
        """Newcomers that were not journalled, as another operation stands in the way of one; each is told once."""
        told, self._refused = self._refused, []
        return told

    def catch_up(self) -> None:
        """Wait until all that was to be journalled is, and what was to be settled too."""
        if self._journalling is not None:
            # What it raises is told with the call that it was for.
            wait([self._journalling])
        self._settled()

    def finish(self) -> None:
        """Wait until everything is sent and settled; raises what a chunk ended with."""
        self._collect(0)
        self._settled()

    def _settled(self) -> None:
        if self._settling is not None:
            (sent, fates, stored), self._settling = self._settling, None
            settle_rest(self._work, sent, fates, stored=stored.result())

    def _start(self, new: Newcomers | None, step: "Callable[[], Calls | None]") -> None:
        # First of all it is known as under way: what is journalled must not be forgotten when an earlier one failed.
        self._under_way.append(_UnderWay(new, self._sender.submit(step)))
        self._collect(_MOST)

    def _harden(self, journalled: "Future[bool]") -> bool:
        """Wait for the disk, which the store itself must not do: then others could not write."""
        is_journalled = journalled.result()
        if is_journalled:
            self._work.store.harden()
        return is_journalled

    def _introduce(self, new: Newcomers, hardened: "Future[bool]") -> Calls | None:
        try:
            is_journalled = hardened.result()
        except BaseException:
            self._line.is_broken = True
            raise
        if not is_journalled:
            return None
        calls = send_newcomers(self._calling, new, self._callers[new.side], self._line)
        self._calls = [*(call for call in self._calls if not call.done()), *(call for _, call in calls.made)]
        return calls

    def _send(self, creates: Sequence[CreateDecision], refs: dict[tuple[str, Side, str], str]) -> None:
        # It makes calls of its own, for which a system has no room beside those.
        wait(self._calls)
        if self._line.is_broken:
            put_back(self._calling, [create.operation for create in creates])
            return
        try:
            send_creates(self._calling, creates, refs)
        except RunError:
            self._line.is_broken = True
            raise

    def _collect(self, room: int) -> None:
        """Have the oldest settled, until no more than so many are under way; raises what one of them ended with."""
        while len(self._under_way) > room:
            new, step = self._under_way.popleft()
            calls = step.result()
            if calls is None and new is not None:
                self._refused.append(new)
            elif calls is not None:
                sent = await_newcomers(self._work, calls)
                # One at a time: what it holds would pile up where the store is slower than the system.
                self._settled()
                fates = tell_fates(self._work, sent)
                self._settling = _Settling(sent, fates, store_made(self._work, sent.answered, fates.made))
                if sent.error is not None:
                    raise sent.error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """What went wrong first is told; what else was under way is settled all the same."""
        wrong: list[RunError] = []
        try:
            while self._under_way or self._settling is not None:
                try:
                    self._collect(max(0, len(self._under_way) - 1))
                    self._settled()
                except RunError as error:
                    wrong.append(error)
        finally:
            self._opened.close()
            self._work.tally.add(self._calling.tally)
        if wrong and kind is None:
            raise wrong[0]
