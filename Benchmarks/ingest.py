"""Ingest: our daemon against raw receivers and against collectors from Debian, on loopback, from the same sender."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sqlite3
import statistics
import time
from pathlib import Path
from typing import Any

import collectors
import reports
from bench import Bench, parameters
from measuring import (BenchmarkError, Process, Run, fetch_memory, interleaved, memory_bytes, processor_ticks,
                       processor_times, run, say, uncache, wait_until)
from tables import Figure


def measure(bench: Bench, data: Path, title: str, datagrams: int) -> list[Figure]:
    section = f"Ingest, {title}"
    lines, frames, batches = data / "events.ndjson", data / "datagrams.wlb", data / "events.wlb"
    return [
        *paired(bench, section, "UDP, JSON", "udp", ["lines", lines, 0, datagrams], at_least=0.8, cpu_max=1.4),
        *paired(bench, section, "Unix datagram, JSON", "unix-datagram", ["lines", lines, 0, datagrams], at_least=0.7),
        *paired(bench, section, "Unix stream, JSON", "unix-stream", ["lines", lines], rate_min=3e6),
        *paired(bench, section, "UDP, batches of 1,400 bytes", "udp", ["frames", frames], rate_min=8e6),
        *paired(bench, section, "Unix stream, batches", "unix-stream", ["frames", batches], rate_min=12e6),
        imported(bench, section, "import of NDJSON", lines, 2e6),
        imported(bench, section, "import of batches", batches, None),
    ]


def streams(bench: Bench, section: str, data: Path) -> list[Figure]:
    """Many events of few people, or of ten times as many: where the rate begins to hang on names."""
    lines, frames, batches = data / "events.ndjson", data / "datagrams.wlb", data / "events.wlb"
    return [
        *paired(bench, section, "Unix stream, JSON", "unix-stream", ["lines", lines], rate_min=3e6),
        *paired(bench, section, "UDP, batches of 1,400 bytes", "udp", ["frames", frames], rate_min=8e6),
        *paired(bench, section, "Unix stream, batches", "unix-stream", ["frames", batches], rate_min=12e6),
        imported(bench, section, "import of NDJSON", lines, 2e6),
        imported(bench, section, "import of batches", batches, None),
    ]


def raw(bench: Bench, transport: str, arguments: list[Any]) -> dict[str, Any]:
    """What a loop that receives and discards does with the same bytes."""
    place: Any = 0 if transport == "udp" else bench.work / "raw.sock"
    if transport != "udp":
        Path(place).unlink(missing_ok=True)
    output = bench.work / "discard.out"
    with open(output, "wb") as file:
        receiver = Process.start([bench.native("discard"), transport, place, "recvmmsg"], bench.log, stdout=file)
    port = wait_until(lambda: output.read_text().strip(), "the raw receiver listens")
    run([bench.native("send"), transport, port, *arguments], bench.log)
    receiver.wait()
    return json.loads(output.read_text().splitlines()[1])


class Committed:
    """When the last event was committed, as another connection sees it: what it sees is synced."""

    def __init__(self, database: Path) -> None:
        self.connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0, isolation_level=None)
        self.count = -1
        self.moment = 0.0

    def look(self) -> None:
        try:
            rows = self.connection.execute("SELECT value FROM counter WHERE name LIKE 'stored.%'").fetchall()
        except sqlite3.OperationalError:
            return  # the file is being closed
        count = sum(value for value, in rows)
        if count != self.count:
            self.count, self.moment = count, time.monotonic()

    def end(self) -> float:
        """The moment, when nothing is written any more."""
        self.look()
        self.connection.close()
        return self.moment


def received(bench: Bench, transport: str, arguments: list[Any], database: Path | None = None) -> dict[str, Any]:
    """What our daemon does with them: from the first byte sent to the last event durable, in a new database or this.

    Beside it the seconds to the end of the daemon, which is told to stop when all is sent, and folds its log first.
    """
    stored = bench.status(database)["events"] if database else 0
    database = database or bench.clear(bench.work / "ingest.db")
    place: Any = "127.0.0.1:0" if transport == "udp" else bench.work / "ours.sock"
    before = bench.log.stat().st_size
    daemon = Process.start([bench.waterlined, "--db", database, f"--{transport}", place], bench.log)
    wait_until(lambda: b"listen" in bench.log.read_bytes()[before:], "the daemon listens")
    port = place if transport != "udp" else udp_port(daemon.child.pid)
    user, system = (ticks / os.sysconf("SC_CLK_TCK") for ticks in processor_times(daemon.child.pid))
    committed = Committed(database)
    start = time.monotonic()
    sent = json.loads(run([bench.native("send"), transport, port, *arguments], bench.log).output)
    done = daemon.stop(meanwhile=committed.look)
    end = time.monotonic()
    seconds = committed.end() - start
    status = bench.status(database)
    events = status["events"] - stored
    if not events:
        raise BenchmarkError(f"{transport}: nothing was stored")
    return {"seconds": seconds, "seconds_to_end": end - start, "send_seconds": sent["seconds"], "events": events, "sent": sent["sent"],
            "cpu": done.cpu_seconds - user - system, "system": done.system_seconds - system,
            "peak": done.peak_bytes, "bytes": status["file_bytes"] / status["events"],
            "chunk_bytes": status["chunk_bytes"] / status["events"],
            "dropped": sum(value for name, value in status.items() if name.startswith("kernel_drops")),
            "lost": status["lost"]}


def growth(bench: Bench, stored: list[tuple[str, Path]]) -> list[Figure]:
    """What an event more costs a database that has many, beside one that has few.

    The organisation goes on where the stored days end, with the same people and higher numbers.
    """
    for title, data in stored:
        say(f"Ingest into stored events: {title}")
        reports.fill(bench, data)
    about = parameters(stored[0][1])
    first_day = (datetime.date.fromisoformat(about["first"]) - datetime.date(1970, 1, 1)).days + about["days"]
    more = bench.data("more-1000000", 1_000_000, forms="ndjson", days=7, **{"first-day": first_day, "first-number": 10**8})
    runs: dict[str, list[dict[str, Any]]] = {title: [] for title, _ in stored}
    for _ in range(bench.pairs):
        for title, data in stored:
            database = bench.clear(bench.work / "growth.db")
            shutil.copyfile(data / "untouched.db", database)
            os.sync()  # or the daemon's first sync would write the copy
            uncache(data / "untouched.db")
            fetch_memory()
            runs[title].append(received(bench, "unix-stream", ["lines", more / "events.ndjson"], database))
    bench.clear(bench.work / "growth.db")
    least = stored[0][0]
    figures: list[Figure] = []
    for what, unit, cost in (("time", "µs/event", lambda one: one["seconds"]),
                             ("processor", "µs/event", lambda one: one["cpu"])):
        each = {title: statistics.median(cost(one) / one["events"] for one in ones) * 1e6 for title, ones in runs.items()}
        for title, value in list(each.items())[1:]:
            figures.append(Figure("Ingest into stored events", f"{title} stored: {what}", value, unit, f"{least} stored",
                                  each[least], value / each[least], at_most=1.2))
    return figures


def flatness(fewest: list[Figure], many: list[Figure]) -> Figure:
    """Processor time an event from many sources, beside that from the fewest."""
    few, own = (next(figure for figure in figures if figure.what.endswith(": processor")) for figures in (fewest, many))
    return Figure(own.section, "… beside the fewest sources", own.ours, own.unit, few.section, few.ours, own.ours / few.ours,
                  at_most=1.2)


def udp_port(pid: int) -> int:
    """The port of a process's UDP socket."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            return int(fields[1].rsplit(":", 1)[1], 16)
    raise BenchmarkError("the daemon has no UDP socket")


def paired(
    bench: Bench, section: str, what: str, transport: str, arguments: list[Any], at_least: float | None = None,
    cpu_max: float | None = None, rate_min: float | None = None,
) -> list[Figure]:
    """Our daemon and, where a datagram is an event, the raw loop in turn; medians."""
    say(f"{section}: {what}")
    ours: list[dict[str, Any]] = []
    raws: list[dict[str, Any]] = []
    is_compared = arguments[0] == "lines" and transport != "unix-stream"
    for _ in range(bench.pairs):
        if is_compared:
            raws.append(raw(bench, transport, arguments))
        ours.append(received(bench, transport, arguments))
    ours.sort(key=lambda one: one["seconds"] / one["events"])
    own = ours[len(ours) // 2]
    rate = own["events"] / own["seconds"]
    figures = [Figure(section, what, rate, "events/s", at_least=rate_min)]
    if is_compared:
        raw_rate = statistics.median(one["received"] / one["seconds"] for one in raws)
        figures = [Figure(section, what, rate, "events/s", "receive and discard", raw_rate, rate / raw_rate,
                          at_least=at_least)]
    figures += [
        Figure(section, f"{what}: to the daemon's end", own["events"] / own["seconds_to_end"], "events/s"),
        Figure(section, f"{what}: processor", own["cpu"] / own["events"] * 1e6, "µs/event", at_most=cpu_max),
        kernel_part(section, what, own, raws),
        Figure(section, f"{what}: on disk, whole file", own["bytes"], "bytes/event"),
        Figure(section, f"{what}: of it the events", own["chunk_bytes"], "bytes/event"),
        Figure(section, f"{what}: peak memory", own["peak"] / 2**20, "MiB"),
        Figure(section, f"{what}: dropped by the kernel", own["dropped"], "datagrams"),
    ]
    return figures


def kernel_part(section: str, what: str, own: dict[str, Any], raws: list[dict[str, Any]]) -> Figure:
    """The kernel's part of our processor time, beside all that the raw loop takes, which is nearly all kernel."""
    ours = own["system"] / own["events"] * 1e6
    if not raws:
        return Figure(section, f"{what}: of it in the kernel", ours, "µs/event")
    theirs = statistics.median(one["cpu_seconds"] / one["received"] for one in raws) * 1e6
    return Figure(section, f"{what}: of it in the kernel", ours, "µs/event", "receive and discard, all", theirs,
                  theirs / ours if ours else None)


def imported(bench: Bench, section: str, what: str, file: Path, rate_min: float | None) -> Figure:
    say(f"{section}: {what}")

    def once() -> Run:
        database = bench.clear(bench.work / "import.db")
        return run([bench.waterline, "--db", database, "import", "events", file, "--format", "json"], bench.log)

    done = interleaved(bench.pairs, {"ours": once})["ours"]
    accepted = json.loads(done.output)["accepted"]
    return Figure(section, what, accepted / done.seconds, "events/s", at_least=rate_min)


def peers(bench: Bench, data: Path, title: str, datagrams: int) -> list[Figure]:
    """Processor time and bytes an event of collectors, at a rate at which they lose little.

    Beside them, once a rate, a loop that only receives: what nobody undercuts by much.
    """
    section = f"Collectors, {title}"
    figures: list[Figure] = []
    rates_seen: set[int] = set()
    for peer in collectors.available(bench):
        rate, count = peer.rate, min(datagrams, peer.events_max)
        say(f"{section}: {peer.name}")
        arguments = ["lines", data / "events.ndjson", rate, count]
        theirs = peer.measure(bench, data, rate, count)
        ours = received(bench, "udp", arguments)
        own = ours["cpu"] / ours["events"] * 1e6
        if rate not in rates_seen:
            rates_seen.add(rate)
            one = raw(bench, "udp", arguments)
            least = one["cpu_seconds"] / one["received"] * 1e6
            figures.append(Figure(section, f"processor at {rate:,}/s", own, "µs/event", "receive and discard", least, least / own))
        figures.append(Figure(section, f"processor at {rate:,}/s", own, "µs/event", peer.name, theirs["cpu"],
                              theirs["cpu"] / own, at_least=peer.ratio_min))
        figures.append(Figure(section, f"on disk at {rate:,}/s, whole file", ours["bytes"], "bytes/event", peer.name,
                              theirs["bytes"], ours["bytes"] / theirs["bytes"], at_most=0.1))
        figures.append(Figure(section, f"of it the events at {rate:,}/s", ours["chunk_bytes"], "bytes/event", peer.name,
                              theirs["bytes"], ours["chunk_bytes"] / theirs["bytes"]))
        figures.append(Figure(section, f"stored of {count:,} sent", ours["events"], "events", peer.name,
                              theirs["events"]))
    return figures


def idle(bench: Bench, seconds: int) -> list[Figure]:
    """An idle daemon's processor time and resident memory."""
    database = bench.clear(bench.work / "idle.db")
    before = bench.log.stat().st_size
    daemon = Process.start(
        [bench.waterlined, "--db", database, "--udp", "127.0.0.1:0", "--unix-stream", bench.work / "idle.sock"],
        bench.log)
    wait_until(lambda: b"listen" in bench.log.read_bytes()[before:], "the daemon listens")
    time.sleep(0.5)
    start = processor_ticks(daemon.child.pid)
    time.sleep(seconds)
    ticks = processor_ticks(daemon.child.pid) - start
    resident = memory_bytes(daemon.child.pid, "VmRSS") / 2**20
    daemon.stop()
    return [Figure("Idle daemon", f"processor in {seconds} s", ticks, "ticks", at_most=0),
            Figure("Idle daemon", "resident memory", resident, "MiB", at_most=30)]
