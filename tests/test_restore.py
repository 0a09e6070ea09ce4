"""After an older state is restored, nothing is doubled and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import Ran, connector
from tests.systems import Systems, running

NEW = 5


class Desk(NamedTuple):
    """Two linked systems, and a backup that is older than their newest records."""

    systems: Systems
    config: Path

    def run(self, *words: str) -> Ran:
        """One command."""
        return connector(self.config, *words)

    def mails(self, name: str) -> list[str]:
        """The e-mail addresses each system holds, in order."""
        system, collection = (self.systems.crm, "accounts") if name == "crm" else (self.systems.erp, "partners")
        return sorted(one["email"] for one in system.listed(collection))

    def enter(self, count: int, word: str) -> None:
        """People enter new customers on both sides."""
        for number in range(count):
            self.systems.crm.create("accounts", name=f"C {word} {number}", email=f"c-{word}{number}@r.example")
            partner = {"name": f"E {word} {number}", "email": f"e-{word}{number}@r.example", "is_company": True}
            self.systems.erp.create("partners", **partner)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Three customers from each side, a backup, and then five more from each, all synced."""
    with running(tmp_path, "") as systems:
        desk = Desk(systems, systems.write_config(tmp_path))
        desk.enter(3, "old")
        assert desk.run("sync").code == 0
        assert desk.run("state", "backup", "backup.db").code == 0
        desk.enter(NEW, "new")
        assert desk.run("sync").code == 0
        yield desk


def test_what_was_created_since_the_backup_is_linked_and_not_doubled(desk: Desk) -> None:
    before = desk.mails("crm"), desk.mails("erp")
    writes = [system.stats()["total"]["writes"] for system in desk.systems]

    restored = desk.run("state", "restore", "backup.db", "--yes", "--json")
    synced = desk.run("sync", "--json")

    assert (restored.code, restored.json["links"]) == (0, 6)
    assert (synced.code, synced.json["entities"][0]["linked"]) == (0, 2 * NEW)
    assert (desk.mails("crm"), desk.mails("erp")) == before
    assert [system.stats()["total"]["writes"] for system in desk.systems] == writes
    assert len(desk.run("links", "list", "customer", "--json").json) == 6 + 2 * NEW


def test_edits_and_deletes_since_the_backup_are_seen_after_a_restore(desk: Desk) -> None:
    (edited,) = desk.systems.crm.listed("accounts", email="c-old0@r.example")
    (deleted,) = desk.systems.erp.listed("partners", email="e-old1@r.example")
    desk.run("state", "restore", "backup.db", "--yes")
    desk.systems.crm.change("accounts", edited["id"], website="after.example")
    desk.systems.erp.delete("partners", str(deleted["id"]))

    assert desk.run("sync").code == 0

    (partner,) = desk.systems.erp.listed("partners", email="c-old0@r.example")
    (account,) = desk.systems.crm.listed("accounts", email="e-old1@r.example")
    assert (partner["website"], account["status"]) == ("after.example", "INACTIVE")


def test_a_plan_is_not_applied_before_both_sides_were_read_again(desk: Desk) -> None:
    desk.systems.crm.create("accounts", name="Later", email="later@r.example")
    desk.run("plan", "-o", "plan.json")
    desk.run("state", "restore", "backup.db", "--yes")

    applied = desk.run("apply", "plan.json")

    assert applied.code == 5
    assert "read whole" in applied.err
    assert "later@r.example" not in desk.mails("erp")


def test_a_restore_asks_before_it_overwrites(desk: Desk) -> None:
    kept = len(desk.run("links", "list", "customer", "--json").json)

    assert desk.run("state", "restore", "backup.db", "--json").code == 64
    assert desk.run("state", "backup", "backup.db", "--json").code == 64

    assert len(desk.run("links", "list", "customer", "--json").json) == kept
