"""`make bench-latency`: how long an edit in one system takes to be in the other, while people edit all the time."""

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import requests

from benchmarks.office import Office, Side, going_on, office
from benchmarks.processes import await_up

MEDIAN, LATE = 1.0, 2.0
"""Seconds within which half of the edits, and 99 of 100, must have arrived."""
PATIENCE = 60.0
LOOK = 0.02
EDITORS = 4


class Edit(NamedTuple):
    """One edit that is on its way."""

    to: Side
    id: str
    value: str
    at: float


class Board:
    """Edits on their way, and how long those took that have arrived."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.underway: dict[tuple[str, str], Edit] = {}
        self.seconds: list[float] = []
        self.begun = 0
        self.skipped = 0


def main(arguments: Sequence[str]) -> int:
    """Measure, show, and answer 1 where the goal is missed or an edit was lost."""
    chosen = _options().parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="connector-latency-") as name,
        office(Path(name), chosen.customers, chosen.store) as room,
    ):
        config = room.configure(f"daemon: {{every: {chosen.every}}}\n")
        if chosen.webhooks:
            room.run(config, "check", "--subscribe")
        with going_on(config, "serve"):
            await_up(
                f"{room.url}/readyz",
                "the connector did not become ready; its log is in the folder of the benchmark",
                120,
            )
            board = _measure(room, chosen.rate, chosen.seconds)
        return _judge(board, chosen.median, chosen.late)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description="Seconds from edit to arrival.")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rate", type=float, default=50, help="edits a second, on both sides in turn")
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--every", default="5m", help="the daemon's interval")
    parser.add_argument("--store", help="the address of a PostgreSQL database, instead of SQLite")
    parser.add_argument("--webhooks", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--median", type=float, default=MEDIAN)
    parser.add_argument("--late", type=float, default=LATE, help="for 99 of 100")
    return parser


def _pairs(room: Office) -> list[tuple[str, str]]:
    """The ids of customers that are the same on both sides: the ERP keeps the CRM's id."""
    known = set(room.crm.customers())
    found = room.erp.customers()
    return [(one["external_ref"], record) for record, one in found.items() if one.get("external_ref") in known]


def _measure(room: Office, rate: float, seconds: float) -> Board:
    pairs, board, ended = _pairs(room), Board(), threading.Event()
    looking = [threading.Thread(target=_look, args=(side, board, ended)) for side in (room.crm, room.erp)]
    for thread in looking:
        thread.start()
    start = time.monotonic()
    with ThreadPoolExecutor(EDITORS) as editors:
        for number, (crm_id, erp_id) in zip(range(int(rate * seconds)), itertools.cycle(pairs), strict=False):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            value = f"edit-{number}.example"
            if number % 2:
                editors.submit(_edit, board, room.erp, erp_id, Edit(room.crm, crm_id, value, 0))
            else:
                editors.submit(_edit, board, room.crm, crm_id, Edit(room.erp, erp_id, value, 0))
    deadline = time.monotonic() + PATIENCE
    while board.underway and time.monotonic() < deadline:
        time.sleep(0.1)
    ended.set()
    for thread in looking:
        thread.join()
    return board


def _edit(board: Board, side: Side, record_id: str, edit: Edit) -> None:
    """One edit; a customer whose last one is still under way is left alone, or nobody could tell which arrived."""
    key = (edit.to.name, edit.id)
    with board.lock:
        if key in board.underway:
            board.skipped += 1
            return
    try:
        side.edit(record_id, website=edit.value)
    except requests.HTTPError:
        board.skipped += 1  # the connector wrote in between: a person would press save again
        return
    with board.lock:
        board.begun += 1
        board.underway[key] = edit._replace(at=time.monotonic())


def _look(side: Side, board: Board, ended: threading.Event) -> None:
    while not ended.wait(LOOK):
        with board.lock:
            waiting = [edit for edit in board.underway.values() if edit.to.name == side.name]
        if not waiting:
            continue
        shown = side.websites([edit.id for edit in waiting])
        now = time.monotonic()
        with board.lock:
            for edit in waiting:
                if edit.value in shown.get(edit.id, ""):
                    board.seconds.append(now - edit.at)
                    del board.underway[edit.to.name, edit.id]


def _judge(board: Board, median: float, late: float) -> int:
    found = sorted(board.seconds)
    if not found:
        sys.stdout.write("no edit arrived\n")
        return 1
    at = {share: found[min(int(len(found) * share), len(found) - 1)] for share in (0.5, 0.9, 0.99, 1)}
    lost = len(board.underway)
    sys.stdout.write(
        f"{board.begun} edits, {len(found)} arrived, {lost} lost, {board.skipped} left out\n"
        + "".join(f"  {share:>5.0%}  {seconds:6.3f} s\n" for share, seconds in at.items())
    )
    fine = not lost and at[0.5] <= median and at[0.99] <= late
    sys.stdout.write(f"goal: median {median} s, 99 % {late} s: {'reached' if fine else 'MISSED'}\n")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
