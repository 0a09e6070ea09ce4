"""Servers and commands as processes of their own, and what each of them cost."""

import os
import re
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import requests
from typing_extensions import override

HOME = Path(__file__).parent.parent
ADDRESS = re.compile(rb"http://127\.0\.0\.1:[0-9]+(?=\s)")
PATIENCE = 180
"""Seconds a server gets to fill itself and come up."""


class Stats(NamedTuple):
    """What a benchmark server was asked since it started, and the CPU it took."""

    requests: int
    read: int
    written: int
    cpu_seconds: float

    def since(self, before: "Stats") -> "Stats":
        """What came in between."""
        return Stats(
            self.requests - before.requests,
            self.read - before.read,
            self.written - before.written,
            self.cpu_seconds - before.cpu_seconds,
        )


class Server(ABC):
    """One system that runs, and that tells what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def stats(self) -> Stats:
        """What it was asked so far."""

    @abstractmethod
    def touch(self, count: int) -> None:
        """Change so many customers as a person would."""


class BenchServer(Server):
    """A benchmark server."""

    @override
    def stats(self) -> Stats:
        told: dict[str, Any] = requests.get(f"{self.url}/_bench/stats", timeout=60).json()
        records = told["records"]
        return Stats(
            sum(told["requests"].values()), records.get("read", 0), records.get("written", 0), told["cpu_seconds"]
        )

    @override
    def touch(self, count: int) -> None:
        requests.post(f"{self.url}/_bench/touch", json={"count": count}, timeout=60).raise_for_status()


class Usage(NamedTuple):
    """What one command cost, from its start to its end, imports included."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    exit_code: int
    output: str


@contextmanager
def server(side: str, *options: str) -> Iterator[BenchServer]:
    """A benchmark server in a process of its own, up and filled."""
    with started([sys.executable, "-m", "benchmarks.servers", side, *options]) as url:
        yield BenchServer(url)


@contextmanager
def started(command: Sequence[str]) -> Iterator[str]:
    """The address that a server prints when it is up; the server is ended when the block ends."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=HOME, stdout=said, stderr=subprocess.STDOUT)
        try:
            yield _address(process, said)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _address(process: "subprocess.Popen[bytes]", said: IO[bytes]) -> str:
    for _ in range(PATIENCE * 20):
        ended = process.poll() is not None
        # Read without moving the place at which the server writes on.
        told = os.pread(said.fileno(), 1 << 20, 0)
        if found := ADDRESS.search(told):
            return found[0].decode()
        if ended:
            break
        time.sleep(0.05)
    raise RuntimeError(f"a server did not come up: {told.decode(errors='replace')[-2000:]}")


def measured(command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end; its own CPU and peak memory are those of the process, children left out."""
    output = folder / "output.txt"
    # As people run it: with the compiled modules kept from the last time.
    environ = {name: value for name, value in (environ or os.environ).items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    with output.open("wb") as sink:
        process = subprocess.Popen(command, cwd=HOME, stdout=sink, stderr=subprocess.STDOUT, env=environ)
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    text = output.read_text(encoding="utf-8", errors="replace")
    cpu = used.ru_utime + used.ru_stime
    return Usage(seconds, cpu, used.ru_maxrss * unit / 2**20, process.returncode, text)
