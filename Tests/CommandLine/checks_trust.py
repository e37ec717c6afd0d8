"""Who may speak, what is acknowledged, and what is refused, counted and not answered."""

from __future__ import annotations

import base64
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from harness import (Daemon, Place, Skipped, connect_stream, expect, expect_equal, line, poll, send_stream,
                     send_udp)
from registry import check

sys.path.insert(0, str(Path(__file__).parent.parent / "Oracle"))

NOBODY = 65_534
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
NONE, SIGN, ENCRYPT = 0, 1, 2
ACKNOWLEDGEMENT, BUSY = 2, 3


def codec() -> Any:
    try:
        import envelope
    except ImportError as error:
        raise Skipped(f"no envelopes without PyNaCl: {error}") from None
    return envelope


def event(user: str = "ann", **fields: Any) -> bytes:
    return line(time=int(time.time() * 1000), user=user, app="crm", feature="order", **fields)


def write_key(place: Place, name: str, secret: bytes = KEY, **fields: str) -> Path:
    directory = place.path("keys")
    directory.mkdir(exist_ok=True)
    path = directory / f"{name}.key"
    text = "".join(f"{field}: {value}\n" for field, value in fields.items())
    path.write_text(f"key: {base64.b64encode(secret).decode()}\n{text}")
    path.chmod(0o600)
    return directory


class Sender:
    """An agent as small as can be."""

    def __init__(self, connection: socket.socket, **fields: Any) -> None:
        self.codec = codec()
        self.connection = connection
        self.fields = {"mode": NONE, "sender": "pc", "spool": 7} | fields
        self.packet = 0

    def send(self, payload: bytes, batch: int, **fields: Any) -> bytes:
        self.packet += 1
        values = {"packet": self.packet, "batch": batch, "oldest": 1,
                  "sent_ms": int(time.time() * 1000)} | self.fields | fields
        data = self.codec.seal(payload, **values)
        self.connection.sendall(data)
        return data

    def answer(self, seconds: float = 5) -> dict[str, Any] | None:
        self.connection.settimeout(seconds)
        try:
            data = self.connection.recv(65_536)
        except TimeoutError:
            return None
        opened = self.codec.open_envelope(data, self.fields.get("key", b""))
        cumulative, delay, window, count = struct.unpack_from("<QIHH", opened["payload"]) \
            if len(opened["payload"]) >= 16 else (0, 0, 0, 0)
        return opened | {"cumulative": cumulative, "window": window, "ranges": [
            struct.unpack_from("<QQ", opened["payload"], 16 + 16 * index) for index in range(count)]}


def udp(daemon: Daemon) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.connect(("127.0.0.1", daemon.udp_port()))
    return connection


def as_nobody(place: Place, code: str, *arguments: str, account: int = NOBODY) -> None:
    """Runs Python as another account."""
    if os.geteuid() != 0:
        raise Skipped("only root can send as another account")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], user=account, group=account, extra_groups=[],
        capture_output=True, text=True, timeout=20, check=False)
    expect_equal(done.returncode, 0, f"the other account's sender: {done.stderr[-300:]}")


STREAM = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1]); s.sendall(bytes.fromhex(sys.argv[2])); s.close()
"""
DATAGRAM = STREAM.replace("SOCK_STREAM", "SOCK_DGRAM")


def open_to_all(place: Place) -> None:
    place.directory.chmod(0o755)


# Local senders


@check
def local_senders_speak_for_themselves(place: Place) -> None:
    open_to_all(place)
    config = place.write("c.yaml", "socket_mode: 0666\n")
    with place.daemon("--config", config):
        lines = event("nobody") + event("ann", source="ann-pc", seq=1)
        as_nobody(place, STREAM, str(place.stream), lines.hex())
        status = place.wait_for_events(2)
        expect_equal((status["stored"], status["rejected.not_yours"]), (1, 1), "over the stream")
        as_nobody(place, DATAGRAM, str(place.datagram), lines.hex())
        status = place.wait_for_events(4)
        expect_equal((status["stored"], status["rejected.not_yours"]), (2, 2), "over datagrams")
        expect("ann-pc" not in place.sources(), "an impostor shows in the ledger of whom they name")
        why = ("dead-letters", "show", "--purpose", "who it was")
        expect_equal([row["speaker"] for row in place.report(*why)["rows"]], ["nobody", "nobody"], "speakers")
        expect("of ann-pc, sent by nobody" in place.run(*why, "--format", "table").expect(0).out, "as text")
        expect("nobody" not in place.run("dead-letters").out, "the list names the sender")
        roster = "user,department,role,aliases\nann,Sales,clerk,nobody\n"
        place.import_text("roster", roster).expect(0)
        as_nobody(place, STREAM, str(place.stream), event("ann").hex())
        expect_equal(place.wait_for_events(5)["stored"], 3, "stored with the alias")


UNSENT = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1]); s.sendall(bytes.fromhex(sys.argv[2])); assert s.recv(4096)[8] == 2; s.close()
"""


@check
def strangers_cannot_withhold_numbers(place: Place) -> None:
    """Another account's word on a source's numbers would hide what was lost."""
    open_to_all(place)
    config = place.write("c.yaml", "socket_mode: 0666\n")
    envelopes = codec()
    now = int(time.time() * 1000)

    def telling(source: str, spool: int) -> str:
        payload = envelopes.unsent(1, source, [(2, 9)]) + event("nobody", source="own", seq=spool)
        return envelopes.seal(payload, spool=spool, sent_ms=now).hex()

    with place.daemon("--config", config):
        other = event("uid4242", source="other", seq=1) + event("uid4242", source="other", seq=10)
        as_nobody(place, STREAM, str(place.stream), other.hex(), account=4242)
        as_nobody(place, STREAM, str(place.stream), event("nobody", source="own", seq=3).hex())
        place.wait_for_events(3)
        as_nobody(place, UNSENT, str(place.stream), telling("other", 1))
        as_nobody(place, UNSENT, str(place.stream), telling("own", 12))
        sources = place.sources()
        expect_equal((sources["other"]["withheld"], sources["other"]["lost"]), (0, 8), "told by a stranger")
        expect_equal(sources["own"]["withheld"], 7, "told by its owner: 2 to 9 without 3")


@check
def strangers_cannot_take_over_a_source(place: Place) -> None:
    """One that root used first: its next number would pass for a redelivered one."""
    open_to_all(place)
    config = place.write("c.yaml", "socket_mode: 0666\n")
    envelopes = codec()
    payload = envelopes.unsent(1, "rootsrc", [(2, 2)]) + event("nobody", source="rootsrc", seq=3)
    packet = envelopes.seal(payload, spool=1, sent_ms=int(time.time() * 1000))
    with place.daemon("--config", config):
        send_stream(place.stream, event("root", source="rootsrc", seq=1) + event("root", source="rootsrc", seq=5))
        place.wait_for_events(2)
        as_nobody(place, UNSENT, str(place.stream), packet.hex())
        place.wait_for_events(3)
        send_stream(place.stream, event("root", source="rootsrc", seq=3))
        status = place.wait_for_events(4)
        expect_equal((status["stored"], status["rejected.not_yours"]), (3, 1), "stored, and not theirs")
        source = place.sources()["rootsrc"]
        expect_equal((source["withheld"], source["lost"], source["duplicate"]), (0, 2, 0), "root's own ledger")


@check
def relays_speak_for_others(place: Place) -> None:
    open_to_all(place)
    config = place.write("c.yaml", "socket_mode: 0666\nrelays: nobody\n")
    with place.daemon("--config", config) as daemon:
        as_nobody(place, STREAM, str(place.stream), event("ann").hex())
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored of a relay")
        place.write("c.yaml", "socket_mode: 0666\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("listening on", 2)
        as_nobody(place, STREAM, str(place.stream), event("ann").hex())
        expect_equal(place.wait_for_events(2)["rejected.not_yours"], 1, "refused afterwards")


@check
def unknown_relay(place: Place) -> None:
    config = place.write("c.yaml", "relays: no-such-account-here\n")
    done = place.program(["--db", place.database, "--config", config], name="waterlined")
    done.expect_one_line(1, "no-such-account-here")


@check
def sockets_are_closed_to_others(place: Place) -> None:
    with place.daemon():
        for path in (place.stream, place.datagram, Path(f"{place.database}.control")):
            expect_equal(path.stat().st_mode & 0o777, 0o600, f"mode of {path.name}")
        expect_equal(place.database.stat().st_mode & 0o007, 0, "the database's mode for others")


# Acknowledgement


def delivers(place: Place, connection: socket.socket) -> None:
    sender = Sender(connection)
    sender.send(event(source="app", seq=1) + event(source="app", seq=2), batch=1)
    answer = sender.answer()
    expect(answer is not None, "no acknowledgement")
    expect_equal((answer["type"], answer["cumulative"]), (ACKNOWLEDGEMENT, 1), "the first answer")
    # Acknowledged is stored: readable at once.
    expect_equal(place.status()["stored"], 2, "stored when acknowledged")
    sender.send(event(source="app", seq=4), batch=3)
    answer = sender.answer()
    expect_equal((answer["cumulative"], answer["ranges"]), (1, [(3, 3)]), "with a gap")
    sender.send(event(source="app", seq=4), batch=3)
    answer = sender.answer()
    expect_equal((answer["cumulative"], answer["ranges"]), (1, [(3, 3)]), "sent again")
    sender.send(event(source="app", seq=3), batch=2)
    expect_equal(sender.answer()["cumulative"], 3, "the gap filled")
    status = place.status()
    expect_equal((status["stored"], status["duplicate"]), (4, 0), "stored once each")


@check
def acknowledged_over_udp(place: Place) -> None:
    with place.daemon() as daemon, udp(daemon) as connection:
        delivers(place, connection)


@check
def acknowledged_over_the_stream(place: Place) -> None:
    with place.daemon(), connect_stream(place.stream) as connection:
        delivers(place, connection)


@check
def batches_are_known_after_a_restart(place: Place) -> None:
    for start in range(2):
        with place.daemon() as daemon, udp(daemon) as connection:
            sender = Sender(connection)
            sender.packet = 10 * start
            sender.send(event(), batch=1)  # without a number: only the batch tells
            expect_equal(sender.answer()["cumulative"], 1, f"answer of start {start}")
            expect_equal(place.status()["stored"], 1, "stored")
            daemon.signal(signal.SIGKILL)
            daemon.wait()


LARGE_BATCH = 150_000  # more than the 65,536 that are decoded at once


@check
def nobody_has_anothers_batches_acknowledged(place: Place) -> None:
    """Another account names the same sender and spool, and says that all before its batch 100 is done."""
    open_to_all(place)
    config = place.write("c.yaml", "socket_mode: 0666\n")
    for turn in range(2):
        claim = codec().seal(event("nobody"), sender="pc", spool=9, packet=5 + turn, batch=100, oldest=100,
                             sent_ms=int(time.time() * 1000))
        with place.daemon("--config", config):
            as_nobody(place, UNSENT, str(place.stream), claim.hex())
            sender = Sender(connect_stream(place.stream), spool=9)
            sender.packet = 10 * turn
            sender.send(event(), batch=50 + turn)
            answer = sender.answer()
            expect(answer is not None and answer["type"] == ACKNOWLEDGEMENT, f"answer {answer}")
            expect_equal(place.status()["stored"], 2 + turn, "stored: its own batch once, and each of the other's")


def large_batch() -> bytes:
    now = int(time.time() * 1000)
    return b"".join(b'{"time":%d,"user":"u","app":"a","feature":"f"}\n' % (now + number % 1_000)
                    for number in range(LARGE_BATCH))


@check
def a_large_batch_is_stored_whole_or_not_at_all(place: Place) -> None:
    """Its events have no numbers: stored in part and sent again, some would be there twice."""
    payload = large_batch()
    packet = 0
    for seconds in (0.02, 0.08, 0.2, 0.35, None):
        with place.daemon() as daemon, connect_stream(place.stream) as connection:
            stored = place.status()["stored"]
            expect(stored in (0, LARGE_BATCH), f"{stored} of {LARGE_BATCH} events are stored")
            sender = Sender(connection)
            sender.packet = packet = packet + 1
            if seconds is None:
                sender.send(payload, batch=1)
                expect_equal(sender.answer(30)["cumulative"], 1, "answer")
                expect_equal(place.status()["stored"], LARGE_BATCH, "stored")
            else:
                sending = threading.Thread(target=lambda sender=sender: attempt(sender, payload))
                sending.start()
                time.sleep(seconds)
                daemon.signal(signal.SIGKILL)
                daemon.wait()
                sending.join()
    place.run("doctor").expect(0)


def attempt(sender: Sender, payload: bytes) -> None:
    try:
        sender.send(payload, batch=1)
    except OSError:
        pass  # the daemon is gone


@check
def a_large_batch_passes_an_agent_whole(place: Place) -> None:
    with place.daemon(), place.agent() as agent, connect_stream(place.agent_stream) as connection:
        sender = Sender(connection)
        sender.send(large_batch(), batch=1)
        expect_equal(sender.answer(30)["cumulative"], 1, "answer")
        agent.signal(signal.SIGKILL)
        agent.wait()
        with place.agent():
            poll(lambda: place.status()["stored"] >= LARGE_BATCH, "the events to arrive", 60)
            expect_equal(place.status()["stored"], LARGE_BATCH, "stored")


@check
def refused_by_the_sender(place: Place) -> None:
    with place.daemon() as daemon, udp(daemon) as connection:
        sender = Sender(connection)
        refused_events = sender.codec.refused("time", 3, "app", [(2, 3)]) + sender.codec.refused("not_json", 5)
        sender.send(event(source="app", seq=1) + refused_events + event(source="app", seq=5), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "answer")
        source = place.sources()["app"]
        expect_equal([source[name] for name in ("stored", "rejected", "refused_numbers", "lost")], [2, 3, 2, 1],
                     "the ledger: of three refused events one had no number")
        status = place.status()
        expect_equal((status["rejected.time"], status["rejected.not_json"]), (3, 5), "refused, by reason")
        sender.send(sender.codec.refused("no_such_reason", 1) + event(), batch=2)
        expect_equal(sender.answer()["cumulative"], 2, "answer to a bad part")
        expect_equal(place.status()["rejected.bad_batch"], 1, "a bad part")
    place.run("doctor").expect(0)


@check
def withheld_numbers_leave_no_gap(place: Place) -> None:
    with place.daemon() as daemon, udp(daemon) as connection:
        sender = Sender(connection)
        payload = event(source="app", seq=1) + event(source="app", seq=9)
        sender.send(sender.codec.unsent(1, "app", [(2, 5)]) + sender.codec.unsent(2, "app", [(7, 7)])
                    + payload, batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "answer")
        source = place.sources()["app"]
        expect_equal((source["withheld"], source["lost"], source["spool_dropped"]), (4, 3, 1),
                     "withheld, lost and dropped")
        sender.send(sender.codec.unsent(2, "new", [(2, 20)]) + event(source="new", seq=1), batch=2)
        expect_equal(sender.answer()["cumulative"], 2, "answer")
        source = place.sources()["new"]
        expect_equal((source["highest_seq"], source["lost"], source["first_gaps"]), (20, 19, "2-20"),
                     "dropped behind the last")


@check
def clocks_are_corrected(place: Place) -> None:
    behind = 3_600_000
    with place.daemon() as daemon, udp(daemon) as connection:
        sender = Sender(connection)
        now = int(time.time() * 1000)
        text = line(time=now - behind - 5_000, user="ann", app="crm", feature="order")
        sender.send(text, batch=1, sent_ms=now - behind)
        expect_equal(sender.answer()["cumulative"], 1, "answer")
        stored = place.sql("SELECT time, clock_offset_ms FROM event")[0]
        expect(abs(stored["time"] - (now - 5_000)) < 5_000, f"corrected: {stored}")
        expect_equal(stored["time"] - stored["clock_offset_ms"], now - behind - 5_000, "raw time")
        offset = place.sources()["pc"]["clock_offset_ms"]
        expect(abs(offset - behind) < 5_000, f"clock offset {offset}")


# What is refused


def refused(place: Place) -> dict[str, int]:
    start = "refused_packets."
    return {name.removeprefix(start): value for name, value in place.status().items()
            if name.startswith(start)}


@check
def bad_packets_are_refused_counted_and_not_answered(place: Place) -> None:
    day = 86_400_000
    now = int(time.time() * 1000)
    keys = write_key(place, "pc")
    write_key(place, "old", sender="pc", not_after="2020-01-01T00:00:00Z")
    write_key(place, "new", sender="pc", not_before="2090-01-01T00:00:00Z")
    write_key(place, "other")
    with place.daemon("--mode", "sign", "--keys", keys) as daemon, udp(daemon) as connection:
        sender = Sender(connection, mode=SIGN, key_id="pc", key=KEY)
        good = sender.send(event(), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "a good packet's answer")
        connection.send(good)
        connection.send(good[:-1])
        connection.send(good[:40])
        connection.send(good[:100] + bytes([good[100] ^ 1]) + good[101:])
        connection.send(event())
        sender.send(event(), batch=2, key=OTHER_KEY)
        sender.send(event(), batch=2, key_id="unknown")
        sender.send(event(), batch=2, key_id="old")
        sender.send(event(), batch=2, key_id="new")
        sender.send(event(), batch=2, key_id="other")
        sender.send(event(), batch=2, sent_ms=now + day + 60_000)
        sender.send(event(), batch=2, mode=NONE, key_id="", key=b"")
        expected = {"replayed": 1, "truncated": 2, "bad_signature": 2, "wrong_mode": 2,
                    "unknown_key": 1, "old_key": 1, "future_key": 1, "wrong_sender": 1, "future": 1}
        poll(lambda: sum(refused(place).values()) >= sum(expected.values()), "the refusals")
        expect_equal(refused(place), expected, "refused packets")
        expect_equal(sender.answer(0.3), None, "answer to a refused packet")
        expect_equal(place.status()["stored"], 1, "stored")
        sender.send(event(), batch=2)
        expect_equal(sender.answer()["cumulative"], 2, "a good packet afterwards")
        expect(base64.b64encode(KEY).decode() not in "".join(daemon.lines), "a key in the log")


@check
def encrypted_packets(place: Place) -> None:
    keys = write_key(place, "pc", users="ann, bob")
    with place.daemon("--mode", "encrypt", "--keys", keys) as daemon, udp(daemon) as connection:
        sender = Sender(connection, mode=ENCRYPT, key_id="pc", key=KEY)
        sender.send(event("ann") + event("bob") + event("eve"), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "answer")
        status = place.status()
        expect_equal((status["stored"], status["rejected.not_yours"]), (2, 1), "users of a key")
        sender.send(event("ann"), batch=2, mode=SIGN)
        poll(lambda: refused(place) == {"wrong_mode": 1}, "the weaker mode to be refused")


@check
def replay_after_a_restart(place: Place) -> None:
    keys = write_key(place, "pc")
    arguments = ("--mode", "sign", "--keys", keys)
    with place.daemon(*arguments) as daemon, udp(daemon) as connection:
        sender = Sender(connection, mode=SIGN, key_id="pc", key=KEY)
        packet = sender.send(event(), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "answer")
        daemon.signal(signal.SIGKILL)
        daemon.wait()
    with place.daemon(*arguments) as daemon, udp(daemon) as connection:
        connection.send(packet)
        poll(lambda: refused(place) == {"replayed": 1}, "the replay to be refused")


@check
def keys_are_read_again(place: Place) -> None:
    keys = write_key(place, "pc")
    with place.daemon("--mode", "sign", "--keys", keys) as daemon, udp(daemon) as connection:
        write_key(place, "pc-2", OTHER_KEY, sender="pc")
        (keys / "pc.key").unlink()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("listening on", 2)
        sender = Sender(connection, mode=SIGN, key_id="pc-2", key=OTHER_KEY)
        sender.send(event(), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "answer under the new key")


@check
def unusable_keys(place: Place) -> None:
    def fails(*words: str) -> None:
        place.program(["--db", place.database, "--udp", "127.0.0.1:0", "--mode", "sign", "--keys",
                       place.path("keys")], name="waterlined").expect_one_line(1, *words)

    fails("keys")
    keys = write_key(place, "pc")
    (keys / "pc.key").chmod(0o644)
    fails("pc.key", "chmod")
    (keys / "pc.key").chmod(0o600)
    (keys / "pc.key").write_text("key: AAAA\n")
    fails("pc.key", "32 bytes")
    write_key(place, "pc", sender="~pc")
    fails("pc.key", "'~'")
    place.program(["--db", place.database, "--udp", "127.0.0.1:0", "--mode", "sign"],
                  name="waterlined").expect_one_line(1, "--keys")


# Limits of what senders make up


@check
def too_many_names(place: Place) -> None:
    config = place.write("c.yaml", "users_max: 3\nsources_max: 1\n")
    with place.daemon("--config", config):
        send_stream(place.stream, b"".join(event(f"u{number}") for number in range(5)))
        place.wait_for_events(5)
        send_stream(place.stream, event("u0") + event("u4") + event("u1", source="pc", seq=1)
                    + event("u1", source="other", seq=1) + event("u1", source="pc", seq=2))
        status = place.wait_for_events(10)
        expect_equal((status["stored"], status["rejected.too_many_names"]), (6, 4), "stored and refused")
        letters = place.report("dead-letters", "list")["rows"]
        expect_equal({row["reason"] for row in letters}, {"too_many_names"}, "reasons of dead letters")
        expect_equal(len(letters), 4, "dead letters")
        expect_equal(set(place.sources()), {None, "pc"}, "sources")
    # With more room, what was refused can be had after all.
    with place.daemon():
        replayed = place.run("dead-letters", "replay", "--all", "--format", "json").expect(0).json()
        expect_equal(place.status()["stored"], 10, f"stored after {replayed}")
        expect("rejected.too_many_names" not in place.status(), "still counted as refused")
    place.run("doctor").expect(0)


@check
def too_many_gaps(place: Place) -> None:
    config = place.write("c.yaml", "ranges_max: 3\n")
    with place.daemon("--config", config):
        send_stream(place.stream, b"".join(event(source="pc", seq=number) for number in (1, 3, 5, 7, 9, 6)))
        status = place.wait_for_events(6)
        expect_equal((status["stored"], status["rejected.too_many_gaps"]), (4, 2), "stored and refused")
        source = place.sources()["pc"]
        expect_equal((source["stored"], source["rejected"]), (4, 2), "the ledger")
        letters = place.report("dead-letters", "list")["rows"]
        expect_equal([(row["reason"], row["seq"]) for row in letters],
                     [("too_many_gaps", 7), ("too_many_gaps", 9)], "dead letters")
    place.run("doctor").expect(0)


@check
def limits_can_only_be_lowered(place: Place) -> None:
    config = place.write("c.yaml", "users_max: 1048577\nranges_max: 0\n")
    done = place.program(["config", "check", config])
    done.expect(1).expect_words("1048576", "4194304")


@check
def plain_udp_stays_off_the_network(place: Place) -> None:
    arguments = ["--db", place.database, "--udp", "0.0.0.0:0"]
    place.program(arguments, name="waterlined").expect_one_line(
        1, "0.0.0.0:0", "allow_plain_udp_from_network")
    config = place.write("c.yaml", "allow_plain_udp_from_network: true\nudp: 0.0.0.0:0\n")
    with place.daemon("--db", place.database, "--config", config, is_usual=False) as daemon:
        expect("0.0.0.0" in daemon.listening(), "the daemon does not listen")


@check
def kernel_drops_warn_in_reports(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.signal(signal.SIGSTOP)
        port = daemon.udp_port()
        text = event() + b" " * 60_000
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(600):
                sender.sendto(text, ("127.0.0.1", port))
        daemon.signal(signal.SIGCONT)
        poll(lambda: place.status().get("kernel_drops.udp", 0) > 0, "drops to be counted")
        time.sleep(0.2)
        drops = place.status()["kernel_drops.udp"]
        warnings = place.report("coverage")["warnings"]
        expect(any(f"{drops} datagrams" in text and "udp" in text for text in warnings),
               f"no warning of {drops} drops: {warnings}")
