"""The same one-way copy by the tools a user would pick instead: dlt, and a Singer tap and target.

Each has an environment of its own, made by `make bench`. They keep no bases, no links and no result an item, so that
the comparison is lenient to them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.cases import Figure, Pair, as_figure, bench_pair
from benchmarks.processes import HOME, Usage, measured, piped

DLT, SINGER = "dlt: REST source to custom destination", "Singer SDK: tap to target"
ENVIRONMENTS = HOME / ".venv-peers"
SCRIPTS = HOME / "benchmarks" / "peers"


def copies(customers: int, folder: Path, latency: float = 0.0) -> Iterator[Figure]:
    """Each peer's copy of all customers, against fresh servers."""
    folder.mkdir(parents=True)
    for case, run in ((DLT, _dlt), (SINGER, _singer)):
        with bench_pair(customers, latency=latency) as pair:
            before = pair.stats()
            used = run(pair, folder)
            counts = [now.since(then) for now, then in zip(pair.stats(), before, strict=True)]
            yield as_figure(case, customers, used, counts)


def _dlt(pair: Pair, folder: Path) -> Usage:
    script = [str(ENVIRONMENTS / "dlt" / "bin" / "python"), str(SCRIPTS / "dlt_copy.py")]
    return measured([*script, pair.crm.url, pair.erp.url, str(folder / "dlt")], folder, _alone())


def _singer(pair: Pair, folder: Path) -> Usage:
    python, commands = str(ENVIRONMENTS / "singer" / "bin" / "python"), []
    for name, side in (("tap", "crm"), ("target", "erp")):
        config = folder / f"{name}.json"
        config.write_bytes(orjson.dumps({side: getattr(pair, side).url}))
        commands.append([python, str(SCRIPTS / f"singer_{name}.py"), "--config", str(config)])
    return piped(commands, folder, _alone())


def _alone() -> dict[str, str]:
    """The environment of a command that must find its own packages only."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def are_installed() -> bool:
    """Whether `make bench` made the peers' environments."""
    return all((ENVIRONMENTS / name / ".installed").exists() for name in ("dlt", "singer"))
