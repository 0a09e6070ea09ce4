"""What becomes of a link when a system says that its record goes on under another id: values in, values out."""

from collections.abc import Collection, Mapping
from enum import StrEnum, auto
from typing import NamedTuple

from connector.records import Side

MOST_STEPS = 20
"""Merges of merges that are followed; what leads further is left for a person to look at."""


class Goal(NamedTuple):
    """Where one side's record goes on; `holder` is another link that has that record, `is_busy` that one is coming."""

    id: str
    holder: int | None = None
    is_busy: bool = False


class Course(StrEnum):
    """What becomes of the link."""

    FOLLOW = auto()
    SLEEP = auto()
    WAIT = auto()


class Use(StrEnum):
    """How a record stands, as far as anybody would still work with it."""

    IN_USE = auto()
    ARCHIVED = auto()
    MISSING = auto()
    UNKNOWN = auto()


def destination(old: str, moved: Mapping[str, str]) -> str | None:
    """Where a trail of merges and renames ends; None for one that runs in a circle or goes on too long."""
    present = old
    for _ in range(MOST_STEPS):
        if present not in moved:
            return present if present != old else None
        present = moved[present]
    return None


def choose(goals: Mapping[Side, Goal]) -> Course:
    """Follow a record nobody else has; a record that is linked already keeps its link, and the merged one's sleeps."""
    if any(goal.is_busy for goal in goals.values()):
        return Course.WAIT  # Its counterpart is being made: which of the two this is shows once that is known.
    if any(goal.holder is not None for goal in goals.values()):
        return Course.SLEEP
    return Course.FOLLOW


def needs_person(merged: Collection[Side], uses: Mapping[Side, Use]) -> bool:
    """Whether a merged record's counterpart is left over: still in use, on a side where nobody merged it."""
    return any(uses[side] in {Use.IN_USE, Use.UNKNOWN} for side in Side if side not in merged)


def is_parted(uses: Mapping[Side, Use]) -> bool:
    """Whether both records of a sleeping link are there: the merge was taken back."""
    return all(use in {Use.IN_USE, Use.ARCHIVED} for use in uses.values())


def is_over(uses: Mapping[Side, Use]) -> bool:
    """Whether nobody works with either record of a sleeping link any more: then nothing is left to be done about it."""
    return all(use in {Use.ARCHIVED, Use.MISSING} for use in uses.values())
