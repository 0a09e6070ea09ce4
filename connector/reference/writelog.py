"""What a server itself says was written: one line of JSON for each record that a committed transaction changed.

Nothing a person wrote is in it: of the values there is only a digest, which tells whether a write changed anything.
"""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import orjson

from connector.reference.storage import Change, Store

MARKERS = ("externalId", "external_ref")
STAMPS = frozenset((
    *("version", "createdAt", "modifiedAt", "modifiedBy"),
    *("revision", "create_date", "write_date", "write_user"),
))  # fmt: skip
"""What every write changes, whatever it says."""


class WriteLog:
    """Appends to a file what a store's transactions changed."""

    def __init__(self, path: Path, store: Store) -> None:
        self._path, self._store = path, store
        store.listen(self.note)

    def note(self, changes: Sequence[Change]) -> None:
        """Write down one transaction, a record once; what is derived from others has no number of its own."""
        first = {(change.table, str(change.record_id)): change.kind for change in reversed(changes)}
        lines = [
            self._line(table, record_id, kind)
            for (table, record_id), kind in first.items()
            if record_id.rpartition("-")[2].isdecimal()
        ]
        with self._path.open("ab") as file:
            file.write(b"".join(lines))

    def _line(self, table: str, record_id: str, kind: str) -> bytes:
        row = self._store.get(table, int(record_id.rpartition("-")[2]))
        values = row.values if row else {}
        plain = orjson.dumps({name: each for name, each in values.items() if name not in STAMPS})
        told = {
            "collection": table,
            "id": record_id,
            "kind": "deleted" if row is None else kind,
            "version": row.version if row else 0,
            "marker": next((values[name] for name in MARKERS if values.get(name)), None),
            "digest": blake2b(plain, digest_size=12).hexdigest(),
        }
        return orjson.dumps(told) + b"\n"
