"""Who is who on first contact: match keys, and a verdict a person can follow.

Records are the same when the strongest key that finds anybody finds exactly one, nobody else claims it, and no stronger
key that both fill says otherwise. Anything less is for a person: nothing is linked and nothing is created.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import xxhash

from connector.entities import Entity
from connector.records import Record, Side

_SIGN = 1 << 63
_NOISE = re.compile(r"[\W_]+")
_ASCII_NOISE = bytes(code for code in range(128) if not chr(code).isalnum())
_BETWEEN = "\x1e"
"""Stands between texts that are folded together."""
_OTHER_NOISE = _ASCII_NOISE.replace(_BETWEEN.encode(), b"")
_ASCII_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})


def fold(value: object) -> bytes:
    """Text reduced to what a person would call the same: no case, accents, punctuation or white space."""
    text = str(value)
    if text.isascii():
        return text.encode().translate(_ASCII_LOWER, _ASCII_NOISE)
    text = unicodedata.normalize("NFC", text.lower()).translate(_GERMAN)
    text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _NOISE.sub("", text).encode()


def match_keys(entity: Entity, record: Record) -> tuple[int, ...]:
    """The signed 64-bit hashes of the record's match keys, strongest first; a key with an empty field is left out.

    Equal hashes mean equal keys of one entity, whatever the side: how many records hold one can be asked of the hash
    alone.
    """
    return tuple([hashed for _, hashed in _ranked(entity, record)])


def _ranked(entity: Entity, record: Record) -> list[tuple[int, int]]:
    found = []
    for rank, begun, fields in entity.match_plan:
        key = begun
        for name in fields:
            value = record.get(name)
            folded = fold(value) if value is not None else b""
            if not folded:
                break
            key += b"\x1f" + folded
        else:
            found.append((rank, _signed(key)))
    return found


def match_key_columns(entity: Entity, columns: Mapping[str, Sequence[Any]], count: int) -> Iterator[list[int | None]]:
    """The match keys of many records at once: for each kind of key a column, with None where it is left out."""
    folded: dict[str, list[bytes]] = {}
    digest, low = xxhash.xxh3_64_intdigest, _SIGN - 1
    for _, begun, fields in entity.match_plan:
        for name in fields:
            if name not in folded:
                folded[name] = fold_column(columns[name]) if name in columns else [b""] * count
        rows = zip(*[folded[name] for name in fields], strict=True)
        yield [digest(b"\x1f".join((begun, *row))) & low if all(row) else None for row in rows]


def strongest_keys(entity: Entity, columns: Mapping[str, Sequence[Any]], count: int) -> list[int | None]:
    """The strongest match key of each of many records; None where a record has none."""
    found: list[int | None] = [None] * count
    for keys in match_key_columns(entity, columns, count):
        if None not in found:
            break
        found = [key if one is None else one for one, key in zip(found, keys, strict=True)]
    return found


def fold_column(values: Sequence[Any]) -> list[bytes]:
    """Each value folded, and nothing where there is none; what is plain ASCII is folded in one go."""
    if not _FOLDED_TOGETHER.issuperset(map(type, values)):
        return [fold(value) if value is not None else b"" for value in values]
    texts = [value or "" for value in values]
    joined = _BETWEEN.join(texts)
    if not joined.isascii():
        joined = _BETWEEN.join([text if text.isascii() else "" for text in texts])
    folded = joined.encode().translate(_ASCII_LOWER, _OTHER_NOISE).split(_BETWEEN.encode())
    if len(folded) != len(texts):  # A text holds the separator.
        return [fold(text) for text in texts]
    return [done if text.isascii() else fold(text) for text, done in zip(texts, folded, strict=True)]


_FOLDED_TOGETHER = frozenset((str, type(None)))


def marker_key(entity: str, side: Side, record_id: str) -> int:
    """The key of a record that carries another record's id in its marker field."""
    return _signed(f"@\x1f{entity}\x1f{side}\x1f{record_id}".encode())


def _signed(key: bytes) -> int:
    digest = xxhash.xxh3_64_intdigest(key)
    return digest - _SIGN if digest >= _SIGN else digest


class Finding(StrEnum):
    """What matching found out about one unlinked record."""

    LINK = "link"
    CREATE = "create"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding for one record: `other` is a LINK's counterpart, `rivals` are for the person who decides."""

    finding: Finding
    other: str | None = None
    rivals: tuple[str, ...] = ()
    reason: str = ""


CREATE = Verdict(Finding.CREATE)


@dataclass(frozen=True, slots=True)
class Census:
    """Who holds which key, on the record's own side and across; and who across is linked already."""

    own: Mapping[int, Collection[str]]
    across: Mapping[int, Collection[str]]
    linked: Collection[str]


def judge(record_id: str, keys: Iterable[int], census: Census) -> Verdict:
    """The verdict for one unlinked record, from the census of its keys (strongest first)."""
    for key in keys:
        twins = [other for other in census.own.get(key, ()) if other != record_id]
        candidates = sorted(census.across.get(key, ()))
        if not candidates and not twins:
            continue
        return _settle(candidates, twins, census.linked)
    return CREATE


def _settle(candidates: list[str], twins: list[str], linked: Collection[str]) -> Verdict:
    if len(candidates) > 1:
        return Verdict(
            Finding.AMBIGUOUS, rivals=tuple(candidates), reason="several records on the other side have its key"
        )
    if candidates and candidates[0] in linked:
        return Verdict(
            Finding.AMBIGUOUS, rivals=(*candidates, *twins), reason="its key belongs to a record that is linked already"
        )
    if twins:
        return Verdict(
            Finding.AMBIGUOUS, rivals=tuple(sorted(twins)), reason="another record on the same side has the same key"
        )
    return Verdict(Finding.LINK, other=candidates[0])


def contradicts(entity: Entity, one: Record, other: Record) -> str | None:
    """The strongest key that both records fill, when it differs: then a weaker key must not link them."""
    ours, theirs = dict(_ranked(entity, one)), dict(_ranked(entity, other))
    for rank in sorted(ours.keys() & theirs.keys()):
        if ours[rank] == theirs[rank]:
            return None
        return "+".join(entity.match[rank].fields)
    return None
