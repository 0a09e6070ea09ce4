"""The webhooks a server owes, in its own file: who wants to hear of what, and each message not delivered yet."""

# ruff: noqa: S608 -- only marks are put into statements, values are always arguments

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from connector.reference.refusals import invalid
from connector.reference.storage import Change, Clock, Store

LONGEST_URL = 2000
KEPT_SECONDS = 24 * 3600
"""How long a message is tried before it is given up."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 3600.0
DOUBLINGS = 16
"""More failures than this do not make the delay any longer."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS subscription (
        id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, topics TEXT NOT NULL, secret TEXT NOT NULL,
        active INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER)""",
    """CREATE TABLE IF NOT EXISTS delivery (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subscription INTEGER NOT NULL, message TEXT NOT NULL, body BLOB NOT NULL,
        attempts INTEGER NOT NULL, born REAL NOT NULL, due REAL NOT NULL)""",
    'CREATE INDEX IF NOT EXISTS "delivery by due" ON delivery (subscription, due)',
)


class Message(NamedTuple):
    """What happened, in the server's own words."""

    topic: str
    body: bytes


Envelope = Callable[[Sequence[Change]], Iterable[Message]]
"""How a server words what one transaction changed."""


class Subscription(NamedTuple):
    """Somebody who wants to hear of some collections."""

    id: int
    url: str
    topics: tuple[str, ...]
    secret: str
    active: bool
    created: int
    expires: int | None

    def is_due(self, now: float) -> bool:
        """Whether messages go there at this time."""
        return self.active and (self.expires is None or self.expires > now)


class Delivery(NamedTuple):
    """One message that somebody has not acknowledged yet."""

    id: int
    message: str
    body: bytes
    attempts: int
    born: float


Fate = Callable[[str], tuple[float, ...]]
"""After how many seconds each copy of a message about a collection may leave; none: it is lost."""


def undisturbed(_: str) -> tuple[float, ...]:
    """One copy, at once."""
    return (0.0,)


class Outbox:
    """What is to be sent to whom; all of it outlives the process."""

    def __init__(self, store: Store, envelope: Envelope, clock: Clock = time.time) -> None:
        self.wake: Callable[[], None] = lambda: None
        """Called when there is something new to send."""
        self.fate: Fate = undisturbed
        self._store, self._envelope, self._clock = store, envelope, clock
        for table in TABLES:
            store.execute(table)
        self.reload()

    def reload(self) -> None:
        """Read the subscriptions as the file has them."""
        rows = self._store.execute("SELECT id, url, topics, secret, active, created, expires FROM subscription")
        self._known = {
            row[0]: Subscription(row[0], row[1], tuple(orjson.loads(row[2])), row[3], bool(row[4]), row[5], row[6])
            for row in rows
        }
        self._store.listen(self._enqueue, wanted=bool(self._known))
        self.wake()

    def subscriptions(self) -> list[Subscription]:
        """All of them, in the order they were made."""
        return list(self._known.values())

    def listening(self) -> list[Subscription]:
        """Those to whom messages go now."""
        now = self._clock()
        return [each for each in self._known.values() if each.is_due(now)]

    def find(self, number: int) -> Subscription | None:
        """One of them."""
        return self._known.get(number)

    def add(self, url: str, topics: Sequence[str], secret: str, expires: int | None) -> Subscription:
        """A new subscription, which hears of everything from now on."""
        self._store.execute(
            "INSERT INTO subscription (url, topics, secret, active, created, expires) VALUES (?, ?, ?, 1, ?, ?)",
            (url, orjson.dumps(topics).decode(), secret, int(self._clock()), expires),
        )
        number = self._store.execute("SELECT last_insert_rowid()")[0][0]
        self.reload()
        return self._known[number]

    def keep(self, subscription: Subscription) -> None:
        """Store a subscription that was changed."""
        self._store.execute(
            "UPDATE subscription SET url = ?, topics = ?, secret = ?, active = ?, expires = ? WHERE id = ?",
            (
                subscription.url,
                orjson.dumps(subscription.topics).decode(),
                subscription.secret,
                int(subscription.active),
                subscription.expires,
                subscription.id,
            ),
        )
        self.reload()

    def remove(self, number: int) -> None:
        """End a subscription, and forget what it has not heard yet."""
        with self._store.transaction():
            self._store.execute("DELETE FROM subscription WHERE id = ?", (number,))
            self._store.execute("DELETE FROM delivery WHERE subscription = ?", (number,))
        self.reload()

    def due(self, number: int, limit: int, besides: Collection[int]) -> list[Delivery]:
        """The next messages for one subscription, besides those that are under way."""
        rows = self._store.execute(
            "SELECT id, message, body, attempts, born FROM delivery"
            f" WHERE subscription = ? AND due <= ? AND id NOT IN ({_marks(besides)}) ORDER BY due, id LIMIT ?",
            (number, self._clock(), *besides, limit),
        )
        return [Delivery(*row) for row in rows]

    def seconds_to_next(self, number: int, besides: Collection[int]) -> float | None:
        """How long nothing will be due for one subscription, besides what is under way; None where nothing waits."""
        sql = f"SELECT min(due) FROM delivery WHERE subscription = ? AND id NOT IN ({_marks(besides)})"
        due = self._store.execute(sql, (number, *besides))[0][0]
        return None if due is None else max(0.0, due - self._clock())

    def queued(self) -> int:
        """How many messages are not delivered yet."""
        return int(self._store.execute("SELECT count(*) FROM delivery")[0][0])

    def settle(self, delivery: Delivery) -> None:
        """A message was taken, or is given up."""
        # By its name too: a number is given again after a backup was brought back.
        self._store.execute("DELETE FROM delivery WHERE id = ? AND message = ?", (delivery.id, delivery.message))

    def postpone(self, delivery: Delivery) -> bool:
        """A message was not taken: it is sent again later, each time after a longer pause; False gives it up."""
        now = self._clock()
        if now - delivery.born > KEPT_SECONDS:
            self.settle(delivery)
            return False
        pause = min(FIRST_DELAY * 2 ** min(delivery.attempts, DOUBLINGS), LONGEST_DELAY)
        sql = "UPDATE delivery SET attempts = attempts + 1, due = ? WHERE id = ? AND message = ?"
        self._store.execute(sql, (now + pause, delivery.id, delivery.message))
        return True

    def _enqueue(self, changes: Sequence[Change]) -> None:
        """Owe everybody who listens the messages about a transaction, inside this transaction."""
        listening = self.listening()
        wanted = {topic for each in listening for topic in each.topics}
        told = [each for each in changes if each.table in wanted]
        if not told:
            return
        now = self._clock()
        for message in self._envelope(told):
            name = f"msg_{secrets.token_hex(12)}"
            for subscription in listening:
                if message.topic in subscription.topics:
                    self._owe(subscription.id, name, message, now)
        self.wake()

    def _owe(self, number: int, name: str, message: Message, now: float) -> None:
        sql = "INSERT INTO delivery (subscription, message, body, attempts, born, due) VALUES (?, ?, ?, 0, ?, ?)"
        for seconds in self.fate(message.topic):
            self._store.execute(sql, (number, name, message.body, now, now + seconds))


def read_target(value: object, field: str, *, loopback_only: bool) -> str:
    """An address that messages may be sent to."""
    if not isinstance(value, str) or len(value) > LONGEST_URL:
        raise invalid(f"{field} must be an address of at most {LONGEST_URL} characters", field)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise invalid(f"{field} is no address", field) from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise invalid(f"{field} must begin with http:// or https:// and name a host", field)
    if loopback_only and not _is_loopback(host):
        raise invalid(f"{field} must be on this machine, as this server is", field)
    return value


def read_topics(value: object, field: str, known: Iterable[str]) -> list[str]:
    """The names of collections that somebody wants to hear of."""
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise invalid(f"{field} must be a list of names", field)
    unknown = next((each for each in value if each not in set(known)), None)
    if unknown is not None:
        raise invalid(f"{field} names {unknown[:40]}, which there is not", field)
    return list(dict.fromkeys(value))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
