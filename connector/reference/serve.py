"""Runs one of the servers until it is told to stop."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from connector.reference import crm, crm_records, crm_tables, erp, erp_records, erp_tables
from connector.reference.faults.plane import Plane
from connector.reference.faults.protocol import ReachableProtocol
from connector.reference.fields import Collection
from connector.reference.options import Options
from connector.reference.seed import seed_crm, seed_erp
from connector.reference.storage import Store
from connector.reference.writelog import WriteLog

Kind = Literal["crm", "erp"]
SEEDED = ("customers", "contacts", "products", "orders")
BACKLOG = 512
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Server(NamedTuple):
    """What makes one of the two servers."""

    collections: tuple[Collection, ...]
    ticks: int
    build: Callable[[Options, Store, Plane | None], ASGIApp]
    seed: Callable[[Store, Mapping[str, int]], None]


SERVERS: dict[str, Server] = {
    "crm": Server(crm_tables.COLLECTIONS, crm_records.TICKS, crm.build, seed_crm),
    "erp": Server(erp_tables.RESOURCES, erp_records.TICKS, erp.build, seed_erp),
}


def parse_seed(text: str) -> dict[str, int]:
    """Counts from text like `customers=2000,orders=3000`; `ValueError` says what is wrong with others."""
    counts: dict[str, int] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, count = (each.strip() for each in part.partition("="))
        if name not in SEEDED:
            raise ValueError(f"cannot seed {name!r}; there are {', '.join(SEEDED)}")
        if not count.isascii() or not count.isdecimal():
            raise ValueError(f"{name} needs a whole number, like {name}=200, not {count!r}")
        counts[name] = int(count)
    return counts


def run(  # noqa: PLR0913 -- the ways to start a server, all but the first three with a default
    kind: Kind,
    port: int,
    database: Path,
    seed: dict[str, int] | None = None,
    *,
    host: str = "127.0.0.1",
    token_lifetime: int = 3600,
    rate_limit: int | None = None,
    log_requests: Path | None = None,
    log_writes: Path | None = None,
    strict: bool = False,
    faults: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; a seed fills the database only when it is empty; port 0 takes a free one.

    Prints one line with the address when it answers.
    """
    options = replace(
        _from_environment(),
        token_lifetime=token_lifetime,
        rate_limit=rate_limit,
        log_requests=log_requests,
        strict=strict,
        loopback_only=host in LOOPBACK,
    )
    server = SERVERS[kind]
    plane = Plane(options.clock) if faults else None
    store = Store(database, server.collections, plane.clock if plane else options.clock, server.ticks)
    try:
        if seed and store.is_empty():
            server.seed(store, seed)
        if log_writes:
            WriteLog(log_writes, store)
        app = server.build(options, store, plane)
        with socket.create_server((host, port), backlog=BACKLOG) as listening:
            config = _configuration(app, reachable=faults)
            _serve(config, listening, f"http://{host}:{listening.getsockname()[1]}", kind)
    finally:
        store.close()


def _configuration(app: ASGIApp, *, reachable: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=ReachableProtocol if reachable else "auto",
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )


def _serve(config: uvicorn.Config, listening: socket.socket, url: str, kind: Kind) -> None:
    server = uvicorn.Server(config)

    def leave(_: int, __: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        # Until uvicorn listens for signals itself, and again when it hands on the one it was stopped by.
        signal.signal(number, leave)
    # The socket listens already, so whoever reads this line may come in.
    sys.stdout.write(f"reference {kind} at {url}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


def _from_environment() -> Options:
    known = Options()
    return replace(
        known,
        client_id=os.environ.get("REFERENCE_CRM_CLIENT_ID", known.client_id),
        client_secret=os.environ.get("REFERENCE_CRM_CLIENT_SECRET", known.client_secret),
        sales_id=os.environ.get("REFERENCE_CRM_SALES_ID", known.sales_id),
        sales_secret=os.environ.get("REFERENCE_CRM_SALES_SECRET", known.sales_secret),
        api_key=os.environ.get("REFERENCE_ERP_API_KEY", known.api_key),
    )
