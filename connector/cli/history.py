"""`connector history` and `connector runs`: what was decided and written, across records, and in which run."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.explain import change_words, end_words, event_words, operation_words
from connector.cli.invocation import Invocation, asked
from connector.cli.options import checked
from connector.cli.output import print_json, say, when
from connector.clock import now
from connector.report import Exit

if TYPE_CHECKING:
    from connector.history import Moment
    from connector.store.journal import Run

EntityOption = Annotated[str | None, typer.Option("--entity", "-e", metavar="ENTITY", help="Only this entity.")]
RunOption = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only what this run did.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only from then on: 2026-11-23T20:00, or how long ago, e.g. 24h."),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest.")]
ValuesOption = Annotated[bool, typer.Option("--values", help="Show a person's data too.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("history")(asked(show_history))
    app.command("runs")(asked(show_runs))


def show_history(
    call: Invocation,
    *,
    entity: EntityOption = None,
    run: RunOption = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    values: ValuesOption = False,
) -> int:
    """Tell what was decided and written, across records, newest first."""
    from connector.history import decisions, entity_of, moment_as_dict

    if entity is not None:
        checked(call.entities, entity)
    from_then = None if since is None else _instant(since)
    with call.store() as store:
        found = decisions(store, limit, entity=entity, run=run, since=from_then)
    if call.as_json:
        print_json([moment_as_dict(moment, _hidden(call, entity_of(moment), values=values)) for moment in found])
    elif found:
        say(*(line for moment in found for line in _lines(call, moment, values=values)))
    else:
        say("Nothing was decided or written that fits.")
    return int(Exit.CLEAN)


def _instant(text: str) -> datetime:
    from connector.durations import parse_duration

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        ago = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: write a time such as 2026-11-23T20:00, or a duration: {error}") from error
    return now() - (ago if isinstance(ago, timedelta) else timedelta())


def _hidden(call: Invocation, entity: str, *, values: bool) -> frozenset[str]:
    definition = call.entities.get(entity)
    if values or definition is None:
        return frozenset()
    return frozenset(name for name, rule in definition.fields.items() if rule.personal)


def _lines(call: Invocation, moment: "Moment", *, values: bool) -> Iterator[str]:
    from connector.history import entity_of

    entity = entity_of(moment)
    hidden = _hidden(call, entity, values=values)
    run = f"run {moment.run}" if moment.run else ""
    if moment.event:
        event = moment.event
        yield f"{when(moment.at)}  {entity} {event.side}:{event.id}  {event_words(event, hidden)}"
        yield f"    {', '.join(part for part in (run, _by(event.operation)) if part)}"
    elif moment.operation:
        yield f"{when(moment.at)}  {entity}  {operation_words(moment.operation)}"
        yield from (f"    {line}" for line in change_words(moment.operation, hidden))
        yield f"    {end_words(moment.operation)}; {run}, {_by(moment.operation.id)}"


def _by(operation: str | None) -> str:
    return f"operation {operation}" if operation else ""


def show_runs(call: Invocation, *, limit: LimitOption = 20) -> int:
    """List the runs: when, how long, how they ended, and what they did to each entity."""
    from connector.store import journal

    with call.store() as store, store.read() as connection:
        found = journal.last_runs(connection, limit)
    if call.as_json:
        print_json([{**run._asdict(), "seconds": _seconds(run)} for run in found])
    elif found:
        say(*(line for run in found for line in _run_lines(run)))
        say("", "What one did: connector history --run RUN")
    else:
        say("Nothing was run yet: connector sync")
    return int(Exit.CLEAN)


def _seconds(run: "Run") -> float | None:
    return None if run.finished_at is None else (run.finished_at - run.started_at).total_seconds()


def _run_lines(run: "Run") -> Iterator[str]:
    seconds = _seconds(run)
    took = "has not said how it ended" if seconds is None else f"{run.outcome} after {seconds:,.1f} s"
    yield f"{when(run.started_at)}  {run.id}  {run.kind}: {took}"
    yield from (f"    {did}" for tally in run.counts.get("entities", ()) if (did := _did(tally)))


_COUNTED = {"linked": "linked", "conflicts": "in conflict", "problems": "with a problem", "held": "held by a guard"}


def _did(tally: Mapping[str, Any]) -> str:
    """What a run did to one entity, in words; nothing where it did nothing."""
    written = tally.get("written") or tally.get("planned") or {}
    parts = [f"{number:,} {what}" for what, number in written.items()]
    parts += [f"{tally[name]:,} {words}" for name, words in _COUNTED.items() if tally.get(name)]
    return f"{tally['entity']}: {', '.join(parts)}" if parts else ""
