"""The independent model: what people did, kept by the world and never by the connector.

Every value that people type is unique, so a value found anywhere tells who typed it. Who edits a field has seen what it
held: that orders edits of one field, also across both sides, without any clock.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.records import Side
from tests.simulation.forms import keep
from tests.simulation.sales import flat

PLAIN = {
    "customer": ("name", "phone", "credit", "city", "zip", "status"),
    "contact": ("customer", "name", "email", "status"),
}
"""The fields whose edits are told apart by their values; numbers that move and sets have laws of their own."""
UNIQUE = {
    "customer": ("name", "phone", "credit", "city", "zip"),
    "contact": ("name", "email"),
    "sale": ("note", "lines"),
}


class Edit(NamedTuple):
    """One value that a person typed: `sees` is the edit whose value it replaced."""

    number: int
    serial: str
    side: Side
    name: str
    value: Any
    sees: int | None
    creating: bool


class Chronicle:
    """Everything people did."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.entities: dict[str, str] = {}
        self.typed: dict[tuple[str, Side], int] = defaultdict(int)
        """How often people created a thing on a side."""
        self.removed: set[tuple[str, Side]] = set()
        """What people deleted or merged away on a side."""
        self.origins: dict[tuple[str, str, Any], int] = {}
        self.moved: dict[str, int] = defaultdict(int)
        """The sum of what people moved a thing's points by, its first value included."""
        self.moves: dict[str, list[tuple[Side, int]]] = defaultdict(list)
        self.archived: set[str] = set()
        self.added: dict[str, set[str]] = defaultdict(set)
        self.dropped: dict[str, set[str]] = defaultdict(set)
        self.loosened: dict[str, set[str]] = defaultdict(set)
        """Fields of a thing that nobody can promise anything for any more, such as after a write without a guard."""
        self.condemned: set[str] = set()
        """What was deleted on one side and edited on the other, and somebody decided about it."""
        self.unguarded = 0
        self.twins: set[str] = set()
        """What was typed twice on one side before the connector can have seen it."""

    def type(self, serial: str, side: Side, name: str, value: Any, before: Any, *, creating: bool = False) -> None:
        """Somebody typed a value, in place of the one that was there."""
        entity = self.entities[serial]
        number = len(self.edits)
        sees = self.origin(serial, name, before)
        self.edits.append(Edit(number, serial, side, name, value, sees, creating))
        for form in self.forms(entity, side, name, value):
            self.origins[serial, name, form] = number

    def forms(self, entity: str, side: Side, name: str, value: Any) -> list[Any]:
        """The value as it can be found anywhere: as kept here, across, and back again."""
        here = keep(side, entity, name, value)
        there = keep(side.other, entity, name, here)
        return [flat(form) for form in (here, there, keep(side, entity, name, there))]

    def origin(self, serial: str, name: str, value: Any) -> int | None:
        """The edit that a value found in a field comes from."""
        return None if value is None else self.origins.get((serial, name, flat(value)))

    def unshared(self, serial: str, side: Side, here: Mapping[str, Any], across: Mapping[str, Any]) -> list[str]:
        """The fields in which people edited a record and nothing of it had gone across."""
        found = []
        for name in UNIQUE.get(self.entities[serial], ()):
            number = self.origin(serial, name, here.get(name))
            edit = None if number is None else self.edits[number]
            if edit is None or edit.creating or edit.side is not side or name == "credit":
                continue
            if number not in self.seen_by(self.origin(serial, name, across.get(name))):
                found.append(name)
        return found

    def loosen(self, serial: str, name: str) -> None:
        """Give up a field's laws, with a reason that the systems gave."""
        self.loosened[serial].add(name)

    def seen_by(self, number: int | None) -> set[int]:
        """An edit and everything it replaced, knowingly."""
        seen: set[int] = set()
        while number is not None and number not in seen:
            seen.add(number)
            number = self.edits[number].sees
        return seen
