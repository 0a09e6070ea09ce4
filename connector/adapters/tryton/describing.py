"""Live fields for `describe`: as the server's models have them, and as the user may write them."""

from typing import Any

from connector.adapters.tryton.names import Schema
from connector.errors import AuthenticationFailed
from connector.records import LiveField

FILLED = frozenset(("code",))
"""Required fields that the server fills in where they are not given."""


class Describing:
    """Describes the fields of bodies whose records are of one model."""

    def __init__(self, schema: Schema, model: str) -> None:
        self._schema, self._model = schema, model
        self._may_write = bool(self._rights(model)["write"])

    def fields(self, *names: str, read_only: bool = False) -> list[LiveField]:
        """Fields of the model itself."""
        return [self.outside(name, self._model, name, read_only=read_only) for name in names]

    def outside(self, name: str, model: str, field: str, *, read_only: bool = False) -> LiveField:
        """A field of a body that another model keeps."""
        about = self._schema.fields(model).get(field, {})
        fixed = read_only or about.get("readonly") is True or not self._may_write
        return LiveField(
            name,
            about.get("type", "char"),
            nullable=model != self._model or field in FILLED or not about.get("required", False),
            read_only=fixed,
            length=about.get("size") if isinstance(about.get("size"), int) else None,
            choices=_choices(about),
        )

    def named(self, name: str, model: str, field: str) -> LiveField:
        """A field that points to a record which a body names; the names are its choices."""
        rows = self._schema.listed(model, field)
        return LiveField(name, "char", read_only=not self._may_write, choices=tuple(sorted(rows)))

    def _rights(self, model: str) -> Any:
        rights = self._schema.rights(model)
        if not rights["read"]:
            raise AuthenticationFailed(f"tryton: {model}: the user may not read it; check its groups")
        return rights


def _choices(about: Any) -> tuple[str, ...]:
    selection = about.get("selection")
    if not isinstance(selection, list):
        return ()
    return tuple(str(code) for code, _ in selection if code not in {None, ""})
