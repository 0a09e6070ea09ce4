"""What is shipped to be run by others: the image, compose and systemd, as far as that is known without them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

HOME = Path(__file__).parent.parent


FILES = ("compose.yaml", "compose.workers.yaml")


@pytest.fixture(scope="module", params=FILES)
def compose(request: pytest.FixtureRequest) -> Any:
    return yaml.safe_load((HOME / request.param).read_text(encoding="utf-8"))


def ours(compose: Any) -> list[Any]:
    """The services that run the connector."""
    return [service for service in compose["services"].values() if "build" in service]


def test_compose_is_as_its_specification_says() -> None:
    files = [HOME / name for name in FILES]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_the_container_can_write_to_its_volume_alone_and_has_no_rights(compose: Any) -> None:
    for service in ours(compose):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")


def test_what_the_container_offers_is_reached_from_its_own_machine_only(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports == ["127.0.0.1:8090:8090"]


def test_no_password_stands_in_the_file(compose: Any) -> None:
    texts = [value for service in compose["services"].values() for value in service["environment"].values()]

    assert [text for text in texts if "PASSWORD" in text.upper() and "${" not in text] == []


def test_a_stop_is_given_longer_than_the_daemon_takes(compose: Any) -> None:
    from connector.services import DaemonSettings

    unit = (HOME / "deploy" / "connector.service").read_text(encoding="utf-8")

    assert DaemonSettings().stop_within.total_seconds() == 20
    assert {service["stop_grace_period"] for service in ours(compose)} == {"30s"}
    assert "TimeoutStopSec=30\n" in unit


def test_workers_beside_a_scheduler_and_a_receiver_all_know_of_the_queue() -> None:
    services = yaml.safe_load((HOME / "compose.workers.yaml").read_text(encoding="utf-8"))["services"]

    assert {name: services[name]["command"][0] for name in ("scheduler", "receiver", "worker")} == {
        "scheduler": "daemon",
        "receiver": "webhooks",
        "worker": "worker",
    }
    assert services["worker"]["deploy"]["replicas"] > 1
    assert all(service["environment"]["CONNECTOR_WORKERS__QUEUE"] == "true" for service in ours({"services": services}))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_the_unit_is_understood_by_systemd(tmp_path: Path) -> None:
    text = (HOME / "deploy" / "connector.service").read_text(encoding="utf-8")
    unit = tmp_path / "connector.service"
    unit.write_text(text.replace("/opt/connector/bin/connector", "/bin/true"), encoding="utf-8")

    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],  # noqa: S607 -- where the machine has it
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line for line in checked.stderr.splitlines() if "connector.service" in line] == []
    assert checked.returncode == 0
