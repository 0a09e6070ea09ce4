"""What a webhook told is on the disk before its sender is answered."""

from collections.abc import Callable
from random import Random

import pytest

from connector.adapters.notices import Event, Notice
from connector.arrivals import STORED, Arrivals, Delivery
from connector.records import Side
from connector.store import inbox
from tests.simulation.small import Small

World = Callable[..., Small]


def test_the_sender_waits_until_the_disk_has_what_it_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small, on_disk = world(), []
    arrivals = Arrivals(small.life.running(Random(0)).context, lambda: None, 10)
    delivery = Delivery(Side.CRM, "msg-1", Notice(None, [Event("accounts", "901")]))

    def synchronise(_opened: int) -> None:
        with small.life.desk.read() as connection:
            on_disk.extend(inbox.rows(connection, "customer", Side.CRM, ["901"]))

    monkeypatch.setattr("os.fdatasync", synchronise)

    assert arrivals.store([delivery], small.life.world.now()) == [STORED]
    assert on_disk == ["901"]
