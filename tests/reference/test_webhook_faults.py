"""Messages that are lost, doubled, late, or out of order."""

import time
from collections.abc import Iterator

import pytest

from tests.reference.receiver import SECRET, Receiver, listening
from tests.services import until
from tests.systems import System, start


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    server = start("erp", tmp_path_factory.mktemp("erp"), "", "--faults")
    yield server
    server.stop()


@pytest.fixture
def receiver(erp: System) -> Iterator[Receiver]:
    with listening() as found:
        made = erp.create("webhooks", target_url=found.url, models=["partners"], secret=SECRET)
        yield found
        erp.heal()
        erp.delete("webhooks", made["id"])


def add_partners(erp: System, count: int) -> list[int]:
    return [erp.create("partners", is_company=True, name="A")["id"] for _ in range(count)]


def test_messages_are_lost(erp: System, receiver: Receiver) -> None:
    erp.faults({"fault": "webhook_drop", "every": 2})

    ids = add_partners(erp, 4)

    assert sorted(event["ids"][0] for event in receiver.wait(2)) == sorted(ids[::2])
    # The last one is lost after the one before it has come.
    until(lambda: erp.stats()["webhooks"]["queued"] == 0)


def test_messages_come_twice_under_one_id(erp: System, receiver: Receiver) -> None:
    erp.faults({"fault": "webhook_duplicate", "times": 1})

    add_partners(erp, 2)
    receiver.wait(3)

    names = [headers["webhook-id"] for headers, _ in receiver.received]
    assert sorted(names.count(each) for each in set(names)) == [1, 2]


def test_messages_come_late(erp: System, receiver: Receiver) -> None:
    erp.faults({"fault": "webhook_delay", "seconds": 0.5, "path": "partners"})
    began = time.monotonic()

    add_partners(erp, 1)
    receiver.wait(1)

    assert time.monotonic() - began >= 0.5


def test_messages_come_in_another_order(erp: System, receiver: Receiver) -> None:
    erp.faults({"fault": "webhook_reorder", "seconds": 0.5}, seed=1)

    ids = add_partners(erp, 12)
    told = [event["ids"][0] for event in receiver.wait(12)]

    assert told != ids
    assert sorted(told) == ids


def test_messages_are_stamped_by_the_wrong_clock(erp: System, receiver: Receiver) -> None:
    erp.faults({"fault": "clock", "skew": -3600})

    add_partners(erp, 1)
    receiver.wait(1)

    assert 3500 < time.time() - int(receiver.received[0][0]["webhook-timestamp"]) < 3700
