"""Thousands of agents that come back at once."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from checks_trust import write_key
from harness import Daemon, Failed, Place, environment, expect, expect_equal, udp_queue
from traffic import expect_sound
from trial import Run, trial
from trials_connections import resident_kib
from trials_overload import MEMORY_KIB_MAX

PER_PROCESS = 2_500  # three descriptors an agent
TENTHS_A_SECOND = 10


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


class Crowd:
    """Agents' senders in some processes, which `many-senders` drives as `waterline-agent` does."""

    def __init__(self, place: Place, directory: Path, count: int, events: int, port: int, seconds: int) -> None:
        self.processes = [
            subprocess.Popen(
                [place.binaries / "many-senders", "--address", f"127.0.0.1:{port}", "--directory", directory,
                 "--first", str(first), "--count", str(min(PER_PROCESS, count - first)), "--events", str(events),
                 "--seconds", str(seconds)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(place.directory))
            for first in range(0, count, PER_PROCESS)]
        for process in self.processes:
            assert process.stdout is not None
            expect_equal(process.stdout.readline(), "ready\n", "what many-senders says")

    def go(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

    def reports(self) -> list[dict[str, Any]]:
        """What each says once its agents have delivered everything."""
        return [json.loads(process.communicate()[0]) for process in self.processes]

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def crowd(place: Place, count: int, events: int, port: int, seconds: int) -> Iterator[Crowd]:
    # In memory: thousands of spools on one disk would wait for it, each agent has its own.
    with tempfile.TemporaryDirectory(dir="/dev/shm", ignore_cleanup_errors=True) as directory:
        agents = Crowd(place, Path(directory), count, events, port, seconds)
        try:
            yield agents
        finally:
            agents.kill()


def udp_queue_among_many(port: int) -> tuple[int, int]:
    """As `udp_queue`: the kernel's list may miss a socket while thousands come and go."""
    for _ in range(100):
        try:
            return udp_queue(port)
        except Failed:
            time.sleep(0.01)
    return udp_queue(port)


class Peak(threading.Thread):
    """The most bytes that waited at a UDP port."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.bytes, self.ends = port, 0, threading.Event()

    def run(self) -> None:
        while not self.ends.wait(0.01):
            self.bytes = max(self.bytes, udp_queue_among_many(self.port)[0])


def busiest(tenths: Counter[int], length: int) -> int:
    """Packets of the busiest stretch of so many tenths of a second."""
    return max((sum(tenths[first + index] for index in range(length)) for first in tenths), default=0)


def deliver(place: Place, agents: Crowd, port: int, daemon: Daemon, began_ms: float) -> str:
    """Waits until everything is there; the figures of it."""
    peak = Peak(port)
    peak.start()
    reports = agents.reports()
    dropped = udp_queue_among_many(port)[1]
    peak.ends.set()
    peak.join()
    expect_equal(sum(report["undelivered"] for report in reports), 0, "agents with batches left")
    tenths = Counter[int]()
    for report in reports:
        tenths.update({int(tenth): number for tenth, number in report["packets_by_tenth"].items()
                       if int(tenth) >= began_ms // 100})
    packets, resent = (sum(report[name] for report in reports) for name in ("packets", "resent"))
    batches = sum(report["acknowledged_batches"] for report in reports)
    seconds = max(report["last_packet_ms"] for report in reports) / 1_000 - began_ms / 1_000
    memory = resident_kib(daemon.pid)
    expect(memory < MEMORY_KIB_MAX, f"{memory >> 10} MiB resident, {MEMORY_KIB_MAX >> 10} allowed")
    text = (f"{batches:,} batches in {seconds:.1f} s; at most {busiest(tenths, TENTHS_A_SECOND):,} packets in a "
            f"second and {busiest(tenths, 1):,} in a tenth; {packets:,} packets, {resent:,} of them again; at most "
            f"{peak.bytes >> 10} KiB waited at the socket, {dropped:,} packets dropped; "
            f"{memory >> 10} MiB resident at most")
    # What the kernel cannot hold comes again: a few may.
    expect(dropped <= packets // 100, f"a flood: {text}")
    return text


@trial
def reconnect(place: Place, run: Run) -> str:
    """10,000 agents find their collector again, and then all start at once: no flood, and nothing is lost."""
    count, events = run.size(300, 10_000), run.size(100, 300)
    away, seconds = run.size(4, 90), run.size(60, 500)
    keys = place.path("keys")
    for number in range(count):
        keys = write_key(place, f"agent-{number}", number.to_bytes(8, "little") * 4)
    port = free_port()
    figures = []
    arguments = ("--db", str(place.database), "--udp", f"127.0.0.1:{port}", "--mode", "encrypt", "--keys", str(keys))
    with crowd(place, count, events, port, away + seconds) as agents:
        agents.go()
        time.sleep(away)
        with place.daemon(*arguments, is_usual=False) as daemon:
            figures.append(f"back after {away} s: {deliver(place, agents, port, daemon, time.time() * 1_000)}")
            expect_arrived(place, count * events)
            with crowd(place, count, events, port, seconds) as more:
                began = time.time() * 1_000
                more.go()
                figures.append(f"all started at once: {deliver(place, more, port, daemon, began)}")
            expect_arrived(place, 2 * count * events)
            expect_equal(daemon.stop(), 0, "exit code")
        expect_sound(place)
    return f"{count:,} agents, {events} events each; " + "; ".join(figures)


def expect_arrived(place: Place, count: int) -> None:
    status = place.status()
    expect_equal([status[name] for name in ("stored", "duplicate", "lost", "rejected")], [count, 0, 0, 0],
                 "stored, duplicate, lost and rejected")
