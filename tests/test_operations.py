"""Every command that docs/operations.md tells an operator to type is typed here, in its order, against live systems."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import connector
from tests.systems import Systems, running

DOCUMENT = Path(__file__).parent.parent / "docs" / "operations.md"
FENCED = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCHEDULE = re.compile(r"^(?:\S+\s+){5}(?=cd )")
# What a monitor's line ends with, and the folders of an installation, are the reader's own; here they are the test's.
OWN = {"/opt/connector/bin/connector": "connector", "your-alert": "true", r"\%": "%"}
# Installing is what `make replay` does, step by step.
INSTALLS = ("python3 -m venv", "/opt/connector/bin/pip")
WELL = {0, 2, 3}


def typed() -> list[str]:
    """The lines of all blocks, without those that install."""
    lines = [line for block in FENCED.findall(DOCUMENT.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(INSTALLS)]


class Office(NamedTuple):
    """A folder with a configuration and a state, and the run that people will ask about."""

    folder: Path
    run: str

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Let a shell do one line of the document, as an operator who answers yes."""
        line = SCHEDULE.sub("", line).replace("/srv/connector", str(self.folder)).replace("RUN", self.run)
        for theirs, ours in OWN.items():
            line = line.replace(theirs, ours)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/bash", "-c", line],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            input="y\n",
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )


def edit_apart(systems: Systems) -> None:
    """A customer's phone and credit limit, each on the side it belongs to, and another one's phone on both."""
    once, twice = [one for one in systems.crm.listed("accounts", limit=50) if one.get("erpNumber")][:2]
    for account, values in ((once, {"credit_limit": "12345.00"}), (twice, {"phone": "+49 30 555 200"})):
        systems.crm.change("accounts", account["id"], phone="+49 30 555 100")
        (partner,) = systems.erp.listed("partners", code=account["erpNumber"])
        systems.erp.change("partners", str(partner["id"]), **values)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A company after its first sync, a run with edits of both sides, and a conflict that waits."""
    folder = tmp_path_factory.mktemp("operations")
    with running(folder) as systems:
        config = systems.write_config(folder)
        connector(config, "sync")
        edit_apart(systems)
        connector(config, "sync")
        yield Office(folder, connector(config, "runs", "--json").json[0]["id"])


@pytest.mark.parametrize("line", typed())
def test_a_line_of_the_document_does_what_it_says(office: Office, line: str) -> None:
    done = office.type(line)

    assert done.returncode in WELL, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
