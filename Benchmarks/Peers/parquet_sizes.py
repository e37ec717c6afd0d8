"""Bytes of Parquet files with zstd of the same columns, in order of time and sorted as chunks are.

    parquet_sizes.py DIR

The host of every event in the data is its source; the table that peers query leaves it out, chunks do not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
from prepare import SORTS


def main() -> None:
    directory = Path(sys.argv[1])
    sizes = {}
    for name, order in SORTS.items():
        path = directory / f"size-{name}.parquet"
        connection = duckdb.connect()
        connection.execute("SET memory_limit = '4GB'")
        connection.execute(
            f"COPY (SELECT *, source AS host FROM '{directory}/event.parquet' {order or 'ORDER BY time'}) TO '{path}' "
            "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)")
        sizes[name] = path.stat().st_size
        path.unlink()
    json.dump(sizes, sys.stdout)


if __name__ == "__main__":
    main()
