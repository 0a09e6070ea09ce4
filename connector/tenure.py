"""What a run may store under: the one lease of a store, which every transaction checks and renews."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.errors import LeaseLost
from connector.store import leases, portions
from connector.store.database import Store
from connector.store.portions import Portion

LEASE = "sync"
"""The one lease of a store: whoever holds it may write."""


class Tenure(NamedTuple):
    """One entity's part of a run that holds the lease; it can be handed to another process of the same run."""

    entity: str
    run: str
    epoch: int
    """Of the lease this run holds."""
    lease: timedelta
    clock: Callable[[], datetime]
    portion: Portion | None = None
    """What of the run this is, where others work on the rest: then every transaction checks and renews that."""

    @contextmanager
    def write(self, store: Store, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction that commits only while the run still holds its lease; raises `LeaseLost` otherwise."""
        with store.write(durable=durable) as connection:
            yield connection
            if not self._renew(connection, self.clock()):
                raise LeaseLost(f"{self.entity}: another process took over; this run stops and loses nothing")

    def _renew(self, connection: Connection, at: datetime) -> bool:
        if self.portion is None:
            return leases.renew(connection, LEASE, self.epoch, self.lease, at)
        return portions.renew(connection, self.portion, LEASE, self.lease, at)
