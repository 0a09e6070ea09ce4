"""The servers' own accounts of their fields."""

from collections.abc import Iterator
from typing import Any

from connector.reference.fields import Collection, Field, Kind


def paths(fields: tuple[Field, ...], before: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its path: nested ones and parts after a dot."""
    for field in fields:
        yield before + field.name, field
        yield from paths(field.fields, f"{before}{field.name}.")


def live_fields(collection: Collection) -> list[dict[str, Any]]:
    """The CRM's account: a list, in its own words."""
    return [
        {
            "name": path,
            "type": str(field.kind),
            "nullable": not field.required,
            "readOnly": field.read_only,
            "maxLength": field.longest,
            "choices": list(field.choices) or None,
        }
        for path, field in paths(collection.fields)
    ]


def field_table(collection: Collection) -> dict[str, dict[str, Any]]:
    """The ERP's account: by name, in its own words."""
    return {
        path: {
            "type": str(Kind.TEXT if field.cut else field.kind),
            "required": field.required,
            "readonly": field.read_only,
            "size": field.longest,
            "selection": list(field.choices) or None,
        }
        for path, field in paths(collection.fields)
    }
