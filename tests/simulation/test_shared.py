"""Lives whose runs are cut into portions keep the same laws.

`CONNECTOR_SIMULATED_PORTION=2 make simulate` plays many.
"""

from collections.abc import Callable
from random import Random

import pytest

from connector.report import Report
from connector.store import portions
from connector.sync import running
from connector.worker import Worker, mappings_of
from tests.simulation import hands
from tests.simulation.small import Small
from tests.simulation.trial import be_quiet, try_seed


def test_lives_in_portions_break_no_law(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    work_on = Worker.work_on
    monkeypatch.setattr(hands, "PORTION", 2)
    monkeypatch.setattr(Worker, "work_on", lambda self, run: worked.append(run) or work_on(self, run))
    be_quiet()

    verdicts = [try_seed(seed) for seed in range(6)]

    assert [verdict.violations for verdict in verdicts] == [[]] * 6
    assert len(worked) > 6


def test_a_portion_of_another_version_is_left_to_others(world: Callable[..., Small]) -> None:
    small = world()
    context = small.life.running(Random(0)).context
    with running(context, Report("r1", "sync")) as epoch:
        with context.store.write() as connection:
            portions.add(
                connection, ("r1", epoch), "customer", "dream", [{"mappings": mappings_of(context, "customer")}]
            )

        done = Worker(context, conducts=True).work_on("r1")

        with context.store.read() as connection:
            left = portions.left(connection, "r1")
    assert (done, left.free, left.failed) == (1, 1, False)
