"""What the documents name is there: every command, every option, every file."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from connector.cli.app import command_line

WHOLE = get_command(command_line())
ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# In a block of code, in a row of a table or in a sentence: whatever stands between backticks or after a prompt.
QUOTED = re.compile(r"`(connector [^`\n]+)`")
TYPED = re.compile(r"(?:^|^\$ |^ {4}|/)(connector [a-z][^\n&|>]*)", re.MULTILINE)
FENCED = re.compile(r"^```\w*\n(.*?)^```$|^( {4}\S.*?)$", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\]\((?!https?:)([^)#]+)\)")
NAMED = re.compile(r"`((?:connector|config|docs|tests|benchmarks)/[\w./-]+)`")


def commands(text: str) -> list[str]:
    """Every call of the connector that a document shows."""
    typed = [line for block in FENCED.findall(text) for line in TYPED.findall("".join(block))]
    return [*QUOTED.findall(FENCED.sub("", text)), *typed]


def unknown_word(call: str) -> str | None:
    """The first word of a call that the command line does not know; values and the engine's rooms are not looked at."""
    at = WHOLE
    for word in re.split(r"\s+", call)[1:]:
        known = getattr(at, "commands", {})
        if word.strip("[]").startswith("--"):
            options = {name for one in at.params for name in (*one.opts, *one.secondary_opts)}
            if word.strip("[]").split("=")[0] not in {*options, "--help", "--version"}:
                return word
        elif known and re.fullmatch(r"[a-z]+", word):
            if word not in known:
                return word
            at = known[word]
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_exists(path: Path) -> None:
    found = commands(path.read_text(encoding="utf-8"))

    wrong = {call: word for call in found if (word := unknown_word(call)) is not None}

    assert wrong == {}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = [ROOT / name for name in NAMED.findall(text)] + [path.parent / name for name in LINKED.findall(text)]

    missing = [str(one.relative_to(ROOT)) for one in named if not one.exists()]

    assert missing == []


def test_every_command_has_its_row_in_the_readme() -> None:
    group = WHOLE
    table = (ROOT / "README.md").read_text(encoding="utf-8")

    missing = [name for name in getattr(group, "commands", {}) if f"| `connector {name}" not in table]

    assert missing == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert [unknown_word(call) for call in ("connector synk", "connector sync --ful", "connector sync --full")] == [
        "synk",
        "--ful",
        None,
    ]
