"""Logs: their shape, and that no secret reaches them."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from connector import logs


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    logs.configure("info", "json")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logs.get_logger().info("record_updated", entity="customer", changed=2)

    (line,) = lines()
    assert (line["event"], line["level"], line["entity"], line["changed"]) == ("record_updated", "info", "customer", 2)
    assert line["timestamp"].endswith("Z")


def test_what_is_bound_is_on_every_line_inside(lines: Callable[[], list[dict[str, Any]]]) -> None:
    with logs.bound(run_id="r1", entity="order"):
        logs.get_logger().info("page_read")
    logs.get_logger().info("run_finished")

    inside, outside = lines()
    assert (inside["run_id"], inside["entity"]) == ("r1", "order")
    assert "run_id" not in outside


@pytest.mark.parametrize(
    "key", ["password", "client_secret", "token", "access_token", "Authorization", "api_key", "X-API-Key", "cookie"]
)
def test_a_secret_key_hides_its_value(lines: Callable[[], list[dict[str, Any]]], key: str) -> None:
    logs.get_logger().info("asked", nested=[{key: "hunter22"}], **{key: "hunter22"})

    (line,) = lines()
    assert line[key] == logs.HIDDEN
    assert line["nested"] == [{key: logs.HIDDEN}]


def test_a_count_of_tokens_is_no_secret(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logs.get_logger().info("asked", tokens=3, refreshed_token=None)

    (line,) = lines()
    assert (line["tokens"], line["refreshed_token"]) == (3, None)


def test_known_secrets_are_hidden_wherever_they_turn_up(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logs.redact_values(["hunter22", "hunter22-longer"])
    try:
        int("hunter22-longer")
    except ValueError:
        logs.get_logger().exception(
            "failed hunter22", where={"hunter22": ("a hunter22",)}, secretly=SecretStr("hunter22")
        )
    logging.getLogger("library").warning("sent %s", "hunter22")
    logging.getLogger("py.warnings").warning("old hunter22")

    shown = json.dumps(lines())
    assert "hunter22" not in shown
    assert f"invalid literal for int() with base 10: '{logs.HIDDEN}'" in shown


def test_a_password_in_an_address_is_hidden(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logs.get_logger().info("store_opened", url="postgresql://connector:pw@db/state")

    assert lines()[0]["url"] == f"postgresql://connector:{logs.HIDDEN}@db/state"


def test_a_value_too_short_to_be_a_secret_hides_nothing() -> None:
    logs.redact_values(["", "a"])

    assert logs.hide("a banana") == "a banana"


def test_levels_below_the_configured_one_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")

    logs.get_logger().info("record_updated")
    logs.get_logger().warning("guard_tripped")

    assert "record_updated" not in (shown := capsys.readouterr().err)
    assert "guard_tripped" in shown


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")

    logs.get_logger().info("record_updated", api_key="hunter22", entity="customer")

    shown = capsys.readouterr().err
    assert "entity=customer" in shown
    assert "hunter22" not in shown


def test_importing_the_logs_is_cheap() -> None:
    script = "import sys, connector.logs; print('structlog' in sys.modules)"

    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert shown.stdout == "False\n"
