"""Two reference systems and a connector that runs all the time, for what is measured of days rather than of runs."""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.floor import KEY, sign_in
from benchmarks.processes import HOME, started

_PAGE = 200
CUSTOMERS = {"crm": "accounts", "erp": "partners"}


class Side:
    """One system, as the people who work in it use it; threads have a connection each."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self.base = url + ("/api/v1" if name == "crm" else "/api")
        self._own = threading.local()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Ask for something that must be granted."""
        answer = self.session.request(method, f"{self.base}/{path}", timeout=60, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @property
    def session(self) -> requests.Session:
        """This thread's connection, signed in."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            if self.name == "crm":
                sign_in(self._own.session, self.url)
            else:
                self._own.session.headers.update(KEY)
        found: requests.Session = self._own.session
        return found

    def customers(self) -> dict[str, dict[str, Any]]:
        """Every customer, by id."""
        found: dict[str, dict[str, Any]] = {}
        if self.name == "erp":
            for page in itertools.count(1):
                asked = {"per_page": _PAGE, "page": page, "is_company": "true"}
                answer = self.call("GET", "partners", params=asked)
                found |= {str(one["id"]): one for one in answer["items"]}
                if len(found) >= answer["total"] or not answer["items"]:
                    return found
        asked = {"limit": _PAGE}
        while True:
            answer = self.call("GET", "accounts", params=asked)
            found |= {one["id"]: one for one in answer["records"]}
            if not answer["nextCursor"]:
                return found
            asked["cursor"] = answer["nextCursor"]

    def edit(self, record_id: str, **values: Any) -> None:
        """Somebody edits a customer as it is now."""
        place = f"{CUSTOMERS[self.name]}/{record_id}"
        before = self.call("GET", place)
        if self.name == "crm":
            self.call("PATCH", place, json=values, headers={"If-Match": f'"{before["version"]}"'})
        else:
            self.call("PATCH", place, json={**values, "revision": before["revision"]})

    def websites(self, ids: Sequence[str]) -> dict[str, str]:
        """What some customers' websites are now."""
        found: dict[str, str] = {}
        for first in range(0, len(ids), _PAGE):
            batch = list(ids[first : first + _PAGE])
            if self.name == "crm":
                results = self.call("POST", "accounts/batch/read", json={"ids": batch})["results"]
                records = [one["record"] for one in results if one.get("record")]
            else:
                records = self.call("GET", "partners", params={"id": ",".join(batch), "per_page": _PAGE})["items"]
            found |= {str(one["id"]): one.get("website") or "" for one in records}
        return found


class Office:
    """Both systems, and the configuration that joins them."""

    def __init__(self, folder: Path, crm: Side, erp: Side, store: str) -> None:
        self.folder, self.crm, self.erp = folder, crm, erp
        self.store, self.port = store, _free_port()
        self.secret = f"whsec_{b64encode(secrets.token_bytes(24)).decode()}"
        (folder / "crm.secret").touch()

    @property
    def url(self) -> str:
        """Where the connector listens."""
        return f"http://127.0.0.1:{self.port}"

    def configure(self, more: str = "", folder: Path | None = None, port: int | None = None) -> Path:
        """Write a configuration; each in a folder of its own, all with one store."""
        place = (folder or self.folder) / "connector.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(
            "systems:\n"
            f"  crm: {{system: reference-crm, url: '{self.crm.url}', client_id: demo-client,"
            " client_secret: demo-secret}\n"
            f"  erp: {{system: reference-erp, url: '{self.erp.url}', api_key: demo-key}}\n"
            f"store: {{url: '{self.store}'}}\n"
            f"serve: {{port: {self.port if port is None else port}}}\n"
            f"webhooks:\n  public_url: {self.url}\n"
            f"  crm: {{secrets: ['${{file:{self.folder / 'crm.secret'}}}', '{self.secret}']}}\n"
            f"  erp: {{secrets: ['{self.secret}']}}\n{more}",
            encoding="utf-8",
        )
        return place

    def run(self, config: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        """One command to its end."""
        return subprocess.run(
            command(*words), cwd=HOME, env=environ(config), capture_output=True, text=True, timeout=600, check=False
        )


def command(*words: str) -> list[str]:
    """The command line of the product."""
    return [sys.executable, "-m", "connector", *words]


def environ(config: Path) -> Mapping[str, str]:
    """The environment in which a command finds its configuration."""
    return {**os.environ, "CONNECTOR_CONFIG": str(config)}


@contextmanager
def office(folder: Path, customers: int, store: str | None = None, *options: str) -> Iterator[Office]:
    """Both systems on free loopback ports, with one world of so many customers; `{side}` in an option is filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = ["--seed", f"customers={customers}", *options]
    crm_server, erp_server = (
        _server(side, folder, [option.format(side=side) for option in seed]) for side in ("crm", "erp")
    )
    with started(crm_server) as crm, started(erp_server) as erp:
        yield Office(folder, Side("crm", crm), Side("erp", erp), store or f"sqlite:///{folder / 'state.db'}")


@contextmanager
def going_on(config: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that goes on, politely ended with the block."""
    log = config.parent / f"{words[0]}.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(command(*words), cwd=HOME, env=environ(config), stdout=sink, stderr=sink)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def _server(side: str, folder: Path, options: Sequence[str]) -> list[str]:
    database = str(folder / f"{side}.db")
    return [sys.executable, "-m", "connector.reference", side, "--port", "0", "--database", database, *options]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
