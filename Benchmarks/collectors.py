"""Collectors from Debian that take the same events over UDP: configuration, run, and what they stored."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import Bench
from measuring import BenchmarkError, Process, processor_ticks, run, wait_until

FIELDS = ("time", "user", "app", "feature", "kind", "outcome", "duration_ms", "session", "host", "version", "source",
          "seq")
SQLITE_DRIVER = Path("/usr/lib/x86_64-linux-gnu/dbd/libdbdsqlite3.so")  # libdbi looks nowhere else
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/syslog-ng", "usr/lib/syslog-ng/3.38")


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def size(*paths: Path) -> int:
    """Bytes on disk: files that only reserve room count for what they hold."""
    return sum(min(file.stat().st_size, file.stat().st_blocks * 512) for path in paths
               for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def influx_lines(data: Path, count: int) -> Path:
    """The same events in InfluxDB's line protocol."""
    path = data / f"events-{count}.influx"
    if path.exists():
        return path
    with open(data / "events.ndjson", encoding="utf-8") as lines, open(path, "w", encoding="utf-8") as out:
        for number, line in zip(range(count), lines):
            event = json.loads(line)
            seconds = time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S")
            nanoseconds = (int(time.mktime(seconds) - time.timezone) * 1_000 + int(event["time"][20:23])) * 1_000_000
            tags = f"app={event['app']},feature={event.get('feature', '-')},kind={event.get('kind', 'use')}"
            tags += f",outcome={event.get('outcome', 'ok')}"
            values = [f'{name}="{event[name]}"' for name in ("user", "session", "host", "version", "source")
                      if name in event]
            values += [f"{name}={event[name]}i" for name in ("duration_ms", "seq") if name in event]
            out.write(f"usage,{tags} {','.join(values)} {nanoseconds + number % 1_000_000}\n")
    return path


@dataclass
class Collector:
    """One peer: `ratio_min` times our processor time is what the issue asks for."""

    name: str
    program: str
    rate: int
    events_max: int
    ratio_min: float | None

    def measure(self, bench: Bench, data: Path, rate: int, count: int) -> dict[str, Any]:
        """Sends `count` events at `rate` and waits until no more are being stored."""
        self.home = bench.work / "peer" / self.program
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.root = bench.peers / "debian"
        self.port = free_port()
        libraries = ":".join(str(self.root / path) for path in LIBRARIES)
        environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries, "HOME": str(self.home), "TZ": "UTC"}
        child = Process.start([str(part) for part in self.command()], bench.log, env=environment)
        try:
            wait_until(lambda: self.is_listening(child), f"{self.name} listens", 30)
            base = processor_ticks(child.child.pid)
            run([bench.native("send"), "udp", self.port, "lines", self.lines(data, count), rate, count], bench.log)
            self.settle(child)
            ticks = processor_ticks(child.child.pid) - base
            stored = self.stored()
        finally:
            if child.child.poll() is None:
                child.child.send_signal(signal.SIGTERM)
                try:
                    child.child.wait(30)
                except Exception:
                    child.child.kill()
        if not stored:
            raise BenchmarkError(f"{self.name} stored nothing; see {bench.log}")
        return {"cpu": ticks / os.sysconf("SC_CLK_TCK") / stored * 1e6, "events": stored,
                "bytes": size(*self.files()) / stored}

    def settle(self, child: Process) -> None:
        """Until its processor time stands still for a second."""
        still, last = 0, -1
        while still < 5:
            time.sleep(0.2)
            now = processor_ticks(child.child.pid)
            still, last = (still + 1, last) if now - last <= 0 else (0, now)

    def is_listening(self, child: Process) -> bool:
        if child.child.poll() is not None:
            raise BenchmarkError(f"{self.name} did not start: {child.log.read_text(errors='replace').splitlines()[-1:]}")
        port = f":{self.port:04X} "
        return any(port in line for line in Path("/proc/net/udp").read_text().splitlines())

    def lines(self, data: Path, count: int) -> Path:
        return data / "events.ndjson"

    def command(self) -> list[Any]:
        raise NotImplementedError

    def stored(self) -> int:
        raise NotImplementedError

    def files(self) -> list[Path]:
        raise NotImplementedError


class SyslogNG(Collector):
    """JSON parsed into columns of SQLite."""

    def command(self) -> list[Any]:
        columns = ", ".join(f'"{name} text"' for name in FIELDS)
        values = ", ".join(f'"${{e.{name}}}"' for name in FIELDS)
        (self.home / "conf").write_text(f"""@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); use-dns(no); log-fifo-size(2000000); }};
source s {{ network(ip("127.0.0.1") port({self.port}) transport("udp") flags(no-parse) so-rcvbuf(8388608)
  log-fetch-limit(1000)); }};
parser p {{ json-parser(prefix("e.")); }};
destination d {{ sql(type(sqlite3) database("db.sqlite") table("event") columns({columns})
  values({values}) indexes() batch-lines(1000) flags(explicit-commits)
  dbd-option("sqlite3_dbdir" "{self.home}") ); }};
log {{ source(s); parser(p); destination(d); }};
""")
        return [self.root / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", self.home / "conf", "-R",
                self.home / "persist", "-p", self.home / "pid", "-c", self.home / "ctl",
                f"--module-path={self.root}/usr/lib/syslog-ng/3.38"]

    def stored(self) -> int:
        with sqlite3.connect(self.home / "db.sqlite") as connection:
            return connection.execute("SELECT count(*) FROM event").fetchone()[0]

    def files(self) -> list[Path]:
        return [self.home / "db.sqlite"]


class Rsyslog(Collector):
    """Lines appended to a text file, unparsed; with an fsync a batch if `rsyslog-sync`."""

    def command(self) -> list[Any]:
        sync = "on" if self.program.endswith("sync") else "off"
        (self.home / "conf").write_text(f"""global(workDirectory="{self.home}")
module(load="imudp")
template(name="line" type="string" string="%rawmsg%\\n")
ruleset(name="r" queue.type="FixedArray" queue.size="1000000" queue.dequeueBatchSize="1024") {{
  action(type="omfile" file="{self.home}/events.txt" template="line" sync="{sync}")
}}
input(type="imudp" address="127.0.0.1" port="{self.port}" rcvbufSize="8m" ruleset="r")
""")
        return [self.root / "usr/sbin/rsyslogd", "-n", "-f", self.home / "conf", "-i", self.home / "pid",
                "-M", self.root / "usr/lib/x86_64-linux-gnu/rsyslog"]

    def stored(self) -> int:
        return sum(1 for _ in open(self.home / "events.txt", "rb"))

    def files(self) -> list[Path]:
        return [self.home / "events.txt"]


class InfluxDB(Collector):
    """Its own UDP input, line protocol."""

    def command(self) -> list[Any]:
        self.http = free_port(socket.SOCK_STREAM)
        (self.home / "conf").write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"
[meta]
dir = "{self.home}/meta"
[data]
dir = "{self.home}/data"
wal-dir = "{self.home}/wal"
max-values-per-tag = 0
max-series-per-database = 0
query-log-enabled = false
cache-snapshot-write-cold-duration = "1s"
[http]
bind-address = "127.0.0.1:{self.http}"
log-enabled = false
[monitor]
store-enabled = false
[[udp]]
enabled = true
bind-address = "127.0.0.1:{self.port}"
database = "usage"
batch-size = 5000
batch-pending = 100
batch-timeout = "100ms"
read-buffer = 8388608
""")
        return [self.root / "usr/bin/influxd", "-config", self.home / "conf"]

    def lines(self, data: Path, count: int) -> Path:
        return influx_lines(data, count)

    def settle(self, child: Process) -> None:
        time.sleep(1)
        super().settle(child)
        wait_until(lambda: size(self.home / "wal") < 65_536, "InfluxDB writes its cache out", 120)

    def stored(self) -> int:
        query = urllib.parse.urlencode({"db": "usage", "q": 'SELECT count("seq") FROM usage'})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/query?{query}", timeout=60) as answer:
            result = json.loads(answer.read())["results"][0]
        return result["series"][0]["values"][0][1] if "series" in result else 0

    def files(self) -> list[Path]:
        return [self.home / "data", self.home / "wal"]


def available(bench: Bench) -> list[Collector]:
    if not bench.peers or not (bench.peers / "debian/usr/sbin").is_dir():
        return []
    found = [
        SyslogNG("syslog-ng → SQLite", "syslog-ng", 20_000, 200_000, 10),
        InfluxDB("InfluxDB", "influxdb", 20_000, 200_000, 10),
        Rsyslog("rsyslog, text", "rsyslog", 100_000, 1_000_000, None),
        Rsyslog("rsyslog, text, fsync", "rsyslog-sync", 100_000, 1_000_000, 2.5),
    ]
    return [peer for peer in found if not isinstance(peer, SyslogNG) or SQLITE_DRIVER.exists()]
