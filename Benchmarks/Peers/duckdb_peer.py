"""DuckDB answering from its own database file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import answer
import duckdb
from definitions import Definitions, DuckDB, Window
from prepare import TABLES


def prepare(directory: Path) -> None:
    path = directory / "peer.duckdb"
    path.unlink(missing_ok=True)
    connection = duckdb.connect(str(path))
    for name in (*TABLES, "event"):
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM '{directory}/{name}.parquet'")
    connection.close()


def respond(directory: Path, report: str, window: Window) -> list[dict[str, Any]]:
    connection = duckdb.connect(str(directory / "peer.duckdb"), read_only=True)
    steps = Definitions(DuckDB(), window).steps(report)
    for name, query in steps[:-1]:
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
    result = connection.execute(steps[-1][1])
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


if __name__ == "__main__":
    answer.run(prepare, respond)
