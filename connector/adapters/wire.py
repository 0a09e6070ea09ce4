"""What adapters share at the wire: filters, cursors, promised shapes, results item by item, refusals as errors."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

import orjson

from connector.adapters.http import Answer
from connector.errors import (
    AlreadyExists,
    AuthenticationFailed,
    Forbidden,
    Gone,
    Locked,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RecordError,
    Rejected,
    Sent,
    UnreadableAnswer,
    VersionConflict,
)
from connector.records import Cursor, Outcome, Removal, Resource, Transition, Version

T = TypeVar("T")
R = TypeVar("R")

OK, BAD_REQUEST, FORBIDDEN, SERVER_ERROR = 200, 400, 403, 500
SHORTEST_SECRET_PART = 3
"""Shorter values than this are not blotted out of messages: they would tear every word apart."""
LONGEST_MESSAGE = 2000
SHORTEST_NUMBER = 7
"""Digits of a telephone number; shorter ones are looked for as they are written."""
ILLEGIBLE = (KeyError, TypeError, AttributeError, ValueError)
"""What a value that has not the promised form can raise."""
version_of = cast("Callable[[object], Version]", str)
"""A number as a version; calling the type would be one call more, for every record."""
_ADDRESS = re.compile(r"[^\s@<>\"'(),:;=]+@[^\s@<>\"'(),:;=]+")
"""An e-mail address, also somebody else's whom the system compares with."""


class Refusal(NamedTuple):
    """What a system said about an item it did not do, freed of the system's spelling."""

    status: int
    code: str
    message: str
    field: str | None = None
    existing_id: str | None = None
    kind: type[RecordError] | None = None
    """What the system's own code means, where its status alone does not tell."""


def filters(resource: Resource) -> dict[str, str]:
    """The resource's constant conditions as query parameters."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in resource.where}


def pack(spot: Mapping[str, Any]) -> Cursor:
    """A cursor that holds what an adapter needs to go on; what is None is left out."""
    return Cursor(orjson.dumps({name: value for name, value in spot.items() if value is not None}).decode())


def unpack(cursor: Cursor, make: Callable[..., T], system: str) -> T:
    """What `pack` put into a cursor."""
    try:
        return make(**orjson.loads(cursor))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ProtocolError(f"{system}: the stored cursor is not one of this system's; rewind it") from error


def promised(answer: Answer, place: str, name: str, kind: type[T]) -> T:
    """One member of an answer's JSON object that the API promises, or the error that says it broke the promise."""
    value = answer.data.get(name) if isinstance(answer.data, dict) else None
    if isinstance(value, kind):
        return value
    raise UnreadableAnswer(
        f"{place}: the answer holds no `{name}`; check `url` and the system's version", sent=Sent.MAYBE
    )


def read_all(values: Sequence[Any], read: Callable[[Any], R], place: str) -> list[R]:
    """Every value of a page as the connector's own, or the error that says the system broke its promise."""
    try:
        return list(map(read, values))
    except ILLEGIBLE:
        # The error's text quotes the record, so it stays out of the traceback.
        reason = "a record has not the promised form; check the system's version"
        raise UnreadableAnswer(f"{place}: {reason}", sent=Sent.MAYBE) from None


def accepted(answer: Answer, place: str) -> Answer:
    """The answer of a call that a system can only refuse as a whole."""
    if answer.status < BAD_REQUEST:
        return answer
    if answer.status == FORBIDDEN:
        raise AuthenticationFailed(f"{place}: not allowed with these credentials (403); check their rights")
    raise ProtocolError(f"{place}: refused as a whole ({answer.status}); check `url` and the system's version")


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in their order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def listed(values: Sequence[str], place: str) -> str:
    """Values as one query parameter that is split at commas; one that holds a comma cannot be asked for."""
    if any("," in value for value in values):
        raise ProtocolError(f"{place}: a value with a comma cannot be searched for; take the comma out of it")
    return ",".join(values)


def outcomes(
    items: Sequence[T], results: Sequence[Any], read: Callable[[T, Mapping[str, Any]], Outcome]
) -> list[Outcome]:
    """One outcome an item, in order; an item that the system did not report, or not legibly, is unknown."""
    reported = len(results)
    if reported == len(items):
        with suppress(*ILLEGIBLE):
            return list(map(read, items, results))
    return [
        _outcome(item, results[index], read) if index < reported else _unknown(item) for index, item in enumerate(items)
    ]


def impossible(items: Sequence[Removal | Transition], place: str, what: str) -> list[Outcome]:
    """Outcomes of a verb that the resource does not have."""
    return [Outcome(each.id, error=Rejected(f"{place} {each.id}: there is no way to {what}")) for each in items]


def refused(refusal: Refusal, place: str, sent: Mapping[str, Any]) -> RecordError:
    """The refusal of one item as an error; values of the record that the system quotes are blotted out."""
    message = f"{place}: {_blotted(refusal.message, sent)} ({refusal.code})"
    kind = refusal.kind or KINDS.get(refusal.status, Rejected)
    if issubclass(kind, AlreadyExists):
        return kind(message, field=refusal.field, existing_id=refusal.existing_id)
    if refusal.status >= SERVER_ERROR:
        kind = OutcomeUnknown
    return kind(message, field=refusal.field)


KINDS: Mapping[int, type[RecordError]] = {
    403: Forbidden,
    404: NotFound,
    409: VersionConflict,
    410: Gone,
    412: VersionConflict,
    423: Locked,
    429: OutcomeUnknown,
}
"""What an item's status means where the system's code says nothing closer."""


def _outcome(item: T, result: Any, read: Callable[[T, Mapping[str, Any]], Outcome]) -> Outcome:
    try:
        return read(item, result)
    except ILLEGIBLE:
        return _unknown(item)


def _unknown(item: Any) -> Outcome:
    known = getattr(item, "id", None)
    return Outcome(known, error=OutcomeUnknown("the system did not report what became of this item; read it again"))


def _blotted(message: str, sent: Mapping[str, Any]) -> str:
    """The message without what was sent, in whatever case and grouping it is quoted, and without any address."""
    shown = message[:LONGEST_MESSAGE]
    quotes = "|".join(map(_quoted, sorted(_texts(sent), key=len, reverse=True)))
    return _ADDRESS.sub("…", re.sub(quotes, "…", shown, flags=re.IGNORECASE) if quotes else shown)


def _quoted(text: str) -> str:
    """How a system can quote a value: as it is, or a telephone number with other signs between its digits."""
    digits = re.sub(r"\D", "", text)
    if len(digits) < SHORTEST_NUMBER or re.search(r"[^\W\d_]", text):
        return re.escape(text)
    # Its beginning is what systems rewrite: a country's prefix comes or goes, and a zero with it.
    return r"\+?(?:\d[\s()/.-]{0,3}){0,9}" + r"[\s()/.-]{0,3}".join(digits[-SHORTEST_NUMBER:])


def _texts(value: Any) -> Iterator[str]:
    """Every value in what was sent that a message could quote."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif not isinstance(value, bool) and value is not None and len(str(value)) >= SHORTEST_SECRET_PART:
        yield str(value)
