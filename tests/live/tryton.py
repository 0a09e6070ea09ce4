"""A real Tryton for the length of a session: how it is reached, and what ids its seeded company has."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.scripts import free_port, given, place, run, script

USER = {"db": "erp", "user": "admin", "password": ""}
FILE_VARIABLE = "CONNECTOR_LIVE_TRYTON_FILE"
"""Names a file with the line that the script printed when it started a Tryton."""


class Known(dict[str, Any]):
    """What the environment tells of a Tryton; a test that needs more is skipped."""

    def __missing__(self, name: str) -> Any:
        pytest.skip(f"tryton: nothing tells its {name}; name a file with what its script printed: {FILE_VARIABLE}")


@contextmanager
def running_tryton() -> Iterator[dict[str, Any]]:
    """The Tryton that the environment names, or one with a fresh company, stopped at the end.

    What is answered is what the script tells: `url`, `db`, `rpc_url`, `rest_url`, users, passwords, keys and `ids`.
    """
    if os.environ.get(FILE_VARIABLE):
        yield json.loads(Path(os.environ[FILE_VARIABLE]).read_text(encoding="utf-8").splitlines()[-1])
        return
    known = given("tryton", **USER)
    if known is not None:
        yield Known(known, rpc_url=f"{known['url']}/{known['db']}/rpc/")
        return
    path = str(script("tryton.py", "tryton"))
    with place("tryton") as home:
        told = ["--port", str(free_port()), "--state", str(home / "state"), "--cache", str(home / "cache")]
        try:
            answer = run([sys.executable, path, "start", *told])
            # Progress stands above the one line of JSON.
            yield json.loads(answer.strip().splitlines()[-1])
        finally:
            run([sys.executable, path, "stop", *told, "--purge"])
