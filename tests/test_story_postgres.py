"""The story in short, with the state in PostgreSQL: two systems that drifted apart meet, and stay together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import witness
from tests.command import Ran, connector
from tests.postgres import Server
from tests.systems import Systems, running

pytestmark = pytest.mark.postgres

SEED = "customers=60,contacts=60,products=20,orders=30"


class World(NamedTuple):
    """Both systems, a configuration with its state in PostgreSQL, and how the first sync ended."""

    systems: Systems
    config: Path
    first: Ran

    def writes(self) -> int:
        """How many records both servers have written since they started."""
        return sum(int(system.stats()["total"]["writes"]) for system in self.systems)

    def pair(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """One customer as both sides have it, joined by the ERP's own number."""
        accounts = witness.every(self.systems.crm, "accounts").values()
        one = min((account for account in accounts if account.get("erpNumber")), key=lambda account: account["id"])
        (other,) = self.systems.erp.listed("partners", code=one["erpNumber"])
        return one, other


@pytest.fixture(scope="module")
def world(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small world after its first sync, which made the tables too."""
    folder = tmp_path_factory.mktemp("story")
    url = postgres_server.create()
    with running(folder, SEED) as systems:
        config = systems.write_config(folder, store=url)
        yield World(systems, config, connector(config, "sync", "--json"))
    postgres_server.drop(url)


def test_after_the_first_sync_both_sides_tell_one_story(world: World) -> None:
    assert world.first.code in (0, 3), world.first.err + world.first.out
    assert world.first.json["halted"] == []
    assert witness.customers(world.systems, witness.shared_vat_ids(world.systems)).is_one_story
    assert witness.orders(world.systems).is_one_story
    assert witness.stock(world.systems).is_one_story


def test_a_second_sync_writes_nothing(world: World) -> None:
    before = world.writes()

    again = connector(world.config, "sync", "--json")

    assert again.json["writes"] == 0
    assert world.writes() == before


def test_an_edit_on_each_side_reaches_the_other(world: World) -> None:
    one, other = world.pair()
    world.systems.crm.change("accounts", one["id"], website="moved.example")
    world.systems.erp.change("partners", str(other["id"]), credit_limit="7500.00")

    connector(world.config, "sync")

    one, other = world.pair()
    assert (one["website"], one["creditLimit"]) == ("moved.example", 7500)
    assert (other["website"], other["credit_limit"]) == ("moved.example", "7500.00")


def test_verify_finds_no_difference_but_the_one_that_waits_for_a_person(world: World) -> None:
    connector(world.config, "sync")

    verified = connector(world.config, "verify", "--json")

    # The seed holds two ERP partners with one VAT id: a person's case, and so is the contact of one of them.
    assert verified.code == 3
    assert [entity["entity"] for entity in verified.json["entities"] if entity["unexplained"]] == []
