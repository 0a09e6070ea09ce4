"""`connector status`: how the connector stands, for people, monitors and scripts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.invocation import Invocation, asked
from connector.cli.output import ago, count, print_json, print_table, say, when
from connector.clock import now

if TYPE_CHECKING:
    from connector.standing import Status

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


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("status")(asked(show_status))


def show_status(
    call: Invocation,
    stale: Annotated[
        str | None,
        typer.Option(
            "--stale", metavar="DURATION", help="Longest time since a sync that went through, else as configured."
        ),
    ] = None,
) -> int:
    """Show how the connector stands; the exit code says whether somebody must look."""
    from connector.standing import read_status

    limit = call.settings.daemon.stale_after if stale is None else _duration(stale)
    at = now()
    with call.store() as store, store.read() as connection:
        status = read_status(connection, list(call.entities), limit, at)
    marks = {"reading": call.settings.sync.high_water, "webhooks": call.settings.webhooks.high_water}
    above = {what: [one.entity for one in status.standings if one.ready > most] for what, most in marks.items()}
    if call.as_json:
        print_json(_as_dict(status, at) | {"above_high_water": above})
    else:
        _show(status, at)
        say(*_pressure(above))
    return int(status.exit(at))


def _duration(text: str) -> timedelta:
    from connector.durations import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from error
    return found if isinstance(found, timedelta) else timedelta()


def _as_dict(status: "Status", at: datetime) -> dict[str, Any]:
    return {
        "exit": int(status.exit(at)),
        "stale": status.is_stale(at),
        "stale_entities": status.stale(at),
        "paused": [one._asdict() for one in status.pauses],
        "last_good_sync": status.last_good,
        "running": status.running,
        "last_run": status.last._asdict() if status.last else None,
        "entities": [one._asdict() for one in status.standings],
    }


def _show(status: "Status", at: datetime) -> None:
    rows = [[*one[:3], ago(one.oldest, at), *one[4:9]] for one in status.standings]
    print_table(_COLUMNS, rows)
    say("", *_sentences(status, at))


def _sentences(status: "Status", at: datetime) -> list[str]:
    lines = [_last_run(status, at), *_stale(status, at)]
    lines += [f"Halted: {message}" for message in dict.fromkeys(status.halted().values())]
    lines += [
        f"Paused {ago(one.at, at)} by {one.by}: {'everything' if one.name == '*' else one.name}; go on with: connector "
        f"resume"
        for one in status.pauses
    ]
    steps = (
        ("held", "change", "held by a guard: connector approve ENTITY"),
        ("unknown", "write", "whose outcome is not known; the next sync looks: connector sync"),
        ("problems", "problem", "to look at: connector problems list"),
        ("conflicts", "conflict", "to decide: connector conflicts list"),
        ("undecided", "record", "without a clear match or waiting for a parent: connector problems list"),
    )
    total = {name: sum(getattr(one, name) for one in status.standings) for name, _, _ in steps}
    return lines + [f"{count(total[name], noun)} {rest}" for name, noun, rest in steps if total[name]]


def _pressure(above: Mapping[str, list[str]]) -> list[str]:
    told = {
        "reading": "holds more keys than sync.high_water: reading pauses until they are decided",
        "webhooks": "holds more keys than webhooks.high_water: who sends more is asked to come again",
    }
    return [f"The inbox of {', '.join(names)} {told[what]}." for what, names in above.items() if names]


def _stale(status: "Status", at: datetime) -> list[str]:
    if not status.is_stale(at):
        return []
    last = f"the last one was {ago(status.last_good, at)}" if status.last_good else "there was none yet"
    which = f" of {', '.join(status.stale(at))}" if status.stale(at) else ""
    return [f"STALE: no sync{which} has gone through for too long ({last}): connector sync"]


_ENDS = {
    "halted": "something stopped it",
    "clean": "all went well",
    "pending": "some of it is to be planned anew",
    "decision": "a person must decide something",
    "failed": "some records failed",
}


def _last_run(status: "Status", at: datetime) -> str:
    from connector.standing import went_through

    run = status.last
    if run is None:
        return "Nothing was run yet: connector sync"
    if run.finished_at is None:
        state = (
            "is running" if (status.running or "").endswith(run.id) else "never said how it ended (its process died)"
        )
        return f"The last run ({run.kind} {run.id}) began {when(run.started_at)} and {state}."
    broken_off = run.outcome == "failed" and not went_through(run)
    ended = "it could not go on; see its log" if broken_off else _ENDS.get(str(run.outcome), str(run.outcome))
    return f"The last run ({run.kind} {run.id}) ended {ago(run.finished_at, at)}: {ended}."
