"""The daemon as a process beside others: it goes on, stops when told, and shares its store."""

import signal
import time
from pathlib import Path

import pytest

from tests.command import connector
from tests.postgres import Server, name_of
from tests.services import Service, serving, until
from tests.systems import Systems

OFTEN = "daemon: {every: 1s}\n"
SELDOM = "daemon: {every: 1h}\n"


def new_customer(systems: Systems, name: str) -> str:
    """Somebody enters a customer in the CRM."""
    account = systems.crm.create("accounts", name=name, email=f"{name.lower()}-{time.time_ns()}@always.example")
    return str(account["email"])


def arrived(systems: Systems, email: str) -> bool:
    return len(systems.erp.listed("partners", email=email)) == 1


def run_twice(daemon: Service) -> None:
    """Wait for the ends of two more runs: the second one began after this was asked for."""
    before = len(daemon.logged("run_finished"))
    until(lambda: len(daemon.logged("run_finished")) > before + 1)


def test_what_is_entered_in_the_crm_is_in_the_erp_after_an_interval(
    reference_systems: Systems, tmp_path: Path, store_url: str
) -> None:
    config = reference_systems.write_config(tmp_path, OFTEN, store_url)
    with serving(config, "daemon") as daemon:
        until(lambda: daemon.logged("run_finished"))

        email = new_customer(reference_systems, "Always")

        until(lambda: arrived(reference_systems, email))
        assert daemon.stop() == 0
    assert daemon.logged("daemon_stopped")


def test_a_system_that_is_down_does_not_end_the_daemon_and_shows_everywhere(
    own_systems: Systems, tmp_path: Path
) -> None:
    config = own_systems.write_config(tmp_path, OFTEN)
    with serving(config, "daemon") as daemon:
        until(lambda: daemon.logged("run_finished"))
        own_systems.crm.stop()

        failed = until(lambda: daemon.logged("run_failed"), within=60)

        assert daemon.process.poll() is None
        assert "no connection" in failed[0]["reason"]
        status = connector(config, "status", "--json")
        assert status.code == 5
        assert all(one["halted"] for one in status.json["entities"])


def test_a_broken_configuration_never_starts_the_daemon(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, "daemon: {entities: {custmer: {every: 5m}}}\n")

    ran = connector(config, "daemon", timeout=30)

    assert ran.code == 64
    assert "there is no entity 'custmer'" in ran.err


def test_a_cron_line_that_cannot_be_read_is_told_with_its_place(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, "daemon:\n  full: {cron: '99 * * * *'}\n")

    ran = connector(config, "daemon", timeout=30)

    assert ran.code == 64
    assert "connector.yaml:6: daemon.full.cron" in ran.err


def test_pause_and_resume_reach_a_running_daemon(reference_systems: Systems, tmp_path: Path) -> None:
    config = reference_systems.write_config(tmp_path, OFTEN)
    with serving(config, "daemon") as daemon:
        until(lambda: daemon.logged("run_finished"))
        assert connector(config, "pause", "customer").code == 0
        run_twice(daemon)
        email = new_customer(reference_systems, "Paused")
        run_twice(daemon)
        assert not arrived(reference_systems, email)
        assert [one["name"] for one in connector(config, "status", "--json").json["paused"]] == ["customer"]

        assert connector(config, "resume").code == 0

        until(lambda: arrived(reference_systems, email))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["a polite kill", "Ctrl-C"])
def test_a_stop_in_the_middle_of_a_run_ends_between_two_batches(
    own_systems: Systems, tmp_path: Path, number: int
) -> None:
    config = own_systems.write_config(tmp_path, SELDOM + "sync: {batch: 1, chunk: 5}\n")
    with serving(config, "daemon") as daemon:
        until(lambda: own_systems.erp.stats()["requests"].get("POST"), every=0.01)

        assert daemon.stop(number) == 0

    assert not daemon.logged("run_finished")
    status = connector(config, "status", "--json").json
    assert status["running"] is None
    assert connector(config, "sync", "--json").json["halted"] == []
    assert connector(config, "sync", "--json").json["writes"] == 0


def test_a_stop_that_takes_too_long_is_cut_off_and_the_next_run_goes_on(own_systems: Systems, tmp_path: Path) -> None:
    config = own_systems.write_config(tmp_path, SELDOM.replace("1h", "1h, stop_within: 2s"))
    with serving(config, "daemon") as daemon:
        until(lambda: own_systems.erp.stats()["requests"].get("POST"), every=0.005)
        own_systems.erp.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()

        code = daemon.stop()

        assert time.monotonic() - began < 15  # who is given no `stop_within` takes 20
        own_systems.erp.process.send_signal(signal.SIGCONT)
    assert code in (0, 143)
    assert connector(config, "sync", "--json").json["halted"] == []
    assert connector(config, "sync", "--json").json["writes"] == 0


def test_a_daemon_that_was_killed_is_not_waited_for(own_systems: Systems, tmp_path: Path, store_url: str) -> None:
    config = own_systems.write_config(tmp_path, SELDOM, store_url)
    with serving(config, "daemon") as daemon:
        until(lambda: own_systems.erp.stats()["requests"].get("POST"), every=0.005)
        daemon.stop(signal.SIGKILL)

    with serving(config, "daemon", name="second") as second:
        until(lambda: second.logged("run_finished"))

    assert connector(config, "sync", "--json").json["writes"] == 0


def test_two_daemons_and_somebody_at_the_keyboard_share_one_store(
    reference_systems: Systems, tmp_path: Path, store_url: str
) -> None:
    config = reference_systems.write_config(tmp_path, OFTEN, store_url)
    with serving(config, "daemon", name="one") as one, serving(config, "daemon", name="two") as two:
        # Which of the two takes a time is theirs to settle, and one of them may take them all.
        until(lambda: one.logged("daemon_started") and two.logged("daemon_started"))
        until(lambda: one.logged("run_finished") or two.logged("run_finished"))
        emails = []
        for number in range(5):
            emails.append(new_customer(reference_systems, f"Shared{number}"))
            connector(config, "sync")

        until(lambda: all(arrived(reference_systems, email) for email in emails))
        busy, other = sorted((one, two), key=lambda daemon: len(daemon.logged("run_finished")), reverse=True)
        assert busy.stop() == 0
        left = new_customer(reference_systems, "Inherited")
        until(lambda: arrived(reference_systems, left))
        assert other.stop() == 0

    assert one.logged("run_failed") == two.logged("run_failed") == []


@pytest.mark.postgres
def test_a_database_that_drops_its_connections_does_not_end_the_daemon(
    reference_systems: Systems, tmp_path: Path, postgres_server: Server, postgres_template: str
) -> None:
    url = postgres_server.create(postgres_template)
    config = reference_systems.write_config(tmp_path, OFTEN, url)
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'"  # noqa: S608
    with serving(config, "daemon") as daemon:
        until(lambda: daemon.logged("run_finished"))
        for _ in range(5):
            postgres_server._run(cut)
            time.sleep(0.5)
        before = len(daemon.logged("run_finished"))

        until(lambda: len(daemon.logged("run_finished")) > before + 1, within=40)

        assert daemon.stop() == 0
    assert connector(config, "status", "--json").json["running"] is None
    postgres_server.drop(url)
