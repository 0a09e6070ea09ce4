"""The example of docs/adapters.md is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"^```python\n(import pytest\n.*?)^```$", re.MULTILINE | re.DOTALL)
SOME = "lost or refused or renewed or described or stored"


def test_the_documented_test_of_an_adapter_runs(erp_url: str, tmp_path: Path) -> None:
    example = EXAMPLE.findall((ROOT / "docs/adapters.md").read_text(encoding="utf-8"))[0]
    (tmp_path / "my_erp").mkdir()
    (tmp_path / "my_erp/system.py").write_text("from connector.adapters.reference_erp import connect\n")
    (tmp_path / "test_my_erp.py").write_text(example.replace("http://127.0.0.1:8102", erp_url))

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SOME, "test_my_erp.py"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
