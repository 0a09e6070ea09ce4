"""Who holds a lease: a process by name, told so that a dead one on this machine need not be waited for."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from connector.errors import LeaseHeld
from connector.store import leases, portions
from connector.store.database import Store

HOLD = timedelta(hours=1)
"""How long a command may keep every run out."""
_IN_HAND: set[str] = set()
"""The names under which this process may hold a lease just now; any other of ours was left when the store was away."""


def name_process(run: str) -> str:
    """This process, as the holder of a lease: machine, process namespace, process id, run."""
    return f"{_place()}/{os.getpid()}/{run}"


def is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine and namespace that has ended; False where nobody can tell."""
    place, _, rest = holder.rpartition("/")[0].rpartition("/")
    if place != _place() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def in_hand(run: str) -> Iterator[None]:
    """This process is at work on a run as long as the block lasts: a lease of ours that outlives it is a left one."""
    name = name_process(run)
    _IN_HAND.add(name)
    try:
        yield
    finally:
        _IN_HAND.discard(name)


def _is_left(holder: str) -> bool:
    """Whether this process held it once and could not give it back; a process before us may have had our id, too."""
    return holder.startswith(name_process("")) and holder not in _IN_HAND


def take(connection: Connection, name: str, run: str, ttl: timedelta, at: datetime) -> int | None:
    """Take a lease and say its epoch; None while another one is at work. Who has died on this machine is no holder."""
    held = leases.holder(connection, name)
    if held is not None and (is_gone(held.owner) or _is_left(held.owner)):
        leases.release(connection, name, held.epoch)
    # A worker whose conductor is gone can store nothing more, but may be within a call.
    if not all(is_gone(one) for one in portions.holders(connection, at)):
        return None
    return leases.acquire(connection, name, name_process(run), ttl, at)


@contextmanager
def alone(store: Store, name: str, run: str, at: datetime) -> Iterator[int]:
    """Keep every run out as long as the block lasts; gives its epoch. Raises `LeaseHeld` while one is at work."""
    with in_hand(run):
        with store.write() as connection:
            epoch = take(connection, name, run, HOLD, at)
        if epoch is None:
            raise LeaseHeld("a run is at work on this state, so nothing was changed; wait for its end, or stop it")
        try:
            yield epoch
        finally:
            with store.write() as connection:
                leases.release(connection, name, epoch)


def _place() -> str:
    """Machine and process namespace: two containers can share a name and count their processes apart."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{namespace.readlink() if namespace.is_symlink() else 'host'}"
