"""The contract suite's asserts explain themselves."""

import pytest

for part in ("reads", "scans", "system", "writes"):
    pytest.register_assert_rewrite(f"connector.adapters.testing_{part}")
