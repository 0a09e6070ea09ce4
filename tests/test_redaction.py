"""Secrets show nowhere, a person's data only where somebody asked for it: all that the product says is searched."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from connector.adapters.testing_faults import break_off, decline, lose, mask
from connector.adapters.testing_proxy import Exchange, Fault, Proxy, Reply, Request
from tests.command import Ran, connector
from tests.systems import System, start

CLIENT_SECRET = "planted-client-secret-7Qx"
API_KEY = "planted-api-key-9Zk"
WRONG_KEY = "planted-wrong-key-3Jv"
PASSWORD = "planted-db-password-4Wp"
SECRETS = (CLIENT_SECRET, API_KEY, WRONG_KEY, PASSWORD)

EMAIL, PHONE, NOTE = "quetzal@mail.example", "+4930901820977", "call Xochitl first"
LAST_NAME = "Nezahual"
QUOTED = f"{EMAIL.upper()} of {LAST_NAME} (030 901820977) is taken by other-quetzal@mail.example"
PERSONAL = ("quetzal", "90182097", "xochitl", "nezahual")
"""Parts that no table breaks over two lines, in small letters."""

pytestmark = pytest.mark.slow

CONFIG = """\
systems:
  crm: {{system: reference-crm, url: '{crm}', client_id: demo, client_secret: '${{env:PLANTED_SECRET}}', timeout: 10}}
  erp: {{system: reference-erp, url: '{erp}', api_key: '{key}', timeout: 10}}
store: {{url: '{store}'}}
log: {{level: debug}}
"""

LOOKS = (
    ("status",),
    ("problems", "list"),
    ("problems", "show", "1"),
    ("conflicts", "list"),
    ("explain", "customer", "acc-1001"),
    ("links", "show", "customer", "acc-1001"),
    ("verify",),
)
"""What is said about what has happened, as text and as JSON."""

ASKED = (
    ("conflicts", "show", "1", "--json"),
    ("explain", "customer", "acc-1001", "--values", "--json"),
    ("links", "show", "customer", "acc-1001", "--values"),
    ("plan", "-o", "plan.json"),
    ("plan", "--json"),
)
"""Whoever decides what is written sees it whole, and so does who asks."""

FAILURES: dict[str, Fault] = {
    "an answer is lost": lose,
    "an answer breaks off": break_off,
    "a page for people comes": mask(200),
    "the server fails": decline(500),
    "rest is asked for": decline(429, rest=3000),
    "credentials are refused": decline(401),
    "the call is forbidden": decline(403),
}


class World(NamedTuple):
    """Two systems with people in them, and secrets of their own; the ERP is reached through a proxy."""

    crm: System
    erp: System
    proxy: Proxy
    folder: Path

    def run(self, *words: str, **changes: str) -> Ran:
        """What a command says and logs."""
        given = {
            "crm": self.crm.url,
            "erp": self.proxy.url,
            "key": API_KEY,
            "store": f"sqlite:///{self.folder}/state.db",
        }
        path = self.folder / "connector.yaml"
        path.write_text(CONFIG.format(**{**given, **changes}), encoding="utf-8")
        return connector(path, *words)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("redaction")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFERENCE_CRM_CLIENT_ID", "demo")
        patch.setenv("REFERENCE_CRM_CLIENT_SECRET", CLIENT_SECRET)
        patch.setenv("REFERENCE_ERP_API_KEY", API_KEY)
        patch.setenv("PLANTED_SECRET", CLIENT_SECRET)
        crm, erp = start("crm", folder, ""), start("erp", folder, "")
        try:
            let_in(crm, {"Authorization": f"Bearer {token_of(crm)}"})
            let_in(erp, {"X-API-Key": API_KEY})
            with Proxy(erp.url) as proxy:
                yield World(crm, erp, proxy, folder)
        finally:
            crm.stop()
            erp.stop()


def token_of(crm: System) -> str:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": CLIENT_SECRET}
    return str(requests.post(f"{crm.url}/oauth/token", data=form, timeout=10).json()["access_token"])


def let_in(system: System, credentials: dict[str, str]) -> None:
    system.session = requests.Session()
    system.session.headers.update(credentials)


def quote(exchange: Exchange) -> None:
    """The ERP refuses a record, and quotes it as systems do."""
    refusal = {"status": 422, "error": "invalid", "message": QUOTED, "field": "email"}
    body = json.dumps({"results": [refusal]}).encode()
    exchange.answer(Reply(200, {"Content-Type": "application/json"}, body))


def writes(request: Request) -> bool:
    return request.method == "POST"


def creates_contact(request: Request) -> bool:
    return request.method == "POST" and LAST_NAME in request.text


@pytest.fixture(scope="module")
def said(world: World) -> dict[str, Ran]:
    """What was said about a person's data that was written, fought over, refused and about to be changed."""
    account = world.crm.create("accounts", name="Planted Ltd", email=EMAIL, phone=PHONE, notes=NOTE)
    world.crm.create("contacts", accountId=account["id"], lastName=LAST_NAME, email=f"c-{EMAIL}", phone=PHONE)
    world.proxy.disturb(quote, creates_contact)
    for number, name in enumerate(FAILURES):
        world.crm.create("accounts", name=name, email=f"{number}-{EMAIL}")
    told = {"check": world.run("check", "--json"), "match": world.run("match", "--json")}
    told["first sync"] = world.run("sync", "--debug")
    (partner,) = world.erp.listed("partners", name="Planted Ltd")
    world.crm.change("accounts", account["id"], notes=f"CRM: {NOTE}", phone=f"{PHONE}8")
    world.erp.change("partners", partner["id"], comment=f"ERP: {NOTE}")
    told["second sync"] = world.run("sync", "--json", "--debug")
    for words in LOOKS:
        told[" ".join(words)] = world.run(*words)
        told[" ".join(words) + " --json"] = world.run(*words, "--json")
    return told


@pytest.fixture(scope="module")
def failed(world: World, said: dict[str, Ran]) -> dict[str, Ran]:
    """What is said when things go wrong, as talkatively as possible; a change is on its way meanwhile."""
    told: dict[str, Ran] = {}
    for name, fault in FAILURES.items():
        (account,) = world.crm.listed("accounts", name=name)
        world.crm.change("accounts", account["id"], email=f"new-{account['email']}")
        world.proxy.disturb(fault, writes)
        told[name] = world.run("sync", "--entity", "customer", "--debug")
    told["a wrong key"] = world.run("sync", "--debug", key=WRONG_KEY)
    database = f"postgresql+psycopg://planted:{PASSWORD}@127.0.0.1:9/state"
    told["no database"] = world.run("status", "--debug", store=database)
    told["a database without a driver"] = world.run("status", "--debug", store=f"mysql://planted:{PASSWORD}@db/state")
    told["a key in the wrong place"] = world.run("check", key=f"', token: '{WRONG_KEY}")
    told["a key in the address"] = world.run("check", "--debug", erp=f"http://user:{WRONG_KEY}@127.0.0.1:9")
    return told


@pytest.fixture(scope="module")
def asked(world: World, failed: dict[str, Ran]) -> dict[str, Ran]:
    """What is said to those who ask for a person's data; a change of it waits to be written."""
    world.run("sync")
    world.crm.change("accounts", "acc-1001", email=f"next-{EMAIL}")
    return {" ".join(words): world.run(*words) for words in ASKED}


def showing(told: dict[str, Ran], planted: tuple[str, ...], part: Callable[[Ran], str]) -> list[str]:
    """The names of what shows something that was planted."""
    return [name for name, ran in told.items() if any(each.lower() in part(ran).lower() for each in planted)]


def everything(ran: Ran) -> str:
    return ran.out + ran.err


def logs_and_errors(ran: Ran) -> str:
    return ran.err


def test_the_persons_data_went_where_it_belongs(world: World, said: dict[str, Ran]) -> None:
    (partner,) = world.erp.listed("partners", name="Planted Ltd")

    assert EMAIL in partner["email"]
    assert said["problems list --json"].json[0]["field"] == "email"
    assert said["conflicts list --json"].json[0]["field"] == "notes"
    assert said["first sync"].err != ""


def test_no_secret_is_ever_said(said: dict[str, Ran], failed: dict[str, Ran], asked: dict[str, Ran]) -> None:
    assert showing({**said, **failed, **asked}, SECRETS, everything) == []


def test_no_log_and_no_error_shows_a_persons_data(
    said: dict[str, Ran], failed: dict[str, Ran], asked: dict[str, Ran]
) -> None:
    assert showing({**said, **failed, **asked}, PERSONAL, logs_and_errors) == []


def test_a_persons_data_is_not_shown_unasked(said: dict[str, Ran], failed: dict[str, Ran]) -> None:
    assert showing({**said, **failed}, PERSONAL, everything) == []


def test_a_persons_data_is_shown_to_who_asks_for_it(asked: dict[str, Ran]) -> None:
    assert showing(asked, PERSONAL, everything) == list(asked)


def test_every_failure_is_told(failed: dict[str, Ran]) -> None:
    assert [name for name, ran in failed.items() if not ran.code or not ran.err] == []
    assert [name for name, ran in failed.items() if ran.code == 70] == []


def test_the_state_and_plan_files_hold_no_secret(world: World, asked: dict[str, Ran]) -> None:
    kept = {path.name: path.read_bytes() for path in world.folder.glob("*") if path.name.startswith(("state", "plan"))}

    assert {"state.db", "plan.json"} <= set(kept)
    assert [name for name, data in kept.items() for secret in SECRETS if secret.encode() in data] == []
    assert EMAIL.encode() in b"".join(kept.values())
    assert [name for name in kept if (world.folder / name).stat().st_mode & 0o077] == []
