"""Turns what `generate` wrote into Parquet tables, from which each peer fills its own: prepare.py DIR."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import duckdb
import numpy
import pyarrow
import pyarrow.parquet

CHUNK = 1_000_000
TYPES = {"i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64"}
COLUMNS = ("time.i64", "user.i32", "source.i32", "seq.i32", "session.i32", "duration.i32", "feature.i16", "app.i16",
           "kind.i8", "outcome.i8", "version.i8")
SORTS = {"by-time": None, "sorted": "ORDER BY time // 86400000, app, feature, \"user\", time, seq"}
NEVER = (datetime.date(9999, 12, 31) - datetime.date(1970, 1, 1)).days
EPOCH_DAY = "date_diff('day', DATE '1970-01-01', CAST({} AS DATE))"
TABLES = {
    "user_name": "SELECT CAST(\"user\" AS INTEGER) AS number, name, CAST(person AS INTEGER) AS person "
                 "FROM read_csv('{dir}/users.csv', all_varchar = true)",
    "feature_name": "SELECT CAST(number AS SMALLINT) AS number, CAST(app_number AS SMALLINT) AS app_number, app, feature "
                    "FROM read_csv('{dir}/features.csv', all_varchar = true)",
    "roster": "SELECT n.person AS person, department, role, "
              f"coalesce(CAST({EPOCH_DAY.format('active_from')} AS INTEGER), -719162) AS active_from, "
              f"coalesce(CAST({EPOCH_DAY.format('active_to')} AS INTEGER), {NEVER}) AS active_to, "
              "CAST(coalesce(service, '') = 'true' AS TINYINT) AS service "
              "FROM read_csv('{dir}/roster.csv', all_varchar = true) r JOIN user_name n ON n.name = r.user",
    "catalog": "SELECT f.number AS feature, CAST(target_days AS INTEGER) AS target_days, "
               "CAST(target_ms AS INTEGER) AS target_ms, CAST(coalesce(automatic, '') = 'true' AS TINYINT) AS automatic "
               "FROM read_csv('{dir}/catalog.csv', all_varchar = true) c "
               "JOIN feature_name f ON f.app = c.app AND f.feature = c.feature",
    "catalog_role": "SELECT f.number AS feature, unnest(string_split(roles, ';')) AS role "
                    "FROM read_csv('{dir}/catalog.csv', all_varchar = true) c "
                    "JOIN feature_name f ON f.app = c.app AND f.feature = c.feature",
    "ticket": "SELECT n.person AS person, CAST(t.opened AS BIGINT) AS time, "
              "CAST(coalesce(a.number, -1) AS SMALLINT) AS app "
              "FROM read_csv('{dir}/tickets.csv', all_varchar = true, header = true) t "
              "JOIN user_name n ON n.name = t.requester "
              "LEFT JOIN (SELECT app, any_value(app_number) AS number FROM feature_name GROUP BY app) a ON a.app = t.app",
}


def write_events(directory: Path) -> None:
    arrays = [numpy.memmap(directory / "columns" / name, dtype=TYPES[name.split(".")[1]], mode="r") for name in COLUMNS]
    names = [name.split(".")[0] for name in COLUMNS]
    writer = None
    for start in range(0, len(arrays[0]), CHUNK):
        batch = pyarrow.record_batch([pyarrow.array(numpy.asarray(a[start:start + CHUNK])) for a in arrays], names=names)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(directory / "event.parquet", batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer:
        writer.close()


def main() -> None:
    directory = Path(sys.argv[1])
    write_events(directory)
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '4GB'")
    connection.execute("SET preserve_insertion_order = false")
    for name, query in TABLES.items():
        connection.execute(f"CREATE TABLE {name} AS {query.format(dir=directory)}")
        connection.execute(f"COPY {name} TO '{directory}/{name}.parquet' (FORMAT parquet)")


if __name__ == "__main__":
    main()
