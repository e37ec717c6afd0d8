"""Clocks that jump."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from harness import Daemon, Failed, Place, connect_stream, environment, expect, expect_equal, line
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
