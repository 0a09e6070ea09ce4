"""`make bench`: how fast the connector is beside a bare loop, how much memory it needs, and whether that is enough.

Floor and product run in turn, round by round, and only ratios within a round count: a machine's own speed drifts. The
floor's seconds are those of its loop; the product's are those of the whole command, from its start to its end.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import orjson
from rich.console import Console

from benchmarks import cases, reference
from benchmarks.cases import Figure
from benchmarks.processes import HOME
from benchmarks.report import Summary, Verdict, failures, large_verdict, plain, show, summarise, verdicts

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
    parser.add_argument("--large", action=on_off, default=True, help="the memory of one large run")
    parser.add_argument("--large-customers", type=int, default=100_000)
    parser.add_argument("--large-orders", type=int, default=100_000)
    parser.add_argument("--reference", action=on_off, default=True, help="the same against the reference systems")
    parser.add_argument("--reference-customers", type=int, default=5_000)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are kept")
    return parser


def _measure(chosen: argparse.Namespace, folder: Path, console: Console) -> int:
    rounds = [_round(chosen.customers, folder / f"round-{number}", console) for number in range(chosen.rounds)]
    summaries = summarise(rounds)
    console.print(EXPLAINED, highlight=False)
    show(console, f"Against the benchmark servers, medians of {chosen.rounds} rounds", summaries)
    reached = list(verdicts(summaries))
    figures = [figure for each in rounds for figure in each]
    if chosen.large:
        one = cases.large(chosen.large_customers, chosen.large_orders, folder / "large")
        show(console, "Memory, bundled mapping", [Summary(one.case, one)])
        reached.append(large_verdict(one))
        figures.append(one)
    if chosen.reference:
        figures += _reference(chosen.reference_customers, folder / "reference", console)
    for words in failures(figures):
        console.print(words, markup=False, style="red")
    _keep(chosen, figures, reached)
    return _judge(reached, console)


def _round(customers: int, folder: Path, console: Console) -> list[Figure]:
    figures = []
    for figure in cases.one_round(customers, folder):
        console.print(f"{folder.name}: {figure.case}: {figure.seconds:.2f} s", style="dim", highlight=False)
        figures.append(figure)
    return figures


def _reference(customers: int, folder: Path, console: Console) -> list[Figure]:
    figures = list(reference.one_round(customers, folder))
    title = "Against the reference systems, one round, floor with a hand-written mapping, no gate"
    show(console, title, summarise([figures], cases.MAPPED))
    return figures


def _keep(chosen: argparse.Namespace, figures: Sequence[Figure], reached: Sequence[Verdict]) -> None:
    content = {
        "python": platform.python_version(),
        "customers": chosen.customers,
        "rounds": chosen.rounds,
        "gates": [verdict._asdict() for verdict in reached],
        "figures": [plain(figure) for figure in figures],
    }
    chosen.results.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _judge(reached: Sequence[Verdict], console: Console) -> int:
    for verdict in reached:
        console.print(f"{'met   ' if verdict.met else 'MISSED'} {verdict.words}", highlight=False)
    return 0 if all(verdict.met for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
