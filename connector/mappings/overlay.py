"""Lay a user's changes over what is bundled: tables merge key by key, everything else replaces, null removes."""

from collections.abc import Mapping
from typing import Any


def overlay(base: Any, change: Any) -> Any:
    """The base with the changes; neither is altered."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return without_nulls(change)
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = overlay(merged.get(key), value)
    return merged


def without_nulls(value: Any) -> Any:
    """A table without the keys that are null: there is nothing below that they could remove."""
    if not isinstance(value, Mapping):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}
