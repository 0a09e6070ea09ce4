"""`python -m tests.simulation.mutants`: plant faults in copies of the engine, and see whether the laws find them."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIVES = 400
"""How many lives a fault may survive before it counts as not caught."""
REMEDY = "planted.yaml no longer fits the source: say there how the same mistake would look now"


class Change(NamedTuple):
    """One place in one file."""

    file: str
    find: str
    put: str


class Mutant(NamedTuple):
    """A planted fault."""

    name: str
    changes: list[Change]
    seed: int = 0
    """The life that caught it before: tried first, for it may still do."""
    test: str = ""
    """The named test that catches what shows itself in no life, as other rules stand behind the one that is broken."""


class Result(NamedTuple):
    """What became of a mutant: the law that caught it, after how many lives; or why it could not be tried."""

    mutant: Mutant
    law: str
    seed: str
    seconds: float

    @property
    def is_caught(self) -> bool:
        """Whether some law noticed."""
        return bool(self.seed)


def read_mutants() -> list[Mutant]:
    """Every fault to plant."""
    listed = yaml.safe_load((HERE / "planted.yaml").read_text(encoding="utf-8"))
    return [
        Mutant(
            item["name"], [Change(**change) for change in item["patches"]], item.get("seed", 0), item.get("test", "")
        )
        for item in listed
    ]


def misfits(mutant: Mutant) -> list[str]:
    """The places that a mutant does not find, or finds more than once."""
    return [
        change.file
        for change in mutant.changes
        if (ROOT / change.file).read_text(encoding="utf-8").count(change.find) != 1
    ]


@contextmanager
def planted(mutant: Mutant) -> Iterator[Path]:
    """A copy of the engine and the simulator with the fault in it."""
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        unwanted = shutil.ignore_patterns("__pycache__", "reference", "test_*.py")
        shutil.copytree(ROOT / "connector", folder / "connector", ignore=unwanted)
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        for change in mutant.changes:
            file = folder / change.file
            file.write_text(file.read_text(encoding="utf-8").replace(change.find, change.put), encoding="utf-8")
        yield folder


def attempt(mutant: Mutant) -> Result:
    """Play lives with a fault in the engine until a law breaks."""
    if misfits(mutant):
        return Result(mutant, f"{REMEDY} ({', '.join(misfits(mutant))})", "", 0.0)
    began = time.monotonic()
    if mutant.test:
        return _try_test(mutant)
    with planted(mutant) as folder:
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--hunt",
            "--before",
            str(mutant.seed),
            "--seeds",
            str(LIVES),
        ]
        ran = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    seconds = time.monotonic() - began
    last = (ran.stdout.strip() or ran.stderr.strip() or "nothing was said").splitlines()[-1]
    if ran.returncode != 1 or "\t" not in last:
        return Result(mutant, "" if ran.returncode == 0 else last, "", seconds)
    seed, _, law = last.partition("\t")
    if _is_broken_anyway(seed):
        return Result(mutant, f"seed {seed} breaks a law without it, too", "", seconds)
    return Result(mutant, law, seed, seconds)


def _try_test(mutant: Mutant) -> Result:
    """Run the named test with the fault in the engine; that it passes without is the whole suite's matter."""
    began = time.monotonic()
    with planted(mutant) as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder)]
        ran = subprocess.run(
            [*command, "--import-mode=importlib", "-p", "no:cacheprovider", "-k", "not postgresql", mutant.test],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    noticed = ran.returncode == 1
    return Result(
        mutant, "" if noticed else ran.stdout[-200:], mutant.test if noticed else "", time.monotonic() - began
    )


def _is_broken_anyway(seed: str) -> bool:
    """Whether the engine as it is breaks a law in the life that was to catch the fault."""
    command = [sys.executable, "-m", "tests.simulation", "--hunt", "--first", seed, "--seeds", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0


def main(given: list[str]) -> int:
    """0 where every fault was caught, 1 where one was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many are tried at a time")
    parser.add_argument("--only", default="", help="only those whose name holds this")
    asked = parser.parse_args(given)
    mutants = [mutant for mutant in read_mutants() if asked.only in mutant.name]
    results = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for result in pool.map(attempt, mutants):
            results.append(result)
            print(_line(result), flush=True)
    survivors = [result for result in results if not result.is_caught]
    print(f"\n{len(results)} faults planted, {len(results) - len(survivors)} caught, {len(survivors)} not caught")
    return bool(survivors)


def _line(result: Result) -> str:
    by = result.mutant.test or f"{result.law} (seed {result.seed})"
    how = f"caught by {by}" if result.is_caught else f"NOT CAUGHT {result.law}".strip()
    return f"{result.mutant.name:<68} {how:<44} {result.seconds:5.1f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
