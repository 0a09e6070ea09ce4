"""What no circumstance excuses, watched at the moment the connector does it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.records import Side
from tests.simulation.chronicle import Chronicle
from tests.simulation.sales import may_lead

if TYPE_CHECKING:
    from tests.simulation.system import Row


@dataclass(slots=True)
class Watch:
    """Stands beside one system."""

    side: Side
    chronicle: Chronicle
    decided: dict[str, datetime] = field(default_factory=dict)
    """By operation: when the run began that decided it."""
    checks: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    def hold(self, law: str, message: str, *, fine: bool) -> None:
        """One check of one law."""
        self.checks[law] += 1
        if not fine:
            self.breaches.append(f"{law}: {message}")

    def creates(self, entity: str, serial: str, key: str, there: "list[Row]", lag: timedelta) -> None:
        """A record is created: no other one is there that the connector made, or could have seen."""
        message = f"{entity} {serial} was created on {self.side}"
        self.hold("no duplicate", f"{message} a second time", fine=not any(row.ours for row in there))
        if key not in self.decided or entity == "adjustment":
            return
        known = [row for row in there if row.born < self.decided[key] - lag and not row.hidden]
        self.hold("no duplicate", f"{message}, where people had typed it", fine=not known)

    def refers(self, serial: str, *, existed: bool) -> None:
        """A record is created that refers to a customer."""
        self.hold("order", f"{serial} was created on {self.side} before its customer", fine=existed)

    def writes(self, row: "Row", *, guarded: bool, twins: int) -> None:
        """A record is changed."""
        what = f"{row.entity} {row.serial} was written on {self.side}"
        self.hold("guard", f"{what} without the version that was read", fine=guarded)
        # What people typed twice before the connector saw it has no counterpart until somebody says which one it is.
        guessed = row.serial in self.chronicle.twins and twins > 1 and not row.ours
        self.hold("no guess", f"{what}, where it is twice", fine=not guessed)

    def leads(self, row: "Row", goal: str) -> None:
        """A document is led on: only where people of the other side may lead it, one step after the other."""
        start = str(row.fields["status"])
        fine = may_lead(self.side.other, start, goal) or "status" in self.chronicle.loosened[row.serial]
        self.hold("legal", f"sale {row.serial} was led from {start} to {goal} on {self.side}", fine=fine)

    def removes(self, row: "Row", across: "Row | None", *, stale: bool) -> None:
        """A record is deleted or archived: people deleted it on the other side, and edited nothing here since.

        Where both happened, a person has decided about these very two records.
        """
        deleted = (row.serial, self.side.other) in self.chronicle.removed or row.serial in self.chronicle.condemned
        what = f"{row.entity} {row.serial} was removed on {self.side}"
        self.hold("no unproved delete", f"{what}; nobody deleted it on the other", fine=deleted)
        if across is not None and not stale and row.serial not in self.chronicle.condemned:
            edited = self.chronicle.unshared(row.serial, self.side, row.fields, across.fields)
            self.hold("no lost edit", f"{what}, and {', '.join(edited)} had been edited there", fine=not edited)
