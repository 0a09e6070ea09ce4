"""Back-pressure: how many keys may wait in an inbox before reading gives way to deciding, and senders are put off."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.context import Work
from connector.store import cursors, inbox, standings

_COUNT_EVERY = 1000
"""Keys that are let in before they are counted anew: others put some in, too, and take some out."""
_LOOK_AGAIN = timedelta(seconds=1)


class Gauge:
    """How full one entity's inbox is while a run reads it: beyond what could not be decided, so many keys may wait.

    It never pauses where that cannot help: before both sides were read to their end once, nothing may be decided, and a
    plan takes nothing out of the inbox.
    """

    def __init__(self, work: Work) -> None:
        self._work, self._allowed = work, work.context.limits.high_water
        self._most = self._allowed
        self._waiting: int | None = None
        self._holds = not work.dry

    def rises(self, keys: int) -> bool:
        """Say that so many keys have come, and hear whether too many wait; who never asks pays nothing."""
        if self._waiting is None:
            self._holds = self._holds and self._may_decide()
            self._waiting = self._count() if self._holds else 0
        else:
            self._waiting += keys
        if self._holds and self._waiting > self._most:
            # Some of them came for keys that waited already.
            self._waiting = self._count()
        return self._holds and self._waiting > self._most

    def fall(self) -> None:
        """What could be decided was; what is left waits for the end of the reading, and no pause would help it."""
        self._waiting = self._count()
        self._most = self._waiting + self._allowed

    def _may_decide(self) -> bool:
        with self._work.store.read() as connection:
            positions = [cursors.get(connection, self._work.name, side) for side in self._work.context.systems]
        return all(position.complete for position in positions)

    def _count(self) -> int:
        with self._work.store.read() as connection:
            return inbox.ready(connection, self._work.name).get(self._work.name, 0)


class Valve:
    """Lets webhooks in until an entity's inbox holds too many keys; an entity's first sync knows no such bound.

    Then both sides are in the inbox as a whole, and what webhooks tell of is mostly there.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room: dict[str, int] = {}
        self._counted: dict[str, datetime] = {}

    def full(self, connection: Connection, entities: Collection[str], at: datetime) -> set[str]:
        """Those of these entities whose inbox is to take no more keys now."""
        doubtful = [name for name in entities if self._room.get(name, 0) <= 0 and self._is_due(name, at)]
        if doubtful:
            self._look(connection, doubtful, at)
        return {name for name in entities if self._room[name] <= 0}

    def let_in(self, entities: Iterable[str]) -> None:
        """A key was put into the inbox of each of these, as often as it is named."""
        for entity in entities:
            self._room[entity] -= 1

    def _is_due(self, name: str, at: datetime) -> bool:
        return name not in self._counted or abs(at - self._counted[name]) >= _LOOK_AGAIN

    def _look(self, connection: Connection, entities: Collection[str], at: datetime) -> None:
        known, waiting = standings.listed(connection), inbox.ready(connection)
        for name in entities:
            settled = name in known and known[name].good_at is not None
            room = self._most - waiting.get(name, 0) if settled else _COUNT_EVERY
            self._room[name], self._counted[name] = min(room, _COUNT_EVERY), at
