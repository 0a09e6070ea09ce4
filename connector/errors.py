"""The tree of errors, sorted by what the engine must do.

ConnectorError
├── ConfigError           stop before the first request
├── RunError              end this entity's run, keep everything, say so
│   ├── AuthenticationFailed
│   ├── WrongTenant
│   ├── ProtocolError     the answer is not what the system's API promises
│   ├── GuardTripped
│   ├── NothingShown      a side shows none of the records it is known to hold
│   ├── LeaseLost
│   ├── LeaseHeld         another process is at work; not our turn
│   ├── StoreError        the state database is newer, locked or unreachable
│   └── TransportError    no usable answer; carries `sent`
│       ├── RateLimited
│       ├── SystemDown
│       └── UnreadableAnswer   (also a ProtocolError)
└── RecordError           park this record, go on with the others
    ├── MappingFailed
    ├── Rejected
    ├── AlreadyExists     carries the id that holds the unique value, where told
    ├── NotFound
    ├── Gone
    ├── Forbidden
    ├── Locked
    ├── VersionConflict
    └── OutcomeUnknown

Messages name entity, id, field and what to do; never a person's data, never a secret.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from typing_extensions import override


class Sent(StrEnum):
    """Whether a request that got no usable answer can have reached the system."""

    NO = "no"
    MAYBE = "maybe"


class ConnectorError(Exception):
    """Every error the connector raises on purpose."""


@dataclass(frozen=True, slots=True)
class ConfigIssue:
    """One thing that is wrong in a configuration or mapping file, and what would be right."""

    file: str
    line: int | None
    path: str
    message: str

    @override
    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ConfigError(ConnectorError):
    """The configuration cannot be used; all its issues are listed at once."""

    def __init__(self, issues: list[ConfigIssue]) -> None:
        super().__init__("\n".join(str(issue) for issue in issues))
        self.issues = issues

    @classmethod
    def of(cls, message: str, *, file: str = "configuration", line: int | None = None, path: str = "") -> "ConfigError":
        """A configuration error with a single issue."""
        return cls([ConfigIssue(file, line, path, message)])


class RunError(ConnectorError):
    """This run cannot go on for the entity in hand; nothing is lost."""


class AuthenticationFailed(RunError):
    """The system refused the credentials."""


class WrongTenant(RunError):
    """Another tenant, environment or database answers behind the same address."""


class ProtocolError(RunError):
    """The system answered with something its API does not promise (HTML, a truncated body, a missing field)."""


class GuardTripped(RunError):
    """A plan would change more than its guard allows; it is kept for `approve`."""


class NothingShown(RunError):
    """A side shows none of the records it is known to hold; nothing is concluded from that."""


class LeaseLost(RunError):
    """Another process has taken over this work."""


class LeaseHeld(RunError):
    """Another process is at work on this store: not our turn yet."""


class StoreError(RunError):
    """The state database cannot be used as it is."""


class TransportError(RunError):
    """No usable answer came; `sent` says whether the request can have been processed."""

    def __init__(self, message: str, *, sent: Sent, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.sent = sent
        self.retry_after = retry_after


class RateLimited(TransportError):
    """The system asks for rest, beyond what the client was willing to wait."""


class SystemDown(TransportError):
    """The system does not answer, or answers with server errors, after retries."""


class UnreadableAnswer(TransportError, ProtocolError):
    """An answer came that cannot be read: the API broke its promise, and a write may have been done."""


class RecordError(ConnectorError):
    """One record failed and is parked with this reason; the others go on."""

    code: ClassVar[str] = "record_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class MappingFailed(RecordError):
    """A value cannot be translated."""

    code = "mapping_failed"


class Rejected(RecordError):
    """The system's own validation refused the record."""

    code = "rejected"


class AlreadyExists(RecordError):
    """A unique value is taken; `existing_id` holds by whom, where the system tells."""

    code = "already_exists"

    def __init__(self, message: str, *, field: str | None = None, existing_id: str | None = None) -> None:
        super().__init__(message, field=field)
        self.existing_id = existing_id


class NotFound(RecordError):
    """The system does not know this id."""

    code = "not_found"


class Gone(RecordError):
    """The record was deleted, and the system says so."""

    code = "gone"


class Forbidden(RecordError):
    """The credentials may not touch this record; never evidence of a delete."""

    code = "forbidden"


class Locked(RecordError):
    """The record is in a state that no longer allows this change."""

    code = "locked"


class VersionConflict(RecordError):
    """The record changed since it was read: read again, merge again."""

    code = "version_conflict"
    retryable = True


class OutcomeUnknown(RecordError):
    """The system did not report what became of this item."""

    code = "outcome_unknown"
    retryable = True
