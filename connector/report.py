"""What one run came to: counts per entity and side, what stopped it, and the exit code that says so."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from connector.records import OperationKind, Side


class Exit(IntEnum):
    """Exit codes; where several apply the highest wins."""

    CLEAN = 0
    PENDING = 2
    DECISION = 3
    FAILED = 4
    HALTED = 5
    USAGE = 64


@dataclass(slots=True)
class Tally:
    """The counts of one entity in one run."""

    entity: str
    read: Counter[Side] = field(default_factory=Counter)
    written: Counter[tuple[Side, OperationKind]] = field(default_factory=Counter)
    planned: Counter[tuple[Side, OperationKind]] = field(default_factory=Counter)
    linked: int = 0
    agreed: int = 0
    ambiguous: int = 0
    waiting: int = 0
    conflicts: int = 0
    problems: int = 0
    overridden: int = 0
    unlinked: int = 0
    ignored: int = 0
    held: int = 0
    halted: list[str] = field(default_factory=list)
    shown: Counter[Side] = field(default_factory=Counter)
    """Of what was read, what the last window of a side showed that was read to its end."""

    def add(self, other: "Tally") -> None:
        """Count in what another thread or process counted for the same entity."""
        self.read.update(other.read)
        self.written.update(other.written)
        self.planned.update(other.planned)
        for name in _PLAIN:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.halted += other.halted

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Tally":
        """The counts behind what `as_dict` told."""
        counts = {name: told[name] for name in _PLAIN}
        return cls(
            told["entity"],
            Counter({Side(side): count for side, count in told["read"].items()}),
            _by_kind(told["written"]),
            _by_kind(told["planned"]),
            **counts,
            halted=list(told["halted"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain data, for `--json`, the run's row and the summary event."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {
            "entity": self.entity,
            "read": {str(side): count for side, count in self.read.items()},
            "written": {f"{kind} {side}": count for (side, kind), count in self.written.items()},
            "planned": {f"{kind} {side}": count for (side, kind), count in self.planned.items()},
            **plain,
            "halted": list(self.halted),
        }


def _by_kind(told: Mapping[str, int]) -> Counter[tuple[Side, OperationKind]]:
    named = ((words.split(" "), count) for words, count in told.items())
    return Counter({(Side(side), OperationKind(kind)): count for (kind, side), count in named})


_PLAIN = (
    "linked",
    "agreed",
    "ambiguous",
    "waiting",
    "conflicts",
    "problems",
    "overridden",
    "unlinked",
    "ignored",
    "held",
)


@dataclass(slots=True)
class Report:
    """One run, entity by entity."""

    run: str
    kind: str
    tallies: dict[str, Tally] = field(default_factory=dict)
    open_conflicts: int = 0
    open_decisions: int = 0
    open_problems: int = 0
    replanned: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What a person should know, although nothing stopped."""

    def tally(self, entity: str) -> Tally:
        """The counts of one entity, made on first use."""
        return self.tallies.setdefault(entity, Tally(entity))

    @property
    def writes(self) -> int:
        """How many operations reached the two systems."""
        return sum(tally.written.total() for tally in self.tallies.values())

    @property
    def pending(self) -> int:
        """How many operations are planned and not executed."""
        return sum(tally.planned.total() for tally in self.tallies.values())

    @property
    def halted(self) -> list[str]:
        """Why entities stopped."""
        return [message for tally in self.tallies.values() for message in tally.halted]

    @property
    def exit(self) -> Exit:
        """The exit code that tells how the run ended."""
        if self.halted:
            return Exit.HALTED
        if self.open_problems:
            return Exit.FAILED
        if self.open_conflicts or self.open_decisions:
            return Exit.DECISION
        pending = self.kind == "plan" and self.pending
        return Exit.PENDING if pending or self.replanned else Exit.CLEAN

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "run": self.run,
            "kind": self.kind,
            "exit": int(self.exit),
            "writes": self.writes,
            "pending": self.pending,
            "open_conflicts": self.open_conflicts,
            "open_decisions": self.open_decisions,
            "open_problems": self.open_problems,
            "replanned": list(self.replanned),
            "halted": self.halted,
            "warnings": list(self.warnings),
            "entities": [tally.as_dict() for tally in self.tallies.values()],
        }
