"""How values are kept in columns: instants as microseconds, records as canonical bytes, references as one text."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from connector.records import Ref, Side, Version

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """An aware instant as whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def to_instant(micros: int) -> datetime:
    """The instant behind stored microseconds, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def maybe_micros(at: datetime | None) -> int | None:
    """Like `to_micros`, for an instant that may be missing."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def maybe_instant(micros: int | None) -> datetime | None:
    """Like `to_instant`, for an instant that may be missing."""
    return None if micros is None else to_instant(micros)


SIDES = {str(side): side for side in Side}
"""The sides by their stored text; looking one up is quicker than asking the class."""


def maybe_version(text: str | None) -> Version | None:
    """The version behind a stored text."""
    return None if text is None else Version(text)


def ref_to_text(ref: Ref) -> str:
    """A reference as one text, so that one index finds it; the id comes last because it may hold anything."""
    return f"{ref.entity} {ref.side} {ref.id}"


def text_to_ref(text: str | None) -> Ref | None:
    """The reference behind a stored text."""
    if text is None:
        return None
    entity, side, record_id = text.split(" ", 2)
    return Ref(entity, Side(side), record_id)


def to_json(value: Any) -> bytes:
    """Any plain value as JSON bytes with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def from_json(data: bytes | None) -> Any:
    """The plain value behind stored JSON bytes; nothing stored is None."""
    return None if data is None else orjson.loads(data)
