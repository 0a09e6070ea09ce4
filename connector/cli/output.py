"""How answers look: tables, sentences and JSON on stdout. Rich is imported when the first line is printed."""

import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connector.cli.plain import draw

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Where stdout is no terminal, tables are made for this many columns."""
MASKED = "***"
_LONGEST = 48
_UNBROKEN = 26
"""A column whose cells are this short is never broken."""


def console(*, stderr: bool = False) -> "Console":
    """Where to print."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH, highlight=False, markup=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table; numbers stand right, and a column's name may have two lines."""
    cells = [list(row) for row in rows]
    numeric = {place for place in range(len(columns)) if cells and all(_is_number(row[place]) for row in cells)}
    texts = [[str(cell) for cell in row] for row in cells]
    lines = None if sys.stdout.isatty() else draw(columns, texts, numeric, WIDTH, title)
    if lines is None:
        _print_drawn(columns, texts, numeric, title)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)


def _print_drawn(
    columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Collection[int], title: str | None
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    unbroken = _unbroken(columns, cells)
    for place, name in enumerate(columns):
        table.add_column(
            Text(name), justify="right" if place in numeric else "left", overflow="fold", no_wrap=place in unbroken
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console().print(table)


def _unbroken(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> set[int]:
    """Columns of short texts, which are not folded while they leave room: one that does not fit would lose its end."""
    widths = [max((len(row[number]) for row in cells), default=0) for number in range(len(columns))]
    short = {number for number, width in enumerate(widths) if width <= _UNBROKEN}
    room = WIDTH - _UNBROKEN * (len(columns) - len(short)) - 2 * len(columns)
    return short if sum(widths[number] for number in short) <= room else set()


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) or (isinstance(cell, str) and cell.replace("/", "").strip(" -").isdigit())


def say(*lines: str) -> None:
    """Print plain sentences, on a terminal broken between words."""
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return
    for line in lines:
        console().print(line)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(to_json(value, indent=True) + "\n")


def to_json(value: Any, *, indent: bool = False) -> str:
    """A value as JSON text; instants in ISO form, everything unknown as its text."""
    import orjson

    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, default=_plain, option=options).decode()


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.decode() if isinstance(value, bytes) else str(value)


def shown(value: Any) -> str:
    """A canonical value for a table's cell: short, on one line."""
    if value is None:
        return "(empty)"
    if isinstance(value, list):
        return f"({len(value)} parts)" if value and isinstance(value[0], dict) else ", ".join(map(str, value))
    text = ("yes" if value else "no") if isinstance(value, bool) else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def when(at: datetime | None) -> str:
    """An instant as a person reads it, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "never"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago an instant was, in one unit."""
    if at is None:
        return "-"
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 conflict`, `3 conflicts`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
