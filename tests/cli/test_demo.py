"""The demo as somebody meets it: a command, in a process of its own, in an empty folder."""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from connector.history import as_dict, explain
from connector.records import Side
from connector.store.database import open_store
from connector.store.schema import link, operation, sighting
from tests.command import Ran, command, connector

SMALL = ("--customers", "60", "--orders", "40")
LONGEST = 300
HEADINGS = [
    "1. Two systems that drifted apart",
    "2. Which records are the same",
    "3. The first sync",
    "4. People go on working, on both sides",
    "5. What a person must decide",
    "6. From a lead to a customer, and after",
    "7. From an order to its money",
    "8. Do they agree?",
    "Both systems tell one story",
]


def demo(folder: Path, *words: str, **variables: str) -> Ran:
    """One demo, to its end."""
    done = subprocess.run(
        [*command("demo"), *SMALL, *words],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The demo as it is read where there is no terminal."""
    folder = tmp_path_factory.mktemp("told")
    ran = demo(folder)
    assert list(folder.iterdir()) == []
    return ran


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `--json` prints of a world of several chunks that has ambiguous customers; variables lead nowhere."""
    folder = tmp_path_factory.mktemp("found")
    ran = demo(folder, "--json", "--customers", "1000", CONNECTOR_SYSTEMS__ERP__URL="http://127.0.0.1:9")
    assert ran.code == 0, ran.out + ran.err
    return ran.json


def answers(url: str) -> bool:
    """Whether anybody listens at an address."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), int(parts.port or 0))) == 0


def is_quiet_soon(url: str) -> bool:
    """Whether nobody listens any more, given a moment."""
    end = time.monotonic() + 15
    while answers(url) and time.monotonic() < end:
        time.sleep(0.1)
    return not answers(url)


def untold(config: str) -> list[str]:
    """The linked records whose story lacks a receipt, a decision, or one of their writes."""
    lacking = []
    with closing(open_store(f"sqlite:///{Path(config).with_name('connector.db')}")) as store:
        with store.read() as connection:
            pairs = connection.execute(select(link)).all()
            writes = connection.execute(
                select(operation.c.id, operation.c.entity, operation.c.side, operation.c.target)
            )
            written = {(entity, side, target, number) for number, entity, side, target in writes if target}
        for pair in pairs:
            for side, record_id in ((Side.CRM, pair.crm_id), (Side.ERP, pair.erp_id)):
                moments = as_dict(explain(store, pair.entity, record_id, side), ())["moments"]
                told = {one.get("operation") for one in moments}
                received = any(one["kind"] == "first_seen" for one in moments)
                decided = any(one["kind"] == "linked" or one.get("why") for one in moments)
                mine = {number for *ref, number in written if ref == [pair.entity, side, record_id]}
                if not (received and decided and mine <= told):
                    lacking.append(f"{pair.entity} {side}:{record_id}")
    assert pairs
    assert written
    return lacking


def drafts(config: str) -> list[str]:
    """The CRM's orders that have no counterpart."""
    with (
        closing(open_store(f"sqlite:///{Path(config).with_name('connector.db')}")) as store,
        store.read() as connection,
    ):
        linked = select(link.c.crm_id).where(link.c.entity == "order")
        seen = select(sighting.c.id).where(sighting.c.entity == "order", sighting.c.side == "crm")
        return list(connection.scalars(seen.where(sighting.c.id.not_in(linked))))


def test_the_demo_ends_well(told: Ran) -> None:
    assert told.code == 0, told.out + told.err


def test_every_section_has_its_heading_in_order(told: Ran) -> None:
    assert [line for line in told.out.splitlines() if line in HEADINGS] == HEADINGS


def test_what_is_read_without_a_terminal_is_plain_text_of_100_columns(told: Ran) -> None:
    assert "\x1b" not in told.out + told.err
    assert max(map(len, told.out.splitlines())) <= 100


def test_a_demo_that_went_well_logs_nothing(told: Ran) -> None:
    assert told.err == ""


def test_the_first_contact_links_creates_and_opens_no_conflict(found: Any) -> None:
    customers = next(one for one in found["first_sync"]["entities"] if one["entity"] == "customer")

    assert customers["linked"] > 0
    assert customers["written"]["create crm"] > 0
    assert customers["written"]["create erp"] > 0
    assert found["first_sync"]["open_conflicts"] == 0


def test_the_first_sync_does_what_the_match_report_said(found: Any) -> None:
    said = {one["entity"]: one["would_link"] for one in found["match"]["entities"]}
    done = {one["entity"]: one["linked"] for one in found["first_sync"]["entities"]}

    assert said["customer"] == done["customer"] > 0
    assert said["product"] == done["product"] > 0


def test_every_edit_reaches_the_other_side_or_asks(found: Any) -> None:
    assert len(found["edits"]) == 9
    assert [edit["what"] for edit in found["edits"] if not edit["as_expected"]] == []


def test_a_lead_becomes_a_customer_and_an_order_goes_all_its_way_to_the_money(found: Any) -> None:
    told = [*found["front_office"], *found["order_to_cash"]]

    assert (len(found["front_office"]), len(found["order_to_cash"])) == (6, 13)
    assert [one["shows"] for one in told if not one["as_expected"]] == []
    assert all(one["seconds"] > 0 for one in told)


def test_the_edits_open_exactly_one_conflict_and_it_is_settled(found: Any) -> None:
    assert [conflict["field"] for conflict in found["conflicts"]] == ["billing_address"]
    assert found["third_sync"]["open_conflicts"] == 0


def test_an_ambiguous_customer_is_linked_by_hand(found: Any) -> None:
    assert found["ambiguous"]["customers"] > 0
    assert found["ambiguous"]["linked_by_hand"] is True


def test_the_connector_and_the_demo_itself_find_both_sides_equal(found: Any) -> None:
    assert [one["unexplained"] for one in found["verify"]["entities"]] == [0] * len(found["verify"]["entities"])
    assert [check["claim"] for check in found["checks"] if not check["agrees"]] == []
    assert all(check["crm"] > 0 for check in found["checks"])


def test_a_last_sync_writes_nothing(found: Any) -> None:
    assert found["last_sync"]["writes"] == 0
    assert found["agrees"] is True


def test_kept_systems_go_on_running_until_they_are_stopped(tmp_path: Path) -> None:
    ran = demo(tmp_path, "--keep", "--json")
    kept = ran.json["kept"]
    try:
        assert ran.code == 0
        assert all(answers(url) for url in kept["urls"].values())
        assert connector(Path(kept["config"]), "verify").code in (0, 3)
        assert connector(Path(kept["config"]), "explain", "order", drafts(kept["config"])[0], "--json").json["left_out"]
        assert untold(kept["config"]) == []
        again = demo(tmp_path, "--keep")
        assert (again.code, "stop it with: kill" in again.err) == (64, True)
    finally:
        for pid in kept["pids"].values():
            os.kill(pid, signal.SIGTERM)
    assert all(is_quiet_soon(url) for url in kept["urls"].values())


def test_a_folder_of_that_name_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo" / "letter").write_text("mine", encoding="utf-8")

    ran = demo(tmp_path, "--keep")

    assert ran.code == 64
    assert (tmp_path / ".demo" / "letter").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a polite kill"])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*command("demo"), "--customers", "400"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("1. "))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    process.send_signal(number)
    process.communicate(timeout=60)

    assert line
    assert process.returncode in (130, 143)
    assert len(children) == 2
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []


def test_numbers_that_are_too_small_for_the_story_are_refused(tmp_path: Path) -> None:
    done = connector(tmp_path / "none.yaml", "demo", "--customers", "3")

    assert done.code == 64
    assert "--customers" in done.err


def test_the_json_is_one_document(found: Any) -> None:
    assert json.loads(json.dumps(found))["seconds"] > 0
