"""`connector status`: how the connector stands, for people, monitors and scripts."""

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from connector.cli.invocation import Invocation, asked, now
from connector.cli.output import ago, count, print_json, print_table, say, when
from connector.report import Exit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connector.records import OperationState
    from connector.store.journal import Run

_RUNS_LOOKED_AT = 200
_PAGE = 1000
_DECISIONS = frozenset({"ambiguous", "waiting"})
_COLUMNS = (
    "",
    "links",
    "inbox",
    "oldest",
    "conflicts",
    "problems",
    "undecided",
    "held",
    "unknown",
)


class Standing(NamedTuple):
    """What is open for one entity."""

    entity: str
    links: int
    inbox: int
    oldest: datetime | None
    conflicts: int
    problems: int
    undecided: int
    held: int
    unknown: int


class Status(NamedTuple):
    """How the connector stands: its last run, its last good one, and what is open."""

    last: "Run | None"
    last_good: datetime | None
    running: str | None
    standings: list[Standing]
    stale_after: timedelta

    def is_stale(self, at: datetime) -> bool:
        """Whether no sync has ended well for too long."""
        return self.last_good is None or at - self.last_good > self.stale_after

    def exit(self, at: datetime) -> Exit:
        """The exit code that says how bad it is."""
        if self.is_stale(at) or self._is_halted() or any(one.held for one in self.standings):
            return Exit.HALTED
        if any(one.problems for one in self.standings):
            return Exit.FAILED
        if any(one.conflicts or one.undecided for one in self.standings):
            return Exit.DECISION
        return Exit.CLEAN

    def _is_halted(self) -> bool:
        return self.last is not None and self.last.finished_at is not None and not _went_through(self.last)


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("status")(asked(show_status))


def show_status(
    call: Invocation,
    stale: Annotated[
        str, typer.Option("--stale", metavar="DURATION", help="Longest time since a sync that ended well, e.g. 24h.")
    ] = "24h",
) -> int:
    """Show how the connector stands; the exit code says whether somebody must look."""
    limit = _duration(stale)
    with call.store() as store, store.read() as connection:
        status = read_status(connection, list(call.entities), limit)
    at = now()
    if call.as_json:
        print_json(_as_dict(status, at))
    else:
        _show(status, at)
    return int(status.exit(at))


def _duration(text: str) -> timedelta:
    from connector.settings import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from error
    return found if isinstance(found, timedelta) else timedelta()


def read_status(connection: "Connection", entities: list[str], stale_after: timedelta) -> Status:
    """How the connector stands, from the store alone."""
    from connector.context import LEASE
    from connector.store import journal, leases

    runs = [run for run in journal.last_runs(connection, _RUNS_LOOKED_AT) if run.kind in {"sync", "apply"}]
    good = next((run.finished_at for run in runs if run.kind == "sync" and _went_through(run)), None)
    lease = leases.holder(connection, LEASE)
    running = lease.owner if lease is not None and lease.until > now() else None
    return Status(runs[0] if runs else None, good, running, _standings(connection, entities), stale_after)


def _went_through(run: "Run") -> bool:
    """Whether a run reached its end; one that was broken off says `failed` too, but its report does not."""
    broken_off = run.outcome == "failed" and run.counts.get("exit") != Exit.FAILED
    return run.finished_at is not None and run.outcome != "halted" and not broken_off


def _standings(connection: "Connection", entities: list[str]) -> list[Standing]:
    from connector.records import OperationState
    from connector.store import conflicts, inbox, links, problems

    depth = inbox.depth(connection)
    contested = conflicts.count(connection)
    undecided: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for item in problems.listed(connection):
        (undecided if item.problem.cause in _DECISIONS else failed)[item.problem.entity] += 1
    held, unknown = (_live(connection, state) for state in (OperationState.HELD, OperationState.UNKNOWN))
    return [
        Standing(
            name,
            links.count(connection, name),
            *depth.get(name, (0, None)),
            contested.get(name, 0),
            failed[name],
            undecided[name],
            held[name],
            unknown[name],
        )
        for name in entities
    ]


def _live(connection: "Connection", state: "OperationState") -> Counter[str]:
    """How many operations of each entity are in a state, read page by page: a guard may hold very many."""
    from connector.store import journal

    found: Counter[str] = Counter()
    after = ""
    while page := journal.by_state(connection, [state], limit=_PAGE, after=after):
        found.update(one.entity for one in page)
        after = page[-1].id
    return found


def _as_dict(status: Status, at: datetime) -> dict[str, Any]:
    return {
        "exit": int(status.exit(at)),
        "stale": status.is_stale(at),
        "last_good_sync": status.last_good,
        "running": status.running,
        "last_run": status.last._asdict() if status.last else None,
        "entities": [one._asdict() for one in status.standings],
    }


def _show(status: Status, at: datetime) -> None:
    rows = [[*one[:3], ago(one.oldest, at), *one[4:]] for one in status.standings]
    print_table(_COLUMNS, rows)
    say("", *_sentences(status, at))


def _sentences(status: Status, at: datetime) -> list[str]:
    total = {name: sum(getattr(one, name) for one in status.standings) for name in Standing._fields[4:]}
    lines = [_last_run(status, at)]
    if status.is_stale(at):
        last = f"the last one was {ago(status.last_good, at)}" if status.last_good else "there was none yet"
        lines.append(f"STALE: no sync has gone through for too long ({last}): connector sync")
    if status.last is not None:
        lines += [f"Halted: {message}" for message in status.last.counts.get("halted", ())]
    steps = (
        ("held", "change", "held by a guard: connector approve ENTITY"),
        ("unknown", "write", "whose outcome is not known; the next sync looks: connector sync"),
        ("problems", "problem", "to look at: connector problems list"),
        ("conflicts", "conflict", "to decide: connector conflicts list"),
        ("undecided", "record", "without a clear match or waiting for a parent: connector problems list"),
    )
    return lines + [f"{count(total[name], noun)} {rest}" for name, noun, rest in steps if total[name]]


_ENDS = {
    "halted": "something stopped it",
    "clean": "all went well",
    "pending": "some of it is to be planned anew",
    "decision": "a person must decide something",
    "failed": "some records failed",
}


def _last_run(status: Status, at: datetime) -> str:
    run = status.last
    if run is None:
        return "Nothing was run yet: connector sync"
    if run.finished_at is None:
        state = "is running" if status.running == run.id else "never said how it ended (its process died)"
        return f"The last run ({run.kind} {run.id}) began {when(run.started_at)} and {state}."
    broken_off = run.outcome == "failed" and not _went_through(run)
    ended = "it could not go on; see its log" if broken_off else _ENDS.get(str(run.outcome), str(run.outcome))
    return f"The last run ({run.kind} {run.id}) ended {ago(run.finished_at, at)}: {ended}."
