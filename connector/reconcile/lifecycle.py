"""State machines of documents: a declared graph of which side may lead a document from which state to which."""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from connector.records import Side

Graph: TypeAlias = Mapping[str, Mapping[str, Collection[Side]]]
"""From each state to those that may follow it, each with the sides that may make this transition."""


def path(graph: Graph, start: str, goal: str, side: Side | None = None) -> tuple[str, ...] | None:
    """The states of a shortest legal way from `start` to `goal`, without `start`; None where there is no way.

    With a side, only transitions that this side may make count.
    """
    ways: dict[str, tuple[str, ...]] = {start: ()}
    queue = [start]
    for state in queue:
        for follower, makers in graph.get(state, {}).items():
            if follower not in ways and (side is None or side in makers):
                ways[follower] = (*ways[state], follower)
                queue.append(follower)
    return ways.get(goal)


def may_lead(graph: Graph, side: Side, start: str, goal: str) -> bool:
    """Whether a side may lead a document from one state to another, in however many steps."""
    return path(graph, start, goal, side) is not None


def later(graph: Graph, crm: str, erp: str) -> Side | None:
    """The side whose state may follow the other's by its own transitions, the nearer one; None where nobody's may."""
    ways = {Side.CRM: path(graph, erp, crm, Side.CRM), Side.ERP: path(graph, crm, erp, Side.ERP)}
    lengths = {side: len(way) for side, way in ways.items() if way is not None}
    if not lengths:
        return None
    nearest = min(lengths.values())
    nearer = [side for side, length in lengths.items() if length == nearest]
    return nearer[0] if len(nearer) == 1 else None


def next_step(graph: Graph, start: str, goal: str, side: Side) -> str | None:
    """The first state on the way that a side goes, else on any way; None where there is none."""
    way = path(graph, start, goal, side) or path(graph, start, goal)
    return way[0] if way else None


def why_not(graph: Graph, side: Side, start: str, goal: str) -> str:
    """Why a side's move is illegal, for the person who decides."""
    allowed = sorted(state for state, makers in graph.get(start, {}).items() if side in makers)
    choice = f"only to {', '.join(allowed)}" if allowed else "nowhere"
    return f"{side} may not lead it from {start} to {goal} (from {start} it may go {choice})"


def draw(graph: Graph) -> str:
    """The graph as a Mermaid state diagram, each transition with the sides that may make it."""
    lines = ["stateDiagram-v2"]
    for state, followers in graph.items():
        for follower, makers in followers.items():
            lines.append(f"    {state} --> {follower}: {' or '.join(sorted(side.upper() for side in makers))}")
        if not followers:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines) + "\n"
