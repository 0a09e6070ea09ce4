"""The port for systems that send webhooks to whoever subscribes by a call; systems without it are set up by hand."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from pydantic import SecretStr


class Subscription(NamedTuple):
    """Somebody who is told of changes: where, of which collections, and until when; None where it never ends."""

    id: str
    url: str
    resources: frozenset[str]
    is_active: bool
    expires: datetime | None = None
    secret: SecretStr | None = None
    """What the messages are signed with, where the system chose it; told once, when it is made."""


class Subscriber(ABC):
    """One system's calls about its subscriptions."""

    @abstractmethod
    def listed(self) -> list[Subscription]:
        """Every subscription that these credentials may see."""

    @abstractmethod
    def subscribe(self, url: str, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        """Be told of changes to these collections at this address."""

    @abstractmethod
    def renew(self, known: Subscription, resources: Collection[str], secret: SecretStr | None) -> Subscription:
        """Let one go on, about these collections, signed as before."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""
