"""Portions: each is worked on by one at a time, and by nobody when its run is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from connector.errors import LeaseLost
from connector.store import leases, portions
from connector.store.database import Store
from connector.store.portions import DONE, OFF, Portion
from connector.tenure import LEASE, Tenure

TTL = timedelta(seconds=30)


@pytest.fixture
def shared(store: Store, at: datetime) -> Store:
    """A run that is conducted, with three portions."""
    with store.write() as conn:
        epoch = leases.acquire(conn, LEASE, "conductor", TTL, at)
        assert epoch is not None
        portions.add(conn, ("r1", epoch), "customer", "range", [{"after": number} for number in range(3)])
    return store


def claim(store: Store, owner: str, at: datetime) -> Portion | None:
    with store.write() as conn:
        return portions.claim(conn, "r1", LEASE, owner, TTL, at)


def states(store: Store) -> list[str]:
    with store.read() as conn:
        return [one.state for one in portions.ended(conn, "r1")]


def test_whoever_claims_at_the_same_time_gets_another_portion(shared: Store, at: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda owner: claim(shared, owner, at), "abcd"))

    numbers = sorted(one.payload["after"] for one in claimed if one is not None)
    assert numbers == [0, 1, 2]
    assert claimed.count(None) == 1


def test_a_portion_whose_holder_was_not_heard_of_passes_on_and_the_late_one_stores_nothing(
    shared: Store, at: datetime
) -> None:
    late = claim(shared, "a", at)
    with shared.write() as conn:
        assert leases.renew(conn, LEASE, 1, 2 * TTL, at)
    others = [claim(shared, "b", at + TTL) for _ in range(3)]

    assert late is not None
    assert others[0] is not None
    assert others[0][:6] == late[:6]
    with shared.write() as conn:
        assert not portions.renew(conn, late, LEASE, TTL, at + TTL)
        portions.finish(conn, late, DONE, {})
    assert states(shared) == ["open"] * 3


def test_nobody_commits_for_a_run_that_another_process_took_over(shared: Store, at: datetime) -> None:
    held = claim(shared, "a", at)
    with shared.write() as conn:
        leases.release(conn, LEASE, 1)
        leases.acquire(conn, LEASE, "successor", TTL, at)
    tenure = Tenure("customer", "r1", 1, TTL, lambda: at, held)

    with pytest.raises(LeaseLost), tenure.write(shared) as conn:
        portions.clear(conn)

    assert states(shared) == ["open"] * 3


def test_nobody_begins_for_a_run_whose_conductor_lost_its_lease(shared: Store, at: datetime) -> None:
    assert claim(shared, "a", at) is not None
    assert claim(shared, "b", at + TTL) is None
    with shared.write() as conn:
        leases.release(conn, LEASE, 1)

    assert claim(shared, "c", at) is None


def test_what_is_called_off_nobody_begins_and_who_has_begun_may_end(shared: Store, at: datetime) -> None:
    held = claim(shared, "a", at)
    with shared.write() as conn:
        portions.call_off(conn, "r1", at)
    assert states(shared) == ["open", OFF, OFF]

    assert claim(shared, "b", at) is None
    assert held is not None
    with shared.write() as conn:
        assert portions.renew(conn, held, LEASE, TTL, at)
        portions.finish(conn, held, DONE, {"written": 7})
    with shared.read() as conn:
        assert portions.ended(conn, "r1")[0] == (DONE, {"written": 7}, None)
        assert portions.left(conn, "r1") == (0, [], False)
        assert portions.holders(conn, at) == []


def test_a_portion_given_back_is_free_at_once_and_counts_the_attempt(shared: Store, at: datetime) -> None:
    held = claim(shared, "a", at)
    assert held is not None
    with shared.write() as conn:
        portions.give_back(conn, held, tried=True)

    again = claim(shared, "b", at)

    assert again is not None
    assert (again.number, again.epoch, again.attempts) == (held.number, held.epoch + 1, 1)
