"""The real systems answer at all, so that a failure elsewhere is not theirs."""

from typing import Any

import requests

from tests.live.odoo import Odoo


def test_a_real_odoo_knows_who_asks(odoo: Odoo) -> None:
    assert odoo.call("res.users", "context_get")["uid"] > 0


def test_a_real_tryton_answers(tryton: dict[str, Any]) -> None:
    answer = requests.post(tryton["rpc_url"], json={"method": "common.server.version", "params": []}, timeout=30)

    assert answer.ok
