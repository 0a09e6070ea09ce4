"""Sends what is in the outbox, beside the server's own work and never instead of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from connector.reference.outbox import Delivery, Outbox, Subscription
from connector.reference.storage import Clock

if TYPE_CHECKING:
    import aiohttp

LANES = 8
"""How many messages are under way to one subscriber at a time."""
SECONDS = 5
"""How long a subscriber may take to answer."""
LOOK_SECONDS = 60.0
MOST_ANSWER = 65_536


class Sender:
    """The messages of one server on their way."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        """`clock` is the server's own, which may be wrong: it is what a signature is stamped with."""
        self.counts: Counter[str] = Counter()
        self._outbox, self._clock = outbox, clock
        self._underway: dict[int, dict[int, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def running(self, _: object) -> AsyncIterator[None]:
        """Send as long as the server lives; what is under way at the end is sent again after a start."""
        news = asyncio.Event()
        self._outbox.wake = news.set
        loop = asyncio.create_task(self._drain(news))
        try:
            yield
        finally:
            self._outbox.wake = lambda: None
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop

    async def _drain(self, news: asyncio.Event) -> None:
        while not self._outbox.queued():
            # The library is not even loaded before there is something to send.
            await news.wait()
            news.clear()
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    self._send_due(session, news.set)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), self._pause())
                    news.clear()
            finally:
                await self._abandon()

    def _pause(self) -> float:
        """How long there is nothing to do, unless something new comes or a message under way arrives."""
        waits = [
            self._outbox.seconds_to_next(each.id, self._lanes(each))
            for each in self._outbox.listening()
            if len(self._lanes(each)) < LANES
        ]
        return min((each for each in waits if each is not None), default=LOOK_SECONDS)

    async def _abandon(self) -> None:
        tasks = [task for lanes in self._underway.values() for task in lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lanes(self, subscription: Subscription) -> dict[int, asyncio.Task[None]]:
        return self._underway.setdefault(subscription.id, {})

    def _send_due(self, session: "aiohttp.ClientSession", done: Callable[[], None]) -> None:
        for subscription in self._outbox.listening():
            lanes = self._lanes(subscription)
            free = LANES - len(lanes)
            for delivery in self._outbox.due(subscription.id, free, lanes) if free else ():
                lanes[delivery.id] = asyncio.create_task(self._deliver(session, subscription, delivery, done))

    async def _deliver(
        self,
        session: "aiohttp.ClientSession",
        subscription: Subscription,
        delivery: Delivery,
        done: Callable[[], None],
    ) -> None:
        """Try once, and remember what became of it."""
        try:
            if await self._post(session, subscription, delivery):
                self._outbox.settle(delivery)
                self.counts["delivered"] += 1
            else:
                self.counts["failed"] += 1
                self.counts["given_up"] += not self._outbox.postpone(delivery)
        finally:
            self._lanes(subscription).pop(delivery.id, None)
            done()

    async def _post(self, session: "aiohttp.ClientSession", subscription: Subscription, delivery: Delivery) -> bool:
        import aiohttp

        headers = self._headers(subscription.secret, delivery)
        sending = session.post(subscription.url, data=delivery.body, headers=headers, allow_redirects=False)
        try:
            async with sending as answer:
                # Read, so that the connection can be used again.
                await answer.content.read(MOST_ANSWER)
                return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    def _headers(self, secret: str, delivery: Delivery) -> dict[str, str]:
        from standardwebhooks.webhooks import Webhook

        moment = datetime.fromtimestamp(int(self._clock()), UTC)
        return {
            "content-type": "application/json",
            "webhook-id": delivery.message,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(secret).sign(delivery.message, moment, delivery.body.decode()),
        }
