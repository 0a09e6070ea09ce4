"""Two records of the CRM become one: one stays, the other is gone and names it, and what belonged to it moves."""

from collections.abc import Collection as Names, Iterator

from connector.reference.crm_records import Records, Written
from connector.reference.fields import Collection, Field, Kind
from connector.reference.refusals import invalid
from connector.reference.storage import Condition, Row, Selection, Store, one_of
from connector.reference.validation import Values

LIVE = Condition("deleted = 0")
MOST = 10**9
KEPT = frozenset(("externalId",))
"""What a winner never takes over: it is another system's name for the loser."""


class Merges:
    """Merges records; every call in the store's transaction."""

    def __init__(self, store: Store, collections: Names[Collection], records: Records) -> None:
        self._store, self._collections, self._records = store, collections, records

    def merge(self, collection: Collection, loser_id: str, into: object, user: str, version: object) -> Written:
        """The winner, with its empty fields filled from the loser; refused when the loser is not at a given version."""
        if not isinstance(into, str) or into == loser_id:
            raise invalid("into must be the id of another record", "into")
        loser, winner = self._records.read(collection, loser_id), self._records.read(collection, into)
        self._records.delete(collection, loser_id, user, version, merged_into=into)
        before, lost = winner.values, loser.values
        fields = (each for each in collection.fields if not each.read_only and each.name not in KEPT)
        filled = {each.name: lost[each.name] for each in fields if before[each.name] in (None, [], {})}
        written = self._records.keep(collection, winner, {**before, **filled}, before, user)
        for other, field, row in list(self._children(collection, loser_id)):
            # Read again, as one record may name the loser in several fields.
            current = self._store.get(other.name, row.num) or row
            values: Values = current.values
            self._records.keep(other, current, {**values, field.name: into}, values, user)
        return written

    def _children(self, collection: Collection, loser_id: str) -> Iterator[tuple[Collection, Field, Row]]:
        """The records that name the loser, and where."""
        for other in self._collections:
            for field in other.fields:
                if field.kind is Kind.REFERENCE and field.target == collection.name:
                    named = Selection((LIVE, one_of(other, field.name, [loser_id])))
                    yield from ((other, field, row) for row in self._store.select(other.name, named, MOST))
