#!/usr/bin/env python3
"""Real logs through the real programs: every way in must give the expected figures.

    check_samples.py --bin DIR --samples DIR [--seed N] [--only WORD]

DIR holds `waterline` and `waterlined`; the samples are `sample-org` and `moodle`, each with events,
roster, catalog, tickets where there are some, and expected*.json. Each set goes in

- from the files as they are;
- shuffled, from NDJSON, CSV and a file of protobuf batches;
- shuffled, through a daemon: UDP, Unix datagrams and a Unix stream at once, JSON lines and
  protobuf batches, a fifth of the numbered events twice; asked while it runs and when it stopped;
- shuffled, a third over the sockets, a third by `import` handed to the running daemon, and after a
  restart the rest, with a fifth of everything once more.

Events without a number are not idempotent: these go over the stream, once.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import check_expected
import compare
import naive
import protobuf_batches

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "CommandLine"))
import harness  # noqa: E402

Event = dict[str, Any]  # numbers as protobuf_batches.Number, spelled as they were

CSV_COLUMNS = ("time", "user", "app", "feature", "kind", "outcome", "duration_ms", "host",
               "session", "version", "cause", "source", "seq")
SET_FILES = ("catalog.csv", "tickets.csv", "roster.csv")
BATCH_EVENTS = 5_000  # in a file or stream
DATAGRAM_BYTES_MAX = 60_000
DATAGRAM_EVENTS_MAX = 150
REDELIVERED = 0.2
SHOWN = 3


@dataclass
class Sample:
    """One set of files, its events parsed once."""

    directory: Path
    events: list[Event]
    expected: list["Expected"]
    distinct: int = field(init=False)
    duplicates: int = field(init=False)

    def __post_init__(self) -> None:
        numbered = {number(event) for event in self.events if number(event)}
        self.distinct = len(numbered) + sum(number(event) is None for event in self.events)
        self.duplicates = len(self.events) - self.distinct

    @property
    def name(self) -> str:
        return self.directory.name


@dataclass(frozen=True)
class Expected:
    """One expected file and the query it was made with."""

    name: str
    figures: dict[str, Any]
    query: compare.Query


def number(event: Event) -> tuple[str, str] | None:
    return (event["source"], event["seq"]) if "seq" in event else None


def load(directory: Path) -> Sample:
    text = (directory / "events.ndjson").read_text(encoding="utf-8")
    as_spelled = protobuf_batches.Number
    events = [json.loads(line, parse_int=as_spelled, parse_float=as_spelled)
              for line in text.splitlines() if line.strip()]
    paths = sorted(directory.glob("expected*.json"))
    if not events or not paths:
        raise SystemExit(f"{directory}: no events, or no expected*.json")
    organisation = check_expected.load(directory, paths[0])
    return Sample(directory, events, [expected(path, organisation) for path in paths])


def expected(path: Path, organisation: naive.Organisation) -> Expected:
    figures = json.loads(path.read_text(encoding="utf-8"))
    where = check_expected.where_of(figures, organisation)
    window = check_expected.window_of(figures)
    query = compare.Query(window, naive.Selection(where=where), min_group=1)
    return Expected(path.name, figures, query)


# ---------------------------------------------------------------------------------------------
# Asking


def differences(waterline: compare.Waterline, wanted: Expected) -> list[str]:
    """Everything in which the reports differ from one expected file."""
    found = []
    for part, report, by in compare.EXPECTED_PARTS:
        rows = wanted.figures.get(part)
        if rows is None:
            continue
        actual = waterline.report(report, by, wanted.query)
        different = compare.row_differences(
            compare.column_names(report, by), rows, actual["rows"])
        if report == "coverage":
            different += compare.ledger_differences(actual["rows"])
        totals = {n: wanted.figures[n] for n in compare.TOTALS if n in wanted.figures}
        different += compare.value_differences(totals, actual["totals"], "totals")
        found += [f"{part}: {line}" for line in different]
    return found


class Checker:
    """Prints one line a check and counts."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.started = time.monotonic()

    def note(self, name: str, found: Sequence[str]) -> None:
        if not found:
            self.passed += 1
            print(f"ok {name}", flush=True)
            return
        self.failed += 1
        shown = "; ".join(line.replace("\n", "\\n") for line in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        print(f"FAIL {name}: {shown}{more}", flush=True)

    def attempt(self, name: str, body: Callable[[], Sequence[str]]) -> None:
        try:
            self.note(name, body())
        except (harness.Failed, compare.Failure, OSError) as error:
            self.note(name, [str(error)])


def waterline(place: harness.Place) -> compare.Waterline:
    return compare.Waterline(place.binaries / "waterline", place.database)


def ask_whole(checker: Checker, place: harness.Place, sample: Sample, way: str) -> None:
    """The expected files with roster and catalog."""
    for wanted in sample.expected:
        if "without" not in wanted.name:
            name = f"{sample.name} {way}: {wanted.name}"
            checker.attempt(name, lambda: differences(waterline(place), wanted))


def ask_all(checker: Checker, place: harness.Place, sample: Sample, way: str) -> None:
    """All expected files; roster and catalog are emptied in turn and put back."""
    for wanted in sample.expected:
        missing = [n for n in ("roster", "catalog") if f"without-{n}" in wanted.name]
        name = f"{sample.name} {way}: {wanted.name}"

        def body() -> list[str]:
            with without(place, sample, missing):
                return differences(waterline(place), wanted)

        checker.attempt(name, body)


class without:
    """Leaves a roster or a catalog with its header only; imports replace the whole."""

    def __init__(self, place: harness.Place, sample: Sample, names: list[str]) -> None:
        self.place, self.sample, self.names = place, sample, names

    def __enter__(self) -> None:
        for name in self.names:
            text = (self.sample.directory / f"{name}.csv").read_text(encoding="utf-8-sig")
            self.place.import_text(name, text.splitlines()[0] + "\n").expect(0)

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            self.place.run("import", name, self.sample.directory / f"{name}.csv").expect(0)


def import_organisation(place: harness.Place, sample: Sample) -> None:
    for file in SET_FILES:
        path = sample.directory / file
        if path.exists():
            place.run("import", path.stem, path).expect(0)


def count_differences(place: harness.Place, sample: Sample, sent: int) -> list[str]:
    """What `status` must say when so many events were handed in."""
    status = place.status()
    wanted = {"events": sample.distinct, "stored": sample.distinct, "conflict": 0, "rejected": 0,
              "duplicate": sent - sample.distinct, "dead_letters": 0}
    found = check_expected.differences(wanted, {name: status.get(name) for name in wanted})
    drops = {n: v for n, v in status.items() if n.startswith("kernel_drops") and v}
    return found + [f"the kernel dropped {drops}"] * bool(drops)


# ---------------------------------------------------------------------------------------------
# Forms


def plain(value: Any) -> Any:
    return int(value) if isinstance(value, protobuf_batches.Number) else value


def rfc3339(milliseconds: int) -> str:
    """The same moment in another spelling: a zone 5 h 45 min ahead."""
    zone = timezone(timedelta(hours=5, minutes=45))
    moment = datetime.fromtimestamp(milliseconds // 1000, zone)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}+05:45"


def json_line(event: Event, other_spelling: bool = False) -> bytes:
    """An event as a line; in the other spelling it must still be the same event."""
    value = {name: plain(cell) for name, cell in event.items()}
    if other_spelling:
        if isinstance(value["time"], int):
            value["time"] = rfc3339(value["time"])
        value.setdefault("kind", "use")
        value.setdefault("outcome", "ok")
        return json.dumps(dict(reversed(value.items()))).encode() + b"\n"
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@cache
def message_class() -> Any:
    return protobuf_batches.batch_class(protobuf_batches.SCHEMA)


def batch(events: Sequence[Event]) -> bytes:
    data = protobuf_batches.encode(message_class()(), events).SerializeToString()
    return protobuf_batches.MAGIC + struct.pack("<I", len(data)) + data


def ndjson_file(events: Sequence[Event]) -> bytes:
    return b"".join(json_line(event) for event in events)


def csv_file(events: Sequence[Event]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(events)
    return text.getvalue().encode("utf-8-sig")


def batch_file(events: Sequence[Event]) -> bytes:
    return b"".join(batch(part) for part in parts(events, BATCH_EVENTS))


def parts(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), size):
        yield events[start:start + size]


FORMS: dict[str, tuple[str, Callable[[Sequence[Event]], bytes]]] = {
    "ndjson": ("events.ndjson", ndjson_file),
    "csv": ("events.csv", csv_file),
    "batches": ("events.wlb", batch_file),
}


def datagrams(events: Sequence[Event], generator: random.Random) -> list[bytes]:
    """Datagrams of 1 to many events, JSON lines or a batch each."""
    made: list[bytes] = []
    start = 0
    while start < len(events):
        size = generator.randint(1, DATAGRAM_EVENTS_MAX)
        chunk = events[start:start + size]
        start += size
        is_batch, spelling = generator.random() < 0.5, generator.random() < 0.5
        data = batch(chunk) if is_batch else b"".join(json_line(e, spelling) for e in chunk)
        if len(data) <= DATAGRAM_BYTES_MAX:
            made.append(data)
        else:
            made += [batch([event]) for event in chunk]
    return made


# ---------------------------------------------------------------------------------------------
# Ways in


def shuffled(events: Sequence[Event], generator: random.Random) -> list[Event]:
    order = list(events)
    generator.shuffle(order)
    return order


def send(place: harness.Place, daemon: harness.Daemon, events: Sequence[Event],
         generator: random.Random, port_count: int = 1) -> int:
    """Sends over all sockets in both forms, a fifth of the numbered ones twice; how many went."""
    numbered = [event for event in events if number(event)]
    again = [event for event in numbered if generator.random() < REDELIVERED]
    mixed = shuffled(numbered + again, generator)
    third = len(mixed) // 3
    udp, local, stream = mixed[:third], mixed[third:2 * third], mixed[2 * third:]
    stream += [event for event in events if not number(event)]
    generator.shuffle(stream)
    harness.send_udp(daemon.udp_port(port_count), datagrams(udp, generator))
    harness.send_datagrams(place.datagram, datagrams(local, generator))
    half = len(stream) // 2
    harness.send_stream(place.stream, ndjson_file(stream[:half]))
    harness.send_stream(place.stream, b"".join(batch(p) for p in parts(stream[half:], 700)))
    return len(mixed) + len(events) - len(numbered)


def by_files(checker: Checker, binaries: Path, sample: Sample) -> None:
    """Plain imports; what an expected file is without was never imported."""
    for wanted in sample.expected:
        path = sample.directory / wanted.name
        name = f"{sample.name} from files: {wanted.name}"
        checker.attempt(
            name, lambda: compare.check_expected_file(
                binaries / "waterline", sample.directory, path, None))


def by_shuffled_files(
    checker: Checker, binaries: Path, sample: Sample, generator: random.Random
) -> None:
    for form, (file, encode) in FORMS.items():
        with harness.place(binaries) as place:
            way = f"shuffled {form}"

            def body() -> list[str]:
                import_organisation(place, sample)
                path = place.write(file, encode(shuffled(sample.events, generator)))
                result = place.run("import", "events", path, "--format", "json").expect(0).json()
                wanted = {"accepted": sample.distinct, "duplicate": sample.duplicates,
                          "conflict": 0, "rejected": 0}
                return compare.value_differences(wanted, result, "counts") + count_differences(
                    place, sample, len(sample.events))

            checker.attempt(f"{sample.name} {way}: counts", body)
            ask_all(checker, place, sample, way)


def by_sockets(
    checker: Checker, binaries: Path, sample: Sample, generator: random.Random
) -> None:
    with harness.place(binaries) as place:
        with place.daemon() as daemon:

            def body() -> list[str]:
                import_organisation(place, sample)
                sent = send(place, daemon, shuffled(sample.events, generator), generator)
                place.wait_for_events(sent)
                return count_differences(place, sample, sent)

            checker.attempt(f"{sample.name} over sockets: counts", body)
            ask_all(checker, place, sample, "over sockets, while the daemon runs")
            checker.attempt(f"{sample.name} over sockets: stop", lambda: stop(daemon))
        ask_whole(checker, place, sample, "over sockets, daemon stopped")


def stop(daemon: harness.Daemon) -> list[str]:
    code = daemon.stop()
    return [] if code == 0 else [f"waterlined ended with {code}: {daemon.lines[-3:]}"]


def by_both(
    checker: Checker, binaries: Path, sample: Sample, generator: random.Random
) -> None:
    """A third over sockets, a third imported while the daemon runs, a restart, then the rest."""
    events = shuffled(sample.events, generator)
    third = len(events) // 3
    first, second, rest = events[:third], events[third:2 * third], events[2 * third:]
    sent = 0

    def before(daemon: harness.Daemon) -> list[str]:
        nonlocal sent
        import_organisation(place, sample)
        sent = send(place, daemon, first, generator)
        path = place.write("second.ndjson", ndjson_file(second))
        place.run("import", "events", path).expect(0)
        sent += len(second)
        place.wait_for_events(sent)
        return [] if place.status().get("stored.import") else ["the daemon counts no import"]

    def after(daemon: harness.Daemon) -> list[str]:
        nonlocal sent
        again = [event for event in first + second if number(event)]
        sent += send(place, daemon, rest, generator)
        sent += send(place, daemon, generator.sample(again, len(again) // 5), generator)
        place.wait_for_events(sent)
        return count_differences(place, sample, sent)

    with harness.place(binaries) as place:
        with place.daemon() as daemon:
            checker.attempt(f"{sample.name} sockets and import: before", lambda: before(daemon))
            checker.attempt(f"{sample.name} sockets and import: restart", lambda: stop(daemon))
        with place.daemon() as daemon:
            checker.attempt(f"{sample.name} sockets and import: after", lambda: after(daemon))
            ask_whole(checker, place, sample, "sockets and import, while the daemon runs")
            checker.attempt(f"{sample.name} sockets and import: stop", lambda: stop(daemon))
        ask_all(checker, place, sample, "sockets and import, daemon stopped")


def main() -> int:
    parser = argparse.ArgumentParser(description="Expected figures of real logs, every way in.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only sets with this in their name")
    options = parser.parse_args()
    binaries = options.bin.resolve()
    checker = Checker()
    print(f"seed {options.seed}", flush=True)
    for name in ("sample-org", "moodle"):
        if options.only not in name:
            continue
        sample = load(options.samples / name)
        generator = random.Random(f"{options.seed} {name}")
        by_files(checker, binaries, sample)
        by_shuffled_files(checker, binaries, sample, generator)
        by_sockets(checker, binaries, sample, generator)
        by_both(checker, binaries, sample, generator)
    seconds = time.monotonic() - checker.started
    print(f"{checker.passed} passed, {checker.failed} failed ({seconds:.0f} s)")
    return 1 if checker.failed else 0


if __name__ == "__main__":
    sys.exit(main())
