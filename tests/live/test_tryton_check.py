"""`connector check` names what a live Tryton lacks before anything is written there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import connector
from tests.live.skew import an_hour_ahead
from tests.live.tryton_person import Person
from tests.live.tryton_world import write_config
from tests.systems import System, start

PASSWORD = "p00r-but-long-enough"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    crm = start("crm", tmp_path_factory.mktemp("check-crm"), "")
    yield crm
    crm.stop()


@pytest.fixture(scope="module")
def poor(tryton: dict[str, Any]) -> dict[str, Any]:
    """A user who may look after parties, and nothing else."""
    admin = Person.admin(tryton)
    groups = admin.listed("res.group", ["id"], ["name", "=", "Party Administration"])
    admin.create(
        "res.user",
        {
            "name": "Poor",
            "login": "poor",
            "password": PASSWORD,
            "companies": [["add", [1]]],
            "company": 1,
            "groups": [["add", [each["id"] for each in groups]]],
        },
    )
    admin.close()
    return {**tryton, "poor_user": "poor", "poor_password": PASSWORD}


def findings(folder: Path, crm: System, server: dict[str, Any], user: str) -> list[str]:
    """Everything that is an error, in one line each."""
    ran = connector(write_config(folder, crm, server, user), "check", "--json")
    return [f"{each['where']}: {each['message']}" for each in ran.json["findings"] if each["severity"] == "error"]


def test_missing_rights_are_named_by_model(tmp_path: Path, crm: System, poor: dict[str, Any]) -> None:
    told = findings(tmp_path, crm, poor, "poor_")

    assert any("sale.sale" in each and "may not" in each for each in told), told
    assert any("stock.shipment.internal" in each and "may not" in each for each in told), told


def test_a_missing_category_and_an_unknown_choice_are_named(
    tmp_path: Path, crm: System, tryton: dict[str, Any]
) -> None:
    text = "mappings: {erp: {customer: {payment_terms: {values: {net14: Net 99 days}}}}}\n"
    path = write_config(tmp_path, crm, tryton)
    path.write_text(
        path.read_text(encoding="utf-8").replace("    warehouse:", "    customer_category: Nobody\n    warehouse:")
        + text,
        encoding="utf-8",
    )

    told = [each["message"] for each in connector(path, "check", "--json").json["findings"]]

    assert any("has no is_customer" in each and "init --prepare" in each for each in told), told
    assert any("does not know Net 99 days" in each for each in told), told


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path, crm: System, tryton: dict[str, Any]) -> None:
    # A login of its own: Tryton makes whoever fails wait.
    wrong = {**tryton, "wrong_user": "nobody", "wrong_password": "wr0ng-password"}

    told = findings(tmp_path, crm, wrong, "wrong_")

    assert any("check login and password" in each for each in told), told
    assert not any("wr0ng-password" in each for each in told)


def test_a_code_that_is_longer_than_its_field_is_named(tmp_path: Path, crm: System, tryton: dict[str, Any]) -> None:
    path = write_config(tmp_path, crm, tryton)
    longer = "mappings: {erp: {customer: {billing_country: {values: {AT: AUT, DE: DEU}}}}}\n"
    path.write_text(path.read_text(encoding="utf-8") + longer, encoding="utf-8")

    told = [each["message"] for each in connector(path, "check", "--json").json["findings"]]

    assert "invoice_address.country holds only 2 characters" in told


def test_a_clock_that_is_off_is_named(tmp_path: Path, crm: System, tryton: dict[str, Any]) -> None:
    with an_hour_ahead(tryton["url"]) as url:
        path = write_config(tmp_path, crm, {**tryton, "url": url})
        told = connector(path, "check", "--json").json["findings"]

    (warning,) = [each for each in told if "clock is off" in each["message"]]
    assert (warning["severity"], warning["where"]) == ("warning", "erp")
