"""The two reference systems as live servers, and small doors to them: what a person does in the CRM or in the ERP."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.forks import Files, Fork

Process = subprocess.Popen[str] | Fork
SEED = "customers=30,contacts=30,products=20,orders=20"
READY_SECONDS = 60


class System:
    """One live reference system, spoken to as a person with full rights would."""

    def __init__(self, kind: str, url: str, process: Process) -> None:
        self.kind, self.url, self.process = kind, url, process
        self.base = url + ("/api/v1" if kind == "crm" else "/api")

    @cached_property
    def session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update(self._credentials())
        return session

    def _credentials(self) -> dict[str, str]:
        if self.kind == "erp":
            return {"X-API-Key": "demo-key"}
        return self._token("demo-client", "demo-secret")

    def _token(self, client: str, secret: str) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = requests.post(f"{self.url}/oauth/token", data=form, timeout=10)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self.session.request(method, f"{self.base}/{path}", timeout=30, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def read(self, collection: str, record_id: str) -> dict[str, Any]:
        """One record."""
        return self.call("GET", f"{collection}/{record_id}")

    def listed(self, collection: str, **filters: Any) -> list[dict[str, Any]]:
        """The first page of records that fit."""
        answer = self.call("GET", collection, params=filters)
        return answer["records"] if self.kind == "crm" else answer["items"]

    def create(self, collection: str, **values: Any) -> dict[str, Any]:
        """Somebody enters a new record."""
        return self.call("POST", collection, json=values)

    def change(self, collection: str, record_id: str, **values: Any) -> dict[str, Any]:
        """Somebody edits a record, as it is now."""
        before = self.read(collection, record_id)
        if self.kind == "crm":
            headers = {"If-Match": f'"{before["version"]}"'}
            return self.call("PATCH", f"{collection}/{record_id}", json=values, headers=headers)
        return self.call("PATCH", f"{collection}/{record_id}", json={**values, "revision": before["revision"]})

    def delete(self, collection: str, record_id: str) -> None:
        """Somebody deletes a record."""
        self.call("DELETE", f"{collection}/{record_id}")

    def stats(self) -> dict[str, Any]:
        """How often the server was asked what, since it started: the witness for "nothing was written"."""
        return self.call("GET", "_stats")

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Let these faults be in force, and no others; the server was started with `--faults`."""
        self.call("PUT", "_faults", json=list(rules), params={"seed": seed})

    def heal(self) -> None:
        """End all faults."""
        self.call("DELETE", "_faults")

    def struck(self) -> list[int]:
        """How often each fault in force struck."""
        return [each["struck"] for each in self.call("GET", "_faults")["rules"]]

    def snapshot(self) -> None:
        """Make a backup of all data."""
        self.call("POST", "_faults/snapshot")

    def restore(self) -> None:
        """Bring the backup back."""
        self.call("POST", "_faults/restore")

    def stop(self) -> None:
        """Stop the server, politely first."""
        if "session" in self.__dict__:
            self.session.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Sales(System):
    """The CRM as a salesperson's own client sees it, which may not change what only the integration writes."""

    def _credentials(self) -> dict[str, str]:
        return self._token("demo-sales", "demo-sales-secret")


class Systems(NamedTuple):
    """A CRM and an ERP, and the configuration that joins them."""

    crm: System
    erp: System

    def config(self, store: Path | str, more: str = "") -> str:
        """The text of a configuration file with its state in `store`: a file, or the URL of a database."""
        url = store if isinstance(store, str) else f"sqlite:///{store}"
        return (
            "systems:\n"
            f"  crm: {{system: reference-crm, url: '{self.crm.url}', client_id: demo-client,"
            " client_secret: demo-secret}\n"
            f"  erp: {{system: reference-erp, url: '{self.erp.url}', api_key: demo-key}}\n"
            f"store: {{url: '{url}'}}\n{more}"
        )

    def write_config(self, folder: Path, more: str = "", store: str | None = None) -> Path:
        """A configuration file in `folder`, with its state beside it or in the database of a URL."""
        path = folder / "connector.yaml"
        path.write_text(self.config(store or folder / "state.db", more), encoding="utf-8")
        return path


def start(kind: str, folder: Path, seed: str = SEED, *options: str) -> System:
    """Start one reference system on a free port, its data in `folder`."""
    words = [kind, "--port", "0", "--database", str(folder / f"{kind}.db"), *options]
    words += ["--seed", seed] if seed else []
    files = Files(Path(os.devnull), folder / f"{kind}.out", folder / f"{kind}.log")
    files.out.unlink(missing_ok=True)
    return _ready(kind, Fork("connector.reference", words, folder, dict(os.environ), files), files)


def launch(kind: str, folder: Path, command: list[str]) -> System:
    """Start a reference system by a command of its own."""
    files = Files(Path(os.devnull), folder / f"{kind}.out", folder / f"{kind}.log")
    with files.out.open("w") as out, files.errors.open("w") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, text=True)
    return _ready(kind, process, files)


def _ready(kind: str, process: Process, files: Files) -> System:
    """The system, once it has printed its address."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        said = files.out.read_text(encoding="utf-8") if files.out.exists() else ""
        if found := re.search(r"http://127\.0\.0\.1:[0-9]+(?=\s)", said):
            return System(kind, found[0], process)
        time.sleep(0.01)
    process.kill()
    process.wait(10)
    pytest.fail(f"a reference system did not start: {files.errors.read_text(encoding='utf-8')[-2000:]}")


@contextmanager
def running(folder: Path, seed: str = SEED, *options: str) -> Iterator[Systems]:
    """Both systems for the length of a block; the same seed makes one world of which each keeps its part."""
    crm = start("crm", folder, seed, *options)
    try:
        erp = start("erp", folder, seed, *options)
        try:
            yield Systems(crm, erp)
        finally:
            erp.stop()
    finally:
        crm.stop()


@pytest.fixture(scope="session")
def reference_systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Both systems with a small world, one pair for the whole session: a test changes only records of its own."""
    with running(tmp_path_factory.mktemp("reference")) as systems:
        yield systems


@pytest.fixture
def own_systems(tmp_path: Path) -> Iterator[Systems]:
    """Both systems with a small world, for this test alone."""
    folder = tmp_path / "systems"
    folder.mkdir()
    with running(folder) as systems:
        yield systems
