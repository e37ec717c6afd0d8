#!/usr/bin/env python3
"""Compare the daily cells of a Waterline database with the events that they count, by the letter of
schemas/chunk-format.md.

    check_rollups.py DATABASE

Everything is read by `read_chunks.py`, which shares nothing with the product, and counted here. The exit code is 1
when anything differs, or when sorted events of an imported database are not counted.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from bisect import bisect_right
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator

import read_chunks
from read_chunks import CELL_COLUMNS, COLUMNS, KINDS, OUTCOMES, ROWS_MAX, BadColumn, need

COLUMNS_PER_PART = 64
DAY_MS = 86_400_000
KEY = ("feature", "day", "user", "source")
COUNTS = [name for name in CELL_COLUMNS if name != "day"]


class Offsets:
    """How a zone cuts one UTC day, from the text that a rollup keeps."""

    def __init__(self, text: str) -> None:
        first, *changes = text.split(";")
        pairs = [tuple(map(int, change.split(":"))) for change in changes]
        self.moments = [moment for moment, _ in pairs]
        self.offsets = [int(first)] + [offset for _, offset in pairs]

    def day(self, moment: int) -> int:
        return (moment + self.offsets[bisect_right(self.moments, moment)]) // DAY_MS


def read_part(database: sqlite3.Connection, part: int, rows: int) -> dict[str, list[int]]:
    need(1 <= rows <= ROWS_MAX, f"part {part}: {rows} rows")
    numbers = {name: COLUMNS[name] for name in ("feature", "user", "source")} | CELL_COLUMNS
    columns = {}
    for name, number in numbers.items():
        stored = database.execute(
            "SELECT data FROM rollup_column WHERE id = ?", (part * COLUMNS_PER_PART + number,)
        ).fetchone()
        if stored is None:
            columns[name] = [0] * rows
            continue
        column, columns[name] = read_chunks.decode(stored[0])
        need(column == number and len(columns[name]) == rows, f"part {part}: another column or row count")
    return columns


def read_cells(database: sqlite3.Connection, rollup: int) -> list[tuple[tuple[int, ...], dict[str, int]]]:
    cells = []
    parts = database.execute("SELECT id, row_count FROM rollup_part WHERE rollup = ? ORDER BY id", (rollup,))
    for part, rows in parts.fetchall():
        columns = read_part(database, part, rows)
        for row in range(rows):
            key = tuple(columns[name][row] for name in KEY)
            cells.append((key, {name: columns[name][row] for name in COUNTS}))
    return cells


def count(columns: dict[str, list[Any]], rows: int, offsets: Offsets, cells: dict[tuple[int, ...], Any]) -> None:
    """Add a chunk's events to cells."""
    for row in range(rows):
        time, kind = columns["time"][row], KINDS[columns["kind"][row]]
        key = (columns["feature"][row], offsets.day(time), columns["user"][row], columns["source"][row])
        duration = max(0, columns["duration_plus_one"][row] - 1)
        cell = cells[key]
        cell["event_count"] += 1
        if kind == "use":
            cell["use_count"] += 1
            cell["use_ms"] += duration
            if OUTCOMES[columns["outcome"][row]] == "ok":
                cell["ok_count"] += 1
                cell["first_ok"] = min(cell["first_ok"] or time, time)
            else:
                cell["failed_ms"] += duration
        elif kind == "focus":
            cell["focus_ms"] += duration
        else:
            cell[f"{kind}_count"] += 1
            cell[f"{kind}_ms"] += duration


def differences(database: sqlite3.Connection) -> Iterator[str]:
    chunks = {
        chunk: (rows, imported, day)
        for chunk, rows, imported, day in database.execute("SELECT id, row_count, imported, day FROM chunk")
    }
    counted: set[int] = set()
    rollups = database.execute("SELECT id, day, offsets, row_count, event_count, imported, pruned_ms FROM rollup")
    for rollup, day, offsets, row_count, event_count, imported, pruned in rollups.fetchall():
        stored = read_cells(database, rollup)
        if [key for key, _ in stored] != sorted({key for key, _ in stored}):
            yield f"rollup {rollup}: cells out of order"
        if len(stored) != row_count or sum(cell["event_count"] for _, cell in stored) != event_count:
            yield f"rollup {rollup}: not {row_count} cells of {event_count} events"
        covered = [row[0] for row in database.execute("SELECT covered FROM rollup_cover WHERE rollup = ?", (rollup,))]
        if pruned is not None or not all(chunk in chunks for chunk in covered):
            continue
        cells: dict[tuple[int, ...], Any] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
        for chunk in covered:
            rows, chunk_imported, chunk_day = chunks[chunk]
            if chunk in counted:
                yield f"chunk {chunk}: counted twice"
            counted.add(chunk)
            if (chunk_imported, chunk_day) != (imported, day):
                yield f"rollup {rollup}: chunk {chunk} is of another day or origin"
            count(read_chunks.read_chunk(database, chunk, rows), rows, Offsets(offsets), cells)
        if dict(stored) != cells:
            yield f"rollup {rollup}: cells are not what {len(covered)} chunks say"
    left = [chunk for chunk, (_, imported, day) in chunks.items() if imported and day is not None]
    if not set(left) <= counted:
        yield f"{len(set(left) - counted)} imported chunks are not counted"


def problems(path: Path) -> list[str]:
    """What is wrong; empty when nothing is."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return list(differences(database))
    except (BadColumn, KeyError, IndexError, ValueError, sqlite3.Error) as problem:
        return [str(problem)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("database", type=Path)
    found = problems(parser.parse_args().database)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
