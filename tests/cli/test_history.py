"""What happened, at the command line: the history across records, the runs, and their undoing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.systems import Systems, running


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Two systems without a seed."""
    with running(tmp_path_factory.mktemp("systems"), "") as started:
        yield started


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, systems: Systems) -> Terminal:
    """A terminal whose connector has created two customers in one run, and changed both in the next."""
    terminal = Terminal(tmp_path_factory.mktemp("office"))
    systems.write_config(terminal.folder)
    made = [systems.crm.create("accounts", name=f"N{n}", email=f"n{n}@history.example") for n in range(2)]
    terminal.ok("sync")
    for one in made:
        systems.crm.change("accounts", one["id"], phone="+49 30 900", website="nord.example")
    terminal.ok("sync")
    return terminal


@pytest.fixture
def run(office: Terminal) -> str:
    """The run that changed both customers."""
    found: str = next(one["id"] for one in office.json("runs") if _updates(one) == 2)
    return found


def _updates(run: dict[str, dict[str, list[dict[str, dict[str, int]]]]]) -> int:
    return sum(one["written"].get("update erp", 0) for one in run["counts"].get("entities", []))


def test_before_the_first_run_there_is_no_history(offline: Terminal) -> None:
    assert "Nothing was decided or written" in offline.ok("history").out
    assert "Nothing was run yet" in offline.ok("runs").out


def test_the_history_tells_the_newest_writes_first_with_run_and_operation(office: Terminal, run: str) -> None:
    told = [one for one in office.json("history", "-e", "customer") if one["side"] == "erp"]

    assert [one["what"] for one in told] == ["update", "update", "create", "create"]
    assert [one["at"] for one in told] == sorted((one["at"] for one in told), reverse=True)
    assert (told[0]["run"], told[0]["new"]["website"], told[0]["why"]) == (run, "nord.example", "changed on crm")


def test_the_history_of_one_run_holds_nothing_of_another(office: Terminal, run: str) -> None:
    assert [one["run"] for one in office.json("history", "--run", run)] == [run, run]


def test_the_history_can_begin_at_a_time_and_end_after_a_number(office: Terminal) -> None:
    assert office.json("history", "--since", "2000-01-01", "--limit", "1")[0]["what"] == "update"
    assert office.json("history", "--since", "2999-01-01T00:00") == []
    assert len(office.json("history", "--since", "1h")) >= 4


def test_a_persons_data_is_shown_only_when_asked_for(office: Terminal) -> None:
    assert "+49 30 900" not in office.ok("history").out
    assert "phone: (empty) -> +49 30 900" in office.ok("history", "--values").out


def test_runs_tell_when_how_long_and_what_they_did(office: Terminal, run: str) -> None:
    newest = next(one for one in office.json("runs") if one["id"] == run)
    told = office.ok("runs").out

    assert (newest["kind"], newest["outcome"]) == ("sync", "clean")
    assert newest["seconds"] > 0
    assert f"{run}  sync: clean after" in told
    assert "    customer: 2 update erp" in told


def test_an_undo_that_a_guard_holds_back_is_released_like_any_change(
    office: Terminal, systems: Systems, run: str
) -> None:
    open_guard = (office.folder / "connector.yaml").read_text(encoding="utf-8")
    strict = open_guard + "entities: {customer: {guard: {changes: 1, change_share: 0}}}\n"
    office.config(strict)

    held = office("undo", run)
    approved = office.ok("approve", "customer", "--all")
    undone = office("undo", run)
    office.config(open_guard)

    assert (held.code, undone.code) == (5, 0), undone.out
    assert f"connector undo {run}" in approved.out
    assert [one["website"] for one in systems.erp.listed("partners")] == [None, None]


def test_a_backup_is_made_and_overwritten_only_when_that_is_said(office: Terminal) -> None:
    office.ok("state", "backup", "saved.db")

    again = office("state", "backup", "saved.db", typed="n\n")
    sure = office.ok("state", "backup", "saved.db", "--yes", "--json")

    assert again.code == 130
    assert json.loads(sure.out)["bytes"] == Path(office.folder / "saved.db").stat().st_size
