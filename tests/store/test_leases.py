"""Leases: one holder at a time, and a late one is told so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from connector.store import leases
from connector.store.database import Store

TTL = timedelta(seconds=30)


def test_a_lease_has_one_holder_while_it_runs(store: Store, at: datetime) -> None:
    with store.write() as conn:
        assert leases.acquire(conn, "sync", "a", TTL, at) == 1
        assert leases.acquire(conn, "sync", "b", TTL, at + TTL - timedelta(microseconds=1)) is None
        assert leases.acquire(conn, "other", "b", TTL, at) == 1
        assert leases.holder(conn, "sync") == leases.Lease("sync", "a", 1, at + TTL)


def test_an_expired_lease_passes_on_with_a_higher_epoch(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)

        assert leases.acquire(conn, "sync", "b", TTL, at + TTL) == 2
        assert not leases.renew(conn, "sync", 1, TTL, at + TTL)
        assert leases.renew(conn, "sync", 2, TTL, at + TTL)


def test_a_lease_that_ran_out_cannot_be_renewed(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)

        assert not leases.renew(conn, "sync", 1, TTL, at + TTL)


def test_renewing_moves_the_end(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)
        leases.renew(conn, "sync", 1, TTL, at + TTL / 2)

        assert leases.acquire(conn, "sync", "b", TTL, at + TTL) is None


def test_the_same_owner_may_begin_anew(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)

        assert leases.acquire(conn, "sync", "a", TTL, at) == 2


def test_a_lease_given_back_is_free_and_its_epoch_goes_on(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)
        leases.release(conn, "sync", 1)
        assert leases.holder(conn, "sync") is None

        assert leases.acquire(conn, "sync", "b", TTL, at) == 2


def test_a_late_holder_gives_nothing_back(store: Store, at: datetime) -> None:
    with store.write() as conn:
        leases.acquire(conn, "sync", "a", TTL, at)
        leases.acquire(conn, "sync", "b", TTL, at + TTL)

        leases.release(conn, "sync", 1)

        assert leases.acquire(conn, "sync", "c", TTL, at + TTL) is None


def test_of_many_that_ask_at_once_one_gets_it(store: Store, at: datetime) -> None:
    def ask(owner: int) -> int | None:
        with store.write() as conn:
            return leases.acquire(conn, "sync", str(owner), TTL, at)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(12)))

    assert sorted(answers, key=str) == [1, *[None] * 11]
