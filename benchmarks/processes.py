"""Servers and commands as processes of their own, and what each of them cost."""

import os
import re
import subprocess
import sys
import tempfile
import threading
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
_LOOK_SECONDS = 0.05
PATIENCE = 180
"""Seconds a server gets to fill itself and come up."""


class Stats(NamedTuple):
    """What a benchmark server was asked since it started, and the CPU it took."""

    requests: int
    read: int
    written: int
    cpu_seconds: float
    busy_seconds: float = 0.0
    """What it spent on answers, as its `Server-Timing` says."""
    written_at: float = 0.0
    """When a record was written last, by the machine's clock."""

    def since(self, before: "Stats") -> "Stats":
        """What came in between."""
        return Stats(
            self.requests - before.requests,
            self.read - before.read,
            self.written - before.written,
            self.cpu_seconds - before.cpu_seconds,
            self.busy_seconds - before.busy_seconds,
            self.written_at,
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
        asked = sum(told["requests"].values())
        times = (told["cpu_seconds"], told["busy_seconds"], told["written_at"])
        return Stats(asked, records.get("read", 0), records.get("written", 0), *times)

    @override
    def touch(self, count: int) -> None:
        requests.post(f"{self.url}/_bench/touch", json={"count": count}, timeout=60).raise_for_status()


def await_up(address: str, what: str, seconds: float = 30) -> None:
    """Wait until a service says that it is well, or ready; raises with `what` did not come about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if requests.get(address, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise RuntimeError(what)


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
    """Run a command to its end; its CPU and its peak memory are those of the process and of what it starts."""
    return piped([command], folder, environ)


def piped(commands: Sequence[Sequence[str]], folder: Path, environ: Mapping[str, str] | None = None) -> Usage:
    """Run commands to their end, each reading what the one before writes; the CPU of all, the peak of the largest.

    What a command has started counts with its own peak, as if both were at theirs at once; Linux tells it.
    """
    # As people run it: with the compiled modules kept from the last time.
    environ = {name: value for name, value in (environ or os.environ).items() if name != "PYTHONDONTWRITEBYTECODE"}
    output = folder / "output.txt"
    begun = time.perf_counter()
    with output.open("wb") as sink:
        running = list(_chained(commands, environ, sink))
        with started_by([process.pid for process in running]) as peaks:
            ended = [os.wait4(process.pid, 0) for process in running]
    seconds = time.perf_counter() - begun
    for process, (_, status, _used) in zip(running, ended, strict=True):
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = sum(used.ru_utime + used.ru_stime for _, _, used in ended)
    own = {pid: used.ru_maxrss * unit for pid, _, used in ended}
    peak = max(most + sum(peaks.get(pid, {}).values()) for pid, most in own.items()) / 2**20
    code = max((process.returncode for process in running), key=abs)
    return Usage(seconds, cpu, peak, code, output.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def started_by(commands: Sequence[int]) -> Iterator[dict[int, dict[int, int]]]:
    """Look now and then how large the processes were that these have started: by command and process, in bytes."""
    peaks: dict[int, dict[int, int]] = {command: {} for command in commands}
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            for command, found in peaks.items():
                # The last look counts: before it has become another program, a process is as large as its parent.
                found.update({child: peak for child in _children(command) if (peak := _peak(child))})

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peaks
    finally:
        over.set()
        looking.join()


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
    except OSError:
        return []


def _peak(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _chained(
    commands: Sequence[Sequence[str]], environ: Mapping[str, str], sink: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the commands; what they say on stderr, and the last one's stdout, goes to the file."""
    before: IO[bytes] | None = None
    for number, command in enumerate(commands):
        out = sink if number == len(commands) - 1 else subprocess.PIPE
        errors = subprocess.STDOUT if len(commands) == 1 else sink
        process = subprocess.Popen(command, cwd=HOME, stdin=before, stdout=out, stderr=errors, env=environ)
        if before is not None:
            before.close()  # so that a writer is told when its reader is gone
        before = process.stdout
        yield process
