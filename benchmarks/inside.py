"""The work inside a sync with nothing to do, beside the bare requests that it makes.

    python -m benchmarks.inside CONFIG

One process, as a daemon is one: the configuration is read and every statement has been sent before. The requests of a
run are noted on their way out and sent again by requests alone, over connections that are open already. Prints medians.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson
import requests
from requests.adapters import HTTPAdapter

TIMES = 9
ENTITIES = ("customer",)


class Inside(NamedTuple):
    """Seconds of one run, and of its requests alone."""

    sync_seconds: float
    bare_seconds: float
    requests: int
    writes: int


def main(arguments: list[str]) -> None:
    """Measure, and print the figures as JSON."""
    # Here, so that who only wants to name the figures stays small: a child's peak is never below its parent's.
    from connector.cli.invocation import Invocation
    from connector.sync import sync

    with Invocation(Path(arguments[0]), as_json=False, debug=False).context() as context:
        writes = sync(context, entities=ENTITIES).writes
        with _noted() as sent:
            writes += sync(context, entities=ENTITIES).writes
        asked = list(sent)
        seconds = _middle(lambda: sync(context, entities=ENTITIES))
    found = Inside(seconds, _bare(asked), len(asked), writes)
    print(orjson.dumps(found._asdict()).decode())


@contextmanager
def _noted() -> Iterator[list[requests.PreparedRequest]]:
    """Every request that is sent within the block, by whichever session."""
    sent: list[requests.PreparedRequest] = []
    send = HTTPAdapter.send

    def noting(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        sent.append(request)
        return send(self, request, *args, **options)

    HTTPAdapter.send = noting  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


def _bare(asked: list[requests.PreparedRequest]) -> float:
    with requests.Session() as session:
        session.trust_env = False

        def ask() -> None:
            for request in asked:
                session.send(request, timeout=60).raise_for_status()

        ask()  # opens the connections
        return _middle(ask)


def _middle(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return median(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
