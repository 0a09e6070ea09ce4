"""`connector serve`: one process that syncs, listens, says how it is, and ends when it is told."""

import signal
import socket
import time
from pathlib import Path

import requests

from tests.command import connector
from tests.hooks import CONFIG, address
from tests.receiver import listening
from tests.services import Service, serving, until
from tests.systems import Systems

TOKEN = "CONNECTOR_SERVE__TOKEN"


def figure(text: str, start: str) -> float:
    """One figure, by how its line begins."""
    return float(next(line for line in text.splitlines() if line.startswith(start)).rpartition(" ")[2])


def ask(service: Service, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{address(service)}/{path}", headers=headers, timeout=10)


def test_figures_tell_what_was_done_and_how_things_stand(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG + "daemon: {every: 2s}\n")
    with serving(config, "serve") as service:
        until(lambda: service.logged("run_finished"))
        text = until(lambda: (found := ask(service, "metrics")).ok and found.text)

    assert figure(text, "connector_runs_total{") >= 1
    assert figure(text, 'connector_records_read_total{entity="customer",side="crm"}') >= 30
    assert figure(text, 'connector_requests_total{method="GET",status="200",system="reference-crm"}') > 3
    assert figure(text, 'connector_links{entity="customer"}') >= 20
    assert figure(text, 'connector_halted{entity="order"}') == 0
    assert figure(text, 'connector_lag_seconds{entity="product",side="erp"}') == 0
    assert figure(text, "connector_request_seconds_count{") > 0


def test_with_a_token_only_who_has_it_sees_figures_and_details(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG)
    with serving(config, "serve", **{TOKEN: "figures-token"}) as service:
        until(lambda: service.logged("run_finished"))

        assert ask(service, "healthz").status_code == 200
        assert ask(service, "metrics").status_code == ask(service, "metrics", "wrong").status_code == 401
        assert ask(service, "metrics", "figures-token").status_code == 200
        assert until(lambda: ask(service, "readyz").status_code == 200)
        assert ask(service, "readyz").json() == {"ready": True}
        assert ask(service, "readyz", "figures-token").json()["halted"] == {}
        assert "figures-token" not in service.text


def test_who_listens_beyond_this_machine_needs_a_token(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, "serve: {host: 0.0.0.0}\n")

    ran = connector(config, "serve", timeout=30)

    assert ran.code == 64
    assert "give `serve.token`" in ran.err


def test_a_port_that_is_taken_is_told_before_anything_starts(reference_systems: Systems, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = reference_systems.write_config(tmp_path, f"serve: {{port: {other.getsockname()[1]}}}\n")

        ran = connector(config, "serve", timeout=30)

    assert ran.code == 64
    assert "choose another one" in ran.err


def test_a_secret_that_cannot_be_used_is_told_with_its_place(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, "webhooks:\n  crm: {secrets: ['not base64!']}\n")

    ran = connector(config, "webhooks", timeout=30)

    assert ran.code == 64
    assert "webhooks.crm" in ran.err
    assert "not base64!" not in ran.err


def test_a_system_that_fails_shows_in_health_figures_status_and_an_alert_and_so_does_its_return(
    own_systems: Systems, tmp_path: Path
) -> None:
    with listening() as chat:
        more = f"{CONFIG}daemon: {{every: 1s}}\nalerts: {{url: '{chat.url}'}}\n"
        config = own_systems.write_config(tmp_path, more)
        with serving(config, "serve") as service:
            until(lambda: ask(service, "readyz").status_code == 200)
            own_systems.erp.process.terminate()

            until(lambda: ask(service, "readyz").status_code == 503)
            until(lambda: "halted" in chat.about("halted customer"))
            assert figure(ask(service, "metrics").text, 'connector_halted{entity="customer"}') == 1
            assert connector(config, "status").code == 5
            assert service.stop() == 0
        assert "very-secret-path" not in service.text


def test_it_ends_in_time_with_a_sender_that_holds_the_line(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, CONFIG + "daemon: {stop_within: 8s}\n")
    with serving(config, "serve") as service:
        until(lambda: service.logged("run_finished"))
        port = int(address(service).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(b"POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
            began = time.monotonic()

            code = service.stop(signal.SIGTERM)

    assert code in (0, 143)
    assert time.monotonic() - began < 15  # who is given no `stop_within` takes 20
