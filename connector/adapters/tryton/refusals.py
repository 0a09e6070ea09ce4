"""What Tryton says when it does not do something. Its errors are texts without codes, so English is asked for."""

import re
from collections.abc import Mapping
from typing import Any

from connector.adapters.wire import Refusal, refused
from connector.errors import (
    AlreadyExists,
    Forbidden,
    Locked,
    NotFound,
    RecordError,
    Rejected,
    VersionConflict,
)

USER_ERROR, WARNING, CONCURRENCY, LOGIN = "UserError", "UserWarning", "ConcurrencyException", "LoginException"
SPOKEN = frozenset((USER_ERROR, WARNING, CONCURRENCY, LOGIN))
REFUSED = 400

_MEANINGS: tuple[tuple[str, type[RecordError]], ...] = (
    ("that don't exist", NotFound),
    ("must be unique", AlreadyExists),
    ("You can not call", Locked),
    ("You are not allowed to modify the field", Locked),
    ("You can not modify", Locked),
    ("You can not delete", Locked),
    ("You are not allowed", Forbidden),
)
"""How a text begins or what it holds, and what that means; the first that fits."""

_NAMED = re.compile(
    r'\b(records?|party|product|on|document|locations?|address) ".*"(?= of "| is | that | has | for |$)'
)
"""A record's own name, which Tryton puts into what it says."""


class Refused(Exception):
    """A call that the server has rolled back as a whole: nothing of it was done. Its text is not to be shown."""

    def __init__(self, kind: str, message: str, name: str = "") -> None:
        super().__init__(kind)
        self.kind, self.message, self.name = kind, message, name

    @classmethod
    def of(cls, error: Any) -> "Refused":
        """What the member `error` of an answer says."""
        told = error if isinstance(error, list) and error else ["", ""]
        kind = str(told[0])
        if kind not in SPOKEN:
            return cls("server error", "the server met an error of its own; check its log and its modules")
        detail = told[1] if len(told) > 1 else ""
        texts = [str(each) for each in detail if isinstance(each, str)] if isinstance(detail, list) else [str(detail)]
        if kind == WARNING:
            return cls(kind, " ".join(texts[1:2]), name=texts[0] if texts else "")
        return cls(kind, " ".join(texts[:1]))

    @property
    def meaning(self) -> type[RecordError]:
        """What it means for one record."""
        if self.kind == CONCURRENCY:
            return VersionConflict
        return next((kind for text, kind in _MEANINGS if text in self.message), Rejected)

    def as_error(self, place: str, *shown: Mapping[str, Any]) -> RecordError:
        """The refusal of one record; what was sent and what is stored is blotted out of the server's words."""
        message = _NAMED.sub(r"\1 …", self.message)
        refusal = Refusal(REFUSED, self.kind, message, kind=self.meaning)
        return refused(refusal, place, dict(enumerate(shown)))  # type: ignore[arg-type]
