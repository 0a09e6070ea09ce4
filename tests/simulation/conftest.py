"""Small worlds for tests: honest systems, unless a test says otherwise, and no chance."""

from collections.abc import Callable, Iterator

import pytest

from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits
from tests.simulation.trial import be_quiet


@pytest.fixture
def world() -> Iterator[Callable[..., Small]]:
    """Makes small worlds."""
    be_quiet()
    made: list[Small] = []

    def make(crm: Traits = Traits.good(), erp: Traits = Traits.good(), rules: Rules = Rules()) -> Small:  # noqa: B008
        made.append(Small(crm, erp, rules))
        return made[-1]

    yield make
    for one in made:
        one.life.close()
