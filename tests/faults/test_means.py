"""Creates whose answer was lost, on a system that takes neither idempotency keys nor markers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Ran, connector
from tests.faults.desk import PARKED, Desk, email
from tests.systems import running

pytestmark = pytest.mark.slow

LOST = {"fault": "lost_response", "method": "POST", "times": 1}


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both systems, where the adapter of the CRM comes from a package and does less."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "plain"))
    with running(tmp_path, "", "--faults") as systems:
        config = systems.write_config(tmp_path)
        config.write_text(config.read_text().replace("system: reference-crm", "system: plain-crm"))
        yield Desk(systems, config)


def sync(desk: Desk, entity: str) -> Ran:
    return connector(desk.config, "sync", "--json", "--entity", entity)


def test_a_unique_key_alone_makes_exactly_one_record_of_a_create_whose_answer_was_lost(plain: Desk) -> None:
    for code in ("BOLT", "NUT"):
        plain.erp.create("items", code=code, name="Part", uom="PCE", list_price="2.5", currency_code="EUR")
    plain.crm.faults({**LOST, "path": "*/products/batch"})

    lost = sync(plain, "product")
    struck = plain.crm.struck()
    settled = sync(plain, "product")

    assert struck == [1], lost.out
    assert settled.code == 0, settled.out
    assert sorted(one["productCode"] for one in plain.crm.listed("products")) == ["BOLT", "NUT"]
    assert len(connector(plain.config, "links", "list", "product", "--json").json) == 2


def test_a_create_that_never_came_is_sent_again_where_the_server_takes_only_one(plain: Desk) -> None:
    plain.erp.create("items", code="BOLT", name="Part", uom="PCE", list_price="2.5", currency_code="EUR")
    plain.crm.faults({**LOST, "fault": "reset", "path": "*/products/batch"})

    sync(plain, "product")
    struck = plain.crm.struck()
    settled = sync(plain, "product")

    assert struck == [1]
    assert settled.code == 0, settled.out
    assert [one["productCode"] for one in plain.crm.listed("products")] == ["BOLT"]


def test_without_any_means_a_create_whose_answer_was_lost_waits_for_a_person(plain: Desk) -> None:
    plain.erp.create("partners", is_company=True, name="Without any key")
    plain.crm.faults({**LOST, "path": "*/accounts/batch"})

    sync(plain, "customer")
    struck = plain.crm.struck()
    parked = sync(plain, "customer")
    told = connector(plain.config, "problems", "list")

    assert struck == [1]
    assert parked.code == PARKED, parked.out
    assert len(plain.crm.listed("accounts")) == 1
    assert "connector links add customer --crm ID --erp" in " ".join(told.out.split())


def test_without_any_means_what_a_lost_create_made_is_found_by_its_match_keys(plain: Desk) -> None:
    plain.erp.create("partners", is_company=True, name="Anna", email=email())
    plain.crm.faults({**LOST, "path": "*/accounts/batch"})

    sync(plain, "customer")
    struck = plain.crm.struck()
    settled = sync(plain, "customer")

    assert struck == [1]
    assert settled.code == 0, settled.out
    assert len(plain.crm.listed("accounts")) == 1
