"""What the server knows by name or code: ids of countries, units and the like, and which fields its modules bring."""

from collections.abc import Mapping
from typing import Any

from connector.adapters.tryton.places import Places
from connector.adapters.tryton.rpc import ENGLISH, NAME, Rpc
from connector.errors import Rejected


class Names:
    """Ids by name, asked for once each; what is not there is asked for again, as somebody may have added it."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._ids: dict[tuple[str, str, str], int] = {}
        self._currency: str | None = None
        self._places: Places | None = None

    def find(self, model: str, field: str, value: str) -> int:
        """The id of the record of that name; where there is none, a `Rejected` that says which is missing."""
        key = (model, field, value)
        if key not in self._ids:
            found = self._rpc.ask(model, "search", [[field, "=", value]], 0, 1, None)
            if not found:
                reason = f"there is none whose {field} is {value!r}; add it in Tryton"
                raise Rejected(f"{NAME}: {model}: {reason}")
            self._ids[key] = found[0]
        return self._ids[key]

    def find_or_none(self, model: str, field: str, value: str | None) -> int | None:
        """The id of the record of that name; none for no name."""
        return None if value is None or value == "" else self.find(model, field, value)

    def warehouse(self, code: str | None) -> int | None:
        """The warehouse of that code; without a code none, where there is one it is Tryton's own default."""
        return self.find_or_none("stock.location", "code", code)

    def places(self, location: int | None = None) -> Places:
        """The stock locations; asked for again where this one is not among those that are known."""
        if self._places is None or (location is not None and location not in self._places.rows):
            self._places = Places.read(self._rpc)
        return self._places

    def currency(self) -> str:
        """The code of the company's currency, in which prices are."""
        if self._currency is None:
            row = self._rpc.ask("company.company", "read", [self._rpc.company], ["currency.code"])[0]
            self._currency = str(row["currency."]["code"])
        return self._currency


class Schema:
    """The server's modules and the live fields of its models, asked for once each."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._fields: dict[str, Mapping[str, Any]] = {}
        self._modules: frozenset[str] | None = None
        self._is_english: bool | None = None

    @property
    def is_english(self) -> bool:
        """Whether English is the database's only language: then nothing in it is a translation of something else."""
        if self._is_english is None:
            rows = self._rpc.ask("ir.lang", "search_read", [["translatable", "=", True]], 0, None, None, ["code"])
            self._is_english = [row["code"] for row in rows] == [ENGLISH]
        return self._is_english

    def fields(self, model: str) -> Mapping[str, Any]:
        """Every field of a model that the server has, as it describes them."""
        if model not in self._fields:
            self._fields[model] = self._rpc.ask(model, "fields_get", None)
        return self._fields[model]

    def learn(self) -> frozenset[str]:
        """The modules that are active; which fields there are depends on them."""
        if self._modules is None:
            rows = self._rpc.ask("ir.module", "search_read", [["state", "=", "activated"]], 0, None, None, ["name"])
            self._modules = frozenset(row["name"] for row in rows)
        return self._modules

    def brought(self, fields: Mapping[str, str]) -> list[str]:
        """Those of the fields whose module, as told beside them, is active."""
        return [field for field, module in fields.items() if module in self.learn()]

    def listed(self, model: str, field: str) -> list[str]:
        """The names of all records of a small model."""
        return [str(row[field]) for row in self._rpc.ask(model, "search_read", [], 0, None, None, [field])]

    def rights(self, model: str) -> Mapping[str, Any]:
        """What the user may do with a model's records: read, write, create, delete."""
        told = self._rpc.read("model.ir.model.access.get_access", [model], context=self._rpc.context())
        rights: Mapping[str, Any] = told[model]
        return rights
