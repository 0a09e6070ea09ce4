"""State machines of documents: which state may follow which, and which of two is further along."""

from collections.abc import Mapping


def reaches(graph: Mapping[str, tuple[str, ...]], start: str, goal: str) -> bool:
    """Whether `goal` can be reached from `start` by legal transitions (every state reaches itself)."""
    seen: set[str] = set()
    open_states = [start]
    while open_states:
        state = open_states.pop()
        if state == goal:
            return True
        if state not in seen:
            seen.add(state)
            open_states.extend(graph.get(state, ()))
    return False


def next_step(graph: Mapping[str, tuple[str, ...]], start: str, goal: str) -> str | None:
    """The first state on a shortest legal way from `start` to `goal`, or None where there is no way."""
    came_from: dict[str, str] = {start: start}
    queue = [start]
    for state in queue:
        for follower in graph.get(state, ()):
            if follower not in came_from:
                came_from[follower] = state
                queue.append(follower)
    if goal not in came_from or goal == start:
        return None
    while came_from[goal] != start:
        goal = came_from[goal]
    return goal


def further(graph: Mapping[str, tuple[str, ...]], one: str, other: str) -> str | None:
    """The state that is further along, when one can legally follow the other; None when neither can."""
    if reaches(graph, one, other):
        return other
    if reaches(graph, other, one):
        return one
    return None
