"""Many connections, idle and slow, beside one that works."""

from __future__ import annotations

import resource
import socket
import time

from harness import Place, connect_stream, expect, expect_equal
from traffic import event, events, expect_exactly
from trial import Run, trial


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for text in file:
            if text.startswith("VmHWM:"):
                return int(text.split()[1])
    return 0


@trial
def many_connections(place: Place, run: Run) -> str:
    """10,000 idle and 1,000 slow connections: a busy one is served as if it were alone."""
    idle_count, slow_count = run.size(2_000, 10_000), run.size(200, 1_000)
    wanted = idle_count + slow_count + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    with place.daemon() as daemon:
        with connect_stream(place.stream) as busy:
            alone = timed(place, busy, "alone", run)
        idle = [connect_stream(place.stream) for _ in range(idle_count)]
        slow = [connect_stream(place.stream) for _ in range(slow_count)]
        lines = [event(f"slow{number}", 1) for number in range(slow_count)]
        sent = [0] * slow_count
        with connect_stream(place.stream) as busy:
            drip(slow, lines, sent)
            crowded = timed(place, busy, "crowded", run)
            drip(slow, lines, sent)
        while any(done < len(text) for done, text in zip(sent, lines)):
            drip(slow, lines, sent)
        count = 2 * run.size(20_000, 200_000) + slow_count
        place.wait_for_events(count)
        highest = {f"slow{number}": 1 for number in range(slow_count)}
        expect_exactly(place, highest | {"alone": count // 2 - slow_count // 2, "crowded": count // 2 - slow_count // 2},
                       "with many connections")
        expect(crowded < 5 * alone + 2, f"{crowded:.2f} s among many connections, {alone:.2f} s alone")
        memory = resident_kib(daemon.pid)
        for connection in idle + slow:
            connection.close()
        expect_equal(daemon.stop(), 0, "exit code")
    return (f"{idle_count} idle and {slow_count} slow connections; busy one {alone:.2f} s alone, "
            f"{crowded:.2f} s among them; {memory / 1024:.0f} MiB resident at most")


def drip(connections: list[socket.socket], lines: list[bytes], sent: list[int]) -> None:
    """A few bytes on each."""
    for index, connection in enumerate(connections):
        piece = lines[index][sent[index]:sent[index] + 29]
        if piece:
            connection.sendall(piece)
            sent[index] += len(piece)


def timed(place: Place, connection: socket.socket, source: str, run: Run) -> float:
    """Seconds from sending a source's events to having them stored."""
    count = run.size(20_000, 200_000)
    data = events(source, 1, count)
    before = place.status()["stored"]
    started = time.monotonic()
    connection.sendall(data)
    while place.status()["stored"] < before + count:
        time.sleep(0.02)
    return time.monotonic() - started
