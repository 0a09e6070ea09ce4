"""`connector worker`: hands for the runs that a daemon or a command conducts."""

from typing import Annotated

import typer

from connector.cli.daemon import stopping
from connector.cli.invocation import Invocation, asked, needing
from connector.errors import ConfigError
from connector.report import Exit

SlotsOption = Annotated[int, typer.Option("--slots", min=1, max=64, help="Work on so many portions at once.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("worker")(asked(run_worker))


def run_worker(call: Invocation, slots: SlotsOption = 4) -> int:
    """Work on portions of runs that others conduct, until told to stop; needs `workers: {queue: true}`."""
    from connector.executor import undisturbed
    from connector.logs import get_logger
    from connector.stops import Breaks
    from connector.worker import Worker

    if not call.settings.workers.queue:
        raise ConfigError.of("nobody shares runs through a queue here; set `workers: {queue: true}` for all processes")
    with needing("workers"):
        from connector import jobs
    with stopping(call) as stop, call.context(Breaks(stop)) as context, undisturbed():
        get_logger().info("worker_started", slots=slots)
        serving = jobs.Serving(slots, call.settings.workers.poll_seconds, stop.is_requested)
        jobs.serve(call.settings.store.url.get_secret_value(), Worker(context).work_on, serving)
        get_logger().info("worker_stopped")
    return int(Exit.CLEAN)
