"""The queue between who conducts runs and `connector worker` processes: Procrastinate, on the store's PostgreSQL.

A job only says that a run has free portions. What is done by whom stands in the store alone, so a job that is lost,
doubled or late costs time, never truth: jobs always end well, are deleted at once, and are asked for again.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from sqlalchemy import make_url
from typing_extensions import override

from connector.errors import StoreError
from connector.executor import Crew
from connector.logs import get_logger

log = get_logger()

TASK = "work_on"
BEAT_SECONDS, DEAD_SECONDS = 5.0, 20.0
"""How often a worker is heard of, and after how much silence what it held is given up."""
_REAP_EVERY, _LOOK_SECONDS = 10.0, 0.2
_LOCK = 823016480
"""Of the advisory lock under which the queue's tables are made."""


class Place(NamedTuple):
    """Where the queue is: a database, and a schema in it for this version of the queue's tables."""

    conninfo: str
    schema: str

    @property
    def options(self) -> dict[str, Any]:
        """How its connections are made."""
        return {"conninfo": self.conninfo, "kwargs": {"options": f"-c search_path={self.schema}"}}


class Queue(Crew):
    """`connector worker` processes: those that are free hear of a run at once."""

    def __init__(self, url: str, most: int) -> None:
        self._url, self._most = url, most
        self._app: App | None = None

    @override
    def ask(self, run: str, portions: int) -> None:
        """Never more than `most` jobs wait: what is beyond waits in the store, until there is room."""
        try:
            app = self._opened()
            waiting, of_run = _waiting(app, run)
            more = min(self._most - waiting, portions - of_run)
            if more > 0:
                jobs: list[dict[str, Any]] = [{"run": run}] * more
                app.configure_task(TASK).batch_defer(*jobs)
        except (ConnectorException, psycopg.Error) as error:
            # Whoever conducts the run goes on alone, and asks again.
            log.warning("queue_unreachable", error=type(error).__name__)

    @override
    def wait(self, seconds: float) -> None:
        """Nobody tells when another process has ended something; a `Together` waits for its first crew."""

    @override
    def close(self) -> None:
        if self._app is not None:
            self._app.close()
            self._app = None

    def _opened(self) -> App:
        if self._app is None:
            place = prepare(self._url)
            app = App(connector=SyncPsycopgConnector(**place.options, min_size=1, max_size=2))
            app.open()
            self._app = app
        return self._app


def _waiting(app: App, run: str) -> tuple[int, int]:
    """How many jobs wait, and how many of them for one run."""
    asked = (
        "SELECT count(*) AS waiting, count(*) FILTER (WHERE args ->> 'run' = %(run)s) AS of_run"
        " FROM procrastinate_jobs WHERE status = 'todo'"
    )
    found = app.connector.get_sync_connector().execute_query_one(asked, run=run)
    return found["waiting"], found["of_run"]


def prepare(url: str) -> Place:
    """Make the queue's tables where they are missing; another version of the queue has tables of its own."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    tables = SchemaManager.get_schema()
    place = Place(conninfo, f"connector_jobs_{hashlib.sha256(tables.encode()).hexdigest()[:8]}")
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (place.schema,)).fetchone()
        if found is None:
            connection.execute(f"CREATE SCHEMA {place.schema}".encode())
            connection.execute(f"SET LOCAL search_path = {place.schema}".encode())
            connection.execute(tables.encode())
    return place


class Serving(NamedTuple):
    """How a worker process serves: in so many slots, looking so often, until it is told to stop."""

    slots: int
    poll_seconds: float
    stopping: Callable[[], bool]


def serve(url: str, work_on: Callable[[str], object], serving: Serving) -> None:
    """Take jobs until told to stop; what is in hand then ends at its next batch."""
    # It tells of every job; what became of runs is told by who conducts them.
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    try:
        asyncio.run(_serve(prepare(url), work_on, serving))
    except (ConnectorException, psycopg.Error) as error:
        raise StoreError(
            "The queue cannot be reached: see that PostgreSQL runs, then start the worker anew."
        ) from error


async def _serve(place: Place, work_on: Callable[[str], object], serving: Serving) -> None:
    app = listening(place, serving.slots)
    _register(app, work_on)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(serving.slots + 1))
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=serving.slots,
                fetch_job_polling_interval=serving.poll_seconds,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=BEAT_SECONDS,
                stalled_worker_timeout=DEAD_SECONDS,
            )
        )
        reaper = asyncio.create_task(_reap(app))
        # The wish to stop comes from a signal or another thread, which can set no event of this loop.
        while not serving.stopping() and not worker.done():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        for task in (reaper, worker):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def listening(place: Place, slots: int) -> App:
    """The queue as a worker sees it."""
    return App(connector=PsycopgConnector(**place.options, min_size=1, max_size=slots + 2))


def _register(app: App, work_on: Callable[[str], object]) -> None:
    @app.task(name=TASK)
    def work(run: str) -> None:
        # A stop that ends the work in hand is no failure of the job.
        with suppress(SystemExit):
            work_on(run)


async def _reap(app: App) -> None:
    while True:
        with suppress(ConnectorException):
            await reap(app)
        await asyncio.sleep(_REAP_EVERY)


async def reap(app: App) -> int:
    """Delete the jobs of workers that died; the portions they held are free by their leases. Says how many."""
    dead = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_SECONDS))
    for job in dead:
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
    return len(dead)
