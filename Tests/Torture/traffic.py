"""Numbered events, and the exact ledger they must leave behind."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import SECONDS, Place, expect_equal, line

TIME = 1_767_225_600_000


def event(source: str, seq: int) -> bytes:
    """An event that its number alone decides, so that redelivery is the same bytes."""
    return line(time=TIME + seq * 1_000, user=f"user{seq % 37}", app="erp", feature=f"step{seq % 11}",
                duration_ms=seq % 1_000, source=source, seq=seq)


def events(source: str, first: int, count: int) -> bytes:
    return b"".join(event(source, seq) for seq in range(first, first + count))


@dataclass
class Ledger:
    """One source as the store has it."""

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)


def ledgers(database: Path) -> dict[str, Ledger]:
    """Every named source's ledger, read with SQLite alone."""
    result = {}
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT id, name, stored, duplicate, conflict, rejected FROM source WHERE id <> 0")
        for number, name, *counts in rows.fetchall():
            ranges = connection.execute(
                "SELECT first, last FROM sequence_range WHERE source = ? ORDER BY first", (number,))
            result[name] = Ledger(*counts, ranges=ranges.fetchall())
    finally:
        connection.close()
    return result


# Read as rows on a slow machine; a long trial stores a hundred million.
EVENTS_READ_PER_SECOND = 100_000


def rows_of_all_events(place: Place, query: str) -> list[dict[str, Any]]:
    """A query that reads every event, with time in proportion."""
    seconds = max(SECONDS, place.status()["stored"] / EVENTS_READ_PER_SECOND)
    command = ["--db", place.database, "sql", query, "--format", "json"]
    return place.program(command, seconds=seconds).expect(0).json()["rows"]


def expect_exactly(place: Place, highest: dict[str, int], what: str) -> None:
    """Each source's numbers 1 ... highest are stored, once each, and the ledger says the same."""
    expected = {name: count for name, count in highest.items() if count > 0}
    # Sources are pseudonyms in SQL; their numbers tell enough.
    rows = rows_of_all_events(
        place, "SELECT count(*) AS n, count(DISTINCT seq) AS d, min(seq) AS low, max(seq) AS high "
               "FROM event WHERE source IS NOT NULL GROUP BY source")
    found = sorted((row["n"], row["d"], row["low"], row["high"]) for row in rows)
    expect_equal(found, sorted((count, count, 1, count) for count in expected.values()),
                 f"{what}: events by source (rows, numbers, lowest, highest)")
    all_ledgers = ledgers(place.database)
    for name, count in expected.items():
        ledger = all_ledgers.get(name, Ledger())
        expect_equal(ledger.stored, count, f"{what}: stored of {name} in the ledger")
        expect_equal(ledger.conflict, 0, f"{what}: conflicts of {name}")
        expect_equal(ledger.ranges, [(1, count)], f"{what}: ranges of {name}")


def expect_sound(place: Place) -> None:
    """SQLite finds nothing wrong, and the program reads every event."""
    connection = sqlite3.connect(f"file:{place.database}?mode=ro", uri=True)
    try:
        expect_equal(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity_check")
    finally:
        connection.close()
    status = place.status()
    read = rows_of_all_events(place, "SELECT count(time) AS n FROM event")[0]["n"]
    expect_equal(read, status["stored"], "events that can be read, and those stored by the ledger")
