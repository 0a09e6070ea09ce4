"""The real systems answer at all, so that a failure elsewhere is not theirs."""

from typing import Any

import requests

from tests.live.odoo import Odoo


def test_a_real_odoo_knows_who_asks(odoo: Odoo) -> None:
    assert odoo.call("res.users", "context_get")["uid"] > 0


def test_a_real_tryton_lets_its_user_in(tryton: dict[str, Any]) -> None:
    login = {"id": 1, "method": "common.db.login", "params": [tryton["user"], {"password": tryton["password"]}]}

    answer = requests.post(tryton["rpc_url"], json=login, timeout=30)

    assert answer.ok
    assert answer.json()["result"]
