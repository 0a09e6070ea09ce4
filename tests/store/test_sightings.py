"""Sightings: every id ever seen, and the match keys it was seen with."""

from datetime import datetime, timedelta

from connector.records import Side, Sighting, Version
from connector.store import sightings
from connector.store.database import Store
from connector.store.sightings import Seen

CRM, ERP = Side.CRM, Side.ERP
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def seen(record_id: str, *keys: int, version: str | None = "1") -> Sighting:
    return Sighting(record_id, None if version is None else Version(version), keys)


def test_new_ids_are_counted_once(store: Store, at: datetime) -> None:
    with store.write() as conn:
        first = sightings.see(conn, "customer", CRM, [seen("a"), seen("b")], 1, at)
        again = sightings.see(conn, "customer", CRM, [seen("b"), seen("c"), seen("c")], 1, at)

    assert (first, again) == (2, 1)


def test_candidates_are_found_by_key_on_their_side(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.see(conn, "customer", CRM, [seen("a", 5, LOWEST), seen("b", 5, HIGHEST)], 1, at)
        sightings.see(conn, "customer", ERP, [seen("x", 5)], 1, at)
        sightings.see(conn, "contact", CRM, [seen("y", 5)], 1, at)

        assert sightings.candidates(conn, "customer", CRM, [5, LOWEST, HIGHEST, 6]) == {
            5: ["a", "b"],
            LOWEST: ["a"],
            HIGHEST: ["b"],
        }


def test_keys_are_replaced_where_given_and_kept_where_not(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.see(conn, "customer", CRM, [seen("a", 1, 2), seen("b", 3), seen("c", 5)], 1, at)

        sightings.see(conn, "customer", CRM, [seen("a", 2, 4), Sighting("b", None), seen("c")], 2, at)

        found = sightings.candidates(conn, "customer", CRM, [1, 2, 3, 4, 5])
    assert found == {2: ["a"], 3: ["b"], 4: ["a"]}


def test_the_version_is_the_last_one_and_the_first_sight_the_first(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.see(conn, "customer", CRM, [seen("a", version="1")], 1, at)
        sightings.see(conn, "customer", CRM, [seen("a", version=None)], 1, at + timedelta(hours=1))

        assert sightings.known(conn, "customer", CRM, ["a", "b"]) == {"a": None}
        assert sightings.first_seen(conn, "customer", CRM, ["a", "b"]) == {"a": at}


def test_an_enumeration_leaves_what_it_did_not_show(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.see(conn, "customer", CRM, [seen(f"{number:03}") for number in range(30)], 1, at)
        sightings.mark(conn, "customer", CRM, [f"{number:03}" for number in range(0, 30, 2)], 2)
        sightings.see(conn, "customer", CRM, [seen("new")], 2, at)

        first = sightings.unseen(conn, "customer", CRM, 2, "", 10)
        rest = sightings.unseen(conn, "customer", CRM, 2, first[-1], 10)

        counted = [sightings.count_unseen(conn, "customer", CRM, 2, most) for most in (5, 15, 99)]

    assert first + rest == [f"{number:03}" for number in range(1, 30, 2)]
    assert counted == [5, 15, 15]


def test_a_forgotten_id_takes_its_keys_along(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.see(conn, "customer", CRM, [seen("a", 1, 2), seen("b", 1)], 1, at)

        assert sightings.forget(conn, "customer", CRM, ["a", "unknown"]) == 1
        assert sightings.candidates(conn, "customer", CRM, [1, 2]) == {1: ["b"]}
        assert sightings.known(conn, "customer", CRM, ["a"]) == {}


def test_a_page_larger_than_a_statement_is_stored_whole(store: Store, at: datetime) -> None:
    rows = [seen(str(number), number, -number - 1) for number in range(3001)]

    with store.write() as conn:
        assert sightings.see(conn, "customer", CRM, rows, 1, at) == 3001
        assert len(sightings.candidates(conn, "customer", CRM, range(3001))) == 3001


def met(*pairs: tuple[str, tuple[int, ...]]) -> Seen:
    ids, keys = zip(*pairs, strict=True)
    return Seen(ids, [Version("1")] * len(ids), keys)


def test_keys_that_are_indexed_later_match_from_then_on_and_stand_there_once(store: Store, at: datetime) -> None:
    with store.write() as conn:
        sightings.meet(conn, "customer", CRM, met(("a", (5, LOWEST)), ("b", ()), ("c", (6,))), 1, at, indexed=False)
        sightings.see(conn, "customer", CRM, [seen("c", 7)], 1, at)
        early = sightings.candidates(conn, "customer", CRM, [5, 6, LOWEST])

        sightings.index_keys(conn, "customer", CRM)
        sightings.index_keys(conn, "customer", CRM)

        assert early == {}
        assert sightings.candidates(conn, "customer", CRM, [5, 6, 7, LOWEST]) == {5: ["a"], 7: ["c"], LOWEST: ["a"]}
        assert not sightings.is_any_shared(conn)


def test_more_keys_than_go_in_at_once_are_all_indexed(store: Store, at: datetime) -> None:
    many = [(f"{number:05}", (number, -number - 1)) for number in range(20_001)]
    with store.write() as conn:
        sightings.meet(conn, "customer", CRM, met(*many), 1, at, indexed=False)

        sightings.index_keys(conn, "customer", CRM)

        assert sightings.candidates(conn, "customer", CRM, [0, -20_001, 20_000]) == {
            0: ["00000"],
            -20_001: ["20000"],
            20_000: ["20000"],
        }
