"""The threads that a run borrows: no more at a time than were asked for, and the same ones for whoever comes next."""

import threading
import time
from concurrent.futures import CancelledError, Future

import pytest

from connector.executor import beside


def test_one_thread_does_what_it_is_given_in_its_order() -> None:
    done: list[int] = []
    with beside(1) as lent:
        for number in range(100):
            lent.submit(done.append, number)
    assert done == list(range(100))


def test_no_more_are_at_work_than_were_asked_for() -> None:
    lock, most = threading.Lock(), 3
    at_work: list[int] = []
    seen: list[int] = []

    def step(number: int) -> None:
        with lock:
            at_work.append(number)
            seen.append(len(at_work))
        time.sleep(0.002)
        with lock:
            at_work.remove(number)

    with beside(most) as lent:
        for number in range(30):
            lent.submit(step, number)
    assert max(seen) == most
    assert len(seen) == 30


def test_all_that_were_asked_for_are_at_work_at_a_time() -> None:
    meeting = threading.Barrier(4)
    with beside(4) as lent:
        places = [lent.submit(meeting.wait, 10) for _ in range(4)]
    assert sorted(place.result() for place in places) == [0, 1, 2, 3]


def test_whoever_comes_next_borrows_threads_that_are_there() -> None:
    def once() -> int:
        with beside(1) as lent:
            return lent.submit(threading.get_ident).result()

    # A thread may not be idle again yet when the next one is asked for.
    assert len({once() for _ in range(50)}) < 10


def test_what_a_step_raises_is_raised_where_its_result_is_asked_for() -> None:
    with beside(1) as lent:
        failed: Future[float] = lent.submit(lambda: 1 / 0)
        after = lent.submit(int, "7")
    with pytest.raises(ZeroDivisionError):
        failed.result()
    assert after.result() == 7


def test_given_back_means_that_what_was_begun_has_ended_and_what_was_not_never_will() -> None:
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def step() -> None:
        begun.set()
        go_on.wait(10)
        ended.append("first")

    lent = beside(1)
    lent.submit(step)
    waiting = lent.submit(ended.append, "second")
    begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    lent.shutdown(cancel_futures=True)

    assert ended == ["first"]
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(RuntimeError, match="given back"):
        lent.submit(ended.append, "third")
