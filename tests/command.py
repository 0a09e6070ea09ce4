"""Run the product as its users do: the command, in a process of its own."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.forks import Files, Fork


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


def command(*words: str) -> list[str]:
    """The command line of the product."""
    return [sys.executable, "-m", "connector", *words]


def connector(config: Path, *words: str, timeout: float = 300) -> Ran:
    """Run one command to its end."""
    return run(words, config.parent, {**os.environ, "CONNECTOR_CONFIG": str(config)}, timeout=timeout)


def run(words: Sequence[str], folder: Path, environ: dict[str, str], typed: str = "", timeout: float = 300) -> Ran:
    """Run one command to its end, in a folder, with what is typed."""
    with tempfile.TemporaryDirectory() as scratch:
        files = Files(*(Path(scratch) / name for name in ("given", "out", "errors")))
        files.given.write_text(typed, encoding="utf-8")
        process = Fork("connector", list(words), folder, environ, files)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return Ran(code, files.out.read_text(encoding="utf-8"), files.errors.read_text(encoding="utf-8"))
