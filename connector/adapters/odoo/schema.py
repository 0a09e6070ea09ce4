"""What a live Odoo says of its models' fields, asked once; and the fields that a mapping's paths name."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from connector.adapters.odoo.calls import UNKNOWN, Calls, Fault
from connector.errors import ConfigError, ProtocolError

Tree: TypeAlias = dict[str, "Tree"]
"""Fields to read, each with the fields to read of what it points to."""

ATTRIBUTES = ["type", "string", "readonly", "required", "relation", "relation_field", "size", "selection", "depends"]
LINKS = frozenset(("one2many", "many2many"))


class LiveColumn(NamedTuple):
    """One field of a model."""

    name: str
    type: str
    relation: str | None = None
    inverse: str | None = None
    read_only: bool = False
    required: bool = False
    length: int | None = None
    choices: tuple[str, ...] = ()
    computed: bool = False
    label: str = ""


class Schema:
    """The fields of every model that was asked for."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[str, Mapping[str, LiveColumn]] = {}

    def of(self, model: str) -> Mapping[str, LiveColumn]:
        """The fields of one model, by name; a model that is not there is a fault of the configuration."""
        if model not in self._known:
            self._known[model] = self._ask(model)
        return self._known[model]

    def forget(self) -> None:
        """Ask anew: fields were made."""
        self._known.clear()

    def _ask(self, model: str) -> Mapping[str, LiveColumn]:
        try:
            told = self._calls.call(model, "fields_get", {"attributes": ATTRIBUTES}, safe=True).value
        except Fault as fault:
            if fault.kind in UNKNOWN:
                raise ConfigError.of(f"odoo: there is no model {model}; install the module that brings it") from None
            raise ProtocolError(f"odoo: the fields of {model} cannot be asked for ({fault.kind})") from None
        return {name: _column(name, about) for name, about in told.items()}


def _column(name: str, about: Mapping[str, Any]) -> LiveColumn:
    return LiveColumn(
        name,
        about["type"],
        about.get("relation") or None,
        about.get("relation_field") or None,
        read_only=bool(about.get("readonly")),
        required=bool(about.get("required")),
        length=about.get("size") or None,
        choices=tuple(str(code) for code, _ in about.get("selection") or () if code),
        computed=bool(about.get("depends")),
        label=str(about.get("string", "")),
    )


def tree_of(paths: Iterable[str]) -> Tree:
    """The fields that dotted paths name, one within the other."""
    root: Tree = {}
    for path in paths:
        node = root
        for name in path.split("."):
            node = node.setdefault(name, {})
    return root
