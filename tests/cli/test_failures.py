"""What is said about each kind of error, and the exit code that goes with it."""

import pytest
import typer

from connector import logs
from connector.cli import failures
from connector.errors import ConfigError, ConfigIssue, GuardTripped, Rejected, RunError, Sent, SystemDown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConfigError.of("wrong"), 64, id="configuration"),
        pytest.param(typer.BadParameter("wrong"), 64, id="the command line"),
        pytest.param(SystemDown("down", sent=Sent.NO), 5, id="a system that is down"),
        pytest.param(GuardTripped("too many"), 5, id="a guard"),
        pytest.param(Rejected("no"), 4, id="a record"),
        pytest.param(ValueError("odd"), 70, id="an error of our own"),
        pytest.param(KeyboardInterrupt(), 130, id="Ctrl-C"),
        pytest.param(typer.Abort(), 130, id="a question left unanswered"),
    ],
)
def test_every_error_has_its_exit_code_and_one_message(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.tell(error, debug=False) == code

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_every_issue_of_a_configuration_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    failures.tell(
        ConfigError([ConfigIssue("a.yaml", 3, "x", "one"), ConfigIssue("a.yaml", 5, "y", "two")]), debug=False
    )

    assert capsys.readouterr().err.splitlines()[1:] == ["  a.yaml:3: x: one", "  a.yaml:5: y: two"]


def test_an_unexpected_error_names_its_run_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    logs.redact_values(["quite-secret"])
    error = RuntimeError("token quite-secret was odd")
    error.add_note("in run 42")

    failures.tell(error, debug=False)

    said = capsys.readouterr().err
    assert "run 42" in said
    assert "quite-secret" not in said


def test_the_traceback_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    failures.tell(ValueError("odd"), debug=True)

    assert "ValueError: odd" in capsys.readouterr().err.splitlines()[0]


def test_the_traceback_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    logs.redact_values(["quite-secret"])

    failures.tell(RunError("token quite-secret was odd"), debug=True)

    said = capsys.readouterr().err
    assert said.count(f"token {logs.HIDDEN} was odd") == 2
    assert "quite-secret" not in said
