"""Problems that may have passed by themselves: their records are looked at again, after growing rests."""

from datetime import datetime, timedelta

from connector.records import Arrival, Ref
from connector.store import inbox, problems, upkeep
from connector.store.database import Store
from connector.store.problems import OpenProblem

PERSONAL = frozenset({"ambiguous", "merged", "waiting", "outcome_unknown"})
"""Causes that no second try settles: they wait for a person's word, or for a parent."""


def retry_problems(store: Store, now: datetime, first: timedelta, most: timedelta) -> int:
    """Put the records of open problems back into the inbox where their rest is over; says how many."""
    with store.read() as connection:
        due = [item for item in problems.listed(connection) if is_over(item, now, first, most)]
    refs = sorted({Ref(item.problem.entity, item.problem.side, item.problem.id) for item in due})
    if refs:
        with store.write() as connection:
            # Also where the next try says nothing of it, it is not tried again at once.
            upkeep.rest_anew(connection, [item.id for item in due], now)
            inbox.put(connection, [Arrival(*ref, "retry") for ref in refs], now)
    return len(refs)


def is_over(item: OpenProblem, now: datetime, first: timedelta, most: timedelta) -> bool:
    """Whether a problem has rested long enough: twice as long after every time it was met."""
    if item.problem.cause in PERSONAL:
        return False
    doublings = min(item.attempts - 1, 30)
    return now - item.seen_at >= min(first * (1 << doublings), most)
