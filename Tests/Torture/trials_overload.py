"""More than the daemon can take."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

from harness import Place, connect_stream, expect, expect_equal, line, poll, udp_queue
from traffic import TIME, events, expect_sound, ledgers
from trial import Run, trial
from trials_connections import resident_kib

# What docs/architecture.md lets the daemon's queues and one merge take together.
MEMORY_KIB_MAX = 768 << 10
EVENTS_PER_DATAGRAM = 20  # sent without a pause: some millions of events a second
RUNS_SECONDS, STOPS_SECONDS = 0.02, 0.08  # a fifth


class DutyCycle(threading.Thread):
    """Lets a process run a fifth of the time."""

    def __init__(self, pid: int, ends: threading.Event) -> None:
        super().__init__(daemon=True)
        self.pid, self.ends = pid, ends

    def run(self) -> None:
        try:
            while not self.ends.is_set():
                os.kill(self.pid, signal.SIGSTOP)
                time.sleep(STOPS_SECONDS)
                os.kill(self.pid, signal.SIGCONT)
                time.sleep(RUNS_SECONDS)
        finally:
            os.kill(self.pid, signal.SIGCONT)


class Patient(threading.Thread):
    """Sends numbered events over the stream, which holds it back."""

    def __init__(self, place: Place, ends: threading.Event) -> None:
        super().__init__(daemon=True)
        self.place, self.ends, self.sent = place, ends, 0

    def run(self) -> None:
        with connect_stream(self.place.stream) as connection:
            while not self.ends.is_set():
                connection.sendall(events("patient", self.sent + 1, 50))
                self.sent += 50
                time.sleep(0.005)


@trial
def overload(place: Place, run: Run) -> str:
    """Slowed to a fifth and offered five times what it then takes: bounded, and each loss counted."""
    seconds = run.size(20, 600)
    datagram = b"".join(
        line(time=TIME + index * 60_000, user=f"user{index % 50}", app="erp", feature=f"step{index % 9}")
        for index in range(EVENTS_PER_DATAGRAM))
    ends = threading.Event()
    with place.daemon() as daemon, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        port = daemon.udp_port()
        sender.connect(("127.0.0.1", port))
        slowing, patient = DutyCycle(daemon.pid, ends), Patient(place, ends)
        slowing.start()
        patient.start()
        sent = 0
        finish = time.monotonic() + seconds
        while time.monotonic() < finish:
            for _ in range(20):
                sender.send(datagram)
            sent += 20
        ends.set()
        slowing.join()
        patient.join()
        poll(lambda: udp_queue(port)[0] == 0, "the UDP socket to be read", 60)
        dropped = udp_queue(port)[1]
        arrived = sent - dropped

        def done() -> bool:
            status = place.status()
            return status["stored"] >= arrived * EVENTS_PER_DATAGRAM + patient.sent

        poll(done, f"{arrived} datagrams of {EVENTS_PER_DATAGRAM} events to be stored", 120)
        status = place.status()
        expect_equal(status["stored"], arrived * EVENTS_PER_DATAGRAM + patient.sent, "events stored")
        expect_equal(status["kernel_drops.udp"], dropped, "datagrams dropped, by the daemon and by the kernel")
        ledger = ledgers(place.database)["patient"]
        expect_equal((ledger.stored, ledger.ranges), (patient.sent, [(1, patient.sent)]), "the stream's events")
        memory = resident_kib(daemon.pid)
        expect(memory < MEMORY_KIB_MAX, f"{memory >> 10} MiB resident, {MEMORY_KIB_MAX >> 10} allowed")
        expect(sent >= 5 * arrived or not run.is_large, f"offered only {sent / max(1, arrived):.1f} times as much")
        expect(dropped > 0, "nothing was dropped: this was no overload")
        expect_sound(place)
        expect_equal(daemon.stop(), 0, "exit code")
    return (f"{seconds} s: {sent} datagrams offered, {arrived} taken ({sent / max(1, arrived):.1f} times as many "
            f"offered), {dropped} dropped and all counted; {patient.sent} events over the stream, none lost; "
            f"{memory >> 10} MiB resident at most")
