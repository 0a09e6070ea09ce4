"""What parties and products have in common: both can be merged, and both keep our marker among their identifiers."""

from typing_extensions import override

from connector.adapters.tryton.collection import PREFIX, Collection, Domain
from connector.adapters.tryton.values import Row

MARKER = "external_id"


class Mergeable(Collection):
    """Records that another one can replace, found by an identifier of ours."""

    @override
    def alive(self) -> Domain:
        return [["replaced_by", "=", None]]

    @override
    def path(self, field: str) -> str:
        return "identifiers.code" if field == MARKER else field

    @override
    def searched(self, field: str, value: str) -> str:
        return f"{PREFIX}{value}" if field == MARKER else value

    @override
    def moved_to(self, row: Row) -> str | None:
        return None if row["replaced_by"] is None else str(row["replaced_by"])
