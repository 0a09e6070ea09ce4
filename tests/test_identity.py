"""Who is who, over time: match keys follow the records that carry them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import connector
from tests.systems import Systems, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Systems, Path]]:
    """Two systems without a seed, and their configuration."""
    folder = tmp_path_factory.mktemp("identity")
    with running(folder, "") as systems:
        yield systems, systems.write_config(folder)


def test_a_key_that_our_own_write_replaced_no_longer_claims_anybody(desk: tuple[Systems, Path]) -> None:
    systems, config = desk
    systems.crm.create("accounts", name="Alt", email="old@key.example")
    connector(config, "sync")
    (partner,) = systems.erp.listed("partners", email="old@key.example")
    systems.erp.change("partners", str(partner["id"]), email="new@key.example")
    connector(config, "sync")
    systems.crm.create("accounts", name="Another", email="old@key.example")
    assert connector(config, "sync").code == 0
    assert len(systems.erp.listed("partners", email="old@key.example")) == 1


def test_a_record_found_only_by_an_enumeration_is_matched_like_any_other(desk: tuple[Systems, Path]) -> None:
    systems, config = desk
    connector(config, "sync")
    systems.erp.create("partners", is_company=True, name="Beide", email="both@key.example")
    systems.crm.create("accounts", name="Beide", email="both@key.example")
    assert connector(config, "sync", "--full").code == 0
    assert len(systems.crm.listed("accounts", email="both@key.example")) == 1
    assert len(systems.erp.listed("partners", email="both@key.example")) == 1


def test_a_record_that_links_after_it_was_parked_keeps_the_newer_value(desk: tuple[Systems, Path]) -> None:
    systems, config = desk
    twins = [systems.erp.create("partners", is_company=True, name="Twin", vat="DE811569869") for _ in range(2)]
    account = systems.crm.create("accounts", name="Twin", vatId="DE811569869")
    contact = {"firstName": "Siân", "lastName": "Owen", "email": "sian@key.example"}
    systems.crm.create("contacts", accountId=account["id"], **contact)
    person = {"firstname": "Sian", "lastname": "Owen", "email": "sian@key.example"}
    clerk = systems.erp.create("partners", is_company=False, parent_id=twins[0]["id"], **person)
    assert connector(config, "sync").code == 3
    connector(config, "links", "add", "customer", "--crm", account["id"], "--erp", str(twins[0]["id"]))
    connector(config, "sync")
    assert systems.erp.read("partners", str(clerk["id"]))["firstname"] == "Siân"
    (sian,) = systems.crm.listed("contacts", email="sian@key.example")
    assert sian["firstName"] == "Siân"


def test_a_pair_whose_two_keys_stand_far_apart_is_decided_once(tmp_path: Path) -> None:
    with running(tmp_path, "") as systems:
        config = systems.write_config(tmp_path, "sync: {chunk: 3}\n")
        rows = [{"op": "create", "record": {"name": f"C{n}", "email": f"c{n}@far.example"}} for n in range(20)]
        systems.crm.call("POST", "accounts/batch", json={"operations": rows})
        assert connector(config, "sync").code == 0
        for number in range(20):
            (account,) = systems.crm.listed("accounts", email=f"c{number}@far.example")
            systems.crm.change("accounts", account["id"], website=f"crm{number}.example")
            (partner,) = systems.erp.listed("partners", email=f"c{number}@far.example")
            systems.erp.change("partners", str(partner["id"]), credit_limit="100.00")
        ran = connector(config, "sync", "--json")
        assert (ran.code, ran.json["writes"]) == (0, 40)
