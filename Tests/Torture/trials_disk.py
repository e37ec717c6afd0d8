"""Disks that are full, damaged, cut short or not writable."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import fixture
from harness import Daemon, Failed, Place, Result, connect_stream, expect, expect_equal, poll
from traffic import event, events, expect_exactly, expect_sound
from trial import Run, trial


@contextmanager
def small_disk(place: Place, mebibytes: int) -> Iterator[Path]:
    """A tmpfs of its own; needs the right to mount, as root or in a user namespace has."""
    directory = place.path("small-disk")
    directory.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(directory)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"a tmpfs cannot be mounted (run as root, or under 'unshare -rm'): {done.stderr}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=False)


def free_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def fill(directory: Path, leaving: int) -> Path:
    """Ballast on a disk, so that so many bytes stay free."""
    ballast = directory / "ballast"
    count = max(0, free_bytes(directory) - leaving)
    with ballast.open("wb") as file:
        while count > 0:
            written = file.write(b"\xa5" * min(count, 1 << 16))
            count -= written
    return ballast


@trial
def disk_full(place: Place, run: Run) -> str:
    """The disk fills under load: reports go on; with room again, all that was sent is there once."""
    count = run.size(40_000, 400_000)
    cycles = run.size(2, 10)
    sent = 0
    with small_disk(place, run.size(24, 160)) as disk:
        place.database = disk / "waterline.db"
        with place.daemon() as daemon:
            with connect_stream(place.stream) as connection:
                for cycle in range(cycles):
                    connection.sendall(events("pc", sent + 1, 100))
                    sent += 100
                    place.wait_for_events(sent)
                    ballast = fill(disk, leaving=64 << 10)
                    # No more than the daemon's queue and the socket hold, as nobody takes more now.
                    for _ in range(count // 100 // cycles):
                        connection.sendall(events("pc", sent + 1, 100))
                        sent += 100
                        if sum("cannot write" in line for line in daemon.lines) > cycle:
                            break
                    daemon.wait_for("cannot write", cycle + 1)
                    status = place.report("status")
                    expect(bool(status["rows"]), "no status while the disk is full")
                    place.sql("SELECT count(*) AS n FROM event")
                    ballast.unlink()
                    daemon.wait_for("writing again", cycle + 1)
                connection.sendall(event("pc", sent + 1))
                sent += 1
            place.wait_for_events(sent)
            expect_exactly(place, {"pc": sent}, "after the disk was full")
            expect_sound(place)
            expect_equal(daemon.stop(), 0, "exit code")
        expect_exactly(place, {"pc": sent}, "after the daemon has stopped")
    return f"{sent} events through {cycles} full disks, all stored once"


@trial
def disk_full_and_killed(place: Place, run: Run) -> str:
    """Killed while the disk is full, started on the full disk, then given room."""
    with small_disk(place, 24) as disk:
        place.database = disk / "waterline.db"
        with place.daemon() as daemon, connect_stream(place.stream) as connection:
            connection.sendall(events("pc", 1, 500))
            place.wait_for_events(500)
            ballast = fill(disk, leaving=16 << 10)
            for first in range(501, 40_000, 100):
                connection.sendall(events("pc", first, 100))
                if any("cannot write" in line for line in daemon.lines):
                    break
            daemon.wait_for("cannot write")
            before = place.status()["stored"]
            daemon.kill()
        fill_rest = fill(disk / ".", leaving=0) if free_bytes(disk) else ballast
        again = place.start(*place.usual_arguments())
        poll(lambda: any("listening on" in line or "waiting for room" in line for line in again.lines),
             "the daemon on a full disk to start, or to say that it waits")
        outcome = "waits for room" if any("waiting" in line for line in again.lines) else "starts"
        for file in {ballast, fill_rest}:
            file.unlink(missing_ok=True)
        again.wait_for("listening on")
        again.kill()
        with place.daemon():
            status = place.status()
            expect(status["stored"] >= before, f"{status['stored']} stored, {before} were before")
            expect_sound(place)
            # Whoever numbers its events sends them again; nothing is stored twice.
            with connect_stream(place.stream) as connection:
                connection.sendall(events("pc", 1, 40_000))
            poll(lambda: sum(place.status()[key] for key in ("stored",)) >= 40_000, "all events")
            expect_exactly(place, {"pc": 40_000}, "after redelivery")
    return f"on the full disk the daemon {outcome}; 40000 events stored once after redelivery"


# ---------------------------------------------------------------------------------------------
# Damage

QUESTIONS = (
    ("coverage", "--by", "feature", *fixture.WINDOW), ("coverage", *fixture.WINDOW),
    ("gaps", *fixture.WINDOW), ("erosion", *fixture.WINDOW), ("strikeouts", *fixture.WINDOW),
    ("status",),
)


def ask(place: Place, database: Path, *question: str) -> Result:
    """From the file, not from an answer that was kept before it was damaged."""
    return place.program(["--db", database, *question, "--format", "json"], env={"WATERLINE_KEEP_ANSWERS": "no"})


def answers(place: Place, database: Path) -> list[Result]:
    return [ask(place, database, *question) for question in QUESTIONS]


def prepared(place: Place) -> list[Result]:
    """A database with everything in it, and the right answers."""
    fixture.load(place)
    connection = sqlite3.connect(place.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    # Asked under the name that the damaged copies will have, as answers name their file.
    copy = damaged_copy(place, place.database.read_bytes())
    right = answers(place, copy)
    for result in right:
        result.expect(0)
    return right


def damaged_copy(place: Place, content: bytes | bytearray) -> Path:
    copy = place.path("damaged.db")
    for beside in place.directory.glob("damaged.db*"):
        beside.unlink()
    copy.write_bytes(content)
    return copy


def names_damage(answer: dict, good: dict) -> bool:
    """Reports warn of chunks that were set aside, `status` counts their events."""
    warned = [text for text in answer.get("warnings", []) if text not in good.get("warnings", [])]
    return bool(warned) or any(
        row.get("name") == "damaged_events" and row["value"] > 0 for row in answer["rows"])


def judge(place: Place, damaged: Path, right: list[Result], where: str) -> str:
    """Each answer is the right one, or an error of one line; which of both came more."""
    errors = 0
    for question, good in zip(QUESTIONS, right):
        answer = ask(place, damaged, *question)
        if answer.code not in (0, 1):
            return f"crashed: '{' '.join(question)}' ended with {answer.code}: {answer.err[:300]}"
        if answer.code == 1:
            errors += 1
            expect_equal(len(answer.err.splitlines()), 1, f"{where}: lines of {answer.err!r}")
            expect(answer.out == "", f"{where}: half an answer: {answer.out[:200]}")
        elif answer.out != good.out:
            if not names_damage(json.loads(answer.out), json.loads(good.out)):
                return f"silently wrong: '{' '.join(question)}'"
            errors += 1
    return "named" if errors else "right"


PAGE_BYTES = 16_384  # of new files


def page_of(database: Path, offset: int) -> str:
    """Which table or index a byte lies in, for people."""
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        page = offset // PAGE_BYTES + 1
        row = connection.execute("SELECT name, pagetype FROM dbstat WHERE pageno = ?", (page,)).fetchone()
        connection.close()
        return f"{row[0]} ({row[1]})" if row else f"page {page}"
    except sqlite3.Error:
        return f"page {offset // PAGE_BYTES + 1}"


def pages_of_events(database: Path) -> list[int]:
    """Where in the file the pages of the events' columns begin."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    numbers = connection.execute("SELECT pageno FROM dbstat WHERE name = 'chunk_column'").fetchall()
    connection.close()
    return [(number - 1) * PAGE_BYTES for number, in numbers]


@trial
def flipped_bytes(place: Place, run: Run) -> str:
    """One byte changed, among the events or anywhere in the file: the right answer or a clear error, each time."""
    right = prepared(place)
    random = run.random()
    whole = place.database.read_bytes()
    found: dict[str, Counter[str]] = {"among the events": Counter(), "elsewhere": Counter()}
    wrong: list[str] = []
    events = pages_of_events(place.database)
    for index in range(run.size(30, 1_000)):
        offset = random.randrange(len(whole))
        if index % 2:
            offset = random.choice(events) + random.randrange(PAGE_BYTES)
        spoiled = bytearray(whole)
        spoiled[offset] ^= random.randrange(1, 256)
        page = page_of(place.database, offset)
        where = f"byte {offset} of {len(whole)} in {page}"
        outcome = judge(place, damaged_copy(place, spoiled), right, where)
        part = "among the events" if page.startswith("chunk_column") else "elsewhere"
        found[part][outcome] += 1
        if outcome not in ("right", "named"):
            wrong.append(f"{where}: {outcome}")
    expect(not wrong, f"{len(wrong)} flips are not named, such as {wrong[:6]}")
    return f"{len(whole)} bytes; " + "; ".join(f"{part} {dict(counts)}" for part, counts in found.items())


@trial
def truncated_file(place: Place, run: Run) -> str:
    """The file cut short anywhere, the daemon then started on it."""
    right = prepared(place)
    random = run.random()
    whole = place.database.read_bytes()
    found: Counter[str] = Counter()
    for index in range(run.size(6, 300)):
        length = random.randrange(1, len(whole)) if index % 3 else random.randrange(1, len(whole) // PAGE_BYTES) * PAGE_BYTES
        damaged = damaged_copy(place, whole[:length])
        outcome = judge(place, damaged, right, f"cut to {length} of {len(whole)} bytes")
        expect(outcome in ("right", "named"), f"cut to {length} of {len(whole)} bytes: {outcome}")
        found[outcome] += 1
        daemon = place.start("--db", damaged, "--unix-stream", place.stream)
        poll(lambda: any("listening" in line for line in daemon.lines) or daemon.process.poll() is not None,
             "the daemon to start on a damaged file, or to say why not")
        if daemon.process.poll() is None:
            expect_equal(daemon.stop(), 0, "exit code of a daemon on a damaged file")
            found["daemon starts"] += 1
        else:
            expect_equal(daemon.process.returncode, 1, f"exit code; it said {daemon.lines}")
            found["daemon says why not"] += 1
    return f"{dict(found)}"


# A daemon that cannot write tries for ten seconds before it ends: most of the time nobody works.
DAEMONS_AT_ONCE = 8


@trial
def daemon_on_flipped_bytes(place: Place, run: Run) -> str:
    """The daemon goes on storing on a file with a changed byte, or says at once why it can't."""
    prepared(place)
    random = run.random()
    whole = place.database.read_bytes()
    flips = [(index, random.randrange(len(whole)), random.randrange(1, 256)) for index in range(run.size(5, 200))]
    with ThreadPoolExecutor(DAEMONS_AT_ONCE) as pool:
        found = Counter(pool.map(lambda flip: daemon_on(place, whole, *flip), flips))
    return f"{dict(found)}"


def daemon_on(place: Place, whole: bytes, index: int, offset: int, change: int) -> str:
    """What a daemon makes of a file with one byte changed."""
    damaged, stream = place.path(f"damaged{index}.db"), place.path(f"stream{index}.sock")
    spoiled = bytearray(whole)
    spoiled[offset] ^= change
    damaged.write_bytes(spoiled)
    daemon = place.start("--db", damaged, "--unix-stream", stream)
    where = f"byte {offset}"
    try:
        poll(lambda: any("listening" in line for line in daemon.lines) or daemon.process.poll() is not None,
             f"{where}: the daemon to start or to say why not")
        if daemon.process.poll() is not None:
            expect_equal(daemon.process.returncode, 1, f"{where}: exit code; it said {daemon.lines}")
            return "says why not"
        with connect_stream(stream) as connection:
            connection.sendall(events("after", 1, 200))
        outcome = "stores" if stores(place, damaged, daemon) else "cannot write, and says so"
        daemon.stop()
        expect(daemon.process.returncode in (0, 1), f"{where}: ended with {daemon.process.returncode}")
        return outcome
    finally:
        daemon.kill()


def stores(place: Place, database: Path, daemon: Daemon) -> bool:
    """Whether 200 events come to be stored; else the log or `status` says that they cannot be."""
    def stored() -> int:
        result = ask(place, database, "status")
        if result.code != 0:
            return -1
        values = {row["name"]: row["value"] for row in json.loads(result.out)["rows"]}
        return values.get("stored.unix-stream", 0)

    poll(lambda: stored() == 200 or any("cannot" in line for line in daemon.lines) or stored() < 0,
         f"events to be stored, or an error; the log is {daemon.lines}")
    return stored() == 200


@trial
def read_only_directory(place: Place, run: Run) -> str:
    """A directory that cannot be written: one line says so; made writable, all goes on."""
    directory = place.path("locked")
    directory.mkdir()
    place.database = directory / "waterline.db"
    place.import_text("events", events("pc", 1, 50)).expect(0)
    # Root may write anywhere, so the file system itself is made read-only.
    mount = ["mount", "--bind", str(directory), str(directory)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(directory)], check=True, capture_output=True)
        refused = place.program(place.usual_arguments(), name="waterlined")
        refused.expect_one_line(1, str(directory))
        reading = place.run("status", "--format", "json")
        expect(reading.code in (0, 1), f"status ended with {reading.code}")
        subprocess.run(["mount", "-o", "remount,rw,bind", str(directory)], check=True, capture_output=True)
        with place.daemon():
            with connect_stream(place.stream) as connection:
                connection.sendall(events("pc", 51, 50))
            place.wait_for_events(100)
            expect_exactly(place, {"pc": 100}, "after the directory was writable again")
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=False)
    return f"refused with one line; reading {'works' if reading.code == 0 else 'is refused'}; then 100 events"
