"""Conduct one run: pull, decide, guard, apply, remember; parents first, until nothing more follows."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from connector import guard, memory
from connector.apply import apply_planned, batches
from connector.context import Context, Work
from connector.decide import decide
from connector.endpoints import check_endpoints
from connector.errors import LeaseHeld, LeaseLost, RunError
from connector.executor import undisturbed
from connector.gather import gather
from connector.holder import in_hand, take
from connector.logs import bound, get_logger
from connector.newcomers import Scene, choose, look_around
from connector.pressure import Gauge
from connector.pull import Asked, pull, sides_to_list
from connector.records import OperationState, Problem, Ref, Side, Waiting
from connector.recover import recover, resolve_doubtful
from connector.remarks import tell
from connector.report import Exit, Report
from connector.sender import Sender
from connector.stage import stage
from connector.store import conflicts, cursors, inbox, journal, leases, links, portions, problems, standings
from connector.store.inbox import Taken
from connector.stretches import finish_listing, finish_reading, read_first
from connector.tenure import LEASE

log = get_logger()


def sync(context: Context, *, entities: Collection[str] = (), full: bool = False) -> Report:
    """Bring both sides to one story; everything that cannot be settled is an open conflict or problem afterwards."""
    return _conduct(context, "sync", entities, full=full)


def drain_inbox(context: Context, *, entities: Collection[str] = ()) -> Report:
    """Settle the keys that are known to need a look, and ask neither system what else has changed."""
    return _conduct(context, "drain", entities, full=False)


def plan(context: Context, *, entities: Collection[str] = ()) -> Report:
    """Decide everything `sync` would decide, store it as operations, and write to neither system."""
    return _conduct(context, "plan", entities, full=False)


def _conduct(context: Context, kind: str, entities: Collection[str], *, full: bool) -> Report:
    report = Report(context.new_id(), kind)
    chosen = [name for name in context.entities if not entities or name in entities]
    if kind == "drain":
        chosen = [name for name in chosen if was_read(context, name)]
    with running(context, report, () if kind == "plan" else chosen) as epoch:
        check_endpoints(context, report)
        halted: set[str] = set()
        unread = set() if kind == "drain" else _unread(context)
        for round_number in range(1 if kind == "plan" else context.limits.rounds):
            before = report.writes
            for name in chosen:
                work = _work(context, report, name, epoch)
                listed, first = full and round_number == 0, name in unread
                if name not in halted and not _run_entity(work, full=listed, first=first):
                    halted.add(name)
            if (report.writes == before or kind == "drain") and not _has_due(context, chosen, halted):
                break
        _report_waiting(context, report, chosen)
        for name in chosen:
            if report.kind != "plan" and name not in halted:
                tell(_work(context, report, name, epoch))
        count_open(context, report)
    return report


@contextmanager
def running(context: Context, report: Report, names: Collection[str] = ()) -> Iterator[int]:
    """One run: its row in the journal, and the lease that keeps every other process out; gives the lease's epoch.

    Of the entities named it is remembered that they went well as a whole, or why they had to stop.
    """
    with in_hand(report.run):
        yield from _hold(context, report, names)


def _hold(context: Context, report: Report, names: Collection[str]) -> Iterator[int]:
    epoch = _begin(context, report)
    outcome = "failed"
    broken: dict[str, object] = {}
    fates = _Fates()
    try:
        with bound(run_id=report.run), undisturbed():
            yield epoch
            outcome, fates = report.exit.name.lower(), _fates(report, names)
            log.info("run_finished", **{key: value for key, value in report.as_dict().items() if key != "entities"})
    except RunError as error:
        outcome, broken = "halted", {"exit": int(Exit.HALTED), "error": str(error)}
        if not isinstance(error, LeaseLost):  # whoever took over says how it went
            fates = _Fates(halted=dict.fromkeys(names, str(error)))
        raise
    except SystemExit:
        outcome = "stopped"
        raise
    finally:
        context.keeper.rest()
        with context.store.write() as connection:
            standings.note_halted(connection, fates.halted, report.run, context.clock())
            standings.note_good(connection, fates.good, report.run, context.clock())
            journal.finish_run(connection, report.run, outcome, {**report.as_dict(), **broken}, context.clock())
            leases.release(connection, LEASE, epoch)


class _Fates(NamedTuple):
    """What is remembered of entities after a run: why they had to stop, or that they went well."""

    halted: Mapping[str, str] = {}
    good: Sequence[str] = ()


def _fates(report: Report, names: Collection[str]) -> _Fates:
    """Only a sync looks at a whole entity, and so can say that it went well."""
    halted = {name: " ".join(report.tally(name).halted) for name in names if report.tally(name).halted}
    return _Fates(halted, [name for name in names if name not in halted] if report.kind == "sync" else [])


class _HandsAtWork(LeaseHeld):
    """Nobody holds the lease, and somebody still works for a conductor that died; whoever does stops after a call."""


@retry(retry=retry_if_exception_type(_HandsAtWork), wait=wait_fixed(0.2), stop=stop_after_delay(10), reraise=True)
def _begin(context: Context, report: Report) -> int:
    """Note that a run begins, and take the lease; a holder on this machine that has died is not waited for."""
    with context.store.write() as connection:
        epoch = take(connection, LEASE, report.run, context.limits.lease, context.clock())
        if epoch is not None:
            portions.clear(connection)
            journal.start_run(connection, report.run, report.kind, context.clock())
        is_free = epoch is None and leases.holder(connection, LEASE) is None
    if epoch is not None:
        return epoch
    raise (_HandsAtWork if is_free else LeaseHeld)(
        "another connector process is at work on this store; wait for it to end, or, if it died, for its lease to "
        f"expire (at most {context.limits.lease})"
    )


def _work(context: Context, report: Report, name: str, epoch: int) -> Work:
    work = Work(context, context.entities[name], report.run, report.tally(name), epoch)
    work.dry, work.drains = report.kind == "plan", report.kind == "drain"
    return work


def was_read(context: Context, name: str) -> bool:
    """Whether both sides were read to the end once: before that nothing may be created, and so nothing be drained."""
    with context.store.read() as connection:
        return cursors.are_complete(connection, name)


def _unread(context: Context) -> set[str]:
    """The entities of which some side was never read to its end."""
    with context.store.read() as connection:
        read = Counter(position.entity for position in cursors.all(connection) if position.complete)
    return {name for name in context.entities if read[name] < len(Side)}


def _run_entity(work: Work, *, full: bool, first: bool) -> bool:
    """One entity's pass; False when it had to stop. What stops one entity leaves the others at work."""
    with bound(entity=work.name):
        try:
            recover(work)
            if not work.drains or _has_strangers(work):
                _look(work, full=full, first=first)
            drain(work)
        except LeaseLost:
            raise
        except RunError as error:
            work.tally.halted.append(f"{work.name}: {error}")
            log.warning("entity_halted", reason=str(error), error=type(error).__name__)
            return False
    return True


def _look(work: Work, *, full: bool, first: bool) -> None:
    """Ask both sides what has changed, and, where that is due, what has gone; a first time in ranges, if shared."""
    if first:
        _read_ranges(work)
    gauge = Gauge(work)
    asked = Asked(gauge, counts=not full)
    left = read_first(work, asked) if first and work.sharing is None else pull(work, asked=asked)
    while left:
        make_room(work)
        gauge.fall()
        left = pull(work, *left, asked=asked)
    if first:
        memory.give_back()
    sides = sides_to_list(work, full=full)
    if work.sharing is not None and sides:
        work.sharing.compare(work, sides)
    elif sides:
        finish_listing(work, *sides)


def _read_ranges(work: Work) -> None:
    if work.sharing is not None:
        work.sharing.read(work)
        return
    finish_reading(work, *work.context.systems)


def _has_strangers(work: Work) -> bool:
    """Whether a key that is due has no link: what it is to be matched with, or would double, must be read first."""
    with work.store.read() as connection:
        head, chunk = inbox.head(connection), work.context.limits.chunk
        due = inbox.take_columns(connection, work.name, 0, chunk, work.now(), head)
        for side in Side:
            ids = due.on(side).ids
            if len(links.versions(connection, work.name, side, ids)) < len(ids):
                return True
    return False


def drain(work: Work) -> None:
    """Decide every key that was in the inbox at the start; creates stream, everything else is guarded as a whole."""
    if not work.drains and _is_idle(work):
        return
    if work.sharing is not None:
        work.sharing.decide(work)
    else:
        decide_inbox(work)
    if work.dry:
        guard.foretell(work)
        return
    apply_staged(work)
    resolve_doubtful(work)


def _is_idle(work: Work) -> bool:
    """Whether no key is due and no operation waits for its end: mostly so, and then nothing more need be asked."""
    with work.store.read() as connection:
        return not (inbox.due(connection, work.name, work.now()) or journal.is_any_live(connection, work.name))


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


def _has_due(context: Context, entities: Sequence[str], halted: Collection[str]) -> bool:
    with context.store.read() as connection:
        return any(inbox.due(connection, name, context.clock()) for name in entities if name not in halted)


def _report_waiting(context: Context, report: Report, entities: Sequence[str]) -> None:
    """Records that still wait for a parent when the run ends are told as problems, naming the parent."""
    if report.kind == "plan":
        return
    with context.store.read() as connection:
        waiting = {name: inbox.waiting(connection, name) for name in entities}
    for name, rows in waiting.items():
        report.tally(name).waiting = len(rows)
        if rows:
            with context.store.write() as connection:
                problems.report(connection, [_waiting(row) for row in rows], context.clock())


def _waiting(row: Waiting) -> Problem:
    parent = row.waits_for or Ref(row.entity, row.side, row.id)
    message = (
        f"{row.entity} {row.side}:{row.id} waits for {parent}, which has no counterpart on {parent.side.other} yet; it "
        f"goes on by itself once that one is linked"
    )
    return Problem(row.entity, row.side, row.id, "waiting", message, waits_for=parent)


DECISIONS = frozenset({"ambiguous", "merged", "waiting"})
"""Causes of problems that wait for a person or a parent, and are no failures."""


def count_open(context: Context, report: Report) -> None:
    """Fill in what is open after a run, for its exit code."""
    with context.store.read() as connection:
        report.open_conflicts = sum(conflicts.count(connection).values())
        causes = problems.causes(connection)
    report.open_decisions = sum(count for cause, count in causes.items() if cause in DECISIONS)
    report.open_problems = sum(count for cause, count in causes.items() if cause not in DECISIONS)
