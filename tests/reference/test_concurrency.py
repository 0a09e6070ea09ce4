"""Several clients at once: writes are in sequence, and nobody overwrites what he has not seen."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.systems import System

CLIENTS = 8


def at_once(system: System, ask: Callable[[requests.Session], Any]) -> list[Any]:
    """The answers to the same question from several clients together."""

    def client(_: int) -> Any:
        with requests.Session() as session:
            session.headers.update(system.session.headers)
            return ask(session)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(client, range(CLIENTS)))


def test_of_many_changes_from_one_version_only_one_is_made(crm: System) -> None:
    account = crm.create("accounts", name="A")
    url, headers = f"{crm.base}/accounts/{account['id']}", {"If-Match": '"1"'}

    answers = at_once(crm, lambda one: one.patch(url, json={"name": "B"}, headers=headers, timeout=30).status_code)

    assert Counter(answers) == {200: 1, 412: CLIENTS - 1}
    assert crm.read("accounts", account["id"])["version"] == 2


def test_a_create_that_is_sent_many_times_at_once_is_made_once(erp: System, unique: str) -> None:
    values, headers = {"is_company": True, "name": unique}, {"Idempotency-Key": unique}

    ids = at_once(
        erp, lambda one: one.post(f"{erp.base}/partners", json=values, headers=headers, timeout=30).json()["id"]
    )

    assert len(set(ids)) == 1
    assert len(erp.listed("partners", name=unique)) == 1


def test_moves_at_once_all_count(erp: System, unique: str) -> None:
    item = erp.create("items", code=unique, name="Thing")["id"]
    move = {"item_id": item, "warehouse_code": "MAIN", "quantity": "1.125", "kind": "receipt"}

    at_once(erp, lambda one: one.post(f"{erp.base}/stock_moves", json=move, timeout=30).raise_for_status())

    assert erp.read("stock_levels", f"{item}-MAIN")["on_hand"] == "9.000"
