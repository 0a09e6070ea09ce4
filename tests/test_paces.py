"""Several processes send to one system no faster than one alone may."""

import time

import pytest

from connector.paces import Paces, SharedPace
from connector.store.database import Store

RATE, GAP = 0.1, 10.0


class Sender:
    """A process that would send whenever its pace lets it: it notes when that is, and does not wait for it."""

    def __init__(self, store: Store, rate: float = RATE) -> None:
        self.left: list[float] = []
        self.pace = SharedPace(lambda: store, "erp", rate, self._note, time.monotonic)

    def _note(self, seconds: float) -> None:
        self.left.append(time.monotonic() + seconds)


def test_four_senders_leave_as_evenly_as_one_would(store: Store) -> None:
    senders = [Sender(store) for _ in range(4)]

    for number in range(40):
        senders[number % 4].pace.wait()

    left = sorted(at for sender in senders for at in sender.left)
    # The first one leaves at once; half a gap is what a slow machine may take between looking and noting.
    assert [at - left[0] for at in left] == pytest.approx([number * GAP for number in range(39)], abs=GAP / 2)


def test_a_rest_that_one_was_asked_for_is_kept_by_all(store: Store) -> None:
    told, other = Sender(store), Sender(store)

    told.pace.ask(30.0)
    other.pace.wait()

    assert other.left[0] - time.monotonic() > 25


def test_turns_that_were_not_used_in_time_are_lost(store: Store) -> None:
    now = [0.0]
    naps: list[float] = []
    pace = SharedPace(lambda: store, "erp", 1000.0, naps.append, lambda: now[0])
    pace.wait()

    now[0] = 60.0
    for _ in range(300):
        pace.wait()

    assert sum(nap > 0 for nap in naps) >= 200


def test_no_request_leaves_before_the_store_is_open() -> None:
    pace = Paces().of("erp")(RATE, time.sleep, time.monotonic)

    with pytest.raises(RuntimeError, match="before the store was open"):
        pace.wait()
