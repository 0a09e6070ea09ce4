"""The queue: it says that a run has free portions, never more often than there is room, and forgets what is done."""

import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest
import structlog

from connector import jobs
from connector.jobs import Place, Queue, Serving
from tests.postgres import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(postgres_server: Server) -> Iterator[str]:
    """A database without any tables."""
    made = postgres_server.create()
    yield made
    postgres_server.drop(made)


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    """A queue in which three jobs may wait."""
    made = Queue(url, 3)
    yield made
    made.close()


def told(place: Place, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(place.conninfo, options=f"-c search_path={place.schema}") as connection:
        return connection.execute(statement.encode()).fetchall()


def waiting(url: str) -> list[tuple[object, ...]]:
    return told(jobs.prepare(url), "SELECT args ->> 'run' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")


def test_no_more_jobs_wait_than_there_is_room_for(queue: Queue, url: str) -> None:
    queue.ask("r1", 2)
    queue.ask("r1", 50)
    queue.ask("r1", 50)

    assert waiting(url) == [("r1",)] * 3


def test_a_queue_that_cannot_be_reached_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()  # What another test had left out of the log is told again.
    queue = Queue("postgresql://nobody@127.0.0.1:9/nowhere", 3)

    queue.ask("r1", 1)

    assert "queue_unreachable" in "".join(capsys.readouterr())


def test_a_worker_is_told_of_each_run_and_its_jobs_are_gone_afterwards(queue: Queue, url: str) -> None:
    ended, runs = threading.Event(), []

    def work_on(run: str) -> None:
        runs.append(run)
        if len(runs) == 2:
            ended.set()

    queue.ask("r1", 1)
    server = threading.Thread(target=jobs.serve, args=(url, work_on, Serving(2, 0.1, ended.is_set)), daemon=True)
    server.start()
    queue.ask("r2", 1)
    server.join(30)

    assert (server.is_alive(), sorted(runs)) == (False, ["r1", "r2"])
    assert told(jobs.prepare(url), "SELECT status FROM procrastinate_jobs") == []


def test_jobs_of_a_worker_that_fell_silent_are_deleted(queue: Queue, url: str) -> None:
    queue.ask("r1", 2)
    place = jobs.prepare(url)
    told(
        place, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '21 seconds') RETURNING id"
    )
    told(
        place,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)"
        " WHERE id = (SELECT min(id) FROM procrastinate_jobs) RETURNING id",
    )

    async def reap() -> int:
        async with jobs.listening(place, 1).open_async() as app:
            return await jobs.reap(app)

    assert asyncio.run(reap()) == 1
    assert waiting(url) == [("r1",)]
    assert told(place, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]
