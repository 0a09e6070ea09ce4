"""What a webhook says: which records of which collection need a look. The bundled systems' own words are read here."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias


class Event(NamedTuple):
    """One record that something happened to; `version` where the system tells which state it speaks of."""

    resource: str
    id: str
    deleted: bool = False
    version: str | None = None


class Notice(NamedTuple):
    """One webhook: who speaks (as the system's fingerprint names it), and of what."""

    tenant: str | None
    events: list[Event]


ReadNotice: TypeAlias = Callable[[Any], Notice]
"""Reads a webhook's decoded JSON; raises `KeyError`, `TypeError` or `ValueError` where it has not the promised form."""


def read_crm_notice(body: Any) -> Notice:
    """`accounts.updated` with the record's id and version, as the reference CRM sends it."""
    resource, _, what = _text(body["type"]).rpartition(".")
    if not resource:
        raise ValueError("type names no collection")
    data = body["data"]
    version = data.get("version")
    event = Event(resource, _text(data["id"]), what == "deleted", None if version is None else str(int(version)))
    return Notice(_text(body["organizationId"]), [event])


def read_erp_notice(body: Any) -> Notice:
    """A model, an event and the ids of the records that one write touched, as the reference ERP sends it."""
    model, what = _text(body["model"]), _text(body["event"])
    ids = body["ids"]
    if not isinstance(ids, list):
        raise TypeError("ids is no list")
    return Notice(_text(body["database"]), [Event(model, str(int(one)), what == "unlink") for one in ids])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value
