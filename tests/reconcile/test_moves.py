"""Merged and renamed records: where trails end, what becomes of links, and who has to be told."""

import pytest

from connector.reconcile.moves import (
    MOST_STEPS,
    Course,
    Goal,
    Use,
    choose,
    destination,
    is_over,
    is_parted,
    needs_person,
)
from connector.records import Side

CRM, ERP = Side.CRM, Side.ERP
USED, ARCHIVED, MISSING, UNKNOWN = Use.IN_USE, Use.ARCHIVED, Use.MISSING, Use.UNKNOWN


@pytest.mark.parametrize(
    ("moved", "end"),
    [
        pytest.param({"a": "b"}, "b", id="one step"),
        pytest.param({"a": "b", "b": "c"}, "c", id="a merge of a merge"),
        pytest.param({"b": "c"}, None, id="a record that did not move"),
        pytest.param({"a": "b", "b": "a"}, None, id="there and back"),
        pytest.param({"a": "b", "b": "c", "c": "b"}, None, id="into a circle"),
        pytest.param({"a": "a"}, None, id="into itself"),
    ],
)
def test_a_trail_ends_where_nothing_leads_further(moved: dict[str, str], end: str | None) -> None:
    assert destination("a", moved) == end


def test_a_trail_without_an_end_in_sight_is_left_alone() -> None:
    moved = {str(number): str(number + 1) for number in range(MOST_STEPS + 1)}

    assert destination("2", moved) == str(MOST_STEPS + 1)
    assert destination("0", moved) is None


@pytest.mark.parametrize(
    ("goals", "course"),
    [
        pytest.param({CRM: Goal("b")}, Course.FOLLOW, id="nobody else has the record"),
        pytest.param({CRM: Goal("b"), ERP: Goal("2")}, Course.FOLLOW, id="both sides renamed it"),
        pytest.param({CRM: Goal("b", holder=7)}, Course.SLEEP, id="the record it was merged into is linked"),
        pytest.param({CRM: Goal("b", holder=7), ERP: Goal("2")}, Course.SLEEP, id="merged here, renamed there"),
        pytest.param({CRM: Goal("b", holder=7), ERP: Goal("2", holder=7)}, Course.SLEEP, id="merged on both sides"),
        pytest.param({CRM: Goal("b", is_busy=True)}, Course.WAIT, id="a counterpart of the record is being made"),
        pytest.param(
            {CRM: Goal("b", holder=7), ERP: Goal("2", is_busy=True)}, Course.WAIT, id="one is linked, one being made"
        ),
    ],
)
def test_a_link_follows_sleeps_or_waits(goals: dict[Side, Goal], course: Course) -> None:
    assert choose(goals) is course
    assert choose({side.other: goal for side, goal in goals.items()}) is course


@pytest.mark.parametrize(
    ("crm", "erp", "person", "parted", "over"),
    [
        pytest.param(MISSING, USED, True, False, False, id="the counterpart is still in use"),
        pytest.param(MISSING, UNKNOWN, True, False, False, id="nobody may see the counterpart"),
        pytest.param(MISSING, ARCHIVED, False, False, True, id="the counterpart was archived"),
        pytest.param(MISSING, MISSING, False, False, True, id="the counterpart is gone as well"),
        pytest.param(UNKNOWN, MISSING, False, False, False, id="one may not be seen, the other is gone"),
        pytest.param(USED, USED, True, True, False, id="both are there again"),
        pytest.param(ARCHIVED, USED, True, True, False, id="it came back archived"),
        pytest.param(ARCHIVED, ARCHIVED, False, True, True, id="both are archived"),
    ],
)
def test_who_has_to_be_told_and_when_a_merge_is_over(
    crm: Use, erp: Use, *, person: bool, parted: bool, over: bool
) -> None:
    for uses, merged in (({CRM: crm, ERP: erp}, CRM), ({ERP: crm, CRM: erp}, ERP)):
        assert (needs_person([merged], uses), is_parted(uses), is_over(uses)) == (person, parted, over)


def test_a_merge_on_both_sides_leaves_nothing_over() -> None:
    assert not needs_person([CRM, ERP], {CRM: MISSING, ERP: UNKNOWN})
