"""`connector daemon`, and `connector pause|resume`: work that goes on by itself, and its brake."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from connector.cli.invocation import Invocation, asked, needing, who
from connector.cli.options import MaybeEntityArgument, checked
from connector.cli.output import print_json, say
from connector.clock import now
from connector.report import Exit

if TYPE_CHECKING:
    from connector.stops import Stop


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("daemon")(asked(run_daemon))
    app.command("serve")(asked(run_serve))
    app.command("webhooks")(asked(run_webhooks))
    app.command("pause")(asked(pause))
    app.command("resume")(asked(resume))


def run_daemon(call: Invocation) -> int:
    """Sync by the configured schedule until told to stop; a failed run is told and followed by the next."""
    from connector.always import alerting, build_daemon
    from connector.daemon import Doors
    from connector.stops import Breaks

    with stopping(call) as stop, call.context(Breaks(stop)) as context, alerting(call.settings, context):
        build_daemon(call.settings, context, Doors(stop.wait, stop.is_requested)).run()
    return int(Exit.CLEAN)


def run_serve(call: Invocation) -> int:
    """Run the daemon, the receiver of webhooks, health and metrics in one process, until told to stop."""
    from connector.stops import Breaks

    listen = _listening()
    with stopping(call) as stop:
        metrics = listen.Metrics()
        with call.context(Breaks(stop), metrics.request) as context:
            listen.serve(call.settings, context, stop, metrics, _announce)
    return int(Exit.CLEAN)


def run_webhooks(call: Invocation) -> int:
    """Run the receiver of webhooks alone, with health and metrics; a daemon on the same store does the rest."""
    listen = _listening()
    with stopping(call) as stop:
        metrics = listen.Metrics()
        with call.context(None, metrics.request) as context:
            listen.receive(call.settings, context, stop, metrics, _announce)
    return int(Exit.CLEAN)


def _listening() -> Any:
    """What listens, which needs an extra that not every installation has."""
    with needing("serve"):
        from connector import serve
    return serve


def _announce(sentence: str) -> None:
    say(sentence)
    sys.stdout.flush()


@contextmanager
def stopping(call: Invocation) -> "Iterator[Stop]":
    """A polite kill, or Ctrl-C, ends the process within the configured time; a second one ends it where it stands."""
    from connector.stops import TERMINATED, Stop

    stop, within = Stop(), call.settings.daemon.stop_within.total_seconds()

    def leave(_number: int, _frame: FrameType | None) -> None:
        if stop.is_requested():
            raise SystemExit(TERMINATED)
        stop.request()
        stop.exit_after(within)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, known in before.items():
            signal.signal(number, known)


def pause(call: Invocation, entity: MaybeEntityArgument = None) -> int:
    """Let the daemon leave one entity alone, or everything, until `resume`; what arrives meanwhile is kept."""
    from connector.store import pauses

    names = [checked(call.entities, entity) if entity else pauses.ALL]
    with call.store() as store, store.write() as connection:
        pauses.add(connection, names, who(), now())
    return _tell(call, names, f"Paused: {entity or 'everything'}. A run in hand goes on to its end.")


def resume(call: Invocation, entity: MaybeEntityArgument = None) -> int:
    """Let the daemon go on with one entity, or with everything."""
    from connector.store import pauses

    if entity is not None:
        checked(call.entities, entity)
    with call.store() as store, store.write() as connection:
        ended = pauses.lift(connection, None if entity is None else [entity])
        left = pauses.names(connection)
    still = " Everything is still paused: connector resume" if pauses.ALL in left else ""
    done = f"Resumed: {entity or 'everything'}." if ended else f"Was not paused: {entity or 'anything'}."
    return _tell(call, sorted(left), f"{done}{still}")


def _tell(call: Invocation, paused: list[str], sentence: str) -> int:
    if call.as_json:
        print_json({"paused": paused})
    else:
        say(sentence)
    return int(Exit.CLEAN)
