"""The rules of the house that a machine can hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import cli

from connector.mappings.compile import compile_mapping
from connector.mappings.loader import load_entities, load_system
from connector.records import Side
from connector.settings import load_settings
from connector.systems import read_options

HOME = Path(__file__).parent.parent
SECRETS = {
    "CRM_CLIENT_SECRET": "demo-secret",
    "ERP_API_KEY": "demo-key",
    "ERP_PASSWORD": "demo-password",
    "CRM_API_KEY": "k",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "handlers", "misc", "data", "info"}


def modules() -> list[Path]:
    return sorted([*HOME.glob("connector/**/*.py"), *HOME.glob("benchmarks/**/*.py")])


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(HOME)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_every_import_keeps_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOME)

    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_no_module_is_over_400_lines() -> None:
    lengths = {str(path.relative_to(HOME)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}

    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_no_function_is_over_40_lines() -> None:
    lengths = dict(found for path in modules() for found in functions(path))

    assert {name: length for name, length in lengths.items() if length > 40} == {}


def test_no_module_has_a_vague_name() -> None:
    assert [str(path) for path in modules() if path.stem in VAGUE] == []


def test_only_the_http_module_imports_requests() -> None:
    doors = HOME / "connector/adapters/http.py"
    engine = [path for path in modules() if path.is_relative_to(HOME / "connector") and path != doors]

    found = [path for path in engine if any(name.split(".")[0] in {"requests", "urllib3"} for name in imported(path))]

    assert found == []


def test_the_reference_servers_import_nothing_of_the_engine() -> None:
    servers = HOME.glob("connector/reference/**/*.py")
    names = {name for path in servers for name in imported(path) if name.split(".")[0] == "connector"}

    assert {name for name in names if not name.startswith("connector.reference")} == set()


def test_no_import_is_relative() -> None:
    assert [path for path in modules() if any(name.startswith(".") for name in imported(path))] == []


def test_package_files_do_no_work() -> None:
    bodies = {path: ast.parse(path.read_text(encoding="utf-8")).body for path in modules() if path.stem == "__init__"}

    assert [path for path, body in bodies.items() if [node for node in body if not isinstance(node, ast.Expr)]] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock"])
def test_a_lock_file_names_no_address_and_no_machine(name: str) -> None:
    text = (HOME / name).read_text(encoding="utf-8")

    assert re.findall(r"\w+://\S*|^\s*-[^-]\S*|^\s*--(?!hash=)\S*|(?:^|\s)~?/\S+", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock"])
def test_everything_locked_has_its_hashes(name: str) -> None:
    text = (HOME / name).read_text(encoding="utf-8")

    assert [
        block for block in re.findall(r"^\S+==.*$(?:\n    .*)*", text, re.MULTILINE) if "--hash=sha256:" not in block
    ] == []


def test_what_the_container_copies_is_there_and_is_let_in() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (HOME / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    allowed = (HOME / ".dockerignore").read_text(encoding="utf-8").split()

    sources = [source for line in copied for source in line.split()]
    assert sources
    assert [source for source in sources if not (HOME / source).exists() or f"!{source}" not in allowed] == []


@pytest.mark.parametrize("path", sorted((HOME / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_configuration_is_valid_to_the_last_mapping(path: Path) -> None:
    settings = load_settings(path, SECRETS)

    entities = load_entities(settings.entities)
    for side in Side:
        kind, _ = read_options(settings, side)
        tables = load_system(kind.mapping, settings.mappings.on(side)).entities
        assert [name for name in tables if not compile_mapping(entities[name], tables[name], side).fields] == []
