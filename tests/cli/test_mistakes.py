"""What a hand can get wrong at a command, and what it is told."""

from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.systems import Systems


@pytest.mark.parametrize("place", ["nowhere/x.plan", "."])
def test_a_plan_is_not_made_before_it_is_known_that_it_can_be_written(offline: Terminal, place: str) -> None:
    answer = offline("plan", "--output", place)

    assert answer.code == 64
    assert "is no file that can be written" in answer.err


def test_the_state_is_not_backed_up_onto_itself(live: Terminal) -> None:
    live("sync", "--entity", "product")
    state = next(Path(live.folder).glob("*.db"))
    before = state.stat().st_ino

    answer = live("state", "backup", str(state), "--yes")

    assert answer.code == 64
    assert "is the state itself" in answer.err
    assert state.stat().st_ino == before


def test_an_address_that_gives_out_no_tokens_is_told_as_such(live: Terminal, reference_systems: Systems) -> None:
    told = (live.folder / "connector.yaml").read_text(encoding="utf-8")
    crm, erp = reference_systems.crm.url, reference_systems.erp.url
    live.config(told.replace(crm, "OTHER").replace(erp, crm).replace("OTHER", erp))

    answer = live("check")

    assert "check that the url is this system's" in answer.out + answer.err


def test_a_question_that_is_answered_with_no_changes_nothing_and_says_so(live: Terminal) -> None:
    live("sync", "--entity", "product")
    live.ok("state", "backup", "one.bak")

    answer = live("state", "backup", "one.bak", typed="n\n")

    assert answer.code == 130
    assert "nothing was changed" in answer.err


def test_who_asks_for_json_is_asked_nothing_about_an_endpoint(live: Terminal) -> None:
    live("sync", "--entity", "product")

    answer = live("endpoints", "confirm", "crm", "--json")

    assert (answer.code, answer.out) == (64, "")
    assert "--yes" in answer.err


def test_a_match_still_counts_whom_a_sync_left_to_a_person(live: Terminal, reference_systems: Systems) -> None:
    crm, erp = reference_systems.crm, reference_systems.erp
    for _ in range(2):
        crm.create("accounts", name="Twin", email=f"twin-{live.folder.name}@match.example")
    erp.create("partners", is_company=True, name="Twin", email=f"twin-{live.folder.name}@match.example")
    before = live("match", "--entity", "customer", "--json")
    live("sync", "--entity", "customer")

    after = live("match", "--entity", "customer", "--json")

    assert (before.code, after.code) == (3, 3)
    assert after.json["entities"][0]["ambiguous"] == before.json["entities"][0]["ambiguous"]
