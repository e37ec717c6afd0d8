"""Clocks that jump."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from harness import Daemon, Failed, Place, connect_stream, environment, expect, expect_equal, line, poll
from traffic import expect_sound
from trial import Run, trial

LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
             "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1")
YEAR_SECONDS = 366 * 86_400


def library() -> str:
    for path in LIBRARIES:
        if os.path.exists(path):
            return path
    raise Failed("libfaketime is missing: apt-get install libfaketime")


def set_clock(file: Path, seconds: int) -> None:
    """Moves the daemon's wall clock; in one step, as the library may read at any moment."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.rename(file)


@contextmanager
def daemon_with(place: Place, preload: dict[str, str]) -> Iterator[Daemon]:
    """A daemon under libfaketime, by way of env(1).

    The library adds a variable to the environment of the first program it is loaded into, which moves it; Swift
    finds a program's arguments from there, and would find none.
    """
    daemon = Daemon(Path("/usr/bin/env"), [str(place.binaries / "waterlined"), *place.usual_arguments()],
                    environment(place.directory, **preload))
    try:
        daemon.listening()
        yield daemon
    finally:
        daemon.kill()


@trial
def clock_ahead_prunes_nothing(place: Place, run: Run) -> str:
    """A year ahead, and with events from then, nothing goes until somebody says that the clock is right.

    Ahead is the true clock, after a start in the past: so commands, which have no other, agree with the daemon.
    """
    clock = place.path("clock")
    preload = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
               "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    days = run.size(40, 170)
    day = 86_400_000
    ahead = int(time.time() * 1_000) // day * day
    today = ahead - YEAR_SECONDS * 1_000

    def send(start: int, count: int, first: int) -> None:
        with connect_stream(place.stream) as connection:
            connection.sendall(b"".join(
                line(time=start - number * day, user="ann", app="erp", feature="post", source="pc", seq=first + number)
                for number in range(count)))

    set_clock(clock, -YEAR_SECONDS)
    with daemon_with(place, preload) as daemon:
        place.run("settings", "set", "retention.events_days", "180").expect(0)
        send(today, days, 1)
        place.wait_for_events(days)
        # An import has everything merged, and so counted: it could be pruned.
        place.import_text("events", line(time=today, user="ann", app="erp", feature="post")).expect(0)
        poll(lambda: place.status()["daily_cells"] >= days - 1, "days are counted", 30)
        poll(lambda: noted_day(place) is not None, "the day is noted")
        expect_equal(daemon.stop(), 0, "exit code")
    sent = days
    for _ in range(2):
        with place.daemon() as daemon:
            # As of many agents that were away for weeks, and whose clocks were "corrected".
            send(ahead, 20, sent + 1)
            sent += 20
            place.wait_for_events(sent + 1)
            daemon.wait_for("nothing more is pruned")
            time.sleep(6)
            expect_equal(place.status()["pruned_events"], 0, "pruned by a clock that is wrong")
            expect_equal(daemon.stop(), 0, "exit code")
    with place.daemon() as daemon:
        rows = place.run("doctor", "--format", "json").json()["rows"]
        verdict = {row["check"]: row for row in rows}["clock"]
        expect("nothing more is pruned" in verdict["finding"], f"doctor: {verdict}")
        expect("retention.today" in verdict["do"], f"doctor: {verdict}")
        for moment, code in ((today, 2), (ahead, 0)):
            said = time.strftime("%Y-%m-%d", time.gmtime(moment / 1_000))
            place.run("settings", "set", "retention.today", said).expect(code)
        send(ahead, 1, sent + 1)
        poll(lambda: place.status()["pruned_events"] == days, "the old events are pruned", 60)
        expect_equal(daemon.stop(), 0, "exit code")
    return f"{days} events kept through a year's jump, pruned once the day was named"


def noted_day(place: Place) -> int | None:
    with sqlite3.connect(f"file:{place.database}?mode=ro", uri=True) as database:
        row = database.execute("SELECT day FROM clock").fetchone()
    database.close()
    return row and row[0]


@trial
def clock_jumps(place: Place, run: Run) -> str:
    """The wall clock is set a year forward and back while events come in: all are stored, none twice."""
    clock = place.path("clock")
    set_clock(clock, 0)
    rounds = run.size(1, 20)
    preload = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
               "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    sent = 0
    with daemon_with(place, preload) as daemon, connect_stream(place.stream) as connection:
        for _ in range(rounds):
            for offset in (0, YEAR_SECONDS, 0, -YEAR_SECONDS, 0):
                set_clock(clock, offset)
                for _ in range(4):
                    now = int((time.time() + offset) * 1_000)
                    connection.sendall(b"".join(
                        line(time=now, user="ann", app="erp", feature="post", source="pc", seq=seq)
                        for seq in range(sent + 1, sent + 26)))
                    sent += 25
                    time.sleep(0.06)
        place.wait_for_events(sent)
        row = place.sql("SELECT count(DISTINCT seq) AS n, count(DISTINCT time / 86400000) AS days FROM event")[0]
        expect_equal(row["n"], sent, "numbers stored")
        expect(row["days"] >= 3, f"the clock did not jump: events of {row['days']} days only")
        expect_sound(place)
        set_clock(clock, -YEAR_SECONDS)
        expect_equal(daemon.stop(), 0, "exit code")
    with daemon_with(place, preload):
        expect_equal(place.status()["stored"], sent, "events after a restart a year ago")
    return f"{sent} events through {4 * rounds} jumps of a year"


@trial
def commands_under_another_clock(place: Place, run: Run) -> str:
    """`waterline` answers under libfaketime, whose start and an allocator's have locked each other up before."""
    place.import_text("events", line(time="2025-03-05T09:00:00Z", user="ann", app="erp", feature="post")).expect(0)
    question = ["coverage", "--min-group", "1", "--purpose", "test", "--format", "json"]
    true_clock = place.run(*question).expect(0)
    for path in (library(), library().replace("MT.so", ".so")):
        done = subprocess.run(
            ["/usr/bin/env", place.binaries / "waterline", "--db", place.database, *question], capture_output=True,
            text=True, timeout=60, check=False,
            env=environment(place.directory, LD_PRELOAD=path, FAKETIME="@2025-03-10 12:00:00"))
        expect_equal(done.returncode, 0, f"exit code under {path}: {done.stderr}")
        expect_equal((done.stdout, done.stderr), (true_clock.out, true_clock.err), f"answer under {path}")
    return "the same answer through both builds of libfaketime"
