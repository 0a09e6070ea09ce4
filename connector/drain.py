"""Settle what the inbox holds: decide it chunk by chunk, guard the whole, and write what no guard holds back.

A run in which nothing has happened loads neither this nor what it takes: a fiftieth of its time.
"""

from collections.abc import Collection, Sequence
from operator import itemgetter

from connector import guard
from connector.apply import apply_planned, batches
from connector.context import Work
from connector.decide import decide
from connector.gather import gather
from connector.logs import get_logger
from connector.newcomers import Scene, choose, look_around
from connector.records import OperationState, Side
from connector.recover import resolve_doubtful
from connector.sender import Sender
from connector.stage import stage
from connector.store import inbox, journal
from connector.store.inbox import Taken

log = get_logger()


def drain(work: Work) -> None:
    """Decide every key that was in the inbox at the start; creates stream, everything else is guarded as a whole."""
    if work.sharing is not None:
        work.sharing.decide(work)
    else:
        decide_inbox(work)
    if work.dry:
        guard.foretell(work)
        return
    apply_staged(work)
    resolve_doubtful(work)


def make_room(work: Work) -> None:
    """Decide and write what is linked already, as too many keys wait: nothing of it can be created a second time.

    The others wait until both sides were read to their end, as on any day.
    """
    with work.store.read() as connection:
        keys = inbox.linked(connection, work.name, inbox.head(connection), work.now())
    log.info("reading_paused", linked=len(keys))
    if work.sharing is not None:
        work.sharing.decide_linked(work, keys)
    else:
        decide_keys(work, [seq for seq, _ in sorted(keys, key=itemgetter(1))])
    apply_staged(work)
    resolve_doubtful(work)


def decide_inbox(work: Work) -> None:
    """Gather, decide and stage the inbox chunk by chunk, up to what it held at the start."""
    with work.store.read() as connection:
        head = inbox.head(connection)
    decide_range(work, 0, head)


def decide_range(work: Work, after: int, head: int, side: Side | None = None) -> None:
    """The same for the keys whose numbers lie in a range, or for those of one side among them."""
    # It pays where much of what was ever seen is to be met, which is never so in a drain.
    scene, is_more = Scene() if work.drains else look_around(work), True
    with Sender(work) as sender:
        while is_more and (taken := _take(work, after, head)).seqs:
            after, is_more = taken.seqs[-1], len(taken.seqs) == work.context.limits.chunk
            newcomers, others = choose(work, taken if side is None else taken.on(side), scene)
            if others:
                # What is read on the general way can tell who somebody is.
                scene = Scene()
                _decide_chunk(work, others, sender)
            for new in newcomers:
                sender.introduce(new)
            _decide_refused(work, sender)
            work.step("deciding", len(taken.seqs))
        sender.finish()
        _decide_refused(work, sender)


def decide_keys(work: Work, seqs: Sequence[int]) -> None:
    """Gather, decide and stage these keys, as far as they still have these numbers."""
    with Sender(work) as sender:
        for part in batches(seqs, work.context.limits.chunk):
            _decide_chunk(work, part, sender)
            work.step("deciding", len(part))
        sender.finish()


def _decide_refused(work: Work, sender: Sender) -> None:
    """Newcomers in whose way another operation stands: the general way tells which."""
    for new in sender.refused():
        _decide_chunk(work, new.seqs, sender)


def _decide_chunk(work: Work, seqs: Collection[int], sender: Sender) -> None:
    sender.catch_up()
    with work.store.read() as connection:
        rows = inbox.numbered(connection, seqs, work.now())
    if rows:
        chunk = gather(work, rows)
        sender.send(stage(work, decide(work, chunk)), chunk.refs)


def _take(work: Work, after: int, head: int) -> Taken:
    with work.store.read() as connection:
        return inbox.take_columns(connection, work.name, after, work.context.limits.chunk, work.now(), head)


def apply_staged(work: Work) -> None:
    """Guard the finished plan, then execute what no guard holds back, page by page."""
    verdict = guard.judge(work)
    for page in guard.staged(work) if verdict.whole is None else [verdict.whole]:
        held = verdict.held(work, page)
        if held:
            with work.write() as connection:
                journal.advance(
                    connection, [item.id for item in held], OperationState.HELD, work.now(), error="held by a guard"
                )
            work.tally.held += len(held)
        free = [item for item in page if item not in held]
        if work.sharing is not None:
            work.sharing.apply(work, free)
        else:
            apply_planned(work, free)
