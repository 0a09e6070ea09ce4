"""The laws, checked one by one on a world at rest, against what people did and what the connector tells of itself."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sqlalchemy import select

from connector.records import Side
from connector.store import conflicts, problems
from connector.store.columns import from_json
from connector.store.database import Store
from connector.store.schema import history
from tests.simulation.chronicle import UNIQUE, Chronicle, Edit
from tests.simulation.forms import keep
from tests.simulation.sales import flat
from tests.simulation.system import Row
from tests.simulation.tables import Rules
from tests.simulation.world import World

GROUPS = {"city": "address", "zip": "address"}
COMPARED = {
    "customer": ("name", "phone", "credit", "city", "zip", "points", "tags", "status"),
    "contact": ("customer", "name", "email", "status"),
    "adjustment": ("customer", "quantity"),
    "sale": ("customer", "note", "status", "lines"),
}


@dataclass(slots=True)
class Told:
    """What the connector tells: open problems and conflicts, and what it overrode."""

    named: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The causes of the open problems, by thing."""
    contested: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    values: dict[tuple[str, str], list[Any]] = field(default_factory=lambda: defaultdict(list))
    """What is lost by a named policy or held in an open conflict, by thing and field."""
    joined: set[frozenset[str]] = field(default_factory=set)
    """Things of which people made one, and whose counterpart went along."""
    alike: set[frozenset[str]] = field(default_factory=set)
    """Those and the others of which people made one: what belongs to one may stand beside what belongs to the other."""


def listen(world: World, store: Store) -> Told:
    """Read what the connector tells, in terms of the real world."""
    told = Told()
    with store.read() as connection:
        for item in problems.listed(connection):
            serial = world.name_of(item.problem.entity, item.problem.side, item.problem.id)
            told.named[str(serial)].append(item.problem.cause)
        for conflict in (item.conflict for item in conflicts.listed(connection)):
            serial = str(world.name_of(conflict.entity, Side.CRM, conflict.crm_id))
            told.contested[serial].add(conflict.field)
            for values in (conflict.crm_value, conflict.erp_value):
                for name, value in values.items():
                    told.values[serial, name].append(flat(value))
        rows = connection.execute(select(history).where(history.c.kind == "overridden")).all()
    _hear_of_moves(world, store, told)
    for row in rows:
        serial = str(world.name_of(row.entity, Side(row.side), row.id))
        for name, value in from_json(row.detail)["lost"].items():
            told.values[serial, name].append(flat(value))
    return told


def _hear_of_moves(world: World, store: Store, told: Told) -> None:
    """Whose counterpart went along to another record."""
    with store.read() as connection:
        rows = connection.execute(select(history).where(history.c.kind.in_(("merged", "renamed")))).all()
    for row in rows:
        detail = from_json(row.detail)
        pair = [str(world.name_of(row.entity, Side(row.side), detail[name])) for name in ("old", "new")]
        told.alike.add(frozenset(pair))
        if detail["then"] == "its link follows":
            told.joined.add(frozenset(pair))
            for serial in pair:
                told.named[serial].append("merged")
    told.alike |= {frozenset(pair) for one in _together(told.alike) for pair in combinations(sorted(one), 2)}


def _together(pairs: set[frozenset[str]]) -> list[set[str]]:
    """Who is one in the end: where the CRM merges A into B, and the ERP A into C, people say so of all three."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if group not in touched] + [set(pair).union(*touched)]
    return groups


class Court:
    """Holds one world at rest to the laws."""

    def __init__(self, world: World, told: Told, rules: Rules) -> None:
        self.world, self.told, self.rules = world, told, rules
        self.chronicle: Chronicle = world.chronicle
        self.checks: Counter[str] = Counter()
        self.violations: list[str] = []

    def judge(self) -> None:
        """Every law, over every thing."""
        for serial, entity in self.chronicle.entities.items():
            rows = {side: self.world.systems[side].find(entity, serial) for side in Side}
            self._count(serial, entity, rows)
            self._invented(serial, entity, rows)
            if self._is_gone(serial):
                self._removal(serial, entity, rows)
            elif self._is_single(serial, rows):
                pair = {side: found[0] for side, found in rows.items()}
                self._converged(serial, entity, pair)
                self._edits(serial, pair)
                self._sums(serial, pair)
        self._conserved()

    def judge_prompt(self) -> None:
        """Only what must be true after the first run without faults: the edits of both sides are across."""
        for serial, entity in self.chronicle.entities.items():
            rows = {side: self.world.systems[side].find(entity, serial) for side in Side}
            if not self._is_gone(serial) and serial not in self.told.named and self._is_single(serial, rows):
                pair = {side: found[0] for side, found in rows.items()}
                for name in COMPARED[entity]:
                    if GROUPS.get(name, name) not in self.told.contested[serial]:
                        fine = self._same(entity, name, pair)
                        self.hold("promptness", f"{serial} {name} differs after one run", fine=fine)

    def hold(self, law: str, message: str, *, fine: bool) -> None:
        """One check of one law."""
        self.checks[law] += 1
        if not fine:
            self.violations.append(f"{law}: {message}")

    def _is_gone(self, serial: str) -> bool:
        return any((serial, side) in self.chronicle.removed for side in Side)

    def _is_single(self, serial: str, rows: dict[Side, list[Row]]) -> bool:
        """Exactly one record a side; otherwise somebody is asked, or somebody typed it twice."""
        return all(len(found) == 1 for found in rows.values())

    def _wanted(self, serial: str, entity: str, side: Side) -> int:
        typed = self.chronicle.typed[serial, side]
        if entity == "adjustment" and side is Side.CRM:
            return typed
        return max(typed, 1)

    def _count(self, serial: str, entity: str, rows: dict[Side, list[Row]]) -> None:
        for side, found in rows.items():
            ours, typed = [row for row in found if row.ours], self.chronicle.typed[serial, side]
            self.hold("no duplicate", f"{entity} {serial} on {side}: {len(ours)} are ours", fine=len(ours) <= 1)
            if self._is_gone(serial) or serial in self.told.named:
                self.checks["named"] += 1
                continue
            lacking = len(found) < self._wanted(serial, entity, side)
            self.hold("convergence", f"{entity} {serial} is missing on {side}", fine=not lacking)
            doubled = bool(ours and typed)
            self.hold("no duplicate", f"{entity} {serial} on {side}: typed, and ours too", fine=not doubled)

    def _invented(self, serial: str, entity: str, rows: dict[Side, list[Row]]) -> None:
        for side, found in rows.items():
            for row in found if not any(serial in pair for pair in self.told.joined) else ():
                for name in UNIQUE.get(entity, ()):
                    value = row.fields.get(name)
                    known = value is None or self.chronicle.origin(serial, name, value) is not None
                    self.hold("no invention", f"{serial} on {side}: nobody typed {name} {value!r}", fine=known)

    def _removal(self, serial: str, entity: str, rows: dict[Side, list[Row]]) -> None:
        """What people deleted on one side is gone on the other too, as the policy says, or somebody is asked."""
        told = serial in self.told.named or "*" in self.told.contested[serial]
        for side, found in rows.items():
            if (serial, side) in self.chronicle.removed or told or self.chronicle.typed[serial, side] > 1:
                continue
            if (serial, side.other) not in self.chronicle.removed or rows[side.other]:
                continue
            policy = self.rules.deletes(side)
            unused = all(row.fields["status"] == "inactive" for row in found)
            # The counterpart of a record that went into another is left as it is once nobody uses it.
            merged = any(serial in pair for pair in self.told.alike)
            fine = unused if policy == "archive" or merged else not found
            if entity != "adjustment" and policy in {"archive", "delete"}:
                self.hold("convergence", f"{serial} was deleted across, and stays on {side}", fine=fine)

    def _same(self, entity: str, name: str, pair: dict[Side, Row]) -> bool:
        values = {side: row.fields.get(name) for side, row in pair.items()}
        if name == "customer":
            parents = {side: self.world.name_of("customer", side, str(value)) for side, value in values.items()}
            return parents[Side.CRM] == parents[Side.ERP] or frozenset(map(str, parents.values())) in self.told.alike
        if name == "tags":
            return set(values[Side.CRM] or ()) == set(values[Side.ERP] or ())
        return any(flat(keep(side.other, entity, name, values[side])) == flat(values[side.other]) for side in Side)

    def _converged(self, serial: str, entity: str, pair: dict[Side, Row]) -> None:
        for name in COMPARED[entity]:
            if GROUPS.get(name, name) in self.told.contested[serial] or serial in self.told.named:
                self.checks["named"] += 1
                continue
            shown = " and ".join(f"{side} {row.fields.get(name)!r}" for side, row in pair.items())
            self.hold("convergence", f"{serial} {name}: {shown}", fine=self._same(entity, name, pair))

    def _edits(self, serial: str, pair: dict[Side, Row]) -> None:
        """From the last edit to the first: it stands, or it is told, or its successor had seen it."""
        entity = self.chronicle.entities[serial]
        if serial in self.told.named:
            return
        for name in UNIQUE.get(entity, ()):
            if name in self.chronicle.loosened[serial]:
                self.checks["unguarded"] += 1
                continue
            covered: set[int] = set()
            for row in pair.values():
                covered |= self.chronicle.seen_by(self.chronicle.origin(serial, name, row.fields.get(name)))
            edits = [edit for edit in self.chronicle.edits if edit.serial == serial and edit.name == name]
            for edit in reversed(edits):
                if edit.number not in covered and self._is_told(entity, edit):
                    covered |= self.chronicle.seen_by(edit.number)
                self.hold("no lost edit", f"{serial} {edit.side} {name}={edit.value!r}", fine=edit.number in covered)

    def _is_told(self, entity: str, edit: Edit) -> bool:
        forms = self.chronicle.forms(entity, edit.side, edit.name, edit.value)
        return any(form in self.told.values[edit.serial, edit.name] for form in forms)

    def _sums(self, serial: str, pair: dict[Side, Row]) -> None:
        if self.chronicle.entities[serial] != "customer" or serial in self.told.named:
            return
        free = self.chronicle.loosened[serial] | self.told.contested[serial]
        for side, row in pair.items():
            if "points" not in free and self.rules.points == "delta":
                moved, points = self.chronicle.moved[serial], row.fields.get("points")
                self.hold(
                    "conservation", f"{serial} points on {side}: {points}, moved {moved}", fine=points == str(moved)
                )
            if "tags" not in free:
                tags = set(row.fields.get("tags") or ())
                wanted = self.chronicle.added[serial] - self.chronicle.dropped[serial]
                self.hold(
                    "no lost edit",
                    f"{serial} tags on {side}: {sorted(tags)}, not {sorted(wanted)}",
                    fine=tags == wanted,
                )
        overridden = "inactive" in self.told.values[serial, "status"]
        if serial in self.chronicle.archived and "status" not in free and not overridden:
            for side, row in pair.items():
                archived = row.fields["status"] == "inactive"
                self.hold("no lost edit", f"{serial} was archived, and is active on {side}", fine=archived)

    def _conserved(self) -> None:
        """What was moved in the CRM's documents was moved in the ERP's, to the piece."""
        sums = {}
        for side in Side:
            rows = [row for row in self.world.systems[side].of("adjustment") if self._is_from_the_crm(row)]
            sums[side] = sum(int(row.fields["quantity"]) for row in rows)
        self.hold("conservation", f"adjustments moved {sums}", fine=sums[Side.CRM] == sums[Side.ERP])

    def _is_from_the_crm(self, row: Row) -> bool:
        return bool(self.chronicle.typed[row.serial, Side.CRM]) and row.serial not in self.told.named
