"""A new adapter works from the first minute: the contract suite that comes with it passes."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Terminal

SOME = "stored or laws or window or absent or lost_create"


def test_the_contract_of_a_new_adapter_passes_as_it_was_written(terminal: Terminal) -> None:
    terminal.ok("new-adapter", "acme-books")
    folder = terminal.folder / "acme-books"

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SOME]
    environ = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[2]}"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_new_adapter_bears_its_own_name_alone(terminal: Terminal) -> None:
    terminal.ok("new-adapter", "acme-books", "--into", "elsewhere")

    texts = [path.read_text(encoding="utf-8") for path in (terminal.folder / "elsewhere").rglob("*") if path.is_file()]

    assert "class AcmeBooks(Adapter)" in "".join(texts)
    assert [text for text in texts if "my-erp" in text or "my_erp" in text or "MyErp" in text] == []


def test_a_new_adapter_overwrites_nothing(terminal: Terminal) -> None:
    (terminal.folder / "acme-books").mkdir()

    answer = terminal("new-adapter", "acme-books")

    assert answer.code == 64
    assert "--into" in answer.err


def test_a_name_that_configuration_could_not_use_is_refused(terminal: Terminal) -> None:
    assert "my-erp" in terminal("new-adapter", "Acme Books").err
