"""`connector sync`: bring both sides to one story, and say what became of it."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntitiesOption, chosen
from connector.cli.output import count, print_json, print_table, say
from connector.cli.progress import bars
from connector.records import OperationKind, Side

if TYPE_CHECKING:
    from connector.report import Report, Tally

_REMOVALS = (OperationKind.DELETE, OperationKind.ARCHIVE)
_CHANGES = (OperationKind.UPDATE, OperationKind.PERFORM)
_COLUMNS = (
    "",
    "read\ncrm/erp",
    "linked",
    "created\ncrm/erp",
    "updated\ncrm/erp",
    "removed\ncrm/erp",
    "con-\nflicts",
    "waiting",
    "prob-\nlems",
    "held",
)

_RARE = frozenset({"removed\ncrm/erp", "held"})
_NOUGHT = (0, "0/0")


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("sync")(asked(run_sync))


def run_sync(
    call: Invocation,
    entity: EntitiesOption = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="List all ids of both sides too: finds every delete.")] = False,
) -> int:
    """Bring both sides to one story: read what changed, decide, write, remember."""
    with bars(quiet=call.as_json) as progress, call.context(progress, asks=True) as context:
        # Both systems are being asked already: most of what a run needs is loaded while they answer.
        from connector.sync import sync

        report = sync(context, entities=chosen(context.entities, entity), full=full)
    return print_report(report, as_json=call.as_json)


def print_report(report: "Report", *, as_json: bool) -> int:
    """Show what one run came to; answers its exit code."""
    if as_json:
        print_json(report.as_dict())
        return int(report.exit)
    columns, rows = _table(report)
    # A table of noughts tells nothing.
    if any(cell not in _NOUGHT for row in rows for cell in row[1:]):
        print_table(columns, rows)
        say("")
    say(*next_steps(report))
    return int(report.exit)


def _table(report: "Report") -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of a report; what happens rarely has a column only when it happened."""
    rows = [_row(tally, tally.written) for tally in report.tallies.values()]
    kept = [
        number
        for number, name in enumerate(_COLUMNS)
        if name not in _RARE or any(row[number] not in _NOUGHT for row in rows)
    ]
    return [_COLUMNS[number] for number in kept], [[row[number] for number in kept] for row in rows]


def _row(tally: "Tally", done: "Counter[tuple[Side, OperationKind]]") -> list[Any]:
    return [
        tally.entity,
        _pair(tally.read),
        tally.linked,
        _pair(_by_side(done, (OperationKind.CREATE,))),
        _pair(_by_side(done, _CHANGES)),
        _pair(_by_side(done, _REMOVALS)),
        tally.conflicts,
        tally.waiting,
        tally.problems,
        tally.held,
    ]


def _by_side(done: "Counter[tuple[Side, OperationKind]]", kinds: tuple[OperationKind, ...]) -> "Counter[Side]":
    return Counter({side: sum(done[side, kind] for kind in kinds) for side in Side})


def _pair(numbers: "Counter[Side]") -> str:
    return f"{numbers[Side.CRM]}/{numbers[Side.ERP]}"


def next_steps(report: "Report") -> list[str]:
    """What a person should do now, in sentences."""
    steps = [*open_steps(report), *_moved(report)]
    return steps or [f"Both sides tell one story; {count(report.writes, 'record')} written."]


def open_steps(report: "Report") -> list[str]:
    """What stopped, failed or waits for a person, and where to go on."""
    steps = [f"Halted: {message}" for message in report.halted]
    steps += [f"Warning: {message}" for message in report.warnings]
    if report.open_problems:
        steps.append(f"{count(report.open_problems, 'problem')} to look at: connector problems list")
    if report.open_conflicts:
        steps.append(f"{count(report.open_conflicts, 'conflict')} to decide: connector conflicts list")
    if report.open_decisions:
        steps.append(
            f"{count(report.open_decisions, 'record')} without a clear match or waiting for a parent: "
            "connector problems list"
        )
    return steps


def _moved(report: "Report") -> list[str]:
    shown = [f"Moved since it was planned, not written: {name}" for name in report.replanned[:20]]
    if len(report.replanned) > len(shown):
        shown.append(f"… and {len(report.replanned) - len(shown):,} more")
    return [*shown, "Make a new plan for these: connector plan"] if shown else []
