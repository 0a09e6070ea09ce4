"""A hundred lives with fresh seeds: every law holds in each of them."""

import os
import time

import pytest

from tests.simulation.life import Step, write_script
from tests.simulation.mutants import misfits, read_mutants
from tests.simulation.shrinking import law_of, shrink
from tests.simulation.trial import be_quiet, try_script, try_seed

LIVES, BATCHES = 100, 10
FIRST = int(os.environ.get("CONNECTOR_TEST_SEED") or time.time()) % 10**9


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_law_holds_in_lives_from_fresh_seeds(batch: int) -> None:
    be_quiet()
    seeds = range(FIRST + batch, FIRST + LIVES, BATCHES)

    broken = [verdict for verdict in map(try_seed, seeds) if verdict.violations]

    stories = [
        f"CONNECTOR_TEST_SEED={one.seed}: {one.violations}\n" + "\n".join(shrink(one).story) for one in broken[:1]
    ]
    assert broken == [], "\n".join([f"seeds from {FIRST} on", *stories])


def test_a_life_is_the_same_each_time_it_is_lived() -> None:
    be_quiet()

    first, second = try_seed(FIRST), try_seed(FIRST)

    assert first.story == second.story
    assert first.finals == second.finals


def test_a_life_in_which_something_breaks_down_is_told_as_any_other_that_breaks_a_law() -> None:
    be_quiet()
    script = write_script(FIRST)

    verdict = try_script(script._replace(steps=[*script.steps[:1], Step("nothing anybody knows", "1")]))

    assert law_of(verdict) == "survival"
    assert "KeyError: 'nothing anybody knows'" in verdict.story


def test_every_fault_to_plant_fits_the_source() -> None:
    assert [(one.name, misfits(one)) for one in read_mutants() if misfits(one)] == []
