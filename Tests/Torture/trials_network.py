"""Networks that lose, double and reorder."""

from __future__ import annotations

import socket
import time

from harness import Place, expect, expect_equal, poll, udp_queue
from proxy import LossyProxy
from traffic import Ledger, events, expect_exactly, expect_sound, ledgers
from trial import Run, trial

EVENTS_PER_DATAGRAM = 8


def missing(ranges: list[tuple[int, int]], upto: int) -> list[tuple[int, int]]:
    """The gaps between ranges, to a number."""
    gaps, next_number = [], 1
    for first, last in ranges:
        if first > next_number:
            gaps.append((next_number, first - 1))
        next_number = last + 1
    if next_number <= upto:
        gaps.append((next_number, upto))
    return gaps


@trial
def lossy_network(place: Place, run: Run) -> str:
    """30% lost, 10% doubled, reordered: the ledger names exactly what is missing; sent again, all is there."""
    senders, each = run.size(20, 200), run.size(1_000, 5_000)
    names = [f"pc{number}" for number in range(senders)]
    wanted = {name: [(1, each)] for name in names}
    rounds = sent = 0
    with place.daemon() as daemon:
        port = daemon.udp_port()
        proxy = LossyProxy(port, run.seed)
        proxy.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", proxy.port))
            while any(wanted.values()):
                rounds += 1
                expect(rounds < 60, f"still missing after {rounds} rounds: {wanted}")
                for name, gaps in wanted.items():
                    for low, high in gaps:
                        for first in range(low, high + 1, EVENTS_PER_DATAGRAM):
                            count = min(EVENTS_PER_DATAGRAM, high + 1 - first)
                            while udp_queue(proxy.port)[0] > 1 << 20 or udp_queue(port)[0] > 1 << 20:
                                time.sleep(0.001)
                            sender.send(events(name, first, count))
                            sent += 1
                poll(lambda: proxy.there.taken == sent and not proxy.held and udp_queue(port)[0] == 0,
                     "the network to be empty", 60)
                settle(place)
                after = ledgers(place.database)
                wanted = {name: missing(after.get(name, Ledger()).ranges, each) for name in names}
        proxy.stop()
        expect_equal(udp_queue(port)[1], 0, "datagrams that the kernel dropped beside the proxy")
        expect_exactly(place, dict.fromkeys(names, each), "over the lossy network")
        after = ledgers(place.database)
        passed = sum(ledger.stored + ledger.duplicate for ledger in after.values())
        expect_sound(place)
        expect_equal(place.status()["lost"], 0, "lost, in the end")
        expect_equal(daemon.stop(), 0, "exit code")
    fate = proxy.there
    expect(fate.lost > 0 and fate.doubled > 0 and fate.late > 0, f"the network was no worse than others: {fate}")
    return (f"{senders * each} events of {senders} senders stored once each after {rounds} rounds; of {fate.taken} "
            f"datagrams {fate.lost} lost, {fate.doubled} doubled, {fate.late} late; {passed} events came through")


def settle(place: Place) -> None:
    """Waits until what the daemon has taken is committed: the ledger stands still."""
    before = None
    while True:
        now = {name: (ledger.stored, ledger.duplicate) for name, ledger in ledgers(place.database).items()}
        if now == before:
            return
        before = now
        time.sleep(0.3)
