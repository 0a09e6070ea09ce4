"""Lives whose runs are cut into portions keep the same laws.

`CONNECTOR_SIMULATED_PORTION=2 make simulate` plays many.
"""

import pytest

from connector.worker import Worker
from tests.simulation import hands
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
