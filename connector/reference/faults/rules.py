"""The faults that can be asked for, each a rule: what goes wrong, for which calls, how often."""

from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connector.reference.faults.exchange import Ask, Proceed, Reply, World


class Rule(BaseModel, ABC):
    """A fault, and when it strikes: of the calls it fits, every k-th, some by chance, or the next few."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = "*"
    path: str = "*"
    """A pattern; for what concerns stored records, of the path of their collection; for webhooks, of its name."""
    probability: float = Field(1, ge=0, le=1)
    skip: int = Field(0, ge=0)
    every: int = Field(1, ge=1)
    times: int | None = Field(None, ge=1)
    lasting: float = Field(0, ge=0)
    """Seconds for which, once it struck, it strikes every call it fits."""

    def fits(self, method: str, path: str) -> bool:
        """Whether it concerns such a call at all."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


class CallRule(Rule):
    """A fault in answering a call."""

    @abstractmethod
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        """Answer in the server's place, or let it answer and spoil that."""


class LookupLag(Rule):
    """A new record is not found by lists, filters and ids in a list for some seconds; a read of its own finds it."""

    fault: Literal["lookup_lag"]
    seconds: float = Field(gt=0)


class ReadLag(Rule):
    """Lists by time do not show a change for some seconds."""

    fault: Literal["read_lag"]
    seconds: float = Field(gt=0)


class WrongClock(Rule):
    """The server's clock is off, coarse, or stands still."""

    fault: Literal["clock"]
    skew: float = 0
    """Seconds that it is ahead, below zero behind."""
    coarse: int = Field(0, ge=0)
    """Seconds to which it is rounded down."""
    stopped: bool = False


class OneTimestamp(Rule):
    """All records get one time of their last change, and so does what is written from now on."""

    fault: Literal["one_timestamp"]


class WebhookRule(Rule):
    """A fault in sending messages; `path` is a pattern for the collection's name."""


class WebhookDrop(WebhookRule):
    """A message is never sent."""

    fault: Literal["webhook_drop"]


class WebhookDuplicate(WebhookRule):
    """A message is sent several times under one id."""

    fault: Literal["webhook_duplicate"]
    copies: int = Field(2, ge=2, le=100)


class WebhookDelay(WebhookRule):
    """A message is sent late."""

    fault: Literal["webhook_delay"]
    seconds: float = Field(gt=0)


class WebhookReorder(WebhookRule):
    """Messages are sent in another order, each within some seconds."""

    fault: Literal["webhook_reorder"]
    seconds: float = Field(gt=0)
