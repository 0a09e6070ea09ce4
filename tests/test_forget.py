"""A person can be forgotten, and the two systems go on telling one story."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import Ran, connector
from tests.systems import Systems, running

_numbers = itertools.count(1)


class Desk(NamedTuple):
    """Two linked systems and the configuration that joins them."""

    systems: Systems
    config: Path

    def run(self, *words: str) -> Ran:
        """One command."""
        return connector(self.config, *words)

    def customer(self, word: str) -> tuple[str, str]:
        """A customer on both sides whose address has been edited once; its ids."""
        made = self.systems.crm.create("accounts", name=f"Person {next(_numbers)}", email=f"{word}-before@odd.example")
        self.run("sync")
        self.systems.crm.change("accounts", made["id"], email=f"{word}@odd.example", phone="+49 30 4711")
        self.run("sync")
        (other,) = self.systems.erp.listed("partners", email=f"{word}@odd.example")
        return made["id"], str(other["id"])

    def remembers(self, word: str) -> bool:
        """Whether a byte sequence stands anywhere in the files of the state."""
        files = [file for file in self.config.parent.glob("state.db*") if not file.name.endswith("-shm")]
        return any(word.encode() in file.read_bytes() for file in files)

    def writes(self) -> list[int]:
        """How many writes each system has seen."""
        return [system.stats()["total"]["writes"] for system in self.systems]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two systems without a seed: every record is a test's own."""
    folder = tmp_path_factory.mktemp("forget")
    with running(folder, "") as systems:
        yield Desk(systems, systems.write_config(folder))


def test_no_byte_of_a_forgotten_person_is_left_in_the_state(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("xipetotec")
    before = desk.remembers("xipetotec")

    forgotten = desk.run("forget", "customer", crm_id, "--side", "crm", "--yes", "--json")

    assert (before, forgotten.code, forgotten.json["scrubbed"]) == (True, 0, True)
    assert forgotten.json["ids"] == {"crm": [crm_id], "erp": [erp_id]}
    assert not desk.remembers("xipetotec")
    assert not desk.remembers("4711")


def test_after_forgetting_a_sync_writes_nothing(desk: Desk) -> None:
    crm_id, _ = desk.customer("tlaloc")
    before = desk.writes()

    desk.run("forget", "customer", crm_id, "--side", "crm", "--yes")

    assert desk.run("sync").code == 0
    assert desk.run("sync", "--full").code == 0
    assert desk.writes() == before
    assert not desk.remembers("tlaloc")


def test_a_change_after_forgetting_goes_across_and_is_no_conflict(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("mictlan")
    desk.run("forget", "customer", erp_id, "--side", "erp", "--yes")

    desk.systems.crm.change("accounts", crm_id, website="later.example", phone="+49 30 4712")

    assert desk.run("sync").code == 0
    partner = desk.systems.erp.read("partners", erp_id)
    assert (partner["website"], partner["phone"]) == ("later.example", "+49304712")
    assert partner["email"] == "mictlan@odd.example"


def test_a_person_deleted_on_both_sides_stays_forgotten(desk: Desk) -> None:
    crm_id, erp_id = desk.customer("camaxtli")
    desk.systems.crm.delete("accounts", crm_id)
    desk.systems.erp.delete("partners", erp_id)
    desk.run("sync", "--full")

    assert desk.run("forget", "customer", crm_id, "--side", "crm", "--yes").code == 0

    assert desk.run("sync", "--full").code == 0
    assert not desk.remembers("camaxtli")
    assert desk.systems.erp.listed("partners", email="camaxtli@odd.example") == []


def test_explain_and_history_tell_that_a_person_was_forgotten_and_show_no_value(desk: Desk) -> None:
    crm_id, _ = desk.customer("ehecatl")
    desk.run("forget", "customer", crm_id, "--side", "crm", "--yes")

    story = desk.run("explain", "customer", crm_id, "--values").out
    told = desk.run("history", "--values", "-e", "customer").out

    assert all("a person's data was erased" in text and "ehecatl" not in text for text in (story, told))
    assert "email: (erased) -> (erased)" in story


def test_an_id_nobody_knows_is_a_mistake_on_the_command_line(desk: Desk) -> None:
    assert desk.run("forget", "customer", "acc-404", "--side", "crm", "--yes").code == 64


def test_nothing_is_forgotten_without_being_asked_twice(desk: Desk) -> None:
    crm_id, _ = desk.customer("coatlicue")

    assert desk.run("forget", "customer", crm_id, "--side", "crm", "--json").code == 64

    assert desk.remembers("coatlicue")
