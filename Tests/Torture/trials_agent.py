"""Acknowledged delivery: senders of envelopes, real agents, and programs that are killed under them."""

from __future__ import annotations

import select
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, ContextManager, Iterator

from checks_trust import write_key
from harness import Daemon, Failed, Place, connect_stream, environment, expect, expect_equal, poll, udp_queue
from proxy import LossyProxy
from traffic import TIME, events, expect_exactly, expect_sound, ledgers
from trial import Run, trial
from trials_connections import resident_kib
from trials_overload import MEMORY_KIB_MAX, DutyCycle

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Oracle"))
import envelope  # noqa: E402

EVENTS_PER_BATCH = 20
WINDOW = 8
LONGEST_SECONDS = 0.25
SENDERS = 8


class EnvelopeSender:
    """One source that keeps a batch until it is acknowledged, and never sends it after that."""

    def __init__(self, number: int) -> None:
        self.source, self.spool = f"pc{number}", 1_000 + number
        self.packet = 0
        self.acknowledged = 0  # every batch up to here
        self.further: set[int] = set()
        self.highest = 0  # batch ever sent
        self.resent = 0

    def send(self, connection: socket.socket, batch: int) -> None:
        self.packet += 1
        self.resent += batch <= self.highest
        self.highest = max(self.highest, batch)
        payload = events(self.source, (batch - 1) * EVENTS_PER_BATCH + 1, EVENTS_PER_BATCH)
        connection.sendall(envelope.seal(
            payload, sender=self.source, spool=self.spool, packet=self.packet, batch=batch,
            oldest=self.acknowledged + 1, sent_ms=int(time.time() * 1000)))

    def take(self, data: bytes) -> bytes:
        """Takes whole answers off the front."""
        while len(data) >= 8 and len(data) >= (size := 8 + int.from_bytes(data[4:8], "little")):
            answer = envelope.open_envelope(data[:size])
            if answer["type"] == envelope.ACKNOWLEDGEMENT and answer["spool"] == self.spool:
                said = envelope.read_acknowledgement(answer["payload"])
                self.acknowledged = max(self.acknowledged, said["cumulative"])
                for first, last in said["ranges"]:
                    self.further.update(range(first, last + 1))
            data = data[size:]
        return data

    def run(self, path: Path, upto: int) -> None:
        """Sends until the batch `upto` is acknowledged with all before it, or the other side is gone."""
        under_way: set[int] = set()
        data = b""
        try:
            with connect_stream(path) as connection:
                while self.acknowledged < upto:
                    under_way = {n for n in under_way if n > self.acknowledged} - self.further
                    wanted = (n for n in range(self.acknowledged + 1, upto + 1)
                              if n not in under_way and n not in self.further)
                    for batch in wanted:
                        if len(under_way) >= WINDOW:
                            break
                        self.send(connection, batch)
                        under_way.add(batch)
                    if select.select([connection], [], [], 1)[0]:
                        received = connection.recv(65_536)
                        if not received:
                            return
                        data = self.take(data + received)
                    else:
                        under_way.clear()  # an answer was lost: ask again
        except OSError:
            return  # killed, as it was to be


def kill_under(run: Run, kills: int, path: Path, start: Callable[[], ContextManager[Daemon]],
               after: Callable[[int], None]) -> list[EnvelopeSender]:
    """Starts a program again and again, senders at it, and kills it at random moments."""
    dice = run.random()
    senders = [EnvelopeSender(number) for number in range(SENDERS)]
    for kill in range(kills):
        with start() as victim:
            threads = [threading.Thread(target=sender.run, args=(path, 1 << 40), daemon=True)
                       for sender in senders]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0, LONGEST_SECONDS))
            victim.kill()
            for thread in threads:
                thread.join()
        after(kill)
    with start():
        threads = [threading.Thread(target=sender.run, args=(path, sender.highest + 1), daemon=True)
                   for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for sender in senders:
            expect_equal(sender.acknowledged, sender.highest, f"{sender.source}: acknowledged, of those sent")
    return senders


def wait_for(place: Place, highest: dict[str, int], seconds: float = 60) -> None:
    """Waits until each source's newest events are stored."""

    def behind() -> dict[str, int]:
        known = ledgers(place.database)
        return {name: count - known[name].stored if name in known else count for name, count in highest.items()
                if name not in known or known[name].stored != count}

    try:
        poll(lambda: not behind(), "all events", seconds)
    except Failed:
        raise Failed(f"still missing after {seconds:g} s: {behind()}") from None


def totals(senders: list[EnvelopeSender]) -> dict[str, int]:
    return {sender.source: sender.highest * EVENTS_PER_BATCH for sender in senders}


@trial
def kill_acknowledging_daemon(place: Place, run: Run) -> str:
    """The collector is killed under senders of envelopes and a real agent: acknowledged is stored, once."""
    kills = run.size(20, 1_000)
    fed = 0
    with place.agent() as agent, connect_stream(place.agent_stream) as feed:

        def feed_agent(kill: int) -> None:
            nonlocal fed
            feed.sendall(events("agent", fed + 1, 50))
            fed += 50
            if kill % 50 == 49 or kill == kills - 1:
                expect_sound(place)

        senders = kill_under(run, kills, place.stream, place.daemon, feed_agent)
        highest = totals(senders) | {"agent": fed}
        with place.daemon() as daemon:
            wait_for(place, highest, run.size(60, 300))
            expect_exactly(place, highest, "after the last kill")
            expect_equal(daemon.stop(), 0, "exit code")
        expect_equal(agent.stop(), 0, "the agent's exit code")
    duplicates = sum(ledger.duplicate for ledger in ledgers(place.database).values())
    return (f"{kills} kills; {sum(highest.values()):,} events of {SENDERS} senders and an agent, each acknowledged "
            f"one stored once; {sum(s.resent for s in senders):,} batches sent again, of these {duplicates} events "
            "came to the ledger")


@trial
def kill_agent(place: Place, run: Run) -> str:
    """The agent is killed under senders at its stream socket: what it acknowledged arrives, once."""
    kills = run.size(20, 1_000)
    with place.daemon() as daemon:
        senders = kill_under(run, kills, place.agent_stream, place.agent, lambda kill: None)
        highest = totals(senders)
        with place.agent() as agent:
            # Short lives leave most of it in the spool: two million events after a thousand of them.
            wait_for(place, highest, run.size(60, 900))
            expect_equal(agent.stop(), 0, "the agent's exit code")
        expect_exactly(place, highest, "after the last kill")
        expect_sound(place)
        expect_equal(daemon.stop(), 0, "exit code")
    return (f"{kills} kills; {sum(highest.values()):,} events of {SENDERS} senders acknowledged by the agent, each "
            f"stored once; {sum(s.resent for s in senders):,} batches sent again")


@contextmanager
def agents(place: Place, count: int, address: str, keys: Path | None) -> Iterator[list[Path]]:
    """So many real agents of their own spools, keys and sockets; gives the sockets."""
    with ExitStack() as stack:
        sockets, processes = [], []
        for number in range(count):
            path = place.path(f"agent{number}.sock")
            mode = ["--mode", "none"] if keys is None else \
                ["--key-id", f"pc{number}", "--key-file", str(keys / f"pc{number}.key")]
            process = Daemon(
                place.binaries / "waterline-agent",
                ["--collector", address, "--spool", str(place.path(f"spool{number}.db")), "--unix-stream", str(path),
                 *mode], environment(place.directory, WATERLINE_LOG_LEVEL="notice"))
            stack.callback(process.kill)
            processes.append(process)
            sockets.append(path)
        for process in processes:
            process.listening()
        yield sockets
        for process in processes:
            expect_equal(process.stop(), 0, "an agent's exit code")


def feed(path: Path, source: str, count: int) -> None:
    with connect_stream(path) as connection:
        for first in range(1, count + 1, 500):
            connection.sendall(events(source, first, min(500, count + 1 - first)))


@trial
def lossy_agents(place: Place, run: Run) -> str:
    """Real agents through a network that loses 30%, doubles 10% and reorders: all arrives, once."""
    count, each = run.size(5, 200), run.size(2_000, 5_000)
    for number in range(count):
        keys = write_key(place, f"pc{number}", bytes([number % 251]) * 32)
    names = {f"app{number}": each for number in range(count)}
    began = time.monotonic()
    with place.daemon("--mode", "encrypt", "--keys", keys) as daemon:
        proxy = LossyProxy(daemon.udp_port(), run.seed)
        proxy.start()
        with agents(place, count, f"127.0.0.1:{proxy.port}", keys) as sockets:
            for path, name in zip(sockets, names):
                feed(path, name, each)
            wait_for(place, names, 60 if not run.is_large else 1_200)
            seconds = time.monotonic() - began
        proxy.stop()
        expect_exactly(place, names, "over the lossy network")
        expect_sound(place)
        status = place.status()
        expect_equal((status["lost"], status["duplicate"], status["rejected"]), (0, 0, 0),
                     "lost, duplicate and rejected")
        expect_equal(daemon.stop(), 0, "exit code")
    there, back = proxy.there, proxy.back
    expect(there.lost > 0 and there.doubled > 0 and there.late > 0, f"no worse than other networks: {there}")
    return (f"{count * each:,} events of {count} agents stored once each in {seconds:.0f} s; of {there.taken:,} packets "
            f"{there.lost:,} lost, {there.doubled:,} doubled, {there.late:,} late; of {back.taken:,} answers "
            f"{back.lost:,} lost")


@trial
def overload_acknowledged(place: Place, run: Run) -> str:
    """A collector slowed to a fifth, its UDP port flooded: what agents deliver there loses nothing."""
    seconds = run.size(10, 600)
    count, each = 3, run.size(2_000, 100_000)
    names = {f"app{number}": each for number in range(count)}
    flood = b"".join(b'{"time":%d,"user":"u","app":"erp","feature":"f"}\n' % TIME for _ in range(300))
    ends = threading.Event()
    with place.daemon() as daemon, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        port = daemon.udp_port()
        sender.connect(("127.0.0.1", port))
        with agents(place, count, f"127.0.0.1:{port}", None) as sockets:
            slowing = DutyCycle(daemon.pid, ends)
            slowing.start()
            feeding = [threading.Thread(target=feed, args=(path, name, each), daemon=True)
                       for path, name in zip(sockets, names)]
            for thread in feeding:
                thread.start()
            finish = time.monotonic() + seconds
            burst = 20
            while time.monotonic() < finish:
                for _ in range(burst):
                    sender.send(flood)
                if udp_queue(port)[1] == 0:  # what is an overload depends on the machine
                    burst = min(burst + 1, 500)
                time.sleep(0.004)
            ends.set()
            slowing.join()
            for thread in feeding:
                thread.join()
            dropped = udp_queue(port)[1]
            wait_for(place, names, 120)
        memory = resident_kib(daemon.pid)
        expect(memory < MEMORY_KIB_MAX, f"{memory >> 10} MiB resident, {MEMORY_KIB_MAX >> 10} allowed")
        expect(dropped > 0, "nothing was dropped: this was no overload")
        expect_exactly(place, names, "through the overload")
        expect_equal(daemon.stop(), 0, "exit code")
    return (f"{seconds} s: {dropped:,} datagrams dropped; {count * each:,} events of {count} agents stored once each; "
            f"{memory >> 10} MiB resident at most")
