"""Real servers for the contract, and asserts that explain themselves."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

for part in ("failing_reads", "failing_writes", "reads", "refusals", "scans", "system", "trial", "writes"):
    pytest.register_assert_rewrite(f"connector.adapters.testing_{part}")

START_SECONDS = 30


@pytest.fixture(scope="session")
def crm_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running("crm", tmp_path_factory.mktemp("crm")) as url:
        yield url


@pytest.fixture(scope="session")
def erp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running("erp", tmp_path_factory.mktemp("erp")) as url:
        yield url


@contextmanager
def running(kind: str, folder: Path) -> Iterator[str]:
    """A reference server of its own, stopped at the end."""
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "connector.reference",
        kind,
        "--port",
        str(port),
        "--database",
        f"{folder}/{kind}.db",
        "--faults",
    ]
    with (folder / "output").open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _await_port(server, port, folder / "output")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(server: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not start: {output.read_text(errors='replace')}")
