"""A real Odoo for the length of a session, and what a person does in it by its own API."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.adapters.odoo.system import connect
from connector.records import LiveField
from tests.live.scripts import free_port, given, place, run, script

LOG = Path("log", "odoo.log")
ADMIN = {"database": "erp", "login": "admin", "password": "admin", "api_key": ""}
FIELDS = {
    "res.partner": ("x_connector_id", "x_connector_given_name"),
    "product.product": ("x_connector_id",),
    "sale.order": ("x_connector_id",),
    "stock.picking": ("x_connector_id",),
}


class Odoo:
    """One live Odoo, spoken to as a person with full rights would."""

    def __init__(self, url: str, database: str, login: str, password: str, api_key: str) -> None:
        self.url, self.database, self.login, self.password, self.api_key = url, database, login, password, api_key
        self.start_anew: Callable[[], str] | None = None
        """Brings a clean database, and tells the key for it; None where that is not ours to do."""

    @cached_property
    def session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update({"Authorization": f"bearer {self.api_key}", "X-Odoo-Database": self.database})
        return session

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """Call one method of a model by JSON-2."""
        answer = self.session.post(f"{self.url}/json/2/{model}/{method}", json=arguments, timeout=120)
        assert answer.ok, f"{model}.{method}: {answer.status_code} {answer.json().get('message', '')[:500]}"
        return answer.json()

    def create(self, model: str, *values: dict[str, Any], **context: Any) -> list[int]:
        """Somebody enters new records."""
        return self.call(model, "create", vals_list=list(values), context=context)

    def write(self, model: str, ids: list[int], **values: Any) -> None:
        """Somebody edits records."""
        self.call(model, "write", ids=ids, vals=values)

    def listed(self, model: str, fields: list[str], *domain: Any) -> list[dict[str, Any]]:
        """Every record that fits, archived ones too, in the order of their ids."""
        context = {"active_test": False}
        return self.call(model, "search_read", domain=list(domain), fields=fields, order="id", context=context)

    def be_empty(self) -> None:
        """Begin with nobody's records; where there are some that are not ours to throw away, the test is skipped."""
        if not self.listed("sale.order", ["id"]):
            return
        if self.start_anew is None:
            pytest.skip("odoo: it holds orders already, and this story begins with an empty one")
        self.close()
        self.api_key = self.start_anew()

    def close(self) -> None:
        """Give back the connection."""
        if "session" in self.__dict__:
            self.session.close()
            del self.session


def prepare(odoo: Odoo) -> None:
    """Make the fields of our own, where they are not there yet."""
    adapter = connect({"url": odoo.url, "database": odoo.database, "api_key": odoo.api_key})
    for model, names in FIELDS.items():
        known = {field.name for field in adapter.describe(model)}
        missing = [LiveField(name, "text") for name in names if name not in known]
        if missing:
            adapter.prepare(model, missing)
    adapter.close()


@contextmanager
def running_odoo() -> Iterator[Odoo]:
    """The Odoo that the environment names, or one with a clean database, stopped at the end."""
    known = given("odoo", **ADMIN)
    if known is not None:
        yield from _opened(known)
        return
    start = script("odoo.sh", "odoo")
    if os.geteuid() != 0:
        pytest.skip("odoo: its script needs root, as it runs Odoo as a user of its own")
    with place("odoo") as home:
        variables = {"ODOO_HOME": str(home), "PORT": str(free_port()), "PGPORT": _database_port(home)}
        try:
            run([str(start), "reset"], variables, home / LOG)
            yield from _opened({"url": f"http://127.0.0.1:{variables['PORT']}", **ADMIN}, start, variables)
        finally:
            run([str(start), "down"], variables)


def _opened(
    known: dict[str, str], start: Path | None = None, variables: dict[str, str] | None = None
) -> Iterator[Odoo]:
    odoo = Odoo(**{**known, "api_key": known["api_key"] or _new_key(known)})
    if start is not None:

        def start_anew() -> str:
            run([str(start), "reset"], variables)
            return _new_key(known)

        odoo.start_anew = start_anew
    yield odoo
    odoo.close()


def _new_key(known: dict[str, str]) -> str:
    words = [known[name] for name in ("url", "database", "login", "password")]
    return run([sys.executable, str(script("odoo_apikey.py", "odoo")), *words]).strip()


def _database_port(home: Path) -> str:
    """The port of the database in this place: chosen once, as its configuration keeps it."""
    kept = home / "database-port"
    if not kept.exists():
        kept.write_text(str(free_port()), encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()
