"""Run the product as its users do: the command, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


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
    environ = {**os.environ, "CONNECTOR_CONFIG": str(config)}
    done = subprocess.run(
        command(*words), env=environ, cwd=config.parent, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)
