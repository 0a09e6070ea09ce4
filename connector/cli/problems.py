"""`connector problems`: records that are parked, with the reason and what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.options import AllOption, MaybeEntityArgument, checked
from connector.cli.output import ago, count, print_json, print_table, say, when
from connector.clock import now
from connector.records import Arrival, Ref
from connector.report import Exit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from connector.store.problems import OpenProblem

_TOGETHER = 5
"""More records than this with one cause are shown as one row: then it is rarely the records."""
_DECISIONS = frozenset({"ambiguous", "merged", "waiting"})

NumbersArgument = Annotated[list[int] | None, typer.Argument(metavar="[ID...]", help="Their numbers.")]
EntityOption = Annotated[str | None, typer.Option("--entity", "-e", metavar="ENTITY", help="With --all: of this one.")]

group = typer.Typer(help="Records that failed and are parked, with the reason.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    group.command("list")(asked(list_problems))
    group.command("show")(asked(show_problem))
    group.command("retry")(asked(retry_problems))
    group.command("dismiss")(asked(dismiss_problems))
    app.add_typer(group, name="problems")


def list_problems(
    call: Invocation,
    entity: MaybeEntityArgument = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="One row a problem, however many share a cause.")] = False,
) -> int:
    """List the open problems; many with the same cause are one row."""
    from connector.store import problems

    if entity is not None:
        checked(call.entities, entity)
    with call.store() as store, store.read() as connection:
        found = problems.listed(connection, entity)
    if call.as_json:
        print_json([_as_dict(item) for item in found])
    elif found:
        at = now()
        print_table(
            ("id", "record", "cause", "what to know", "since"),
            [_row(group, at) for group in _grouped(found, together=not everything)],
        )
        say("", "After a correction: connector problems retry ID (or --all), then: connector sync")
    else:
        say("No problems.")
    return int(_exit(found))


def _exit(found: "Sequence[OpenProblem]") -> Exit:
    if any(item.problem.cause not in _DECISIONS for item in found):
        return Exit.FAILED
    return Exit.DECISION if found else Exit.CLEAN


def _grouped(found: "Sequence[OpenProblem]", *, together: bool) -> "list[list[OpenProblem]]":
    groups: dict[tuple[Any, ...], list[OpenProblem]] = {}
    for item in found:
        problem = item.problem
        groups.setdefault((problem.entity, problem.side, problem.cause, problem.field), []).append(item)
    rows: list[list[OpenProblem]] = []
    for members in groups.values():
        rows += [members] if together and len(members) > _TOGETHER else [[item] for item in members]
    return rows


def _row(members: "list[OpenProblem]", at: Any) -> list[Any]:
    item, problem = members[0], members[0].problem
    cause = f"{problem.cause}\n({problem.field})" if problem.field else problem.cause
    since = ago(item.opened_at, at)
    if len(members) == 1:
        return [str(item.id), f"{problem.entity}\n{problem.side}:{problem.id}", cause, problem.message, since]
    record = f"{problem.entity} {problem.side}\n{len(members):,} records"
    return [f"{item.id}, …", record, cause, f"for example: {problem.message}", since]


def show_problem(call: Invocation, number: Annotated[int, typer.Argument(metavar="ID", help="Its number.")]) -> int:
    """Show one problem whole."""
    with call.store() as store, store.read() as connection:
        item = _get(connection, number)
    if call.as_json:
        print_json(_as_dict(item))
        return int(Exit.CLEAN)
    problem = item.problem
    say(f"{problem.entity} {problem.side}:{problem.id}: {problem.cause}", "", problem.message, "")
    say(f"First met {when(item.opened_at)}, last {when(item.seen_at)}, {count(item.attempts, 'time')} in all.")
    say(f"The record's story: connector explain {problem.entity} {problem.id} --side {problem.side}")
    say(f"After a correction: connector problems retry {number}; to forget it: connector problems dismiss {number}")
    return int(Exit.CLEAN)


def retry_problems(
    call: Invocation, numbers: NumbersArgument = None, *, everything: AllOption = False, entity: EntityOption = None
) -> int:
    """Close problems and put their records into the inbox: the next sync tries again."""
    from connector.store import inbox, problems

    at = now()
    with call.store() as store, store.write() as connection:
        items = _named(connection, numbers, everything=everything, entity=entity)
        refs = {Ref(item.problem.entity, item.problem.side, item.problem.id) for item in items}
        inbox.put(connection, [Arrival(*ref, "retry") for ref in sorted(refs)], at)
        for item in items:
            # What is left over of a merge is only looked at: the look closes it, if people have dealt with it.
            if item.problem.cause != "merged":
                problems.dismiss(connection, item.id, at)
    if call.as_json:
        print_json({"retried": [item.id for item in items]})
    else:
        say(f"{count(len(refs), 'record')} will be tried again by the next: connector sync")
    return int(Exit.CLEAN)


def dismiss_problems(
    call: Invocation, numbers: NumbersArgument = None, *, everything: AllOption = False, entity: EntityOption = None
) -> int:
    """Close problems without another try; one that comes up again is told again."""
    from connector.store import problems

    at = now()
    with call.store() as store, store.write() as connection:
        items = _named(connection, numbers, everything=everything, entity=entity)
        for item in items:
            problems.dismiss(connection, item.id, at)
    if call.as_json:
        print_json({"dismissed": [item.id for item in items]})
    else:
        say(f"{count(len(items), 'problem')} dismissed.")
    return int(Exit.CLEAN)


def _named(
    connection: "Connection", numbers: list[int] | None, *, everything: bool, entity: str | None
) -> "list[OpenProblem]":
    from connector.store import problems

    if bool(numbers) == everything:
        raise typer.BadParameter("name problems by their ids, or say --all; see: connector problems list")
    if everything:
        return problems.listed(connection, entity)
    open_ones = {item.id: item for item in problems.listed(connection)}
    missing = [str(number) for number in numbers or () if number not in open_ones]
    if missing:
        raise typer.BadParameter(f"there is no open problem {', '.join(missing)}; see: connector problems list")
    return [open_ones[number] for number in dict.fromkeys(numbers or ())]


def _get(connection: "Connection", number: int) -> "OpenProblem":
    from connector.store import problems

    item = problems.get(connection, number)
    if item is None:
        raise typer.BadParameter(f"there is no problem {number}; see: connector problems list")
    return item


def _as_dict(item: "OpenProblem") -> dict[str, Any]:
    problem = item.problem
    return {
        "id": item.id,
        "entity": problem.entity,
        "side": problem.side,
        "record": problem.id,
        "cause": problem.cause,
        "field": problem.field,
        "message": problem.message,
        "waits_for": str(problem.waits_for) if problem.waits_for else None,
        "opened_at": item.opened_at,
        "seen_at": item.seen_at,
        "attempts": item.attempts,
    }
