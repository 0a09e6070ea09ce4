"""Warehouses and what lies in them: where stock is kept, and where what is lost or found comes from."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from connector.adapters.tryton.rpc import NAME, Rpc
from connector.adapters.tryton.values import Row
from connector.errors import Rejected

FIELDS = ["code", "name", "type", "parent", "storage_location", "lost_found_location"]
KINDS = ["warehouse", "storage", "view", "lost_found"]


class Places(NamedTuple):
    """The stock locations of a server, by id."""

    rows: Mapping[int, Row]

    @classmethod
    def read(cls, rpc: Rpc) -> Self:
        """The locations as they are now."""
        rows = rpc.ask("stock.location", "search_read", [["type", "in", KINDS]], 0, None, [["id", "ASC"]], FIELDS)
        return cls({row["id"]: row for row in rows})

    @property
    def warehouses(self) -> dict[int, str]:
        """The warehouses and how they are called: by their code, else by their name."""
        found = (row for row in self.rows.values() if row["type"] == "warehouse")
        return {row["id"]: str(row["code"] or row["name"]) for row in found}

    def warehouse_of(self, location: Any) -> int | None:
        """The warehouse that a location lies in, if any."""
        seen = location
        for _ in self.rows:
            row = self.rows.get(seen)
            if row is None or row["type"] == "warehouse":
                return None if row is None else int(seen)
            seen = row["parent"]
        return None

    def is_lost_and_found(self, location: Any) -> bool:
        """Whether a location is where lost things go and found ones come from."""
        return location in self.rows and self.rows[location]["type"] == "lost_found"

    def storage(self, warehouse: Any) -> tuple[int, int]:
        """Where a warehouse keeps its goods, and where it books losses and finds."""
        named = [each for each, code in self.warehouses.items() if code == warehouse]
        if not named:
            raise Rejected(f"{NAME}: there is no warehouse {warehouse!r}; add it in Tryton", field="warehouse")
        row = self.rows[named[0]]
        lost = row["lost_found_location"] or next((each for each in self.rows if self.is_lost_and_found(each)), None)
        if row["storage_location"] is None or lost is None:
            reason = "it needs a storage location, and one for lost and found goods; add them in Tryton"
            raise Rejected(f"{NAME}: warehouse {warehouse!r}: {reason}", field="warehouse")
        return int(row["storage_location"]), int(lost)
