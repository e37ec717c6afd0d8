"""The ClickHouse engine (chdb) answering from its own MergeTree tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import answer
from chdb import session
from definitions import ClickHouse, Definitions, Window
from prepare import TABLES


def prepare(directory: Path) -> None:
    shutil.rmtree(directory / "peer.clickhouse", ignore_errors=True)
    server = session.Session(str(directory / "peer.clickhouse"))
    server.query("CREATE DATABASE peer ENGINE = Atomic")
    for name in TABLES:
        server.query(f"CREATE TABLE peer.{name} ENGINE = MergeTree ORDER BY tuple() AS "
                     f"SELECT * FROM file('{directory}/{name}.parquet') SETTINGS schema_inference_make_columns_nullable = 'auto'")
    server.query("CREATE TABLE peer.event ENGINE = MergeTree ORDER BY (time) AS "
                 f"SELECT * FROM file('{directory}/event.parquet') SETTINGS schema_inference_make_columns_nullable = 0")
    server.query("OPTIMIZE TABLE peer.event FINAL")
    server.close()


def respond(directory: Path, report: str, window: Window) -> list[dict[str, Any]]:
    server = session.Session(str(directory / "peer.clickhouse"))
    server.query("USE peer")
    server.query("SET join_use_nulls = 1, prefer_column_name_to_alias = 1")
    steps = Definitions(ClickHouse(), window).steps(report)
    for name, query in steps[:-1]:
        server.query(f"CREATE TEMPORARY TABLE {name} ENGINE = Memory AS {query}")
    text = str(server.query(steps[-1][1] + " SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow"))
    server.close()
    return [json.loads(line) for line in text.splitlines() if line]


if __name__ == "__main__":
    answer.run(prepare, respond)
