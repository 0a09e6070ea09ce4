"""What a run needs is put together; both systems can be asked who they are while the rest is loaded."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import responses

from connector.bootstrap import build
from connector.endpoints import check_endpoints
from connector.errors import ConfigError
from connector.executor import begin
from connector.records import Fingerprint, Side
from connector.report import Report
from connector.settings import Settings, load_settings
from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits
from tests.simulation.trial import be_quiet

CRM, ERP = "http://crm.test", "http://erp.test"
CONFIGURATION = f"""\
systems:
  crm: {{system: reference-crm, url: "{CRM}", client_id: demo, client_secret: hunter2222}}
  erp: {{system: reference-erp, url: "{ERP}", api_key: hunter2223}}
"""
NOW = "2026-11-23T20:00:00.000Z"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    def read(more: str = "") -> Settings:
        path = tmp_path / "connector.yaml"
        store = f'store: {{url: "sqlite:///{tmp_path / "state.db"}"}}\n'
        path.write_text(CONFIGURATION + store + more, encoding="utf-8")
        return load_settings(path, {})

    return read


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_both_systems_are_asked_who_they_are_before_anybody_wants_to_know(
    load: Callable[..., Settings], wire: responses.RequestsMock
) -> None:
    wire.post(f"{CRM}/oauth/token", json={"access_token": "t", "expires_in": 3600})
    wire.get(f"{CRM}/api/v1/organization", json={"id": "org-1", "environment": "test", "serverTime": NOW})
    wire.get(f"{ERP}/api/company", json={"company_id": 1, "database": "test", "now": "2026-11-23 20:00:00"})

    context = build(load(), asks=True)

    told = {side: answer.result(timeout=20)[0].tenant for side, answer in context.identified.items()}
    assert told == {Side.CRM: "org-1", Side.ERP: "1"}
    context.store.close()


def test_nobody_is_asked_where_the_configuration_is_wrong(
    load: Callable[..., Settings], wire: responses.RequestsMock
) -> None:
    with pytest.raises(ConfigError):
        build(load("mappings: {crm: {customer: {nonsense: name}}}\n"), asks=True)

    assert len(wire.calls) == 0


def test_nobody_is_asked_where_that_is_not_wished(load: Callable[..., Settings], wire: responses.RequestsMock) -> None:
    context = build(load())

    assert (context.identified, len(wire.calls)) == ({}, 0)
    context.store.close()


def test_an_answer_that_came_early_is_good_for_one_run() -> None:
    be_quiet()
    small = Small(Traits.good(), Traits.good(), Rules())
    context = small.life.running(Random(0)).context  # noqa: S311 -- nothing is left to chance
    early = Fingerprint("sim-crm", "t1", "test", small.life.world.now())
    context.identified[Side.CRM] = begin(lambda: (early, datetime(2026, 11, 23, tzinfo=UTC)))

    asked = []
    for _ in range(2):
        check_endpoints(context, Report("run", "sync"))
        asked.append((small.crm.requests, small.erp.requests))

    assert asked == [(0, 1), (1, 2)]
    small.life.close()
