"""One simulated system: its records, its clock, and what it does to what it is given."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.errors import AlreadyExists, Forbidden, Gone, NotFound, RecordError, Rejected, VersionConflict
from connector.records import Patch, Removal, Side
from tests.simulation.chronicle import Chronicle
from tests.simulation.forms import Fields, keep
from tests.simulation.traits import MARKERS, SERIALS, Traits
from tests.simulation.watch import Watch

DAWN = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass(slots=True)
class Row:
    """One record."""

    id: str
    entity: str
    fields: Fields
    born: datetime
    ours: bool
    """The connector created it."""
    revision: int = 1
    changed: datetime = DAWN
    """By the system's own coarse clock; `stamped` is when, by the world's."""
    stamped: datetime = DAWN
    past: list["Row"] = field(default_factory=list)
    """Earlier states, where a list can still show them."""
    marker: str | None = None
    gone: bool = False
    moved_to: str | None = None
    shown: int = 0
    """The revision that the connector was shown last."""
    written_by: str = ""
    """The connector's operation that wrote it last; a later decision has a larger id."""
    hidden: bool = False
    """The connector's user could not see it for a while."""
    removed_by_us: bool = False
    archived_by_us: bool = False

    @property
    def serial(self) -> str:
        """What the record is in the real world."""
        return str(self.fields["serial"])


@dataclass(slots=True)
class System:
    """A CRM or an ERP."""

    side: Side
    traits: Traits
    clock: Callable[[], datetime]
    chronicle: Chronicle
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    answered: dict[str, Row] = field(default_factory=dict)
    """Idempotency keys, and what they made, as it was then."""
    blind: bool = False
    """The connector's user lost every right: lists are empty."""
    forbidden: set[str] = field(default_factory=set)
    moody: bool = False
    """It refuses the next item, whatever that is."""
    numbers: int = 0
    writes: int = 0
    """What the connector changed here."""
    last: Row | None = None
    requests: int = 0
    tell: Callable[[str], object] = str
    """Told in words what the connector wrote."""
    notify: Callable[[Row], object] = id
    """Told which record changed."""
    deleted_across: Callable[[Row], Row | None] = lambda _: None
    """The deleted record on the other side that is the same thing."""
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.side, self.chronicle)

    def time(self) -> datetime:
        """The system's own clock: skewed and coarse."""
        exact = self.clock() + self.traits.skew
        step = self.traits.granularity
        if not step:
            return exact
        return exact - timedelta(seconds=exact.timestamp() % step.total_seconds())

    def version(self, row: Row) -> str:
        """The token of a record's state; where versions have no order, it looks as if they had one."""
        return str(row.revision if self.traits.ordered else row.revision * 3571 % 9973)

    def of(self, entity: str) -> Iterator[Row]:
        """Every record of an entity that was not deleted."""
        return (row for (kind, _), row in self.rows.items() if kind == entity and not row.gone)

    def find(self, entity: str, serial: str) -> list[Row]:
        """The records that are this thing."""
        return [row for row in self.of(entity) if row.serial == serial]

    def get(self, entity: str, record_id: str | None) -> Row | None:
        """A record that is there."""
        row = self.rows.get((entity, str(record_id)))
        return None if row is None or row.gone else row

    def stamp(self, row: Row) -> None:
        """A record changed just now."""
        row.changed, row.stamped = self.time(), self.clock()
        if self.traits.visibility_lag:
            row.past.append(replace(row, fields=dict(row.fields), past=[]))
        self.notify(row)

    def insert(self, entity: str, fields: Fields, *, ours: bool, marker: str | None = None) -> Row:
        """A new record, its values as this system keeps them."""
        self.numbers += 1
        number = str(self.numbers)
        kept = {name: keep(self.side, entity, name, value) for name, value in fields.items()}
        self._number_lines(kept, [])
        row = Row(number, entity, kept, self.clock(), ours, marker=marker, hidden=self.blind)
        self.rows[entity, number] = row
        self.stamp(row)
        return row

    def change(self, row: Row, fields: Fields) -> None:
        """New values for some fields."""
        kept = {name: keep(self.side, row.entity, name, value) for name, value in fields.items()}
        self._number_lines(kept, row.fields.get("lines") or [])
        row.fields.update(kept)
        row.revision += 1
        self.stamp(row)

    def _number_lines(self, fields: Fields, there: Sequence[Fields]) -> None:
        """A line keeps its id, a new one gets one; nobody may name one that is not there."""
        known = {line["id"] for line in there}
        for line in fields.get("lines") or ():
            if line["id"] is None:
                self.numbers += 1
                line["id"] = f"L{self.numbers}" if self.side is Side.CRM else str(self.numbers)
            elif line["id"] in known:
                known.remove(line["id"])
            else:
                raise Rejected("there is no such line, or it is named twice")

    def remove(self, row: Row, moved_to: str | None = None) -> None:
        """Delete a record."""
        row.gone, row.moved_to = True, moved_to
        row.revision += 1
        self.stamp(row)

    def seen(self, row: Row) -> Row | None:
        """The record as lists show it by now: a fresh change, or a fresh record, is not in them yet."""
        lag = self.traits.visibility_lag
        if not lag or row.stamped <= self.clock() - lag:
            return row
        return next((past for past in reversed(row.past) if past.stamped <= self.clock() - lag), None)

    def children(self, row: Row, entity: str) -> list[Row]:
        """What refers to a customer."""
        return [one for one in self.of(entity) if row.entity == "customer" and one.fields.get("customer") == row.id]

    def documents(self, row: Row) -> list[Row]:
        """What stands in the books of a customer."""
        return self.children(row, "adjustment") + self.children(row, "sale")

    def create(self, entity: str, fields: Fields, key: str, marker: str | None) -> Row:
        """The connector's create."""
        if self.traits.safety == "key" and key in self.answered:
            return self.answered[key]
        self._refuse_anything()
        self._refuse_taken(entity, fields, marker)
        self._refuse_orphan(fields)
        serial = fields["serial"]
        self.watch.creates(entity, serial, key, self.find(entity, serial), self.traits.visibility_lag)
        row = self.insert(entity, {"status": "active", **fields}, ours=True, marker=self._held(marker))
        self.answered[key] = replace(row, fields=dict(row.fields), past=[])
        self._wrote("create", row, fields)
        return row

    def _refuse_anything(self) -> None:
        if self.moody:
            self.watch.checks["refused at will"] += 1
            raise Rejected("the system does not like it today")

    def _held(self, marker: str | None) -> str | None:
        return marker if self.traits.safety in {"marker", "search"} else None

    def _refuse_taken(self, entity: str, fields: Fields, marker: str | None) -> None:
        if self.traits.safety == "marker" and marker is not None:
            for row in self.of(entity):
                if row.marker == marker:
                    raise AlreadyExists("the marker is taken", field=MARKERS[self.side], existing_id=row.id)
        if self.traits.safety == "unique":
            for row in self.find(entity, fields["serial"]):
                holder = row.id if self.traits.tells_holder else None
                raise AlreadyExists("the number is taken", field=SERIALS[self.side], existing_id=holder)

    def _refuse_orphan(self, fields: Fields) -> None:
        parent = fields.get("customer")
        if parent is not None:
            self.watch.refers(fields["serial"], existed=("customer", parent) in self.rows)
        if parent is not None and self.get("customer", parent) is None:
            raise Rejected("there is no such customer")

    def update(self, entity: str, patch: Patch, fields: Fields) -> Row:
        """The connector's update."""
        row = self._writable(entity, patch.id, patch.version)
        parent = fields.get("customer")
        if parent is not None and self.get("customer", parent) is None:
            raise Rejected("there is no such customer")
        stale = self._watch(row, patch, fields)
        if row.entity == "sale" and "status" in fields and not stale:
            self.watch.leads(row, str(fields["status"]))
        self.change(row, fields)
        self._wrote("update", row, fields)
        return row

    def take_out(self, entity: str, removal: Removal, *, deleting: bool) -> Row:
        """The connector's delete or archive."""
        row = self.rows.get((entity, removal.id))
        if row is not None and row.gone and deleting:
            return row
        row = self._writable(entity, removal.id, removal.version)
        if deleting and (self.children(row, "contact") or self.documents(row)):
            raise Rejected("others refer to it")
        stale = self._watch(row, removal, dict.fromkeys(row.fields))
        self.watch.removes(row, self.deleted_across(row), stale=stale)
        if deleting:
            self.remove(row)
            row.removed_by_us = True
        else:
            self.change(row, {"status": "inactive"})
            row.archived_by_us = True
        self._wrote("delete" if deleting else "archive", row, {})
        return row

    def _wrote(self, verb: str, row: Row, fields: Fields) -> None:
        self.writes += 1
        self.last = row
        self.tell(f"  connector: {verb} {self.side} {row.entity} {row.id} ({row.serial}) {fields}")

    def _writable(self, entity: str, record_id: str, version: str | None) -> Row:
        self._refuse_anything()
        row = self.rows.get((entity, record_id))
        if row is None:
            raise NotFound("there is no such record")
        if row.gone:
            raise Gone("it is gone") if self.traits.knows_gone else NotFound("there is no such record")
        if self.blind or record_id in self.forbidden:
            raise Forbidden("the user may not")
        if self.traits.exact and version is not None and version != self.version(row):
            raise VersionConflict("it has changed")
        return row

    def _watch(self, row: Row, item: Patch | Removal, fields: Fields) -> bool:
        """Whether a write is stale: without conditional writes it overwrites what nobody read, and no law can hold.

        Nor where a call that slept on its way arrives after one that was decided later: its value passes for an edit.
        """
        twins = sum(not one.hidden for one in self.find(row.entity, row.serial))
        self.watch.writes(row, guarded=item.version is not None or not self.traits.exact, twins=twins)
        stale = item.version != self.version(row) if self.traits.versions else row.shown != row.revision
        stale = stale or item.key < row.written_by
        row.written_by = max(item.key, row.written_by)
        if stale and not self.traits.exact:
            self.chronicle.unguarded += 1
            for name in fields:
                self.chronicle.loosen(row.serial, name)
        return stale

    def attempt(self, write: Callable[[], Row]) -> tuple[Row | None, RecordError | None]:
        """One item of a write, or why not."""
        try:
            return write(), None
        except RecordError as error:
            return None, error

    def snapshot(self) -> dict[str, Any]:
        """Everything here, to show."""
        return {
            f"{row.entity} {row.id}": {**row.fields, **({"GONE": row.moved_to or True} if row.gone else {})}
            for row in self.rows.values()
        }
