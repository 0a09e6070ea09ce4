"""`connector plan`, `apply` and `match`: look before anything is written."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntitiesOption, chosen
from connector.cli.output import count, print_table, say, shown, to_json
from connector.cli.progress import bars
from connector.cli.sync import open_steps, print_report

if TYPE_CHECKING:
    from connector.context import Context
    from connector.records import Operation
    from connector.report import Report

SHOWN = 200
_COLUMNS = ("record", "field", "old", "new", "why")


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("plan")(asked(make_plan))
    app.command("apply")(asked(apply_plan))


def make_plan(
    call: Invocation,
    entity: EntitiesOption = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the whole plan to a file for `apply`.")
    ] = None,
) -> int:
    """Show what `sync` would write, and write to neither system."""
    from connector import planfile
    from connector.sync import plan

    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise typer.BadParameter(f"{output} is no file that can be written; name one in a folder that exists")
    with bars(quiet=call.as_json) as progress, call.context(progress) as context:
        report = plan(context, entities=chosen(context.entities, entity))
        if output is not None:
            planfile.write(context, report.run, output)
        if call.as_json:
            _stream(context, report)
        else:
            _show(context, report)
    if output is not None and not call.as_json:
        say(f"The plan is in {output}; write exactly this with: connector apply {output}")
    return int(report.exit)


def apply_plan(
    call: Invocation,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `connector plan -o FILE` wrote.")],
) -> int:
    """Write what a plan file says, but for what moved since: that is named and left alone."""
    from connector import planfile

    plan = planfile.read(file)
    with bars(quiet=call.as_json) as progress, call.context(progress) as context:
        report = planfile.apply(context, plan)
    return print_report(report, as_json=call.as_json)


def _stream(context: "Context", report: "Report") -> None:
    """One JSON document, written as it is read: a plan may hold a million operations."""
    from connector.planfile import as_line, planned

    sys.stdout.write('{"report":' + to_json(report.as_dict()) + ',"operations":[')
    for number, operation in enumerate(planned(context, report.run)):
        sys.stdout.write(("," if number else "") + "\n" + to_json(as_line(operation).model_dump(mode="json")))
    sys.stdout.write("\n]}\n")


def _show(context: "Context", report: "Report") -> None:
    from connector.planfile import planned

    operations = planned(context, report.run)
    rows = list(islice(_lines(operations), SHOWN))
    if rows:
        print_table(_COLUMNS, rows)
        say("")
    if len(rows) == SHOWN:
        say(f"Only the first {SHOWN} rows are shown; all of them: connector plan -o FILE")
    say(*plan_summary(report))


def _lines(operations: "Iterable[Operation]") -> Iterator[list[Any]]:
    for operation in operations:
        yield from operation_rows(operation)


def operation_rows(operation: "Operation") -> Iterator[list[Any]]:
    """One row a field of an operation; a create, a removal or a transition is one row."""
    from connector.records import OperationKind

    record = f"{operation.entity} {operation.side}:{operation.target or '(new)'}"
    if operation.kind is OperationKind.UPDATE:
        for name, value in operation.values.items():
            yield [record, name, shown(operation.old.get(name)), shown(value), operation.reason]
        return
    what = operation.action or str(operation.kind)
    new = f"from {operation.side.other}:{operation.source}" if operation.target is None else ""
    yield [record, f"({what})", "", new, operation.reason]


def plan_summary(report: "Report") -> list[str]:
    """How much a plan would write, in sentences."""
    steps = open_steps(report)
    contests = sum(tally.conflicts for tally in report.tallies.values())
    if contests > report.open_conflicts:
        steps.append(
            f"{count(contests - report.open_conflicts, 'field')} would become conflicts: both sides changed them."
        )
    if not report.pending:
        return [*steps, "Nothing to write." if steps else "Nothing to write: both sides tell one story."]
    parts = [
        f"{tally.entity}: "
        + ", ".join(f"{kind} {number:,} on {side}" for (side, kind), number in tally.planned.items())
        for tally in report.tallies.values()
        if tally.planned
    ]
    return [*steps, f"{count(report.pending, 'operation')} planned.", *parts, "Write them with: connector sync"]
