#!/usr/bin/env python3
"""Read the events out of a Waterline database by the letter of schemas/chunk-format.md.

    read_chunks.py DATABASE > events.ndjson
    read_chunks.py --examples ../../schemas/chunk-format.md

The first form prints every stored event as one JSON line, chunk by chunk: days first, arrivals last.
The second decodes the worked examples of the specification and compares them with their rows.

A second decoder, which shares nothing with the product's: it proves that the specification is enough.
It needs `xxhash` from PyPI and nothing else beside the standard library. The exit code is 1 when
anything does not fit the specification.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import xxhash

MAGIC = b"WLC1"
HEADER_BYTES = 40
ROWS_MAX = 65_536
PAYLOAD_BYTES_MAX = 1 << 30
BLOCK_ROWS = 1_024
PADDING_BYTES = 8
COLUMNS_PER_CHUNK = 32
CONSTANT, PACKED, DELTA, RUNS, TEXTS, BY_USER = 1, 2, 3, 4, 5, 6
COLUMNS = {
    "time": 1, "user": 2, "feature": 3, "kind": 4, "outcome": 5, "duration_plus_one": 6, "host": 7,
    "session": 8, "version": 9, "cause": 10, "source": 11, "seq": 12, "attributes": 13,
    "clock_offset": 14,
}  # fmt: skip
# Of daily cells, besides feature, user and source.
CELL_COLUMNS = {
    "day": 32, "event_count": 33, "use_count": 34, "ok_count": 35, "use_ms": 36, "failed_ms": 37,
    "focus_ms": 38, "help_count": 39, "help_ms": 40, "interruption_count": 41, "interruption_ms": 42,
    "first_ok": 43,
}  # fmt: skip
TEXT_COLUMNS = (COLUMNS["session"], COLUMNS["attributes"])
KINDS = ("focus", "help", "interruption", "use")
OUTCOMES = ("abandoned", "error", "ok")


class BadColumn(Exception):
    """Stored bytes that the specification does not allow."""


def need(condition: bool, problem: str) -> None:
    if not condition:
        raise BadColumn(problem)


def signed(value: int) -> int:
    """The low 64 bits as a signed number: sums wrap."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


class Bytes:
    """A cursor over a payload; reading past its end is an error."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, count: int) -> bytes:
        need(0 <= count <= len(self.data) - self.offset, "payload cut short")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def number(self, size: int, is_signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=is_signed)

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.offset)

    def end(self, padding: int) -> None:
        """Nothing but the padding may be left."""
        need(self.rest() == bytes(padding), f"{padding} zero bytes expected at the end")


# ---------------------------------------------------------------------------------------------
# Encodings


def bit_packed(reader: Bytes, count: int, width: int) -> list[int]:
    """`count` unsigned numbers of `width` bits each, least significant bit first."""
    need(width <= 57 or width == 64, f"width {width}")
    bits = int.from_bytes(reader.take((count * width + 7) // 8), "little")
    mask = (1 << width) - 1
    return [bits >> index * width & mask for index in range(count)]


def packed(data: bytes, rows: int) -> list[int]:
    reader = Bytes(data)
    values: list[int] = []
    while len(values) < rows:
        base, width = reader.number(8, True), reader.number(1)
        count = min(BLOCK_ROWS, rows - len(values))
        values += [signed(base + value) for value in bit_packed(reader, count, width)]
    reader.end(PADDING_BYTES)
    return values


def delta(data: bytes, rows: int) -> list[int]:
    reader = Bytes(data)
    values: list[int] = []
    while len(values) < rows:
        count = min(BLOCK_ROWS, rows - len(values))
        values.append(reader.number(8, True))
        step, width = reader.number(8, True), reader.number(1)
        for difference in bit_packed(reader, count - 1, width):
            values.append(signed(values[-1] + step + difference))
    reader.end(PADDING_BYTES)
    return values


def runs(data: bytes, rows: int) -> list[int]:
    reader = Bytes(data)
    run_count, value_bytes = reader.number(4), reader.number(4)
    need(run_count <= rows, "more runs than rows")
    run_values = packed(reader.take(value_bytes), run_count)
    lengths = packed(reader.rest(), run_count)
    need(all(length > 0 for length in lengths) and sum(lengths) == rows, "run lengths")
    return [value for value, length in zip(run_values, lengths) for _ in range(length)]


def by_user(data: bytes, rows: int, users: list[int] | None) -> list[int]:
    need(users is not None and len(users) == rows, "no column of users to read by")
    reader = Bytes(data)
    table_bytes, exceptions, row_bytes = reader.number(4), reader.number(4), reader.number(4)
    order = list(dict.fromkeys(users or []))
    values = dict(zip(order, packed(reader.take(table_bytes), len(order))))
    found = [values[user] for user in users or []]
    numbers = packed(reader.take(row_bytes), exceptions)
    need(numbers == sorted(set(numbers)) and all(0 <= row < rows for row in numbers), "rows of exceptions")
    for row, value in zip(numbers, packed(reader.rest(), exceptions)):
        found[row] = value
    return found


def integers(
    encoding: int, data: bytes, rows: int, low: int, high: int, users: list[int] | None = None
) -> list[int]:
    if encoding == CONSTANT:
        need(low == high and not data, "a constant with a payload or two values")
        return [low] * rows
    need(encoding in (PACKED, DELTA, RUNS, BY_USER), f"encoding {encoding}")
    if encoding == BY_USER:
        values = by_user(data, rows, users)
    else:
        values = {PACKED: packed, DELTA: delta, RUNS: runs}[encoding](data, rows)
    need(min(values) == low and max(values) == high, "values outside minimum and maximum")
    return values


def texts(data: bytes, rows: int) -> list[str | None]:
    reader = Bytes(data)
    text_count = reader.number(4)
    need(1 <= text_count <= rows, "number of texts")
    lengths = packed(reader.take(reader.number(4)), text_count)
    need(min(lengths) > 0, "an empty text")
    all_bytes = Bytes(reader.take(reader.number(4)))
    table: list[str | None] = [None] + [all_bytes.take(length).decode() for length in lengths]
    all_bytes.end(0)
    encoding, low, high = reader.number(1), reader.number(8, True), reader.number(8, True)
    codes = integers(encoding, reader.rest(), rows, low, high)
    need(0 <= low and high <= text_count, "a code without a text")
    return [table[code] for code in codes]


def checksum(data: bytes) -> int:
    header = xxhash.xxh3_64_intdigest(data[:32])
    payload = xxhash.xxh3_64_intdigest(data[HEADER_BYTES:])
    return header ^ payload * 0x9E3779B97F4A7C15 % (1 << 64)


def decode(data: bytes, users: list[int] | None = None) -> tuple[int, list[Any]]:
    """A stored column's number and its rows; `users` are those of the same chunk."""
    reader = Bytes(data)
    need(reader.take(4) == MAGIC, "magic")
    need(reader.number(1) == 1, "format version")
    column, encoding, _ = reader.number(1), reader.number(1), reader.number(1)
    rows, payload_bytes = reader.number(4), reader.number(4)
    low, high = reader.number(8, True), reader.number(8, True)
    need(reader.number(8) == checksum(data), "checksum")
    need(column in COLUMNS.values() or column in CELL_COLUMNS.values(), f"column {column}")
    need(1 <= rows <= ROWS_MAX, f"{rows} rows")
    payload = reader.rest()
    need(len(payload) == payload_bytes <= PAYLOAD_BYTES_MAX, "payload length")
    need((encoding == TEXTS) == (column in TEXT_COLUMNS), "texts in the wrong column")
    if encoding == TEXTS:
        need(low == high == 0, "bounds of texts")
        return column, texts(payload, rows)
    return column, integers(encoding, payload, rows, low, high, users)


# ---------------------------------------------------------------------------------------------
# The database


@dataclass
class Names:
    """The dictionaries that a chunk's numbers point into."""

    users: dict[int, str]
    features: dict[int, tuple[str, str | None]]
    labels: dict[int, str]
    sources: dict[int, str]


def read_names(database: sqlite3.Connection) -> Names:
    def names(table: str) -> dict[int, str]:
        return dict(database.execute(f"SELECT id, name FROM {table}"))

    features = database.execute("SELECT id, app, feature FROM feature_name")
    return Names(
        users=names("user_name"),
        features={number: (app, feature) for number, app, feature in features},
        labels=names("label"),
        sources=names("source"),
    )


def read_chunk(database: sqlite3.Connection, chunk: int, rows: int) -> dict[str, list[Any]]:
    """All columns of a chunk; one that is not stored is 0, or no text, in every row."""
    columns: dict[str, list[Any]] = {}
    for name, number in COLUMNS.items():
        stored = database.execute(
            "SELECT data FROM chunk_column WHERE id = ?", (chunk * COLUMNS_PER_CHUNK + number,)
        ).fetchone()
        if stored is None:
            columns[name] = [None if number in TEXT_COLUMNS else 0] * rows
            continue
        try:
            column, columns[name] = decode(stored[0], columns.get("user"))
            need(column == number and len(columns[name]) == rows, "another column or row count")
        except BadColumn as problem:
            raise BadColumn(f"chunk {chunk}, column {name}: {problem}") from None
    return columns


def events(database: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every event as its JSON form, without the fields that it does not have."""
    names = read_names(database)
    chunks = database.execute(
        "SELECT id, row_count, time_min_ms, time_max_ms FROM chunk ORDER BY day IS NULL, day, run, id"
    ).fetchall()
    for chunk, row_count, time_min, time_max in chunks:
        columns = read_chunk(database, chunk, row_count)
        times = columns["time"]
        need((min(times), max(times)) == (time_min, time_max), f"chunk {chunk}: times")
        for row in range(row_count):
            event = event_at({name: values[row] for name, values in columns.items()}, names)
            yield {name: value for name, value in event.items() if value is not None}


def event_at(row: dict[str, Any], names: Names) -> dict[str, Any]:
    app, feature = names.features[row["feature"]]
    return {
        "time": row["time"],
        "user": names.users[row["user"]],
        "app": app,
        "feature": feature,
        "kind": KINDS[row["kind"]],
        "outcome": OUTCOMES[row["outcome"]],
        "duration_ms": row["duration_plus_one"] - 1 if row["duration_plus_one"] else None,
        "host": names.labels.get(row["host"]),
        "session": row["session"],
        "version": names.labels.get(row["version"]),
        "cause": names.labels.get(row["cause"]),
        "source": names.sources[row["source"]] if row["source"] else None,
        "seq": row["seq"] or None,
        "attributes": json.loads(row["attributes"]) if row["attributes"] else None,
    }


# ---------------------------------------------------------------------------------------------
# The specification's examples


def check_examples(page: Path) -> int:
    """Decodes each block "```hex ROWS" of the page; returns how many there are.

    Rows are JSON, but for `4 × 1000`, which is 1,000 rows of 4.
    """
    blocks = re.findall(r"^```hex (.+?)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    for rows, block in blocks:
        digits = "".join(line.split("|")[0] for line in block.splitlines())
        _, values = decode(bytes.fromhex(digits))
        repeated = re.sub(r"(\d+) × (\d+)", lambda run: ", ".join([run[1]] * int(run[2])), rows)
        need(values == json.loads(repeated), f"{values} decoded, {rows} written")
    return len(blocks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("database", nargs="?", type=Path)
    parser.add_argument("--examples", type=Path, metavar="PAGE", help="check a page's worked examples")
    options = parser.parse_args()
    if (options.database is None) == (options.examples is None):
        parser.error("give a database, or --examples PAGE")
    try:
        if options.examples:
            print(f"{check_examples(options.examples)} examples are as written", file=sys.stderr)
            return 0
        location = f"{options.database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(location, uri=True)) as database:
            for event in events(database):
                print(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
    except (BadColumn, KeyError, IndexError, sqlite3.Error) as problem:
        print(f"read_chunks.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
