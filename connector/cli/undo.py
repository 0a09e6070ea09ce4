"""`connector undo`: write back what a run overwrote."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import EntitiesOption, chosen
from connector.cli.output import count, print_json, print_table, say, shown
from connector.cli.progress import bars
from connector.cli.sync import open_steps
from connector.records import OperationState
from connector.report import Exit

if TYPE_CHECKING:
    from connector.records import Operation
    from connector.report import Report
    from connector.undo import Left, Undoing

_SHOWN = 200
_STATES = {
    OperationState.PLANNED: "planned",
    OperationState.HELD: "held by a guard",
    OperationState.DONE: "restored",
    OperationState.REJECTED: "refused",
    OperationState.ABANDONED: "not written",
}


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("undo")(asked(undo_run))


def undo_run(
    call: Invocation,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `connector runs` lists it.")],
    entity: EntitiesOption = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
) -> int:
    """Write back the values that a run overwrote, but for those that somebody has changed since."""
    from connector import undo

    _check_run(call, run)
    with bars(quiet=call.as_json) as progress, call.context(progress) as context:
        names = chosen(context.entities, entity)
        if dry_run:
            undoing, report = undo.preview(context, run, names), None
        else:
            undoing, report = undo.undo(context, run, names)
    code = (Exit.PENDING if undoing.operations else Exit.CLEAN) if report is None else report.exit
    if call.as_json:
        print_json(_as_dict(undoing, report, code))
    else:
        _show(undoing, report)
    return int(code)


def _check_run(call: Invocation, run: str) -> None:
    from connector.store import journal

    with call.store() as store, store.read() as connection:
        if not journal.has_run(connection, run):
            raise typer.BadParameter(f"there is no run {run}; see: connector runs")


def _show(undoing: "Undoing", report: "Report | None") -> None:
    rows = [row for one in undoing.operations for row in _rows(one)]
    if rows:
        print_table(("record", "field", "now" if report is None else "was", "restored", ""), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        say("", f"{len(rows) - _SHOWN:,} more; all of them: connector undo {undoing.run} --json")
    for told, words in ((undoing.left, "left as they are"), (undoing.never, "not undone")):
        if told:
            say("", f"{count(len(told), 'change')} {words}:", *(f"  {_left(one)}" for one in told[:_SHOWN]))
    say("", *_verdict(undoing, report))


def _rows(operation: "Operation") -> list[list[Any]]:
    record = f"{operation.entity} {operation.side}:{operation.target}"
    state = _STATES.get(operation.state, str(operation.state))
    old = operation.old
    return [[record, name, shown(old.get(name)), shown(value), state] for name, value in operation.values.items()]


def _left(one: "Left") -> str:
    return f"{one.entity} {one.side}:{one.id} {one.what}: {one.why}"


def _verdict(undoing: "Undoing", report: "Report | None") -> list[str]:
    if not undoing.operations:
        already = f" {count(undoing.already, 'value is', 'values are')} as before the run." if undoing.already else ""
        return [f"Nothing to write back.{already}", *(open_steps(report) if report else ())]
    values = sum(len(one.values) for one in undoing.operations)
    if report is None:
        return [f"{count(values, 'value')} would be written back. Do it with: connector undo {undoing.run}"]
    done = sum(len(one.values) for one in undoing.operations if one.state is OperationState.DONE)
    steps = [f"{count(done, 'value')} written back (run {report.run})."] if done else []
    if done:
        steps.append(
            "The other side keeps what it has, and no sync evens that out until somebody edits the field; "
            "connector verify tells it as undone."
        )
    if any(one.state is OperationState.HELD for one in undoing.operations):
        steps.append(f"Once released, write it back with: connector undo {undoing.run}")
    return [*steps, *open_steps(report)]


def _as_dict(undoing: "Undoing", report: "Report | None", code: Exit) -> dict[str, Any]:
    return {
        "run": undoing.run,
        "dry_run": report is None,
        "undo_run": None if report is None else report.run,
        "exit": int(code),
        "changes": [_change(one, name) for one in undoing.operations for name in one.values],
        "left": [one._asdict() for one in undoing.left],
        "never_undone": [one._asdict() for one in undoing.never],
        "already_as_before": undoing.already,
        "halted": [] if report is None else report.halted,
    }


def _change(operation: "Operation", name: str) -> dict[str, Any]:
    return {
        "entity": operation.entity,
        "side": operation.side,
        "record": operation.target,
        "field": name,
        "current": operation.old.get(name),
        "restored": operation.values[name],
        "operation": operation.id,
        "state": operation.state,
    }
