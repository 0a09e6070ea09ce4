"""What a server refuses to do, before either server spells it in its own way."""

from enum import Enum, auto


class Reason(Enum):
    """Why something is refused."""

    MALFORMED = auto()
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    ABSENT = auto()
    GONE = auto()
    DUPLICATE = auto()
    STALE = auto()
    INVALID = auto()
    LOCKED = auto()


class Refusal(Exception):
    """One call, or one item of a batch, that is not done."""

    def __init__(
        self, reason: Reason, message: str, field: str | None = None, *, existing: object = None, moved: object = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.existing = existing
        """The id of the record that already holds a unique value."""
        self.moved = moved
        """The id under which the record is to be found now."""


def malformed(message: str, field: str | None = None) -> Refusal:
    """A request that cannot be read."""
    return Refusal(Reason.MALFORMED, message, field)


def invalid(message: str, field: str | None = None) -> Refusal:
    """A value that the server does not take."""
    return Refusal(Reason.INVALID, message, field)
