"""Who holds a lease, and whether that process still lives."""

import os
import subprocess
import sys

import pytest

from connector.holder import is_gone, name_process


def test_a_process_that_lives_is_not_gone() -> None:
    assert not is_gone(name_process("run"))


def test_a_process_of_this_machine_that_ended_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert is_gone(name_process("run").replace(f"/{os.getpid()}/", f"/{ended.pid}/"))


@pytest.mark.parametrize("holder", ["", "run", "elsewhere/pid:[1]/99999999/run", "a/b"])
def test_nobody_is_gone_that_this_machine_cannot_know(holder: str) -> None:
    assert not is_gone(holder)
