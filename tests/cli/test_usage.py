"""What the command line says before it has asked any system: help, mistakes, configuration."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli import app
from connector.cli.sync import print_report
from connector.report import Report
from tests.cli.conftest import Terminal
from tests.command import command

COMMANDS = [
    ("init",),
    ("check",),
    ("match",),
    ("plan",),
    ("apply",),
    ("sync",),
    ("status",),
    ("conflicts", "list"),
    ("conflicts", "show"),
    ("conflicts", "resolve"),
    ("problems", "list"),
    ("problems", "show"),
    ("problems", "retry"),
    ("problems", "dismiss"),
    ("approve",),
    ("explain",),
    ("history",),
    ("runs",),
    ("undo",),
    ("forget",),
    ("state", "backup"),
    ("state", "restore"),
    ("verify",),
    ("links", "list"),
    ("links", "show"),
    ("links", "add"),
    ("links", "remove"),
    ("cursor", "show"),
    ("cursor", "rewind"),
    ("mappings", "show"),
    ("mappings", "check"),
    ("systems", "list"),
    ("systems", "show"),
    ("config", "schema"),
    ("worker",),
    ("reference",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_the_shared_options(command: tuple[str, ...], terminal: Terminal) -> None:
    answer = terminal(*command, "--help")

    assert answer.code == 0
    assert all(option in answer.out for option in ("--config", "--json", "--debug"))


@pytest.mark.parametrize(("file", "names"), app.COMMANDS.items(), ids=app.COMMANDS)
def test_a_command_is_found_without_the_files_of_the_others(file: str, names: tuple[str, ...]) -> None:
    for name in names:
        shown = app.command_line([name])

        registered = {one.name for one in (*shown.registered_commands, *shown.registered_groups)}
        assert registered == set(names), file


def test_every_file_of_commands_is_named() -> None:
    folder = Path(app.__file__).parent
    registering = {path.stem for path in folder.glob("*.py") if "\ndef register(" in path.read_text(encoding="utf-8")}

    assert registering == set(app.COMMANDS)


def test_help_needs_neither_the_engine_nor_the_store(terminal: Terminal) -> None:
    engine = "'sqlalchemy', 'pydantic', 'requests', 'rich', 'structlog'"
    heavy = f"{{{engine}, 'apscheduler', 'uvicorn', 'starlette', 'fastapi', 'prometheus_client'}}"
    code = f"import sys; from connector.__main__ import main; main(['--help']); print({heavy} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_a_sync_loads_nothing_but_what_it_needs(live: Terminal) -> None:
    live("sync", "--entity", "product")  # makes the store, which takes Alembic
    never = "'rich', 'alembic', 'apscheduler', 'uvicorn', 'starlette', 'fastapi', 'prometheus_client', 'psycopg', "
    never += "'multiprocessing'"
    code = (
        "import sys; from connector.__main__ import main; main(['sync', '--entity', 'product']); "
        f"print({{{never}}} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=live.folder, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_a_sync_in_which_nothing_has_happened_does_not_load_what_decides(live: Terminal) -> None:
    for _ in range(2):
        live("sync", "--entity", "product")
    code = (
        "import sys; from connector.__main__ import main; main(['sync', '--entity', 'product']); "
        "print({'connector.drain', 'connector.decide', 'connector.apply', 'connector.recover'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=live.folder, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_a_sync_in_which_nothing_happened_is_told_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("run-1", "sync")
    report.tally("customer").agreed = 1

    code = print_report(report, as_json=False)

    assert (code, capsys.readouterr().out) == (0, "Both sides tell one story; 0 records written.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["nope"], "No such command 'nope'", id="an unknown command"),
        pytest.param(["sync", "--nope"], "No such option: --nope", id="an unknown option"),
        pytest.param(["apply"], "Missing argument", id="a missing argument"),
        pytest.param(["conflicts", "show", "x"], "valid int", id="a number that is none"),
        pytest.param(["conflicts", "resolve", "1", "--take", "me"], "'me' is not one of", id="a side that is none"),
        pytest.param(["status", "--stale", "soon"], "write a duration such as", id="a duration that is none"),
        pytest.param(["sync", "-e", "custmer"], "there is no entity 'custmer'", id="an unknown entity"),
        pytest.param(["conflicts", "show", "99"], "there is no conflict 99", id="an unknown conflict"),
        pytest.param(["problems", "retry"], "name problems by their ids", id="problems that are not named"),
        pytest.param(["problems", "retry", "7"], "there is no open problem 7", id="an unknown problem"),
        pytest.param(["links", "show", "customer", "1"], "customer 1 has no link", id="a record without a link"),
        pytest.param(["apply", "no-plan.json"], "the plan cannot be read", id="a plan that is not there"),
        pytest.param(["history", "--since", "soon"], "write a time such as", id="a time that is none"),
        pytest.param(["history", "-e", "custmer"], "there is no entity 'custmer'", id="the history of nothing"),
        pytest.param(["undo", "7"], "there is no run 7", id="an unknown run"),
        pytest.param(["forget", "customer", "1"], "Missing option", id="a side that is not told"),
        pytest.param(["forget", "customer", "1", "--side", "crm", "-y"], "nothing is known", id="an unknown person"),
        pytest.param(["forget", "stock", "1", "--side", "crm", "-y"], "marked as personal", id="data of nobody"),
        pytest.param(["state", "restore", "none.db"], "there is no backup none.db", id="a backup that is not there"),
        pytest.param(["state", "backup", "no/where.db"], "the folder no does not exist", id="a folder that is none"),
        pytest.param(["systems", "show", "odo"], 'there is no system "odo"', id="an unknown system"),
        pytest.param(["init", "--yes", "--crm-url", "crm.example"], "write an address", id="an address that is none"),
        pytest.param(["init", "--yes", "--set", "key=1"], "write crm.KEY=VALUE", id="an option of no side"),
        pytest.param(["reference", "crm", "--seed", "customers=x"], "--seed", id="a seed that cannot be read"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_and_ends_with_64(
    arguments: list[str], told: str, offline: Terminal
) -> None:
    answer = offline(*arguments)

    assert (answer.code, answer.out) == (64, "")
    assert told in answer.err
    assert "Traceback" not in answer.err


def test_without_a_configuration_the_way_to_one_is_named(terminal: Terminal) -> None:
    answer = terminal("sync")

    assert answer.code == 64
    assert "connector init" in answer.err


def test_everything_wrong_in_a_configuration_is_told_at_once(terminal: Terminal) -> None:
    terminal.config("systems: {crm: {system: reference-crm}}\nstor: {url: x}\nsync: {chunk: none}\n")

    answer = terminal("sync")

    assert answer.code == 64
    assert all(place in answer.err for place in ("systems.erp", "stor", "sync.chunk"))


def test_an_unknown_field_in_a_mapping_is_told_with_its_place(offline: Terminal) -> None:
    text = (offline.folder / "connector.yaml").read_text(encoding="utf-8")
    offline.config(text + "mappings:\n  crm:\n    customer:\n      shoe_size: {path: shoeSize}\n")

    answer = offline("sync")

    assert answer.code == 64
    assert "connector.yaml:7" in answer.err
    assert "shoe_size" in answer.err


def test_a_system_that_is_down_halts_the_run_and_says_what_to_do(offline: Terminal) -> None:
    answer = offline("sync")

    assert answer.code == 5
    assert "no connection" in answer.err
    assert "Nothing is lost" in answer.err
    assert "Traceback" not in answer.err


def test_no_answer_shows_a_secret(offline: Terminal) -> None:
    answers = [offline(*command) for command in (["sync", "--debug"], ["status", "--json"])]

    assert not any("demo-secret" in text or "demo-key" in text for one in answers for text in (one.out, one.err))


def test_a_pipe_that_nobody_reads_ends_quietly(offline: Terminal) -> None:
    process = subprocess.Popen(
        command("config", "schema"),
        cwd=offline.folder,
        env=offline.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=60)

    assert errors == ""
    assert process.returncode == 141


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "a kill"])
def test_a_stop_ends_without_a_traceback(number: int, code: int, offline: Terminal) -> None:
    process = subprocess.Popen(
        command("init"),
        cwd=offline.folder,
        env=offline.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.read(5)  # it asks, so it is up
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == code
    assert "Traceback" not in errors


def test_the_version_is_told(terminal: Terminal) -> None:
    assert terminal.ok("--version").out.startswith("connector ")


def test_init_writes_a_configuration_that_check_reads(terminal: Terminal) -> None:
    answer = terminal.ok("init", "--yes", "--set", "crm.client_id=demo-client", "--config", "own.yaml")

    assert "Set the variable CRM_CLIENT_SECRET." in answer.out
    status = terminal(
        "status", "--config", "own.yaml", "--json", CRM_CLIENT_SECRET="demo-secret", ERP_API_KEY="demo-key"
    )
    assert status.json["last_run"] is None


def test_init_asks_for_what_was_not_given(terminal: Terminal) -> None:
    answers = "reference-crm\nhttp://crm.example\nreference-erp\nhttp://erp.example\n"

    answer = terminal("init", "--set", "crm.client_id=demo", typed=answers)

    assert answer.code == 0
    text = (terminal.folder / "connector.yaml").read_text(encoding="utf-8")
    assert "http://erp.example" in text
    assert "${env:ERP_API_KEY}" in text


def test_init_with_a_public_address_prepares_the_secrets_of_webhooks(terminal: Terminal) -> None:
    answer = terminal.ok("init", "--yes", "--set", "crm.client_id=demo", "--public-url", "https://c.example")

    crm, erp = (terminal.folder / f"{side}-webhook.secret" for side in ("crm", "erp"))
    assert "connector check --subscribe" in answer.out
    assert (crm.read_text(encoding="utf-8"), erp.read_text(encoding="utf-8")[:6]) == ("", "whsec_")
    assert [path.stat().st_mode & 0o777 for path in (crm, erp)] == [0o600, 0o600]


def test_init_never_overwrites_a_configuration(offline: Terminal) -> None:
    before = (offline.folder / "connector.yaml").read_text(encoding="utf-8")

    answer = offline("init", "--yes")

    assert answer.code == 64
    assert (offline.folder / "connector.yaml").read_text(encoding="utf-8") == before


def test_a_variable_that_is_not_set_is_named(terminal: Terminal) -> None:
    terminal.ok("init", "--yes")

    answer = terminal("sync", CRM_CLIENT_SECRET="demo-secret")

    assert answer.code == 64
    assert "ERP_API_KEY" in answer.err


def test_the_schema_of_the_configuration_is_json(terminal: Terminal) -> None:
    assert "systems" in terminal.ok("config", "schema").json["properties"]


def test_the_systems_are_listed_with_their_side(terminal: Terminal) -> None:
    listed = {one["name"]: one["side"] for one in terminal.json("systems", "list")}

    assert {"reference-crm": "crm", "reference-erp": "erp"}.items() <= listed.items()


def test_systems_alone_lists_them_too(terminal: Terminal) -> None:
    assert "reference-crm" in terminal.ok("systems").out


def test_a_system_says_what_it_can_do_and_what_that_means(terminal: Terminal) -> None:
    answer = terminal.ok("systems", "show", "reference-erp")

    assert "deletes are found by listing all ids" in answer.out
    assert max(len(line) for line in answer.out.splitlines()) <= 100


def test_before_the_first_run_status_says_so_and_is_stale(offline: Terminal) -> None:
    answer = offline("status")

    assert answer.code == 5
    assert "Nothing was run yet" in answer.out
    assert "STALE" in answer.out


def test_status_tells_of_a_run_that_could_not_go_on(offline: Terminal) -> None:
    offline("sync")

    status = offline.json("status")

    assert (status["exit"], status["last_run"]["outcome"]) == (5, "halted")


def test_an_unknown_record_is_explained_as_never_seen(offline: Terminal) -> None:
    answer = offline.ok("explain", "customer", "acc-404")

    assert "no scan has shown it" in answer.out


def test_a_worker_without_a_queue_says_what_to_set(offline: Terminal) -> None:
    answer = offline("worker")

    assert answer.code == 64
    assert "workers: {queue: true}" in answer.err


def test_a_queue_without_postgresql_is_refused_before_anything_else(offline: Terminal) -> None:
    answer = offline("sync", CONNECTOR_WORKERS__QUEUE="true")

    assert answer.code == 64
    assert "a queue needs state in PostgreSQL" in answer.err
