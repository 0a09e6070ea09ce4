"""What the proofs of a mapping found."""

from typing import Literal, NamedTuple

Severity = Literal["error", "lossy"]


class Finding(NamedTuple):
    """One thing a mapping does wrong (`error`), or does but with something left behind (`lossy`)."""

    entity: str
    field: str
    law: str
    severity: Severity
    message: str
