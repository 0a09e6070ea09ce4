"""Creates that enter the journal from the inbox, and links whose bases come from the journal."""

from datetime import datetime

import pytest

from connector.records import Arrival, LinkStatus, OperationState, Side, Version, encode
from connector.store import creating, inbox, journal, links
from connector.store.database import Store
from connector.store.journal import OperationTaken
from connector.store.links import Born, LinkTaken

CRM, ERP = Side.CRM, Side.ERP
PLACE = ("customer", ERP, "run")
ANNA, BODO = {"name": "Anna"}, {"name": "Bodo ☃\nof Ulm"}


@pytest.fixture
def waiting(store: Store, at: datetime) -> dict[str, list[object]]:
    """Two customers of the CRM wait in the inbox; what `take_over` is given for them."""
    with store.write() as conn:
        arrivals = [
            Arrival("customer", CRM, name, "scan", Version(f"v-{name}"), encode(record))
            for name, record in (("a", ANNA), ("b", BODO))
        ]
        inbox.put(conn, arrivals, at)
        seqs = [row.seq for row in inbox.take(conn, "customer", 0, 10, at)]
    return {"id": ["1", "2"], "reserved": [7, None], "seq": list(seqs)}


def test_the_journal_takes_the_records_that_wait_in_the_inbox(
    store: Store, at: datetime, waiting: dict[str, list[object]]
) -> None:
    with store.write() as conn:
        creating.take_over(conn, PLACE, waiting, at)

    with store.read() as conn:
        found = journal.get(conn, ["1", "2"])
    assert [found[one].values for one in "12"] == [ANNA, BODO]
    assert [found[one].source for one in "12"] == ["a", "b"]
    assert [found[one].source_version for one in "12"] == ["v-a", "v-b"]
    assert [found[one].reserved for one in "12"] == [7, None]
    assert {one.state for one in found.values()} == {OperationState.SENDING}


def test_where_one_was_put_again_meanwhile_none_is_journalled(
    store: Store, at: datetime, waiting: dict[str, list[object]]
) -> None:
    with store.write() as conn:
        inbox.put(conn, [Arrival("customer", CRM, "b", "webhook")], at)

        with pytest.raises(OperationTaken):
            creating.take_over(conn, PLACE, waiting, at)

        assert journal.get(conn, ["1", "2"]) == {}


def test_where_a_live_create_stands_in_the_way_none_is_journalled(
    store: Store, at: datetime, waiting: dict[str, list[object]]
) -> None:
    with store.write() as conn:
        creating.take_over(conn, PLACE, {name: values[1:] for name, values in waiting.items()}, at)

        with pytest.raises(OperationTaken):
            creating.take_over(conn, PLACE, waiting | {"id": ["1", "3"]}, at)

        assert journal.get(conn, ["1", "2", "3"]).keys() == {"2"}


def born(*targets: str) -> Born:
    return Born(["1", "2"], ["a", "b"], targets, [encode({"name": "X"})] * 2, [Version("9")] * 2)


def test_a_link_remembers_of_its_source_what_was_sent(
    store: Store, at: datetime, waiting: dict[str, list[object]]
) -> None:
    with store.write() as conn:
        creating.take_over(conn, PLACE, waiting, at)

        links.pair(conn, "customer", ERP, born("x", "y"), {CRM: 3, ERP: 4}, at)

        link = links.find(conn, "customer", CRM, ["b"])["b"]
    assert (link.erp_id, link.status) == ("y", LinkStatus.ACTIVE)
    assert link.base_on(CRM) == (encode(BODO), "v-b", 3, False)
    assert link.base_on(ERP) == (encode({"name": "X"}), "9", 4, False)


def test_what_is_linked_already_is_not_linked_again(
    store: Store, at: datetime, waiting: dict[str, list[object]]
) -> None:
    with store.write() as conn:
        creating.take_over(conn, PLACE, waiting, at)

        with pytest.raises(LinkTaken):
            links.pair(conn, "customer", ERP, born("x", "x"), {CRM: 3, ERP: 4}, at)
