"""What comes in over the daemon's sockets."""

from __future__ import annotations

import random
import socket

import hostile
from harness import (Place, connect_stream, expect, expect_equal, line, poll, send_datagrams,
                     send_stream, send_udp)
from registry import check

DATAGRAM_BYTES_MAX = 65_507
SEED = 20260304
FLIPS = 150


def numbered(source: str, first: int, count: int) -> list[hostile.Fields]:
    return [hostile.event(source=source, seq=seq) for seq in range(first, first + count)]


def lines(source: str, first: int, count: int) -> bytes:
    return b"".join(line(**fields) for fields in numbered(source, first, count))


def refused() -> tuple[list[bytes], dict[str, int]]:
    """Bad lines, each between two good ones, and the reasons to be counted."""
    parts, reasons = [], {}
    for index, (bad, reason) in enumerate(hostile.REFUSED_LINES.values()):
        parts.append(lines(f"pc-{index}", 1, 1) + bad + b"\n" + lines(f"pc-{index}", 2, 1))
        reasons[reason] = reasons.get(reason, 0) + 1
    return parts, reasons


def expect_refused(place: Place, reasons: dict[str, int]) -> None:
    bad = sum(reasons.values())
    status = place.wait_for_events(3 * bad)
    expect_equal(status["stored"], 2 * bad, "good neighbours stored")
    expect_equal(status["dead_letters"], bad, "dead letters")
    counted = {name.removeprefix("rejected."): value for name, value in status.items()
               if name.startswith("rejected.") and name.removeprefix("rejected.") in reasons}
    expect_equal(counted, reasons, "reasons")


@check
def bad_lines_over_the_stream(place: Place) -> None:
    parts, reasons = refused()
    with place.daemon() as daemon:
        send_stream(place.stream, b"".join(parts))
        expect_refused(place, reasons)
        expect_equal(daemon.stop(), 0, "exit code")


@check
def bad_lines_byte_by_byte_over_the_stream(place: Place) -> None:
    parts, reasons = refused()
    short = [(part, reason) for part, (_, reason) in
             zip(parts, hostile.REFUSED_LINES.values()) if len(part) < 1000]
    with place.daemon(), connect_stream(place.stream) as connection:
        for part, _ in short:
            for start in range(0, len(part), 7):
                connection.sendall(part[start:start + 7])
        connection.close()
        status = place.wait_for_events(3 * len(short))
        expect_equal(status["stored"], 2 * len(short), "good neighbours stored")


@check
def bad_lines_over_unix_datagrams(place: Place) -> None:
    parts, reasons = refused()
    with place.daemon():
        send_datagrams(place.datagram, parts)
        expect_refused(place, reasons)


@check
def bad_lines_over_udp(place: Place) -> None:
    parts, reasons = refused()
    with place.daemon() as daemon:
        send_udp(daemon.udp_port(), parts)
        expect_refused(place, reasons)


@check
def bad_events_in_batches_over_every_socket(place: Place) -> None:
    cases = [(fields, reason) for fields, reason in hostile.REFUSED_FIELDS.values()
             if fields.get("seq") != -1]
    with place.daemon() as daemon:
        for turn in range(3):
            batches = [hostile.batch([*numbered(f"{turn}-{i}", 1, 1), fields,
                                      *numbered(f"{turn}-{i}", 2, 1)])
                       for i, (fields, _) in enumerate(cases)]
            if turn == 0:
                send_udp(daemon.udp_port(), batches)
            elif turn == 1:
                send_datagrams(place.datagram, batches)
            else:
                send_stream(place.stream, b"".join(batches))
        status = place.wait_for_events(9 * len(cases))
        expect_equal(status["stored"], 6 * len(cases), "good neighbours stored")
        for reason in {reason for _, reason in cases}:
            wanted = 3 * sum(other == reason for _, other in cases)
            expect_equal(status.get(f"rejected.{reason}"), wanted, f"count of {reason}")


@check
def largest_datagram_of_good_lines(place: Place) -> None:
    data, count = b"", 0
    while True:
        more = lines("pc", count + 1, 1)
        if len(data) + len(more) > DATAGRAM_BYTES_MAX:
            break
        data, count = data + more, count + 1
    data = data[:-1] + b" " * (DATAGRAM_BYTES_MAX - len(data)) + b"\n"
    expect_equal(len(data), DATAGRAM_BYTES_MAX, "bytes")
    with place.daemon() as daemon:
        send_udp(daemon.udp_port(), [data])
        expect_equal(place.wait_for_events(count)["stored"], count, "stored")


@check
def largest_datagram_of_rubbish_and_an_empty_one(place: Place) -> None:
    rubbish = random.Random(SEED).randbytes(DATAGRAM_BYTES_MAX).replace(b"\n", b"?")
    with place.daemon() as daemon:
        send_udp(daemon.udp_port(), [rubbish, b"", lines("pc", 1, 1), b""])
        send_datagrams(place.datagram, [rubbish, b"", lines("pc", 2, 1)])
        status = place.wait_for_events(7)
        expect_equal(status["stored"], 2, "stored")
        expect_equal(status["rejected"], 5, "rejected")
        expect_equal(status["dead_letters"], 5, "dead letters")


@check
def one_event_as_large_as_a_datagram(place: Place) -> None:
    """An unknown field is ignored where there is no room for it."""
    base = hostile.text(source="pc", seq=1, extra="")
    data = base[:-2] + b"x" * (DATAGRAM_BYTES_MAX - len(base)) + base[-2:]
    with place.daemon() as daemon:
        send_udp(daemon.udp_port(), [data])
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored")


@check
def truncated_batch_in_a_datagram(place: Place) -> None:
    whole = hostile.batch(numbered("torn", 1, 5))
    with place.daemon() as daemon:
        cuts = [whole[:cut] for cut in range(4, len(whole), 9)]
        good = hostile.batch(numbered("good", 1, 5))
        datagrams = [good + cut for cut in cuts[:1]] + cuts[1:] + [lines("good", 6, 1)]
        send_udp(daemon.udp_port(), datagrams)
        status = place.wait_for_events(6 + len(cuts))
        expect_equal(status["stored"], 6, "stored")
        expect_equal(status["rejected.bad_batch"], len(cuts), "bad batches")


@check
def truncated_batch_at_the_end_of_a_stream(place: Place) -> None:
    whole = hostile.batch(numbered("whole", 1, 5))
    with place.daemon():
        send_stream(place.stream, whole + hostile.batch(numbered("torn", 1, 5))[:-4])
        status = place.wait_for_events(6)
        expect_equal((status["stored"], status["rejected.bad_batch"]), (5, 1), "counts")


@check
def unfinished_last_line_of_a_stream_counts(place: Place) -> None:
    with place.daemon():
        send_stream(place.stream, lines("pc", 1, 2)[:-1])
        expect_equal(place.wait_for_events(2)["stored"], 2, "stored")


@check
def flipped_bits_over_the_stream(place: Place) -> None:
    """A connection each: a sound batch, one with a flipped bit, a sound one."""
    generator = random.Random(SEED)
    sound: list[str] = []
    with place.daemon() as daemon:
        for _ in range(FLIPS):
            names = [f"sound-{generator.getrandbits(64):016x}" for _ in range(2)]
            torn = bytearray(
                hostile.payload(numbered(f"torn-{generator.getrandbits(64):016x}", 1, 4)))
            torn[generator.randrange(len(torn))] ^= 1 << generator.randrange(8)
            first, last = (hostile.batch(numbered(name, 1, 4)) for name in names)
            send_stream(place.stream, first + hostile.frame(bytes(torn)) + last)
            sound += names
        poll(lambda: place.status()["stored"] >= 4 * len(sound), f"sound batches, seed {SEED}")
        expect_equal(daemon.stop(), 0, "exit code")
    sources = place.sources()
    lost = [name for name in sound if sources.get(name, {}).get("stored") != 4]
    expect(not lost, f"seed {SEED}: {len(lost)} sound batches are not whole")


@check
def flipped_bits_anywhere_never_end_the_daemon(place: Place) -> None:
    generator = random.Random(SEED + 1)
    whole = hostile.batch(numbered("torn", 1, 6))
    datagrams = []
    for _ in range(400):
        torn = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            torn[generator.randrange(len(torn))] ^= 1 << generator.randrange(8)
        datagrams.append(bytes(torn))
    with place.daemon() as daemon:
        send_udp(daemon.udp_port(), datagrams)
        send_datagrams(place.datagram, datagrams)
        for datagram in datagrams[:100]:
            with connect_stream(place.stream) as connection:
                try:
                    connection.sendall(datagram)
                except BrokenPipeError:
                    pass
        send_stream(place.stream, lines("last", 1, 3))
        poll(lambda: place.sources().get("last", {}).get("stored") == 3, "the last good events")
        expect_equal(daemon.stop(), 0, f"exit code, seed {SEED + 1}")


@check
def a_length_beyond_bounds_ends_only_its_connection(place: Place) -> None:
    with place.daemon(), connect_stream(place.stream) as other:
        other.sendall(lines("other", 1, 1))
        with connect_stream(place.stream) as connection:
            connection.sendall(b"WLB1\xff\xff\xff\xff")
            connection.settimeout(10)
            try:
                expect_equal(connection.recv(1), b"", "answer")
            except ConnectionResetError:
                pass
        other.sendall(lines("other", 2, 1))
        other.close()
        status = place.wait_for_events(3)
        expect_equal((status["stored"], status["rejected.bad_batch"]), (2, 1), "counts")


@check
def ten_million_bytes_without_a_line_feed(place: Place) -> None:
    with place.daemon():
        send_stream(place.stream, lines("pc", 1, 1) + b"{" + b"x" * 10_000_000 + b"\n"
                    + lines("pc", 2, 1))
        status = place.wait_for_events(3)
        expect_equal((status["stored"], status["rejected.too_long"]), (2, 1), "counts")


@check
def many_idle_connections_do_no_harm(place: Place) -> None:
    with place.daemon() as daemon:
        idle = [connect_stream(place.stream) for _ in range(300)]
        send_stream(place.stream, lines("pc", 1, 5))
        place.wait_for_events(5)
        expect_equal(daemon.stop(), 0, "exit code")
        for connection in idle:
            connection.close()


@check
def ipv6_socket(place: Place) -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return
    arguments = ("--db", place.database, "--udp", "[::1]:0")
    with place.daemon(*arguments, is_usual=False) as daemon:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(lines("pc", 1, 2), ("::1", daemon.udp_port()))
        expect_equal(place.wait_for_events(2)["stored"], 2, "stored")


@check
def same_event_in_every_spelling_is_no_conflict(place: Place) -> None:
    """Defaults said or left out, times in any zone, an attribute as an unknown field."""
    same = [
        hostile.text(source="pc", seq=1, attributes={"net": "lan"}),
        hostile.text(source="pc", seq=1, net="lan"),
        hostile.text(source="pc", seq=1, kind="use", outcome="ok", attributes={"net": "lan"}),
        hostile.text(source="pc", seq=1, time="2026-03-03T10:00:00Z", net="lan"),
        hostile.text(source="pc", seq=1, time="2026-03-03T15:45:00.0009+05:45", net="lan"),
    ]
    data = hostile.batch([hostile.event(source="pc", seq=1, attributes={"net": "lan"})])
    with place.daemon() as daemon:
        send_stream(place.stream, b"\n".join(same) + b"\n")
        send_udp(daemon.udp_port(), [data])
        status = place.wait_for_events(6)
        expect_equal((status["stored"], status["duplicate"], status["conflict"]), (1, 5, 0),
                     "stored, duplicate and conflict")
