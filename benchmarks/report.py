"""Medians over the rounds, the tables that show them, and the gates they must pass."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.cases import AGAIN, CHANGED, CHANGES, FLOOR, INITIAL, LEAST, Figure

PEERS = ("dlt", "Singer")
SHARE, WORK_SECONDS, PEAK_MIB = 0.35, 1.0, 300.0


class Summary(NamedTuple):
    """One case over all rounds, with its speed relative to the floor of the same round, in the median.

    `share` is by the clock; `work_share` by CPU, servers included, which a busy machine does not distort.
    """

    case: str
    figure: Figure
    share: float | None = None
    work_share: float | None = None


class Verdict(NamedTuple):
    """Whether one demand is met, in words."""

    met: bool
    words: str


def summarise(rounds: Sequence[Sequence[Figure]], basis: str = FLOOR) -> list[Summary]:
    """Every case's middle round, in the order they ran."""
    return [_summary(rounds, figure.case, basis) for figure in rounds[0]]


def _summary(rounds: Sequence[Sequence[Figure]], case: str, basis: str) -> Summary:
    middle = _middle(rounds, case)
    if middle.exit_code or not case.startswith((INITIAL, FLOOR, *PEERS)):
        return Summary(case, middle)
    pairs = [(_of(each, case), _of(each, basis)) for each in rounds]
    share = median(figure.rate / floor.rate for figure, floor in pairs)
    # The reference systems do not tell what they cost.
    told = all(floor.server_cpu_seconds for _, floor in pairs)
    work_share = median(figure.work / floor.work for figure, floor in pairs) if told else None
    return Summary(case, middle, share, work_share)


def _of(one_round: Sequence[Figure], case: str) -> Figure:
    return next(figure for figure in one_round if figure.case == case)


def _middle(rounds: Sequence[Sequence[Figure]], case: str) -> Figure:
    """Each measured figure's median; the counts are those of the last round, the exit code the worst."""
    found = [_of(each, case) for each in rounds]
    peaks = [figure.peak_mib for figure in found if figure.peak_mib is not None]
    return found[-1]._replace(
        seconds=median(figure.seconds for figure in found),
        cpu_seconds=median(figure.cpu_seconds for figure in found),
        peak_mib=max(peaks) if peaks else None,
        exit_code=max(found, key=lambda figure: abs(figure.exit_code)).exit_code,
    )


def verdicts(summaries: Sequence[Summary]) -> Iterator[Verdict]:
    """The gates: work of the second sync, and that all did what they were timed for."""
    by_case = {each.case: each for each in summaries}
    first, again, changed = by_case[INITIAL], by_case[AGAIN], by_case[CHANGED]
    work = again.figure.cpu_seconds
    yield Verdict(
        work < WORK_SECONDS, f"second sync with {work:.2f} s of work, its start included (under {WORK_SECONDS:.0f} s)"
    )
    yield _wrote(first.figure, 0, first.figure.records)
    yield _wrote(again.figure, 0, 0)
    yield _wrote(changed.figure, 0, CHANGES)


def speed_verdicts(summaries: Sequence[Summary]) -> Iterator[Verdict]:
    """The gate of the first sync's speed, and that it did what it was timed for."""
    first = next(each for each in summaries if each.case == INITIAL)
    share, records = first.share or 0.0, first.figure.records
    yield Verdict(share >= SHARE, f"initial sync of {records:,} at {share:.2f} of the floor (at least {SHARE})")
    yield _wrote(first.figure, 0, records)


def large_verdict(figure: Figure) -> Verdict:
    """The gate of memory."""
    peak = figure.peak_mib or 0.0
    met = peak < PEAK_MIB and figure.exit_code == 0 and (figure.written_erp or 0) >= figure.records
    words = f"{figure.records:,} records in one run: peak {peak:.0f} MiB (under {PEAK_MIB:.0f} MiB), {_ended(figure)}"
    return Verdict(met, words)


def _wrote(figure: Figure, crm: int, erp: int) -> Verdict:
    met = (figure.exit_code, figure.written_crm, figure.written_erp) == (0, crm, erp)
    wrote = f"wrote {figure.written_crm:,} to the CRM and {figure.written_erp:,} to the ERP"
    return Verdict(met, f"{figure.case}: {wrote} ({crm:,} and {erp:,}), {_ended(figure)}")


def _ended(figure: Figure) -> str:
    return f"exit code {figure.exit_code}"


def show(console: Console, title: str, summaries: Sequence[Summary]) -> None:
    """One table."""
    table = Table(title=title, title_justify="left")
    table.add_column("case")
    for name in (
        "records",
        "seconds",
        "records/s",
        "of the floor",
        "by CPU",
        "requests",
        "CPU s",
        "us CPU/record",
        "peak MiB",
        "exit",
    ):
        table.add_column(name, justify="right")
    for each in summaries:
        table.add_row(each.case, *_cells(each))
    console.print(table)


def _cells(summary: Summary) -> Iterator[str]:
    figure = summary.figure
    counted = figure.records > 0
    yield f"{figure.records:,}" if counted else ""
    yield "" if figure.case == LEAST else f"{figure.seconds:.3f}"
    yield f"{figure.rate:,.0f}" if counted else ""
    yield from ("" if share is None else f"{share:.2f}" for share in (summary.share, summary.work_share))
    yield "-" if figure.requests is None else f"{figure.requests:,}"
    yield f"{figure.cpu_seconds:.2f}" if figure.cpu_seconds else ""
    yield f"{figure.cpu_seconds / figure.records * 1e6:,.1f}" if counted else ""
    yield "" if figure.peak_mib is None else f"{figure.peak_mib:.0f}"
    yield str(figure.exit_code)


def failures(figures: Sequence[Figure]) -> Iterator[str]:
    """The last words of every command that did not end well."""
    for figure in figures:
        if figure.exit_code:
            yield f"{figure.case} ended with {figure.exit_code}:\n{figure.told.strip()}"


def plain(figure: Figure) -> dict[str, Any]:
    """A figure as it goes into the results, without what the command printed."""
    return {name: value for name, value in figure._asdict().items() if name != "told"}
