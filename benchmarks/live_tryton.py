"""Tryton's part of `make bench-live`: parties with their address and e-mail address, by its bulk calls and by ours."""

import itertools
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
import requests

from connector.adapters.tryton.adapter import Tryton
from connector.adapters.tryton.connect import connect
from connector.records import Body, Resource
from tests.live.tryton import running_tryton

CHUNK, PAGE = 100, 500
PARTIES = Resource("party.party")
FIELDS = [
    *("name", "code", "active", "customer_payment_term.name", "customer_currency.code", "identifiers.code"),
    *(f"contact_mechanisms.{name}" for name in ("type", "value", "active")),
    *(f"addresses.{name}" for name in ("street", "postal_code", "city", "country.code", "active")),
]
"""What a mapping needs of a customer."""
CONTEXT = {"company": 1, "language": "en", "active_test": False}
_numbers = itertools.count()


class Parts(NamedTuple):
    """What a contest is made of."""

    adapter: Tryton
    resource: Resource
    body: Callable[[int], Body]
    bare_read: Callable[[], int]
    bare_create: Callable[[int], int]


@contextmanager
def parts() -> Iterator[Parts]:
    """A running Tryton, the adapter, and the bare loop, both as the connector's own user."""
    with running_tryton() as server:
        loop = _Loop(server)
        known = {"url": server["url"], "database": server["db"], "login": server["connector_user"]}
        adapter = connect({**known, "password": server["connector_password"], "customer_category": ""})
        adapter.identify()
        yield Parts(adapter, PARTIES, lambda _: _body(), loop.read, loop.create)
        adapter.close()


class _Loop:
    """One session, nothing else: keeps nothing and proves nothing."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._url, self._session = server["rpc_url"], requests.Session()
        login, password = server["connector_user"], server["connector_password"]
        user_id, token, _ = self._call("common.db.login", login, {"password": password})
        words = b64encode(f"{login}:{user_id}:{token}".encode()).decode()
        self._session.headers["Authorization"] = f"Session {words}"

    def read(self) -> int:
        """Read all parties."""
        found, last = 0, 0
        rows: list[dict[str, Any]] = [{}]
        while rows:
            domain, order = [["id", ">", last]], [["id", "ASC"]]
            rows = self._call("model.party.party.search_read", domain, 0, PAGE, order, FIELDS, CONTEXT)
            found, last = found + len(rows), rows[-1]["id"] if rows else last
        return found

    def create(self, count: int) -> int:
        """Create so many parties."""
        country = self._call("model.country.country.search", [["code", "=", "FR"]], 0, 1, None, CONTEXT)[0]
        for start in range(0, count, CHUNK):
            bodies = [_body() for _ in range(min(CHUNK, count - start))]
            self._call("model.party.party.create", [_values(body, country) for body in bodies], CONTEXT)
        return count

    def _call(self, method: str, *params: Any) -> Any:
        content = orjson.dumps({"id": 1, "method": method, "params": params})
        answer = self._session.post(self._url, content, headers={"Content-Type": "application/json"}, timeout=300)
        return orjson.loads(answer.content)["result"]


def _body() -> Body:
    number = next(_numbers)
    address = {"street": f"{number} Main Street", "postal_code": "75001", "city": "Paris", "country": "FR"}
    return {"name": f"Bench {number}", "email": f"bench-{number}@example.org", "invoice_address": address}


def _values(body: Body, country: int) -> dict[str, Any]:
    return {
        "name": body["name"],
        "addresses": [["create", [{**body["invoice_address"], "country": country, "invoice": True}]]],
        "contact_mechanisms": [["create", [{"type": "email", "value": body["email"]}]]],
        "identifiers": [["create", [{"code": f"bare-{body['name']}"}]]],
    }
