"""What verifying one entity found: fields counted by what they are, and the differences with what explains them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.records import Side

EQUAL, NORMAL = "equal", "equal after normal form"
SHOWN = 100
PARKED = "with an open problem"
MEANT = "not meant to be on the other side"


class Difference(NamedTuple):
    """One thing the two systems do not agree on, and what explains it, if anything does."""

    entity: str
    crm_id: str
    erp_id: str
    field: str
    explained: str


@dataclass(slots=True)
class Comparison:
    """What verifying one entity found."""

    entity: str
    pairs: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    unlinked: Counter[tuple[Side, str]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    unexplained: int = 0

    def add(self, difference: Difference) -> None:
        """Record a difference; only the first hundred are kept in full, all are counted."""
        self.unexplained += not difference.explained
        self.fields["explained" if difference.explained else "different"] += 1
        if len(self.differences) < SHOWN:
            self.differences.append(difference)

    def count(self, pairs: int, fields: Mapping[str, int]) -> None:
        """Count pairs of which nothing else is to be told."""
        self.pairs += pairs
        self.fields.update({what: number for what, number in fields.items() if number})

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain data."""
        return {
            "entity": self.entity,
            "pairs": self.pairs,
            "fields": dict(self.fields),
            "unlinked": {f"{side} {why}": count for (side, why), count in self.unlinked.items()},
            "unexplained": self.unexplained,
            "differences": [difference._asdict() for difference in self.differences],
        }
