"""What a process that died had journalled and never sent is simply sent: no more than one call is left in doubt."""

from contextlib import closing

import pytest

from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits
from tests.simulation.trial import be_quiet
from tests.simulation.wire import Trouble

CUSTOMERS, IN_A_CALL = 6, 2
DEATHS = (1, 2, 7)
"""Moments around three calls: before the first one, while it is being done, before a later one."""


def after(death: int, safety: str) -> tuple[int, int]:
    """How many records wait for a person, and how many were made, when a process died and another one came."""
    erp = Traits.good(safety=safety, sizes=(50, 50, 50, IN_A_CALL))
    small = Small(Traits.good(), erp, Rules())
    with closing(small.life):
        for number in range(CUSTOMERS):
            small.customer(serial=f"K{number}")
        small.sync(Trouble(crash=death, near="writes"))
        small.wait()
        small.sync()
        return len(small.causes()), len(list(small.erp.of("customer")))


@pytest.mark.parametrize("safety", ["search", "none"])
def test_no_more_than_one_call_is_left_in_doubt(safety: str) -> None:
    be_quiet()
    ends = [after(death, safety) for death in DEATHS]

    assert max(parked for parked, _ in ends) <= IN_A_CALL
    assert all(made <= CUSTOMERS <= made + parked for parked, made in ends)
