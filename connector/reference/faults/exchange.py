"""A request and its answer as faults see them: whole, and free to be changed."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from random import Random
from typing import Any, NamedTuple, Protocol

import orjson

from connector.reference.refusals import Reason, Refusal
from connector.reference.web import JSON, Spell

BATCHES = ("operations", "ids", "create", "update", "delete", "perform")
"""The lists that calls for many records hold, of either server."""
CALLS = frozenset(("batch", "bulk", "count", "fields"))
"""What stands in a path where an id could stand."""
LENGTH = b"content-length"
FORBIDDEN = 403


class Ending(Enum):
    """How an answer ends."""

    WHOLE = auto()
    SHORT = auto()
    """The connection closes before all that was announced is sent."""
    CLOSED = auto()
    """The connection closes without an answer."""
    RESET = auto()
    """The connection is reset without an answer."""


class Ask(NamedTuple):
    """A request."""

    method: str
    path: str
    authorization: str
    body: bytes


class Reply(NamedTuple):
    """An answer, or that there is none."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    ending: Ending = Ending.WHOLE
    held: float = 0.0
    """Seconds that the caller is left waiting before the connection closes."""
    own: bool = False
    """Made by a fault: the server itself never saw the request."""

    def with_body(self, body: bytes) -> "Reply":
        """The same answer with another body."""
        headers = [(name, value) for name, value in self.headers if name != LENGTH]
        return self._replace(headers=(*headers, (LENGTH, str(len(body)).encode())), body=body)

    def with_content(self, content: object) -> "Reply":
        """The same answer with other JSON."""
        return self.with_body(orjson.dumps(content))

    @property
    def content(self) -> Any:
        """The JSON of an answer that went well, else None."""
        is_json = self.status in (200, 201) and (b"content-type", JSON.encode()) in self.headers
        return orjson.loads(self.body) if is_json else None


Proceed = Callable[[Ask], Awaitable[Reply]]
"""Let the server, or the next fault, answer."""


class Habits(NamedTuple):
    """What faults have to know of one server's ways."""

    identity: str
    """The call that says who answers."""
    stranger: Mapping[str, object]
    """What another tenant would answer there."""
    records: str
    """The name of the list in a page of records."""
    empty: Mapping[str, object]
    """What else stands in a page without any."""
    stamp: str
    """The field of the last change."""
    write_stamp: Callable[[int], str]


class Chance(Protocol):
    """What faults share while a server runs."""

    random: Random
    expired: set[str]
    """Credentials that are good no more."""


class World(NamedTuple):
    """What a fault may use."""

    base: str
    spell: Spell
    habits: Habits
    chance: Chance

    def parts(self, path: str) -> list[str]:
        """A path after the server's base."""
        return path.removeprefix(self.base).strip("/").split("/") if path.startswith(self.base) else []

    def refuse(self, status: int, headers: Mapping[str, str] | None = None) -> Reply:
        """An answer that refuses in the server's own words."""
        body = self.spell(status, MESSAGE, _refusal(status))
        told = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        return Reply(status, ((b"content-type", JSON.encode()), *told), own=True).with_body(body)

    def result(self, status: int, item: Any) -> Any:
        """A refused item of a batch."""
        if isinstance(item, str):
            return {"id": item, "status": status}
        return {"status": status, **orjson.loads(self.spell(status, MESSAGE, _refusal(status)))}


MESSAGE = "the server was told to refuse this"


def _refusal(status: int) -> Refusal | None:
    return Refusal(Reason.FORBIDDEN, MESSAGE) if status == FORBIDDEN else None


class Batch(NamedTuple):
    """A call for many records, taken apart."""

    content: dict[str, Any]
    name: str

    @property
    def items(self) -> list[Any]:
        """What is asked for, one by one."""
        found: list[Any] = self.content[self.name]
        return found


def read_batch(ask: Ask) -> Batch | None:
    """The batch in a request, if it is one."""
    if ask.method != "POST" or not ask.body:
        return None
    try:
        content = orjson.loads(ask.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(content, dict):
        return None
    name = next((each for each in BATCHES if isinstance(content.get(each), list)), None)
    return Batch(content, name) if name else None


async def refuse_items(ask: Ask, batch: Batch, refused: Mapping[int, int], world: World, proceed: Proceed) -> Reply:
    """Let a batch be done without some of its items, which get these statuses instead."""
    kept = [item for place, item in enumerate(batch.items) if place not in refused]
    reply = await proceed(ask._replace(body=orjson.dumps({**batch.content, batch.name: kept})))
    content = reply.content
    if not content or "results" not in content:
        return reply
    done = iter(content["results"])
    results = [
        world.result(refused[place], item) if place in refused else next(done) for place, item in enumerate(batch.items)
    ]
    return reply.with_content({**content, "results": results})
