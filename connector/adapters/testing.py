"""The contract suite: what every adapter must do, as tests to inherit.

A system's own test file gives a fixture and inherits the rest:

    class TestMyOrders(AdapterContract):
        @pytest.fixture
        def system(self) -> SystemUnderTest:
            return SystemUnderTest(connect=..., resource=Resource("orders"), make_body=..., ...)

With `url` and `connect_at` the suite also stands a proxy between the adapter and the system that loses answers, breaks
connections, declines, stalls and answers nonsense. For asserts that explain themselves, the `conftest.py` says so
before anything imports the suite:

    for part in ("failing_reads", "failing_writes", "reads", "refusals", "scans", "system", "trial", "writes"):
        pytest.register_assert_rewrite(f"connector.adapters.testing_{part}")

The failing half depends on the adapter more than on the resource: an adapter with many resources runs all of
`AdapterContract` for one or two of them, and `ResourceContract`, which leaves that half out, for the others.

What a resource does not claim in its capabilities is skipped, with the reason. Run it against a sandbox: it creates,
changes and deletes records, some hundreds a test where pages are large.
"""

from connector.adapters.testing_failing_reads import FailingReadContract
from connector.adapters.testing_failing_writes import FailingWriteContract
from connector.adapters.testing_reads import ReadContract
from connector.adapters.testing_refusals import RefusalContract
from connector.adapters.testing_scans import ScanContract
from connector.adapters.testing_system import Decimals, SystemUnderTest
from connector.adapters.testing_writes import WriteContract

__all__ = ["AdapterContract", "Decimals", "ResourceContract", "SystemUnderTest"]


class ResourceContract(ReadContract, WriteContract, ScanContract, RefusalContract):
    """What an adapter promises for one resource while the network is kind."""


class AdapterContract(ResourceContract, FailingReadContract, FailingWriteContract):
    """Everything an adapter promises, whether the network is kind or not."""
