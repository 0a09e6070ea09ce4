"""Tryton's log of deletes as a feed, for a user who may read it: administrators, unless rights say otherwise.

The log keeps which record was deleted, but does not tell it, as the record is gone: what it keeps can only be searched.
So the id is found digit by digit, which takes some fifty quick calls for each delete.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from connector.adapters.tryton.rpc import Rpc
from connector.adapters.tryton.values import plain

LOG = "ir.model.log"
DIGITS = "0123456789"


class Deleted(NamedTuple):
    """The ids that were deleted, and from which row of the log to go on."""

    ids: list[str]
    mark: int


class Deletions:
    """What was deleted of which model."""

    def __init__(self, rpc: Rpc, overlap: timedelta) -> None:
        self._rpc, self._overlap = rpc, overlap

    def mark(self) -> int:
        """The newest row of the log."""
        newest = self._rpc.ask(LOG, "search", [], 0, 1, [["id", "DESC"]])
        return int(newest[0]) if newest else 0

    def since(self, model: str, mark: int, now: datetime) -> Deleted:
        """What was deleted after a row; rows that are younger than the longest request are read again next time."""
        domain = [["event", "=", "delete"], ["resource", "like", f"{model},%"], ["id", ">", mark]]
        rows = self._rpc.ask(LOG, "search_read", domain, 0, None, [["id", "ASC"]], ["create_date"])
        settled = (now - self._overlap).isoformat()
        marks = [row["id"] for row in rows if plain(row["create_date"]) < settled]
        return Deleted(self._spelled(model, [row["id"] for row in rows], ""), max(marks, default=mark))

    def _spelled(self, model: str, rows: list[int], begin: str) -> list[str]:
        """The ids that rows of the log stand for and that begin so."""
        if not rows:
            return []
        found = [begin] if begin and self._rows(rows, "=", f"{model},{begin}") else []
        for digit in DIGITS:
            under = self._rows(rows, "like", f"{model},{begin}{digit}%")
            found += self._spelled(model, under, begin + digit)
        return found

    def _rows(self, rows: list[int], operator: str, value: str) -> list[int]:
        domain = [["id", "in", rows], ["resource", operator, value]]
        found: list[int] = self._rpc.ask(LOG, "search", domain, 0, None, None)
        return found
