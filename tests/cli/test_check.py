"""What is looked at found before anything is written, on two live systems."""

from tests.cli.conftest import Terminal
from tests.systems import Systems


def test_check_names_both_systems_and_finds_every_mapped_field(live: Terminal) -> None:
    answer = live.json("check")

    assert answer["exit"] == 0, answer
    assert {one["where"] for one in answer["findings"]} >= {"configuration", "store", "crm", "erp"}


def test_check_tells_of_wrong_credentials_and_goes_on_with_the_other_side(
    live: Terminal, reference_systems: Systems
) -> None:
    live.config(reference_systems.config(live.folder / "state.db").replace("demo-key", "wrong-key"))

    answer = live.json("check")

    assert answer["exit"] == 64
    wrong = [one["where"] for one in answer["findings"] if one["severity"] == "error"]
    assert wrong == ["erp"]


def test_wrong_credentials_halt_a_sync_and_are_named(live: Terminal, reference_systems: Systems) -> None:
    live.config(reference_systems.config(live.folder / "state.db").replace("demo-secret", "wrong-secret"))

    answer = live("sync")

    assert answer.code == 5
    assert "credentials were refused" in answer.err
    assert "wrong-secret" not in answer.err


def test_check_warns_of_a_field_that_the_live_system_does_not_have(live: Terminal, reference_systems: Systems) -> None:
    more = "mappings: {crm: {customer: {website: {path: homePage}}}}\n"
    live.config(reference_systems.config(live.folder / "state.db", more))

    answer = live.json("check")

    assert answer["exit"] == 64
    assert any("homePage" in one["message"] for one in answer["findings"])
