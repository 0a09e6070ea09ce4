"""Starting real systems: where their scripts are, where what they build is kept, and why one cannot be had."""

import fcntl
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

import pytest

FOLDER_VARIABLE = "CONNECTOR_LIVE_SYSTEMS"
"""Names the folder with the scripts that start real systems."""
CACHE_VARIABLE = "CONNECTOR_LIVE_CACHE"
"""Names the folder where those keep what they have built, so that the next start takes seconds."""
BUILD_SECONDS = 600
LAST_WORDS = 2000
PLACES = 9


def script(name: str, system: str) -> Path:
    """The script that starts a system; without it the test is skipped, and the reason says what would help."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        pytest.skip(f"{system}: neither {FOLDER_VARIABLE} nor CONNECTOR_LIVE_{system.upper()}_URL is set")
    path = Path(folder).resolve() / name
    if not path.is_file():
        pytest.skip(f"{system}: there is no {name} in the folder that {FOLDER_VARIABLE} names")
    return path


def given(system: str, **defaults: str) -> dict[str, str] | None:
    """What the environment says of a system that runs already: `url` and the rest; None where it names none."""
    prefix = f"CONNECTOR_LIVE_{system.upper()}_"
    if not os.environ.get(f"{prefix}URL"):
        return None
    return {name: os.environ.get(prefix + name.upper(), default) for name, default in {"url": "", **defaults}.items()}


@contextmanager
def place(system: str) -> Iterator[Path]:
    """A folder in which a system may build and run, for one test session at a time."""
    root = Path(os.environ.get(CACHE_VARIABLE) or Path(tempfile.gettempdir()) / "connector-live")
    root.mkdir(parents=True, exist_ok=True)
    for number in range(PLACES):
        with (root / f"{system}-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            home = root / f"{system}-{number}"
            home.mkdir(exist_ok=True)
            yield home
            return
    pytest.fail(f"{system}: all {PLACES} places under {root} are taken")


def run(command: list[str], variables: Mapping[str, str] | None = None, log: Path | None = None) -> str:
    """Run a script to its end and answer what it printed; where it fails, its last words and the server's are told."""
    with tempfile.TemporaryFile("w+") as printed:
        # Into a file: a server that the script leaves behind would keep a pipe open for ever.
        process = subprocess.Popen(
            command,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        ended = _ended(process)
        printed.seek(0)
        told = printed.read()
    if ended != 0:
        name = f"{Path(command[0]).name} {' '.join(command[1:])}"
        server = f"\n{log}: {log.read_text(encoding='utf-8', errors='replace')[-LAST_WORDS:]}" if _is_there(log) else ""
        pytest.fail(f"{name} ended with {ended}: {told[-LAST_WORDS:]}{server}")
    return told


def _ended(process: subprocess.Popen[bytes]) -> int | str:
    try:
        return process.wait(BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"nothing after {BUILD_SECONDS} s"


def _is_there(log: Path | None) -> TypeGuard[Path]:
    return log is not None and log.is_file()


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
