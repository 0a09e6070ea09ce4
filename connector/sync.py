"""Conduct one run: pull, decide, guard, apply, remember; parents first, until nothing more follows."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from connector import memory
from connector.context import Context, Work
from connector.endpoints import check_endpoints
from connector.errors import LeaseHeld, LeaseLost, RunError
from connector.executor import undisturbed
from connector.holder import in_hand, take
from connector.logs import bound, get_logger
from connector.pressure import Gauge
from connector.pull import Asked, pull, sides_to_list
from connector.records import Problem, Ref, Side, Waiting
from connector.remarks import tell
from connector.report import Exit, Report
from connector.store import conflicts, cursors, inbox, journal, leases, links, portions, problems, standings
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
                again = round_number > 0
                if name not in halted and not _run_entity(
                    work, full=full and not again, first=name in unread, again=again
                ):
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


def _run_entity(work: Work, *, full: bool, first: bool, again: bool) -> bool:
    """One entity's pass; False when it had to stop. What stops one entity leaves the others at work."""
    with bound(entity=work.name):
        try:
            _recover(work)
            if not work.drains or _has_strangers(work):
                _look(work, full=full, first=first, again=again)
            _drain(work)
        except LeaseLost:
            raise
        except RunError as error:
            work.tally.halted.append(f"{work.name}: {error}")
            log.warning("entity_halted", reason=str(error), error=type(error).__name__)
            return False
    return True


def _look(work: Work, *, full: bool, first: bool, again: bool) -> None:
    """Ask both sides what has changed, and, where that is due, what has gone; a first time in ranges, if shared.

    When a run looks `again` at what it brought about, it has asked already whether records are missing.
    """
    if first:
        _read_ranges(work)
    gauge = Gauge(work)
    asked = Asked(gauge, counts=not (full or again))
    left = read_first(work, asked) if first and work.sharing is None else pull(work, asked=asked)
    while left:
        _make_room(work)
        gauge.fall()
        left = pull(work, *left, asked=asked)
    if first:
        memory.give_back()
    sides = sides_to_list(work, full=full, again=again)
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


# A run in which nothing has happened loads none of what follows, nor what that takes: a fiftieth of its time.


def _recover(work: Work) -> None:
    """Settle what an earlier run left under way."""
    if _is_any_live(work):
        from connector.recover import recover

        recover(work)


def _make_room(work: Work) -> None:
    from connector.drain import make_room

    make_room(work)


def _drain(work: Work) -> None:
    """Settle what the inbox holds."""
    if work.drains or _has_due(work.context, [work.name], ()) or _is_any_live(work):
        from connector.drain import drain

        drain(work)


def _is_any_live(work: Work) -> bool:
    with work.store.read() as connection:
        return journal.is_any_live(connection, work.name)


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
