"""The product as it runs all the time: a process of its own, its log, and waiting for what it brings about."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.command import command

SOON = 60.0


class Service:
    """One process that was started and goes on."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def text(self) -> str:
        """Everything it has said so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        whole = self.text.rpartition("\n")[0]  # the last line may still be being written
        return [json.loads(line) for line in whole.splitlines() if line[:1] == "{"]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines about one kind of event."""
        return [line for line in self.lines if line["event"] == event]

    def stop(self, number: int = signal.SIGTERM, within: float = SOON) -> int:
        """End it by a signal, and answer its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(within)


@contextmanager
def serving(config: Path, *words: str, name: str = "service", **variables: str) -> Iterator[Service]:
    """A command that goes on, for the length of a block."""
    log = config.parent / f"{name}.log"
    environ = {**os.environ, "CONNECTOR_CONFIG": str(config), **variables}
    with log.open("wb") as errors:
        process = subprocess.Popen(command(*words), env=environ, cwd=config.parent, stderr=errors, stdout=errors)
    service = Service(process, log)
    try:
        yield service
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(SOON)


def until(is_so: Callable[[], Any], within: float = SOON, every: float = 0.05) -> Any:
    """Wait for something to become true; what it was is answered, and a failure says how long was waited."""
    deadline = time.monotonic() + within
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"not so within {within} s"
        time.sleep(every)
    return found
