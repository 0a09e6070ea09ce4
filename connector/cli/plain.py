"""Tables for pipes and logs, letter by letter as rich draws them, without the twentieth of a second it takes to import.

Only what needs no art: plain letters, and rows that fit. Everything else is left to rich.
"""

from collections.abc import Collection, Sequence
from typing import TypeAlias

_GAP = "  "
Lines: TypeAlias = list[str]


def draw(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], width: int, title: str | None
) -> Lines | None:
    """The table's lines, or None where it is not a plain one; `right` are the columns that stand right."""
    cells = [[text.split("\n") for text in row] for row in (columns, *rows)]
    if not all(_is_plain(line) for row in cells for cell in row for line in cell) or not _is_plain(title or ""):
        return None
    widths = [max(len(line) for row in cells for line in row[place]) for place in range(len(columns))]
    whole = sum(widths) + len(_GAP) * (len(widths) - 1)
    if not all(widths) or whole > width or len(title or "") > whole:
        return None
    head, *body = cells
    high = max(map(len, head))
    lowered = [[""] * (high - len(cell)) + cell for cell in head]
    drawn = [title.ljust(whole)] if title else []
    drawn += _row(lowered, widths, right)
    drawn.append("─" * whole)
    return drawn + [line for row in body for line in _row(row, widths, right)]


def _is_plain(line: str) -> bool:
    """Whether a line is as wide as it has letters, and stays as it is."""
    return line.isascii() and line.isprintable() and line == line.strip()


def _row(cells: Sequence[Lines], widths: Sequence[int], right: Collection[int]) -> Lines:
    columns = [
        [line.rjust(width) if place in right else line.ljust(width) for line in cell]
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    blank = [" " * width for width in widths]
    high = max(map(len, columns))
    pairs = list(zip(columns, blank, strict=True))
    return [_GAP.join(_at(column, line, space) for column, space in pairs) for line in range(high)]


def _at(lines: Lines, place: int, blank: str) -> str:
    return lines[place] if place < len(lines) else blank
