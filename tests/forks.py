"""Processes that have their imports behind them: a suite that starts hundreds would spend most of its time on those.

Each is forked from one that has loaded the product and done nothing with it, and is a process like any other: with an
id, signals, files, and its own end. What depends on a real start (a daemon, a kill, the demo, time and memory) starts
the interpreter instead, in tests/services.py and where it is tested.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.loaded"])


class Files(NamedTuple):
    """What a process reads, and where it writes."""

    given: Path
    out: Path
    errors: Path


class Fork:
    """One process, with the part of `subprocess.Popen` that the tests use."""

    def __init__(self, module: str, words: list[str], folder: Path, environ: dict[str, str], files: Files) -> None:
        self._process = CONTEXT.Process(target=_become, args=(module, words, folder, environ, files))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative after a signal; None as long as it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _become(module: str, words: list[str], folder: Path, environ: dict[str, str], files: Files) -> None:
    """Be `python -m module words` from here on."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.path[:0] = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, flags) in enumerate(zip(files, (os.O_RDONLY, written, written), strict=True)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- these live as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
