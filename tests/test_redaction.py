"""Secrets show nowhere, and a person's data only where somebody asked for it: the whole product is searched."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from connector.adapters.testing_faults import PLANTED, break_off, decline, lose, mask
from connector.adapters.testing_proxy import ALWAYS, Fault, Proxy
from tests.command import Ran, connector
from tests.systems import System, Systems, start

CLIENT_SECRET = "planted-client-secret-7Qx"
API_KEY = "planted-api-key-9Zk"
PASSWORD = "planted-db-password-4Wp"
SECRETS = (CLIENT_SECRET, API_KEY, PASSWORD)

EMAIL = "quetzal.unusual@planted-mail.example"
PHONE = "+4930901820977"
NOTE = "planted note: prefers to be called Xochitl"
STREET = "Planted Alley " + "far " * 45
LAST_NAME = "Quetzalcoatlus"
PERSONAL = (EMAIL, "30901820977", "Xochitl", "Planted Alley", LAST_NAME)

CONFIG = """\
systems:
  crm: {{system: reference-crm, url: '{crm}', client_id: demo-client, client_secret: '${{env:CRM_SECRET}}', timeout: 5}}
  erp: {{system: reference-erp, url: '{erp}', api_key: '{key}', timeout: 5}}
store: {{url: '{store}'}}
log: {{level: debug}}
"""


class World(NamedTuple):
    """Two systems with secrets of their own and people in them, and what every command said about them."""

    systems: Systems
    folder: Path

    def config(self, **changes: str) -> Path:
        """A configuration with its secrets in the environment and in the file."""
        given = {"crm": self.systems.crm.url, "erp": self.systems.erp.url, "key": API_KEY}
        store = f"sqlite:///{self.folder / 'state.db'}"
        path = self.folder / "connector.yaml"
        path.write_text(CONFIG.format(**{**given, "store": store, **changes}), encoding="utf-8")
        return path

    def run(self, *words: str, **changes: str) -> Ran:
        """What a command says."""
        return connector(self.config(**changes), *words)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The systems after a sync that met a person's data, a conflict about it and refusals of it."""
    folder = tmp_path_factory.mktemp("redaction")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFERENCE_CRM_CLIENT_SECRET", CLIENT_SECRET)
        patch.setenv("REFERENCE_ERP_API_KEY", API_KEY)
        patch.setenv("CRM_SECRET", CLIENT_SECRET)
        systems = Systems(start("crm", folder, ""), start("erp", folder, ""))
        try:
            _let_in(systems)
            yield World(systems, folder)
        finally:
            systems.crm.stop()
            systems.erp.stop()


def _let_in(systems: Systems) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": CLIENT_SECRET}
    token = requests.post(f"{systems.crm.url}/oauth/token", data=form, timeout=10).json()["access_token"]
    for system, credentials in (
        (systems.crm, {"Authorization": f"Bearer {token}"}),
        (systems.erp, {"X-API-Key": API_KEY}),
    ):
        system.__dict__["session"] = requests.Session()
        system.session.headers.update(credentials)


def test_explore(world: World) -> None:
    crm, erp = world.systems
    account = crm.create("accounts", name="Planted Ltd", email=EMAIL, phone=PHONE, notes=NOTE)
    crm.create("contacts", accountId=account["id"], lastName=LAST_NAME, email=f"c-{EMAIL}")
    crm.create(
        "accounts",
        name="Far Ltd",
        email=f"f-{EMAIL}",
        billingAddress={"street": STREET, "city": "Ulm", "country": "DE"},
    )
    first = world.run("sync", "--json")
    print(first)
    partner = next(each for each in erp.listed("partners") if each["email"] == EMAIL)
    print(partner)
    crm.change("accounts", account["id"], notes=f"crm {NOTE}")
    erp.change("partners", partner["id"], comment=f"erp {NOTE}")
    for words in (
        "sync",
        "status",
        "status --json",
        "problems list",
        "problems list --json",
        "problems show 1",
        "conflicts list --json",
        "conflicts list",
        "conflicts show 1",
        "explain customer " + account["id"],
        "explain --json customer " + account["id"],
        "verify",
        "verify --json",
        "match",
        "plan",
        "plan --json",
        "links list customer",
        "links show customer " + account["id"],
        "cursor show",
        "check",
        "check --json",
        "systems show reference-crm",
        "mappings show customer",
    ):
        ran = world.run(*words.split())
        print("=====", words, ran.code)
        print(ran.out, ran.err)
    assert 0
