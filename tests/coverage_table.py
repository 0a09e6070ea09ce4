"""`make coverage-table`: which passing tests prove each row of the business, and a failure where a row has none.

A test says which rows it proves by the marker `row`, so that the table never says more than the tests do.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence

import pytest

ROWS = (
    "CRM: marketing campaigns",
    "CRM: contacts and accounts",
    "CRM: activities",
    "CRM: support",
    "ERP: customer service",
    "ERP: inventory",
    "ERP: production planning",
    "ERP: purchasing",
    "ERP: order tracking",
    "ERP: project management",
    "ERP: distribution",
    "ERP: financials",
    "ERP: sales",
    "ERP: manufacturing",
)


class Witness:
    """Notes, while pytest runs, which rows each test is marked with and how it ended."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}
        self.outcomes: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.rows[item.nodeid] = [str(name) for mark in item.iter_markers("row") for name in mark.args]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self.outcomes[report.nodeid].add(report.outcome)

    def passed(self, row: str) -> list[str]:
        """The tests of a row that went through, as sentences."""
        good = [test for test, rows in self.rows.items() if row in rows and self.outcomes[test] == {"passed"}]
        return [sentence(test) for test in good]

    def unproved(self) -> list[str]:
        """Tests of any row that did not go through, or that name a row which is not in the list."""
        failed = [test for test in self.rows if self.outcomes[test] != {"passed"}]
        strange = {name for rows in self.rows.values() for name in rows if name not in ROWS}
        return [*failed, *(f"there is no row {name!r}" for name in sorted(strange))]


def sentence(test: str) -> str:
    """A test's name as it is read aloud, with its file."""
    path, _, name = test.partition("::")
    return f"{name.rpartition('::')[2].removeprefix('test_').replace('_', ' ')} ({path})"


def table(witness: Witness) -> list[str]:
    """The table's lines: each row with its passing tests below it."""
    lines = []
    for row in ROWS:
        tests = witness.passed(row)
        lines.append(f"{row}: {len(tests)} passing" if tests else f"{row}: NO PASSING TEST")
        lines += [f"    {test}" for test in tests]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Run the marked tests and print the table; 1 where a row has none, or one of them failed."""
    witness = Witness()
    ended = pytest.main(["-q", "--no-header", "-m", "row", *arguments], plugins=[witness])
    sys.stdout.write("\n".join(["", *table(witness), "", *witness.unproved()]) + "\n")
    complete = all(witness.passed(row) for row in ROWS)
    return 0 if ended == pytest.ExitCode.OK and complete and not witness.unproved() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
