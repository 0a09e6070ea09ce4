"""Make a broken life shorter: whatever can be left out while the same law still breaks is left out."""

from collections.abc import Callable, Iterator

from tests.simulation.life import Script, without
from tests.simulation.trial import Verdict, try_script

PATIENCE = 200
"""How many lives one search may play."""


def shrink(verdict: Verdict, lives: Callable[[Script], Verdict] = try_script) -> Verdict:
    """The same law broken with as few steps as a bounded search finds: first whole stretches, then single steps."""
    if verdict.script is None or not verdict.violations:
        return verdict
    best, left = verdict, PATIENCE
    size = max(1, len(verdict.script.steps) // 2)
    while size:
        improved = False
        for candidate in _shorter(best.script, size):
            if not left:
                return best
            left -= 1
            tried = lives(candidate)
            if law_of(tried) == law_of(verdict):
                best, improved = tried, True
                break
        size = size if improved else size // 2
    return best


def _shorter(script: Script | None, size: int) -> Iterator[Script]:
    if script is None:
        return
    for start in range(0, len(script.steps), size):
        yield without(script, range(start, start + size))


def law_of(verdict: Verdict) -> str:
    """The first law that was broken, or nothing."""
    return verdict.violations[0].partition(":")[0] if verdict.violations else ""
