"""The life of an order, walked transition by transition from both sides, the illegal ones included."""

import re
from itertools import permutations
from pathlib import Path

import pytest

from connector.entities import Entity
from connector.mappings.compile import Translator, compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.reconcile.lifecycle import draw, later, may_lead, next_step, path
from connector.reconcile.merge import Half, Resolution
from connector.reconcile.plan import PairPlan, Planner, Sight
from connector.records import OperationKind, Presence, Record, Side, Version

ORDER = load_entities()["order"]
STATES = ORDER.fields["status"].choices
GRAPH = ORDER.lifecycle
FORMS: dict[Side, Translator] = {
    side: compile_mapping(ORDER, load_system(f"reference_{side}").entities["order"], side) for side in Side
}
BOTH = frozenset(Side)
ASKED = {Side.CRM: frozenset({"submitted", "cancel_requested", "cancelled"})}
"""What the CRM may ask for at all."""


def plan(crm: str, erp: str, base: str, resolutions: dict[str, Resolution] | None = None) -> PairPlan:
    """What becomes of an order that both sides last held in state `base`."""
    record: Record = dict.fromkeys(ORDER.fields)
    sights = {}
    for side, state in ((Side.CRM, crm), (Side.ERP, erp)):
        half = Half({**record, "status": state}, {**record, "status": base})
        sights[side] = Sight(f"{side}-1", Presence.PRESENT, half, Version("1"))
    return Planner(ORDER, FORMS, {}, lambda: "op").pair(1, sights, resolutions or {})


def moved(side: Side, start: str, goal: str) -> PairPlan:
    """What becomes of an order that one side alone leads from one state to another."""
    return plan(goal if side is Side.CRM else start, goal if side is Side.ERP else start, start)


MOVES = [(side, start, goal) for side in Side for start, goal in permutations(STATES, 2)]
DIRECT = [(side, start, goal) for side, start, goal in MOVES if side in GRAPH[start].get(goal, ())]
ILLEGAL = [(side, start, goal) for side, start, goal in MOVES if not may_lead(GRAPH, side, start, goal)]


def named(move: tuple[Side, str, str]) -> str:
    side, start, goal = move
    return f"{side} leads it from {start} to {goal}"


@pytest.mark.parametrize("move", DIRECT, ids=named)
def test_a_legal_transition_goes_across(move: tuple[Side, str, str]) -> None:
    side, _, goal = move

    decided = moved(*move)

    (operation,) = decided.operations
    assert (operation.side, operation.values["status"], decided.contests) == (side.other, goal, [])
    assert operation.kind is (OperationKind.PERFORM if side is Side.CRM else OperationKind.UPDATE)


@pytest.mark.parametrize("move", ILLEGAL, ids=named)
def test_an_illegal_transition_is_a_conflict_with_the_reason_and_writes_nothing(move: tuple[Side, str, str]) -> None:
    side, start, goal = move

    decided = moved(*move)

    assert decided.operations == []
    assert [contest.group for contest in decided.contests] == ["status"]
    assert decided.contests[0].reason.startswith(f"{side} may not lead it from {start} to {goal} ")


def test_the_table_holds_every_transition_of_every_side() -> None:
    assert (len(MOVES), len(DIRECT), len(ILLEGAL)) == (264, 30, 191)


def test_every_state_of_the_graph_is_a_choice_and_every_choice_is_in_the_graph() -> None:
    after = {state for followers in GRAPH.values() for state in followers}

    assert set(GRAPH) == set(STATES)
    assert after <= set(STATES)


def test_what_the_crm_may_not_lead_to_is_never_asked_of_the_erp() -> None:
    asked = {goal for side, _, goal in DIRECT if side is Side.CRM}

    assert asked == ASKED[Side.CRM]
    assert asked <= FORMS[Side.ERP].transitions["status"].keys()


@pytest.mark.parametrize(
    ("crm", "erp", "base", "winner"),
    [
        pytest.param("cancelled", "refused", "submitted", Side.CRM, id="a refused order may be cancelled by sales"),
        pytest.param("cancel_requested", "on_hold", "confirmed", None, id="held while it was asked for"),
        pytest.param("cancel_requested", "cancelled", "confirmed", Side.ERP, id="cancelled before anybody asked"),
        pytest.param("cancel_requested", "partially_shipped", "confirmed", Side.ERP, id="too late: it is on its way"),
        pytest.param("submitted", "cancelled", "refused", Side.ERP, id="sent again after it was cancelled"),
        pytest.param("cancelled", "confirmed", "submitted", None, id="cancelled while it was confirmed"),
    ],
)
def test_of_two_moves_the_one_that_may_follow_the_other_stands(
    crm: str, erp: str, base: str, winner: Side | None
) -> None:
    decided = plan(crm, erp, base)

    assert [operation.side.other for operation in decided.operations] == ([winner] if winner else [])
    assert bool(decided.contests) is (winner is None)


def test_a_persons_word_makes_an_illegal_move_legal_where_an_action_leads_there() -> None:
    word = Resolution(Side.CRM, {"status": "confirmed"}, {"status": "submitted"})

    (operation,) = plan("confirmed", "submitted", "submitted", {"status": word}).operations

    assert (operation.side, operation.action) == (Side.ERP, "confirm")


def test_a_persons_word_for_the_erp_writes_its_state_back() -> None:
    word = Resolution(Side.ERP, {"status": "closed"}, {"status": "shipped"})

    (operation,) = plan("closed", "shipped", "shipped", {"status": word}).operations

    assert (operation.side, operation.values) == (Side.CRM, {"status": "shipped"})


@pytest.mark.parametrize("side", Side)
def test_swapping_the_sides_swaps_who_is_later(side: Side) -> None:
    graph = {"a": {"b": {side}}, "b": {"c": {side}}, "c": {"a": {side}}}
    states = {side: "b", side.other: "a"}

    assert later(graph, states[Side.CRM], states[Side.ERP]) is side


def test_two_ways_of_one_length_are_for_a_person() -> None:
    graph = {"a": {"b": BOTH}, "b": {"a": BOTH}}

    assert later(graph, "a", "b") is None


def test_the_shortest_way_is_taken_and_only_by_those_who_may() -> None:
    graph = {"a": {"b": {Side.CRM}, "c": {Side.ERP}}, "b": {"d": {Side.CRM}}, "c": {}, "d": {}}

    assert path(graph, "a", "d") == ("b", "d")
    assert path(graph, "a", "d", Side.ERP) is None
    assert next_step(graph, "a", "d", Side.ERP) == "b"
    assert path(graph, "a", "a") == ()


def test_a_list_of_states_is_for_both_sides_and_one_side_needs_no_list() -> None:
    given = {"a": ["b"], "b": {"c": "crm", "a": ["erp"]}, "c": []}

    entity = Entity.model_validate({"name": "thing", "fields": {}, "lifecycle": given})

    assert entity.lifecycle == {
        "a": {"b": BOTH},
        "b": {"c": {Side.CRM}, "a": {Side.ERP}},
        "c": {},
    }


def test_the_drawing_names_who_may_lead_where() -> None:
    graph = {"a": {"b": {Side.CRM}, "c": BOTH}, "b": {}, "c": {"b": {Side.ERP}}}

    assert draw(graph).splitlines() == [
        "stateDiagram-v2",
        "    a --> b: CRM",
        "    a --> c: CRM or ERP",
        "    b --> [*]",
        "    c --> b: ERP",
    ]


def test_the_picture_in_the_documentation_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs/order-to-cash.md").read_text(encoding="utf-8")

    assert re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL) == [draw(GRAPH)]
