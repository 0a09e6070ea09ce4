"""The demo's two systems: separate processes on free loopback ports, and the desks of the people who work in them.

A desk speaks to its system's own API, as that system's own client would: nothing of the connector's mappings is in it.
"""

import os
import re
import secrets
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

from typing_extensions import override

from connector.adapters.authentication import ApiKey, Authentication, ClientCredentials
from connector.adapters.http import Answer, HttpClient
from connector.errors import RunError
from connector.records import Side

Row: TypeAlias = dict[str, Any]
"""One record, as its own system answers it."""

CLIENT, SALES = "demo-client", "demo-sales"
"""The connector's client of the CRM, and the salespeople's own, which may not change what only the ERP may."""
CRM_SECRET, SALES_SECRET, ERP_KEY = "crm_client_secret", "crm_sales_secret", "erp_api_key"
"""Files beside the configuration: its `${file:...}` references read the connector's."""

START_SECONDS = 120
STOP_SECONDS = 10
_PAGE = {Side.CRM: 1000, Side.ERP: 500}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:[0-9]+")
_BAD_REQUEST = 400


class Desk(ABC):
    """One system, as a person with a client of its own sees it."""

    side: Side
    base: str

    def __init__(self, url: str, auth: Authentication) -> None:
        self.url = url
        self._client = HttpClient(url, name=f"demo {self.side}", auth=auth)

    @abstractmethod
    def pages(self, collection: str, **filters: Any) -> Iterator[list[Row]]:
        """Every record that fits, page by page; deleted ones are not among them."""

    @abstractmethod
    def change(self, collection: str, record: Row, **values: Any) -> Row:
        """Edit a record as it was read; the system refuses where it has moved since."""

    def all(self, collection: str, **filters: Any) -> list[Row]:
        """Every record that fits."""
        return [record for page in self.pages(collection, **filters) for record in page]

    def read(self, collection: str, record_id: Any) -> Row:
        """One record as it is now."""
        return dict(self.call("GET", f"{collection}/{record_id}"))

    def create(self, collection: str, **values: Any) -> Row:
        """Enter a new record."""
        return dict(self.call("POST", collection, json=values))

    def delete(self, collection: str, record_id: Any) -> None:
        """Delete a record."""
        self.call("DELETE", f"{collection}/{record_id}")

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request; whatever is refused stops the demo and says why."""
        answer = self._client.request(method, f"{self.base}/{path}", safe=method == "GET", **options)
        if answer.status >= _BAD_REQUEST:
            raise RunError(f"the demo's own edit was refused: {method} {path}: {answer.status} {_reason(answer)}")
        return answer.data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


class CrmDesk(Desk):
    """The CRM, by its own API."""

    side = Side.CRM
    base = "/api/v1"

    @override
    def pages(self, collection: str, **filters: Any) -> Iterator[list[Row]]:
        cursor: str | None = None
        while True:
            where = {"limit": _PAGE[self.side], **filters} | ({"cursor": cursor} if cursor else {})
            answer = self.call("GET", collection, params=where)
            yield answer["records"]
            cursor = answer["nextCursor"]
            if not cursor:
                return

    @override
    def change(self, collection: str, record: Row, **values: Any) -> Row:
        headers = {"If-Match": f'"{record["version"]}"'}
        return dict(self.call("PATCH", f"{collection}/{record['id']}", json=values, headers=headers))

    @property
    def today(self) -> str:
        """The system's own date."""
        return str(self.call("GET", "organization")["serverTime"])[:10]


class ErpDesk(Desk):
    """The ERP, by its own API."""

    side = Side.ERP
    base = "/api"

    @override
    def pages(self, collection: str, **filters: Any) -> Iterator[list[Row]]:
        page, seen, total = 1, 0, 1
        while seen < total:
            answer = self.call("GET", collection, params={"page": page, "per_page": _PAGE[self.side], **filters})
            yield answer["items"]
            page, seen, total = page + 1, seen + len(answer["items"]), answer["total"]
            if not answer["items"]:
                return

    @override
    def change(self, collection: str, record: Row, **values: Any) -> Row:
        content = {**values, "revision": record["revision"]}
        return dict(self.call("PATCH", f"{collection}/{record['id']}", json=content))

    def act(self, collection: str, record: Row, action: str) -> Row:
        """Run a named action: confirm, receive."""
        return dict(self.call("POST", f"{collection}/{record['id']}/{action}", json={"revision": record["revision"]}))


def _reason(answer: Answer) -> str:
    data = answer.data if isinstance(answer.data, Mapping) else {}
    error = data.get("error", "")
    return str(error.get("message", "") if isinstance(error, Mapping) else data.get("message", error))


class Town(NamedTuple):
    """Both systems, while they run."""

    crm: CrmDesk
    erp: ErpDesk
    pids: dict[Side, int]


@contextmanager
def running(folder: Path, seed: str, *, keep: bool) -> Iterator[Town]:
    """Both systems with their own halves of one world; stopped at the end, unless everything went well and `keep`."""
    keys = _write_secrets(folder)
    with ExitStack() as stack:
        processes: dict[Side, subprocess.Popen[bytes]] = {}
        for side in Side:
            processes[side] = _launch(side, folder, seed, keys, detached=keep)
            stack.callback(_stop, processes[side])
        urls = {side: _address(side, processes[side], folder) for side in Side}
        auth = ClientCredentials("/oauth/token", SALES, lambda: keys[SALES_SECRET])
        with (
            CrmDesk(urls[Side.CRM], auth) as crm,
            ErpDesk(urls[Side.ERP], ApiKey("X-API-Key", lambda: keys[ERP_KEY])) as erp,
        ):
            yield Town(crm, erp, {side: process.pid for side, process in processes.items()})
        if keep:
            stack.pop_all()


def _write_secrets(folder: Path) -> dict[str, str]:
    keys = {name: secrets.token_urlsafe(18) for name in (CRM_SECRET, SALES_SECRET, ERP_KEY)}
    for name, value in keys.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")
    return keys


def _launch(side: Side, folder: Path, seed: str, keys: Mapping[str, str], *, detached: bool) -> subprocess.Popen[bytes]:
    """One server; detached from the terminal only where it is to outlive the demo."""
    command = [sys.executable, "-m", "connector.reference", str(side), "--port", "0"]
    command += ["--database", str(folder / f"{side}.db"), "--seed", seed]
    own = {
        "REFERENCE_CRM_CLIENT_ID": CLIENT,
        "REFERENCE_CRM_CLIENT_SECRET": keys[CRM_SECRET],
        "REFERENCE_CRM_SALES_ID": SALES,
        "REFERENCE_CRM_SALES_SECRET": keys[SALES_SECRET],
        "REFERENCE_ERP_API_KEY": keys[ERP_KEY],
        "PYTHONUNBUFFERED": "1",
    }
    with (folder / f"{side}.out").open("wb") as output, (folder / f"{side}.log").open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **own},
            start_new_session=detached,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def _address(side: Side, process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address a server prints when it is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        found = _ADDRESS.search((folder / f"{side}.out").read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    said = (folder / f"{side}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    advice = "is the connector installed with its servers: pip install 'crm-erp-connector[demo]'?"
    raise RunError(f"the reference {side} did not start; {advice}\n" + "\n".join(said[-5:]))
