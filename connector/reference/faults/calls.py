"""Faults in answering a call."""

import asyncio
import zlib
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from connector.reference.faults.exchange import (
    CALLS,
    FORBIDDEN,
    Ask,
    Ending,
    Proceed,
    Reply,
    World,
    read_batch,
    refuse_items,
)
from connector.reference.faults.rules import CallRule

UNAUTHORIZED = 401
PAGE = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Please come again later</h1></body></html>"
SCALE = 10_000


class Latency(CallRule):
    """The answer takes its time."""

    fault: Literal["latency"]
    seconds: float = Field(ge=0)
    jitter: float = Field(0, ge=0)
    """At most so much longer."""

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        await asyncio.sleep(self.seconds + world.chance.random.random() * self.jitter)
        return await proceed(ask)


class ErrorAnswer(CallRule):
    """The call is refused before anything is done."""

    fault: Literal["error"]
    status: int = Field(ge=400, le=599)
    retry_after: int | str | None = None
    """Seconds, or a date, for the header of this name."""

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return world.refuse(self.status, headers)


class Reset(CallRule):
    """The connection is reset, before or after the call was done."""

    fault: Literal["reset"]
    when: Literal["before", "after"] = "before"

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        if self.when == "before":
            return Reply(ending=Ending.RESET, own=True)
        return (await proceed(ask))._replace(ending=Ending.RESET)


class LostResponse(CallRule):
    """The call is done and never answered: the connection closes, at once or after a while."""

    fault: Literal["lost_response"]
    seconds: float = Field(0, ge=0)

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        return (await proceed(ask))._replace(ending=Ending.CLOSED, held=self.seconds)


class Truncated(CallRule):
    """The call is done, and the body of the answer ends in the middle."""

    fault: Literal["truncated"]
    keep: float = Field(0.5, ge=0, lt=1)
    honest: bool = False
    """The length that is announced is that of what is sent."""

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        reply = await proceed(ask)
        short = reply.body[: int(len(reply.body) * self.keep)]
        return reply.with_body(short) if self.honest else reply._replace(body=short, ending=Ending.SHORT)


class Html(CallRule):
    """A page for people is answered, before or after the call was done."""

    fault: Literal["html"]
    status: int = Field(502, ge=200, le=599)
    when: Literal["before", "after"] = "before"

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        if self.when == "after":
            await proceed(ask)
        page = Reply(self.status, ((b"content-type", b"text/html"),), own=self.when == "before")
        return page.with_body(PAGE % self.status)


class PartialBatch(CallRule):
    """Some items of a batch are refused and not done."""

    fault: Literal["partial_batch"]
    status: int = Field(500, ge=400, le=599)
    share: float = Field(0.5, ge=0, le=1)
    items: tuple[int, ...] | None = None
    """Which ones, from 0; else a share by chance."""

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        batch = read_batch(ask)
        if batch is None:
            return await proceed(ask)
        places = range(len(batch.items))
        chosen = (
            [each for each in places if each in self.items] if self.items is not None else self._draw(places, world)
        )
        return await refuse_items(ask, batch, dict.fromkeys(chosen, self.status), world, proceed)

    def _draw(self, places: range, world: World) -> list[int]:
        return [each for each in places if world.chance.random.random() < self.share]


class CutResults(CallRule):
    """All items of a batch are done, and not all results are told."""

    fault: Literal["cut_results"]
    keep: float = Field(0.5, ge=0, lt=1)

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        reply = await proceed(ask)
        content = reply.content
        if not content or "results" not in content:
            return reply
        results = content["results"]
        return reply.with_content({**content, "results": results[: int(len(results) * self.keep)]})


class ExpiredToken(CallRule):
    """The caller's credentials end with this call: a new token is needed."""

    fault: Literal["expired_token"]

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        if not ask.authorization:
            return await proceed(ask)
        world.chance.expired.add(ask.authorization)
        return world.refuse(UNAUTHORIZED)


class Forbidden(CallRule):
    """Some records may not be seen: lists leave them out, calls for them are refused."""

    fault: Literal["forbidden"]
    ids: tuple[str, ...] = ()
    """Patterns."""
    share: float = Field(0, ge=0, le=1)
    """A share of all records, always the same ones."""

    def hides(self, record_id: object) -> bool:
        """Whether this record may not be seen."""
        text = str(record_id)
        by_chance = self.share > 0 and zlib.crc32(text.encode()) % SCALE < self.share * SCALE
        return by_chance or any(fnmatchcase(text, each) for each in self.ids)

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        parts = world.parts(ask.path)
        if len(parts) > 1 and parts[1] not in CALLS and self.hides(parts[1]):
            return world.refuse(FORBIDDEN)
        batch = read_batch(ask)
        if batch is None:
            return await proceed(ask)
        hidden = [place for place, item in enumerate(batch.items) if self.hides(_id_of(item))]
        return await refuse_items(ask, batch, dict.fromkeys(hidden, FORBIDDEN), world, proceed)


class NoRights(CallRule):
    """Lists are empty and counts 0, with 200, as after rights were taken; single reads may be refused."""

    fault: Literal["no_rights"]
    reads: int | None = Field(None, ge=400, le=499)
    """How reads of one record are refused."""

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        reply = await proceed(ask)
        parts, content = world.parts(ask.path), reply.content
        if content is None:
            return reply
        if world.habits.records in content:
            return reply.with_content({**content, world.habits.records: [], **world.habits.empty})
        if parts[1:] == ["count"]:
            return reply.with_content({"count": 0})
        if self.reads and ask.method == "GET" and len(parts) > 1 and parts[1] not in CALLS and parts[0] != "schema":
            return world.refuse(self.reads)
        return self._without_results(ask, reply, content)

    def _without_results(self, ask: Ask, reply: Reply, content: Any) -> Reply:
        if not self.reads or not ask.path.endswith("/batch/read"):
            return reply
        results = [{"id": each["id"], "status": self.reads} for each in content["results"]]
        return reply.with_content({"results": results})


class OtherTenant(CallRule):
    """Somebody else answers behind the same address."""

    fault: Literal["other_tenant"]

    @override
    async def strike(self, ask: Ask, proceed: Proceed, world: World) -> Reply:
        reply = await proceed(ask)
        content = reply.content
        if content is None or world.parts(ask.path) != [world.habits.identity]:
            return reply
        return reply.with_content({**content, **world.habits.stranger})


def _id_of(item: Any) -> object:
    return item.get("id", "") if isinstance(item, dict) else item
