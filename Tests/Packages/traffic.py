#!/usr/bin/env python3
"""Sends numbered events over all three sockets until standard input ends, then prints how many.

    traffic.py ROOT [PREFIX]

Runs in the machine's network namespace; its Unix sockets are reached through ROOT. A stream counts only what the
collector has read before it closed the connection: what was cut off is sent again under the same numbers.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time


def line(source: str, number: int) -> bytes:
    event = {"time": int(time.time() * 1000), "user": "ada", "app": "crm", "feature": "order.create",
             "source": source, "seq": number}
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def send_stream(path: str, data: bytes) -> None:
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(60)
                connection.connect(path)
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                if connection.recv(1) == b"":
                    return
        except (ConnectionResetError, BrokenPipeError):
            continue


def main() -> None:
    root, prefix = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "t"
    sent = {"udp": 0, "datagram": 0, "stream": 0}
    is_done = threading.Event()

    def datagrams(kind: str, sender: socket.socket) -> None:
        while not is_done.is_set():
            sender.send(line(f"{prefix}-{kind}", sent[kind] + 1))
            sent[kind] += 1
            time.sleep(0.001)

    def stream() -> None:
        while not is_done.is_set():
            first = sent["stream"] + 1
            lines = [line(f"{prefix}-stream", number) for number in range(first, first + 50)]
            send_stream(f"{root}/run/waterline/stream.sock", b"".join(lines))
            sent["stream"] += 50
            time.sleep(0.005)

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", 4717))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unix.connect(f"{root}/run/waterline/datagram.sock")
    threads = [threading.Thread(target=datagrams, args=("udp", udp)),
               threading.Thread(target=datagrams, args=("datagram", unix)), threading.Thread(target=stream)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_done.set()
    for thread in threads:
        thread.join()
    print(json.dumps(sent))


if __name__ == "__main__":
    main()
