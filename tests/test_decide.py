"""What becomes of records that are linked to nothing."""

from datetime import datetime

import pytest

from connector.decide import Decisions, _read_loose
from connector.gather import Chunk, Seen
from connector.records import Presence, Side, Waiting


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
def test_unlinked_records(
    at: datetime, seen: Seen | None, parked: list[int], vanished: list[int], ignored: list[int], causes: list[str]
) -> None:
    row = Waiting(1, "customer", Side.ERP, "7", "scan", at, at)
    chunk, decisions = Chunk([row], loose=[row]), Decisions()
    if seen is not None:
        chunk.seen[Side.ERP]["7"] = seen

    _read_loose(chunk, Side.ERP, decisions)

    told = [[one.seq for one in rows] for rows in (decisions.parked, decisions.vanished, decisions.ignored)]
    assert told == [parked, vanished, ignored]
    assert [problem.cause for problem in decisions.problems] == causes
