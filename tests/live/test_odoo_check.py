"""`connector check` against a real Odoo names what would fail, before anything is written."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import connector
from tests.live.odoo import Odoo
from tests.live.scripts import run, script
from tests.systems import System, start

LOGIN = "limited"
WRONG = """\
mappings:
  erp:
    customer:
      website: {path: x_nowhere}
      payment_terms: {values: {net14: Whenever}}
    order:
      number: {read_only: false}
      total: {read_only: false}
"""


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    crm = start("crm", tmp_path_factory.mktemp("check"), "")
    yield crm
    crm.stop()


@pytest.fixture(scope="module")
def limited(prepared: Odoo) -> str:
    """The key of somebody who sells, and may do no more; it runs out, as such keys must."""
    groups = [("base", "group_user"), ("sales_team", "group_sale_salesman")]
    numbers = [
        prepared.listed("ir.model.data", ["res_id"], ["module", "=", module], ["name", "=", name])[0]["res_id"]
        for module, name in groups
    ]
    if not prepared.listed("res.users", ["id"], ["login", "=", LOGIN]):
        user = {"name": "Limited", "login": LOGIN, "password": f"{LOGIN}-pass", "group_ids": [[6, 0, numbers]]}
        prepared.create("res.users", user)
    maker = str(script("odoo_apikey.py", "odoo"))
    return run([sys.executable, maker, prepared.url, prepared.database, LOGIN, f"{LOGIN}-pass", "30"]).strip()


def checked(folder: Path, crm: System, odoo: Odoo, key: str, more: str = "") -> dict[str, list[str]]:
    """What check says is wrong, by place."""
    path = folder / "connector.yaml"
    path.write_text(
        "systems:\n"
        f"  crm: {{system: reference-crm, url: '{crm.url}', client_id: demo-client, client_secret: demo-secret}}\n"
        f"  erp: {{system: odoo, url: '{odoo.url}', database: {odoo.database}, api_key: '{key}'}}\n"
        f"store: {{url: 'sqlite:///{folder / 'state.db'}'}}\n{more}",
        encoding="utf-8",
    )
    found: dict[str, list[str]] = {}
    for each in connector(path, "check", "--json").json["findings"]:
        if each["severity"] == "error":
            found.setdefault(each["where"], []).append(each["message"])
    return found


def told(found: dict[str, list[Any]]) -> str:
    return "\n".join(f"{place}: {message}" for place, messages in found.items() for message in messages)


def test_rights_that_are_missing_are_named_by_collection(
    tmp_path: Path, crm: System, prepared: Odoo, limited: str
) -> None:
    found = checked(tmp_path, crm, prepared, limited)

    assert "may not update here" in found["erp, product.product (product)"][0]
    # A field that is hidden from the user is not there for him.
    assert "no field credit_limit" in found["erp, res.partner/companies (customer), credit_limit"][0]
    assert [place for place in found if "(contact)" in place] == []


def test_fields_and_choices_that_are_not_there_are_named(tmp_path: Path, crm: System, prepared: Odoo) -> None:
    found = told(checked(tmp_path, crm, prepared, prepared.api_key, WRONG))

    assert "website: the system has no field x_nowhere" in found
    assert "property_payment_term_id.name does not know Whenever" in found
    assert "total: amount_total cannot be written there" in found


def test_a_key_that_does_not_count_is_named_and_not_shown(tmp_path: Path, crm: System, prepared: Odoo) -> None:
    found = told(checked(tmp_path, crm, prepared, "0" * 40))

    assert "credentials were refused" in found
    assert "0" * 40 not in found
