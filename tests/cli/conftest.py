"""The command line as a person has it: a process, its two streams and its exit code."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, run
from tests.systems import Systems


class Terminal:
    """Runs `connector` in a folder of its own, which holds the configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}

    def __call__(self, *arguments: str, typed: str = "", **variables: str) -> Ran:
        return run(arguments, self.folder, self.environment | variables, typed, timeout=100)

    def ok(self, *arguments: str) -> Ran:
        """Run a command that must end well."""
        answer = self(*arguments)
        assert answer.code == 0, f"{arguments}: {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    def json(self, *arguments: str) -> Any:
        """What a command answers in JSON, however it ends."""
        answer = self(*arguments, "--json")
        assert "Traceback" not in answer.err, answer.err
        return answer.json

    def config(self, text: str) -> Path:
        """Write the configuration."""
        path = self.folder / "connector.yaml"
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal without a configuration."""
    return Terminal(tmp_path)


@pytest.fixture
def offline(terminal: Terminal) -> Terminal:
    """A terminal whose configuration names two systems that do not answer."""
    terminal.config(UNREACHABLE.format(port=_closed_port()))
    return terminal


@pytest.fixture
def live(terminal: Terminal, reference_systems: Systems) -> Terminal:
    """A terminal whose configuration joins the two live systems that the session shares, with a fresh store."""
    reference_systems.write_config(terminal.folder)
    return terminal


UNREACHABLE = """\
systems:
  crm: {{system: reference-crm, url: 'http://127.0.0.1:{port}', client_id: demo-client, client_secret: demo-secret}}
  erp: {{system: reference-erp, url: 'http://127.0.0.1:{port}', api_key: demo-key}}
"""


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
