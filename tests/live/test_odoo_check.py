"""`connector check` against a real Odoo names what would fail, before anything is written."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import connector
from tests.live.odoo import Odoo
from tests.live.scripts import run, script
from tests.live.skew import an_hour_ahead
from tests.systems import System, start

LOGIN = "limited"
SHORT = "x_short"
CODES = """\
mappings:
  erp:
    customer:
      payment_terms: {path: x_short, values: {immediate: NOW, net14: "14 DAYS", net30: "30", net60: "60"}}
      tax_id: {path: x_short_too, normal: ["cut(20)"]}
"""
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


def configured(folder: Path, crm: System, odoo: Odoo, key: str, more: str = "") -> Path:
    path = folder / "connector.yaml"
    path.write_text(
        "systems:\n"
        f"  crm: {{system: reference-crm, url: '{crm.url}', client_id: demo-client, client_secret: demo-secret}}\n"
        f"  erp: {{system: odoo, url: '{odoo.url}', database: {odoo.database}, api_key: '{key}'}}\n"
        f"store: {{url: 'sqlite:///{folder / 'state.db'}'}}\n{more}",
        encoding="utf-8",
    )
    return path


def checked(folder: Path, crm: System, odoo: Odoo, key: str, more: str = "") -> dict[str, list[str]]:
    """What check says is wrong, by place."""
    found: dict[str, list[str]] = {}
    for each in connector(configured(folder, crm, odoo, key, more), "check", "--json").json["findings"]:
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


def test_fields_that_are_too_short_are_named(tmp_path: Path, crm: System, prepared: Odoo) -> None:
    model = prepared.listed("ir.model", ["id"], ["model", "=", "res.partner"])[0]["id"]
    fields = [{"name": SHORT, "size": 3}, {"name": f"{SHORT}_too", "size": 10}]
    prepared.create("ir.model.fields", *({"model_id": model, "ttype": "char", **each} for each in fields))

    found = told(checked(tmp_path, crm, prepared, prepared.api_key, CODES))

    assert "payment_terms: x_short holds only 3 characters" in found
    assert "tax_id: cut(20) is said, but x_short_too holds 10 characters" in found


def test_a_field_of_ours_that_is_missing_is_named_with_what_makes_it(
    tmp_path: Path, crm: System, prepared: Odoo
) -> None:
    marker = "mappings: {erp: {customer: {resource: {marker: x_nobody_made}}}}\n"

    found = told(checked(tmp_path, crm, prepared, prepared.api_key, marker))

    assert "no field x_nobody_made for the other side's id; make it with: connector init --prepare" in found


def test_a_clock_that_is_off_is_named(tmp_path: Path, crm: System, prepared: Odoo) -> None:
    with an_hour_ahead(prepared.url) as url:
        ahead = Odoo(url, prepared.database, prepared.login, prepared.password, prepared.api_key)
        found = connector(configured(tmp_path, crm, ahead, ahead.api_key), "check", "--json").json["findings"]

    (warning,) = [each for each in found if "clock is off" in each["message"]]
    assert warning["where"] == "erp"
    assert 3590 < int(warning["message"].split(" by ")[1].split(" s;")[0]) < 3610
