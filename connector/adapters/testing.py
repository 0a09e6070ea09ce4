"""The contract suite: what every adapter must do, as tests to inherit.

A system's own test file gives a fixture and inherits the rest:

    class TestMyOrders(AdapterContract):
        @pytest.fixture
        def system(self) -> SystemUnderTest:
            return SystemUnderTest(connect=..., resource=Resource("orders"), make_body=..., ...)

For asserts that explain themselves, its `conftest.py` says so before anything imports the suite:

    for part in ("reads", "scans", "system", "writes"):
        pytest.register_assert_rewrite(f"connector.adapters.testing_{part}")

What a resource does not claim in its capabilities is skipped, with the reason. Run it against a sandbox: it creates,
changes and deletes records, some hundreds a test where pages are large.
"""

from connector.adapters.testing_reads import ReadContract
from connector.adapters.testing_scans import ScanContract
from connector.adapters.testing_system import Decimals, SystemUnderTest
from connector.adapters.testing_writes import WriteContract

__all__ = ["AdapterContract", "Decimals", "SystemUnderTest"]


class AdapterContract(ReadContract, WriteContract, ScanContract):
    """Everything an adapter promises while the network is kind."""
