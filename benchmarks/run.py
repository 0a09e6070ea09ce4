"""`make bench`: how fast the connector is beside bare loops and other tools, and how much memory it needs.

Floor, product and peers run in turn, and only ratios within a round count, as a machine's own speed drifts.
The floor's seconds are those of its loop; those of the product and the peers are the whole command's, from its start to
its end. `make bench-large` is `--only-large`: one life among a million customers.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import orjson
from rich.console import Console

from benchmarks import cases, reference
from benchmarks.arrival import WEBHOOK, webhook_seconds
from benchmarks.cases import INITIAL, TOGETHER, Figure
from benchmarks.goals import GOALS, LARGER, SLOW, Found, curve, judged, show_goals
from benchmarks.processes import HOME
from benchmarks.report import (
    Summary,
    Verdict,
    failures,
    large_verdict,
    plain,
    show,
    speed_verdicts,
    summarise,
    verdicts,
)
from benchmarks.rounds import first_syncs, large_life, larger_round, one_round, slow_round
from tests.postgres import running_server

RESULTS = HOME / "benchmarks" / "results.json"
EXPLAINED = """\
The one-way rows run with the customer's number taken out of the CRM's mapping, so that the product does what the floor
does: copy from the CRM to the ERP. The bundled mapping also writes every new customer's ERP number back to the CRM;
that is a row of its own. Seconds of the product include the start of the command; those of the floor are its loop's.
"of the floor" compares by the clock, "by CPU" all the work, servers included, which a busy machine does not distort."""


def main(arguments: Sequence[str]) -> int:
    """Measure, show, keep the figures, and answer 1 when a gate is missed."""
    chosen = _options().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 150)
    with tempfile.TemporaryDirectory(prefix="connector-bench-") as name:
        return _measure(chosen, Path(name), console)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Speed and memory of the connector.")
    on_off = argparse.BooleanOptionalAction
    parser.add_argument("--customers", type=int, default=50_000, help="customers of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", action=on_off, default=True, help="the same copy by dlt and by Singer")
    parser.add_argument("--postgres", action=on_off, default=True, help="the same with the state in PostgreSQL")
    parser.add_argument("--larger-customers", type=int, default=200_000, help="customers of a larger round; 0 for none")
    parser.add_argument("--slow-customers", type=int, default=50_000, help="customers at 50 ms a call; 0 for none")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 200_000], help="of the cost curve")
    parser.add_argument("--webhooks", type=int, default=30, help="webhooks to time; 0 for none")
    parser.add_argument("--large", action=on_off, default=True, help="the memory of one large run")
    parser.add_argument("--large-customers", type=int, default=100_000)
    parser.add_argument("--large-orders", type=int, default=100_000)
    parser.add_argument("--reference", action=on_off, default=True, help="the same against the reference systems")
    parser.add_argument("--reference-customers", type=int, default=5_000)
    parser.add_argument("--only-large", type=int, metavar="CUSTOMERS", help="one life among so many customers, no more")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are kept")
    return parser


def _measure(chosen: argparse.Namespace, folder: Path, console: Console) -> int:
    bench = Bench(chosen, folder, console)
    if chosen.only_large:
        bench.large_life()
    else:
        bench.rounds()
        bench.larger()
        bench.slow()
        bench.sizes()
        bench.webhooks()
        bench.large()
        bench.reference()
    for words in failures(bench.figures):
        console.print(words, markup=False, style="red")
    _keep(bench)
    show_goals(console, bench.found)
    return _judge(bench, console)


class Bench:
    """What was measured so far, and what it is held to."""

    def __init__(self, chosen: argparse.Namespace, folder: Path, console: Console) -> None:
        self.chosen, self.folder, self.console = chosen, folder, console
        self.figures: list[Figure] = []
        self.reached: list[Verdict] = []
        self.found: list[Found] = []

    def rounds(self) -> None:
        """Floor, product and peers in turn."""
        customers, peers = self.chosen.customers, self.chosen.peers
        with ExitStack() as stack:
            database = stack.enter_context(running_server()) if self.chosen.postgres else None
            found = [
                self._noted(name, one_round(customers, self.folder / name, database, peers=peers))
                for name in self._names("round")
            ]
        summaries = summarise(found)
        self.console.print(EXPLAINED, highlight=False)
        show(self.console, f"Against the benchmark servers, medians of {len(found)} rounds", summaries)
        self.reached += verdicts(summaries)
        self.found += judged(GOALS, found)

    def larger(self) -> None:
        """First sync and full comparison, where the start of the command weighs little."""
        customers = self.chosen.larger_customers
        if customers:
            found = [self._noted(name, larger_round(customers, self.folder / name)) for name in self._names("larger")]
            summaries = summarise(found)
            show(self.console, f"Among more customers, medians of {len(found)} rounds", summaries)
            self.reached += speed_verdicts(summaries)
            self.found += judged(LARGER, found)

    def slow(self) -> None:
        """The first sync where every call takes its time."""
        customers = self.chosen.slow_customers
        if customers:
            found = [
                self._noted(name, slow_round(customers, self.folder / name, peers=self.chosen.peers))
                for name in self._names("slow")[:1]
            ]
            show(self.console, "At 50 ms a call, beside the floor with 4 threads", summarise(found, TOGETHER))
            self.found += judged(SLOW, found)

    def sizes(self) -> None:
        """The cost of a record among few and among many."""
        if len(self.chosen.sizes) > 1:
            found = self._noted("sizes", first_syncs(self.chosen.sizes, self.folder / "sizes"))
            show(self.console, "First contact with ever more customers", [Summary(one.case, one) for one in found])
            self.found += curve(found)

    def webhooks(self) -> None:
        """From the webhook to the other side."""
        if self.chosen.webhooks:
            seconds = webhook_seconds(self.chosen.webhooks, self.folder / "webhooks")
            words = f"webhook to write on the other side, without the servers' own time: p50 {1000 * seconds:.1f} ms"
            self.console.print(words, highlight=False)
            self.figures.append(Figure(WEBHOOK, 1, seconds, 0.0))

    def large(self) -> None:
        """The memory of everything at once."""
        if self.chosen.large:
            one = cases.large(self.chosen.large_customers, self.chosen.large_orders, self.folder / "large")
            show(self.console, "Memory, bundled mapping", [Summary(one.case, one)])
            self.reached.append(large_verdict(one))
            self.figures.append(one)

    def reference(self) -> None:
        """The same against the reference systems, without a gate."""
        if self.chosen.reference:
            customers = self.chosen.reference_customers
            found = self._noted("reference", reference.one_round(customers, self.folder / "reference"))
            title = "Against the reference systems, one round, floor with a hand-written mapping, no gate"
            show(self.console, title, summarise([found], cases.MAPPED))

    def large_life(self) -> None:
        """One life among very many customers."""
        small = self._noted("sizes", first_syncs([10_000, 100_000], self.folder / "sizes"))
        found = self._noted("large", large_life(self.chosen.only_large, self.folder / "large-life"))
        show(self.console, "Among very many customers", summarise([found]))
        self.found += judged(GOALS, [found])
        self.found += curve([*small, next(one for one in found if one.case == INITIAL)])

    def _names(self, name: str) -> list[str]:
        return [f"{name}-{number}" for number in range(self.chosen.rounds)]

    def _noted(self, name: str, measured: Iterator[Figure]) -> list[Figure]:
        """Tell of each figure as it comes, and keep all."""
        found = []
        for figure in measured:
            self.console.print(f"{name}: {figure.case}: {figure.seconds:.2f} s", style="dim", highlight=False)
            found.append(figure)
        self.figures += found
        return found


def _keep(bench: Bench) -> None:
    chosen = bench.chosen
    content = {
        "python": platform.python_version(),
        "customers": chosen.only_large or chosen.customers,
        "rounds": chosen.rounds,
        "gates": [verdict._asdict() for verdict in bench.reached],
        "goals": [found._asdict() for found in bench.found],
        "figures": [plain(figure) for figure in bench.figures],
    }
    chosen.results.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _judge(bench: Bench, console: Console) -> int:
    for verdict in bench.reached:
        console.print(f"{'met   ' if verdict.met else 'MISSED'} {verdict.words}", highlight=False)
    met = all(verdict.met for verdict in bench.reached) and all(found.met for found in bench.found)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
