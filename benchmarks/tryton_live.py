"""How fast a real Tryton is read and written through the adapter, beside a bare loop over its own bulk calls.

Both ask for the same records in chunks of the same size; the loop asks for what a mapping needs, keeps nothing and
proves nothing. Rounds alternate, so that whatever else the machine does meets both alike, and the best of each counts.
"""

import itertools
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import requests

from connector.adapters.tryton.adapter import Tryton
from connector.adapters.tryton.connect import connect
from connector.records import Body, Draft, Resource
from tests.live.tryton import running_tryton

COUNT, CHUNK, ROUNDS = 500, 100, 2
PAGE = 500
LEAST = 0.7
PARTIES = Resource("party.party")
FIELDS = [
    *("name", "code", "active", "customer_payment_term.name", "customer_currency.code", "identifiers.code"),
    *(f"contact_mechanisms.{name}" for name in ("type", "value", "active")),
    *(f"addresses.{name}" for name in ("street", "postal_code", "city", "country.code", "active")),
]
CONTEXT = {"company": 1, "language": "en", "active_test": False}
_numbers = itertools.count()


class Loop:
    """The bare loop: one session, nothing else."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._url, self._session = server["rpc_url"], requests.Session()
        login, password = server["connector_user"], server["connector_password"]
        user_id, token, _ = self.call("common.db.login", login, {"password": password})
        words = b64encode(f"{login}:{user_id}:{token}".encode()).decode()
        self._session.headers["Authorization"] = f"Session {words}"

    def call(self, method: str, *params: Any) -> Any:
        """One call."""
        content = orjson.dumps({"id": 1, "method": method, "params": params})
        answer = self._session.post(self._url, content, headers={"Content-Type": "application/json"}, timeout=300)
        return orjson.loads(answer.content)["result"]

    def read(self) -> int:
        """Read all parties."""
        found, last = 0, 0
        while True:
            domain, order = [["id", ">", last]], [["id", "ASC"]]
            rows = self.call("model.party.party.search_read", domain, 0, PAGE, order, FIELDS, CONTEXT)
            found += len(rows)
            if len(rows) < PAGE:
                return found
            last = rows[-1]["id"]

    def create(self) -> int:
        """Create parties with an address and an e-mail address."""
        country = self.call("model.country.country.search", [["code", "=", "FR"]], 0, 1, None, CONTEXT)[0]
        for _ in range(COUNT // CHUNK):
            bodies = [_body(next(_numbers)) for _ in range(CHUNK)]
            self.call("model.party.party.create", [_values(body, country) for body in bodies], CONTEXT)
        return COUNT


def through_adapter(adapter: Tryton) -> tuple[Callable[[], int], Callable[[], int]]:
    """The same reading and creating, by the adapter."""

    def read() -> int:
        page = adapter.scan(PARTIES, None)
        found = len(page.remotes)
        while page.more:
            page = adapter.scan(PARTIES, page.cursor)
            found += len(page.remotes)
        return found

    def create() -> int:
        for _ in range(COUNT // CHUNK):
            numbers = [next(_numbers) for _ in range(CHUNK)]
            outcomes = adapter.create(PARTIES, [Draft(f"k{n}", _body(n), f"bench-{n}") for n in numbers])
            assert all(each.error is None for each in outcomes), "a create was refused"  # noqa: S101
        return COUNT

    return read, create


def measure(server: Mapping[str, Any]) -> bool:
    """Print the figures; whether the adapter is fast enough beside the loop."""
    loop = Loop(server)
    known = {"url": server["url"], "database": server["db"], "login": server["connector_user"]}
    adapter = connect({**known, "password": server["connector_password"], "customer_category": ""})
    read, create = through_adapter(adapter)
    adapter.identify()
    pairs = {"create": (loop.create, create), "read": (loop.read, read)}
    good = [_compare(name, *pair) for name, pair in pairs.items()]
    adapter.close()
    return all(good)


def _compare(name: str, bare: Callable[[], int], own: Callable[[], int]) -> bool:
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        for at, act in enumerate((bare, own)):
            began = time.perf_counter()
            best[at] = max(best[at], act() / (time.perf_counter() - began))
    share = best[1] / best[0]
    print(f"tryton {name:<7} bare loop {best[0]:8.0f}/s   adapter {best[1]:8.0f}/s   {share:.2f} of it")
    return share >= LEAST


def _body(number: int) -> Body:
    address = {"street": f"{number} Main Street", "postal_code": "75001", "city": "Paris", "country": "FR"}
    return {"name": f"Bench {number}", "email": f"bench-{number}@example.org", "invoice_address": address}


def _values(body: Body, country: int) -> dict[str, Any]:
    return {
        "name": body["name"],
        "addresses": [["create", [{**body["invoice_address"], "country": country, "invoice": True}]]],
        "contact_mechanisms": [["create", [{"type": "email", "value": body["email"]}]]],
        "identifiers": [["create", [{"code": f"bare-{body['name']}"}]]],
    }


if __name__ == "__main__":
    with running_tryton() as started:
        if not measure(started):
            raise SystemExit(f"less than {LEAST} of the bare loop")
