"""A network that loses, doubles and reorders datagrams, as a seed decides, and counts what it does."""

from __future__ import annotations

import random
import socket
import threading
from dataclasses import dataclass


@dataclass
class Fate:
    """What became of the datagrams of one direction."""

    taken: int = 0
    lost: int = 0
    doubled: int = 0
    late: int = 0
    sent: int = 0


class LossyProxy(threading.Thread):
    """Stands between senders and a UDP port; answers go back to whoever sent from the address, as badly."""

    HELD_MAX = 64  # datagrams that wait to be overtaken

    def __init__(self, port: int, seed: int, loss: float = 0.3, doubling: float = 0.1,
                 reordering: float = 0.2) -> None:
        super().__init__(daemon=True)
        self.target = ("127.0.0.1", port)
        self.dice = random.Random(seed)
        self.loss, self.doubling, self.reordering = loss, doubling, reordering
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.front.bind(("127.0.0.1", 0))
        self.front.settimeout(0.05)
        self.port = self.front.getsockname()[1]
        self.backs: dict[tuple[str, int], socket.socket] = {}
        self.held: list[tuple[socket.socket, tuple[str, int] | None, bytes]] = []
        self.there, self.back = Fate(), Fate()
        self.ends = threading.Event()
        self.lock = threading.Lock()

    def run(self) -> None:
        while not self.ends.is_set():
            try:
                data, client = self.front.recvfrom(65_536)
            except TimeoutError:
                self.release(everything=True)
                continue
            if client not in self.backs:
                back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                back.connect(self.target)
                self.backs[client] = back
                threading.Thread(target=self.answer, args=(back, client), daemon=True).start()
            self.decide(self.there, self.backs[client], None, data)
        self.release(everything=True)

    def answer(self, back: socket.socket, client: tuple[str, int]) -> None:
        back.settimeout(0.2)
        while not self.ends.is_set():
            try:
                self.decide(self.back, self.front, client, back.recv(65_536))
            except (TimeoutError, ConnectionRefusedError):
                continue  # the collector may be away

    def decide(self, fate: Fate, way: socket.socket, to: tuple[str, int] | None, data: bytes) -> None:
        with self.lock:
            fate.taken += 1
            if self.dice.random() < self.loss:
                fate.lost += 1
                return
            copies = 2 if self.dice.random() < self.doubling else 1
            fate.doubled += copies - 1
            fate.sent += copies
            for _ in range(copies):
                if self.dice.random() < self.reordering:
                    fate.late += 1
                    self.held.append((way, to, data))
                else:
                    self.pass_on(way, to, data)
        self.release(everything=False)

    def release(self, everything: bool) -> None:
        with self.lock:
            while self.held and (everything or len(self.held) > self.HELD_MAX):
                self.pass_on(*self.held.pop(self.dice.randrange(len(self.held))))

    @staticmethod
    def pass_on(way: socket.socket, to: tuple[str, int] | None, data: bytes) -> None:
        try:
            if to is None:
                way.send(data)
            else:
                way.sendto(data, to)
        except OSError:
            pass  # as if lost on the way

    def stop(self) -> None:
        self.ends.set()
        self.join()
