"""kill -9 at random moments, senders resending."""

from __future__ import annotations

import sqlite3
import threading
import time

from harness import Failed, Place, connect_stream, expect, expect_equal
from traffic import Ledger, events, expect_exactly, expect_sound, ledgers
from trial import Run, trial

SENDERS = 8
EVENTS_PER_WRITE = 40
LONGEST_SECONDS = 0.25


class Sender(threading.Thread):
    """Sends a source's events in order until the daemon is gone; a stream keeps their order."""

    def __init__(self, place: Place, source: str, first: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.place, self.source, self.next, self.pause = place, source, first, pause

    def run(self) -> None:
        try:
            with connect_stream(self.place.stream) as connection:
                while True:
                    connection.sendall(events(self.source, self.next, EVENTS_PER_WRITE))
                    self.next += EVENTS_PER_WRITE
                    time.sleep(self.pause)
        except OSError:
            pass  # killed, as it was to be


def committed(place: Place) -> dict[str, int]:
    """What another process already sees as stored: this may never go again."""
    try:
        return {name: ledger.stored for name, ledger in ledgers(place.database).items()}
    except sqlite3.Error as error:
        raise Failed(f"the database cannot be read beside the daemon: {error}") from error


@trial
def kill_daemon(place: Place, run: Run) -> str:
    """Killed under load again and again: what was seen stored stays, nothing is stored twice or in part."""
    kills = run.size(20, 1_000)
    dice = run.random()
    names = [f"pc{number}" for number in range(SENDERS)]
    stored = dict.fromkeys(names, 0)
    resent = 0
    for kill in range(kills):
        # Overlaps what is stored, as a sender without an answer must.
        first = {name: max(1, stored[name] + 1 - dice.randrange(300)) for name in names}
        resent += sum(stored[name] + 1 - first[name] for name in names)
        with place.daemon() as daemon:
            senders = [Sender(place, name, first[name], dice.choice((0, 0.001, 0.01))) for name in names]
            for sender in senders:
                sender.start()
            time.sleep(dice.uniform(0, LONGEST_SECONDS))
            seen = committed(place) if dice.randrange(3) == 0 else stored
            daemon.kill()
            for sender in senders:
                sender.join()
        after = ledgers(place.database)
        for name in names:
            ledger = after.get(name, Ledger())
            where = f"kill {kill + 1}, {name}"
            expect(ledger.stored >= seen.get(name, 0),
                   f"{where}: {ledger.stored} stored, {seen.get(name, 0)} were seen stored before")
            expect_equal(ledger.ranges, [(1, ledger.stored)] if ledger.stored else [], f"{where}: ranges")
            expect_equal(ledger.conflict, 0, f"{where}: conflicts")
            stored[name] = ledger.stored
        if kill % 50 == 49 or kill == kills - 1:
            expect_sound(place)
    with place.daemon() as daemon:
        for name in names:
            with connect_stream(place.stream) as connection:
                connection.sendall(events(name, max(1, stored[name] - 100), 200))
            stored[name] = max(1, stored[name] - 100) + 199
        deadline = time.monotonic() + 60
        while committed(place) != stored and time.monotonic() < deadline:
            time.sleep(0.05)
        expect_exactly(place, stored, "after the last kill")
        expect_equal(daemon.stop(), 0, "exit code")
    duplicates = sum(ledger.duplicate for ledger in ledgers(place.database).values())
    return (f"{kills} kills, {SENDERS} senders, {sum(stored.values())} events stored once each; "
            f"{duplicates} redelivered ones recognised")
