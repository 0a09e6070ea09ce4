"""A person's one name in Odoo, as the given and the family name that a CRM keeps."""

from collections.abc import Mapping
from typing import Any

GIVEN = "x_connector_given_name"
"""A field of our own on contacts: the given name as it was written, so that it is told apart again exactly."""


def split(name: str, given: str | None) -> dict[str, str | None]:
    """Given and family name: as they were written, as long as the name still begins so, else at the last space."""
    name = name.strip()
    if given and name.startswith(f"{given} "):
        return {"first": given, "last": name.removeprefix(given).strip() or None}
    first, _, last = name.rpartition(" ")
    return {"first": first.strip() or None, "last": last or None}


def join(parts: Mapping[str, Any]) -> str:
    """One name of both."""
    return " ".join(part for part in (parts.get("first"), parts.get("last")) if part)
