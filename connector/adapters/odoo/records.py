"""The records of one model, narrowed to those that count."""

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from connector.adapters.odoo.calls import Fault
from connector.adapters.odoo.codes import CONTEXT
from connector.adapters.odoo.collection import Collection, Found
from connector.adapters.odoo.fetching import failed, fetch
from connector.adapters.odoo.living import described
from connector.adapters.odoo.reading import Rows
from connector.adapters.odoo.schema import LINKS, LiveColumn, Tree, tree_of
from connector.adapters.odoo.shapes import shapes_of
from connector.adapters.odoo.writing import Writer
from connector.records import Draft, Fetched, LiveField, Outcome, Patch, Remote, Removal, Transition


class Records(Collection):
    """Reads by number and time, and writes through `Writer`."""

    @override
    def describe(self) -> list[LiveField]:
        return described(self._calls, self._reader.schema, self._kind)

    @override
    def changed(self, since: str | None, last: int, size: int) -> Found:
        rows = self._rows([*self._since(since), ["id", ">", last]], size)
        more = len(rows.remotes) == size
        return Found(rows.remotes, int(rows.remotes[-1].id) if more else 0, more, rows.at)

    @override
    def fetch(self, ids: Sequence[str]) -> list[Fetched]:
        return fetch(self._reader, self._kind.model, ids, self._tree())

    @override
    def find(self, field: str, values: Sequence[str]) -> list[Remote]:
        return self._rows([*self._domain(), [field, "in", list(values)]]).remotes

    @override
    def count(self) -> int | None:
        asked = {"domain": self._domain(), "context": CONTEXT}
        try:
            return int(self._calls.call(self._kind.model, "search_count", asked, safe=True).value)
        except Fault as fault:
            raise failed(fault, self._resource.name) from None

    @override
    def create(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return self._writer().create(drafts) if self._kind.claims.can_create else super().create(drafts)

    @override
    def update(self, patches: Sequence[Patch]) -> list[Outcome]:
        return self._writer().update(patches) if self._kind.claims.can_update else super().update(patches)

    @override
    def delete(self, removals: Sequence[Removal]) -> list[Outcome]:
        return self._writer().delete(removals) if self._kind.claims.can_delete else super().delete(removals)

    @override
    def perform(self, steps: Sequence[Transition]) -> list[Outcome]:
        return self._writer().perform(steps)

    def _writer(self) -> Writer:
        return Writer(self._calls, self._reader, self._kind.model, self._tree())

    def _rows(self, domain: Sequence[Any], limit: int | None = None) -> Rows:
        try:
            return self._reader.search(self._kind.model, domain, self._tree(), limit)
        except Fault as fault:
            raise failed(fault, self._resource.name) from None

    def _since(self, since: str | None) -> list[Any]:
        """What changed itself, or in one of its lines: Odoo stamps only the line where an amount stays the same."""
        domain = self._domain()
        if since is None:
            return domain
        columns = self._reader.schema.of(self._kind.model)
        lists = [name for name, inner in self._tree().items() if inner and columns[name].type in LINKS]
        stamps = ["write_date", *(f"{name}.write_date" for name in lists), *self._stamps(columns)]
        return [*domain, *["|"] * (len(stamps) - 1), *([stamp, ">=", since] for stamp in stamps)]

    def _stamps(self, columns: Mapping[str, LiveColumn]) -> list[str]:
        """What else shows a change, as far as the installed modules bring it."""
        shapes = shapes_of(self._kind.model)
        paths = [stamp for name in self._tree() if name in shapes for stamp in shapes[name].stamps]
        return [path for path in paths if path.removeprefix("child_ids.").partition(".")[0] in columns]

    def _tree(self) -> Tree:
        """What to read: what the mapping asks for, and always what tells which records count, and are in use."""
        constant = [name for name, _ in self._resource.where] + (["active"] if self._kind.claims.can_archive else [])
        return tree_of([*(self._resource.paths or self._kind.paths), *constant])

    def _domain(self) -> list[Any]:
        return [*self._kind.domain, *([name, "=", value] for name, value in self._resource.where)]
