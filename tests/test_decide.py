"""What becomes of records that are linked to nothing."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from random import Random

import pytest

from connector.context import Work
from connector.decide import Decisions, _judge_loose, _read_loose
from connector.gather import Chunk, Seen
from connector.records import Presence, Side, Waiting
from connector.report import Tally
from tests.simulation.small import Small
from tests.simulation.tables import Rules
from tests.simulation.traits import Traits


@pytest.fixture
def work() -> Iterator[Work]:
    """The customers' part of a run between two systems that show at once what is new."""
    with closing(Small(Traits.good(), Traits.good(), Rules()).life) as life:
        context = life.running(Random(0)).context  # noqa: S311 -- nothing is left to chance
        yield Work(context, context.entities["customer"], "run", Tally("customer"))


@pytest.mark.parametrize(
    ("seen", "parked", "vanished", "ignored", "causes"),
    [
        pytest.param(
            Seen(Presence.FORBIDDEN), [1], [], [], ["forbidden"], id="one that may not be read is tried again"
        ),
        pytest.param(Seen(Presence.ABSENT), [], [1], [], [], id="one that is not there is forgotten"),
        pytest.param(None, [], [], [1], [], id="one that cannot be translated waits for its problem"),
        pytest.param(Seen(Presence.PRESENT), [], [], [], [], id="one that was read is judged"),
    ],
)
def test_unlinked_records(  # noqa: PLR0913, PLR0917 -- the columns of the table
    work: Work,
    at: datetime,
    seen: Seen | None,
    parked: list[int],
    vanished: list[int],
    ignored: list[int],
    causes: list[str],
) -> None:
    row = Waiting(1, "customer", Side.ERP, "7", "scan", at, at)
    chunk, decisions = Chunk([row], loose=[row]), Decisions()
    if seen is not None:
        chunk.seen[Side.ERP]["7"] = seen

    _read_loose(work, chunk, Side.ERP, decisions)

    told = [[one.seq for one in rows] for rows in (decisions.parked, decisions.vanished, decisions.ignored)]
    assert told == [parked, vanished, ignored]
    assert [problem.cause for problem in decisions.problems] == causes


def test_a_listed_record_that_is_known_to_have_gone_since_is_not_created_from_what_it_was(
    work: Work, at: datetime
) -> None:
    row = Waiting(1, "customer", Side.ERP, "7", "scan", at, at)
    chunk, decisions = Chunk([row], loose=[row]), Decisions()
    chunk.seen[Side.ERP]["7"] = Seen(Presence.PRESENT, {"serial": "K1"}, data=b'{"serial":"K1"}')

    verdicts = _judge_loose(work, chunk, Side.ERP, decisions)

    assert (verdicts, decisions.vanished) == ({}, [row])
