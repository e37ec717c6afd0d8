#!/usr/bin/env python3
"""Plays the service manager for the units of `systemd/`: their commands as written, sockets, notifications.

    service_manager.py --bin DIR SCENARIO

Runs in mount and network namespaces of its own (`unshare --mount --net`), in which the programs stand in /usr/bin and the
default configuration in /etc/waterline, so that every command runs exactly as its unit has it. Sockets come
from the real systemd-socket-activate, or, where several kinds or a restart are needed (it has neither), from
this process by the same protocol. Users and sandboxing are systemd's own and not played.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import resource
import shlex
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

UNITS = Path(__file__).resolve().parents[2] / "systemd"
STATE = Path("/var/lib/waterline")
DATABASE = STATE / "waterline.db"
CONFIGURATION = Path("/etc/waterline/waterlined.yaml")
SECONDS = 20
FIRST_DESCRIPTOR = 50  # far from what Python itself opens


class Failed(Exception):
    """A scenario did not go as it should."""


def expect(condition: bool, text: str) -> None:
    if not condition:
        raise Failed(text)


def poll(condition, what: str, seconds: float = SECONDS) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def unit_values(unit: str, key: str) -> list[str]:
    """All values of a key in a unit, systemd's own variables left as they are."""
    lines = (UNITS / unit).read_text(encoding="utf-8").splitlines()
    return [line.split("=", 1)[1] for line in lines if line.startswith(key + "=")]


def prepare(binaries: Path) -> None:
    """Overlays the machine's directories with what the packages install."""
    scratch = Path(tempfile.mkdtemp(prefix="waterline-service-"))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True)
    for directory in ("/usr/bin", "/etc", "/var/lib"):
        name = directory.strip("/").replace("/", "-")
        upper, work = scratch / name, scratch / f"{name}-work"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={directory},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, directory], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for program in ("waterlined", "waterline", "waterline-agent"):
        target = Path("/usr/bin") / program
        target.unlink(missing_ok=True)
        if (binaries / program).exists():
            target.symlink_to(binaries / program)
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_bytes((UNITS / "waterlined.yaml").read_bytes())
    for directory in (STATE, Path("/run/waterline"), Path("/etc/waterline/keys")):
        directory.mkdir(exist_ok=True)
    # What a collector of this machine may have there is not ours to see.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", STATE], check=True)
    raise_loopback()


def raise_loopback() -> None:
    """A new network namespace has a loopback interface that is down."""
    request = struct.pack("16sH14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


class Manager:
    """One service: its sockets, its process and what it said."""

    started: list[subprocess.Popen] = []

    def __init__(self, unit: str = "waterlined.service", watchdog_seconds: float = 0) -> None:
        self.command = shlex.split(unit_values(unit, "ExecStart")[0])
        self.unit = unit
        self.messages: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self.process: subprocess.Popen | None = None
        self.sockets: list[tuple[str, socket.socket]] = []
        path = tempfile.mktemp(prefix="/run/notify-")
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(path)
        threading.Thread(target=self.listen, daemon=True).start()
        hidden = ("WATERLINE_", "XDG_", "LISTEN_", "NOTIFY_", "WATCHDOG_", "JOURNAL_STREAM")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        self.env |= {"NOTIFY_SOCKET": path, "STATE_DIRECTORY": str(STATE), "TZ": "UTC",
                     "RUNTIME_DIRECTORY": "/run/waterline"}
        if watchdog_seconds:
            self.env["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))

    def listen(self) -> None:
        while True:
            text = self.notifications.recv(65536).decode()
            self.messages += [(time.monotonic(), line) for line in text.splitlines()]

    def said(self, start: str) -> list[float]:
        return [moment for moment, line in list(self.messages) if line.startswith(start)]

    def wait_for(self, start: str, count: int = 1) -> None:
        def found() -> bool:
            if self.process is not None and self.process.poll() is not None and len(self.said(start)) < count:
                raise Failed(f"the service ended with {self.process.returncode}: {self.lines}")
            return len(self.said(start)) >= count

        poll(found, f"{start} ({count}); it said {[line for _, line in self.messages][-6:]}, {self.lines[-3:]}")

    def activate(self) -> None:
        """Opens the sockets as the .socket units say."""
        for name in ("udp", "datagram", "stream"):
            unit = f"waterlined-{name}.socket"
            (key, address), = [(key, value) for key in ("ListenDatagram", "ListenStream")
                               for value in unit_values(unit, key)]
            kind = socket.SOCK_DGRAM if key == "ListenDatagram" else socket.SOCK_STREAM
            if address.startswith("/"):
                made = socket.socket(socket.AF_UNIX, kind)
                made.bind(address)
            else:
                made = socket.socket(socket.AF_INET, kind)
                host, port = address.rsplit(":", 1)
                made.bind((host, int(port)))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            if kind == socket.SOCK_STREAM:
                made.listen(4096)
            self.sockets.append((unit_values(unit, "FileDescriptorName")[0], made))

    def start(self, wrapper: tuple[str, ...] = (), prepare_child=None) -> None:
        """Starts the unit's command with its sockets, as sd_listen_fds(3) has it."""
        command = [*wrapper, *self.command]
        passed = [fcntl.fcntl(made.fileno(), fcntl.F_DUPFD, FIRST_DESCRIPTOR) for _, made in self.sockets]
        if passed:
            script = "".join(f"exec {3 + index}<&{descriptor} {descriptor}<&-; "
                             for index, descriptor in enumerate(passed))
            script += 'export LISTEN_PID=$$; exec "$@"'
            command = ["bash", "-c", script, "sh", *command]
        names = ":".join(name for name, _ in self.sockets)
        env = self.env | ({"LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": names} if passed else {})
        self.process = subprocess.Popen(command, env=env, pass_fds=passed, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=prepare_child)
        self.started.append(self.process)
        for descriptor in passed:
            os.close(descriptor)
        threading.Thread(target=self.read_log, args=(self.process.stderr,), daemon=True).start()

    def read_log(self, stream) -> None:
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def reload(self) -> None:
        for text in unit_values(self.unit, "ExecReload"):
            subprocess.run(shlex.split(text.replace("$$", "$")), check=True, stdout=subprocess.DEVNULL,
                           env=os.environ | {"MAINPID": str(self.process.pid)})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SECONDS)
        expect(code == 0, f"the service ended with {code}: {self.lines}")


def line(source: str, number: int) -> bytes:
    event = {"time": int(time.time() * 1000), "user": "ada", "app": "crm", "feature": "order.create",
             "source": source, "seq": number}
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def status() -> dict:
    done = subprocess.run(["/usr/bin/waterline", "--db", DATABASE, "status", "--format", "json"],
                          capture_output=True, text=True, check=True)
    return {row["name"]: row["value"] for row in json.loads(done.stdout)["rows"]}


def wait_for_events(count: int) -> dict:
    poll(lambda: DATABASE.exists() and status()["stored"] >= count, f"{count} events to be stored")
    return status()


def send_stream(data: bytes) -> None:
    """Sends until the daemon has read everything; what it cut off is sent again."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(SECONDS)
                connection.connect("/run/waterline/stream.sock")
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                if connection.recv(1) == b"":
                    return
        except (ConnectionResetError, BrokenPipeError):
            continue


# ------------------------------------------------------------------------------------------ scenarios


def socket_activate(arguments: list[str], poke, manager: Manager, count: int) -> None:
    """The real systemd-socket-activate starts the daemon at the first event, which is stored too."""
    poke_thread = threading.Thread(target=poke, daemon=True)
    settings = [f"-E{name}" for name in ("NOTIFY_SOCKET", "STATE_DIRECTORY", "RUNTIME_DIRECTORY")]
    manager.start(("systemd-socket-activate", *settings, *arguments))
    poll(lambda: any("Listening on" in text for text in manager.lines), "systemd-socket-activate to listen")
    expect(not manager.said("READY=1"), "the daemon runs before the first event")
    poke_thread.start()
    manager.wait_for("READY=1")
    wait_for_events(count)
    manager.stop()
    manager.wait_for("STOPPING=1")


def activated_stream() -> None:
    manager = Manager()
    path = unit_values("waterlined-stream.socket", "ListenStream")[0]
    socket_activate(["--listen", path, "--fdname", "stream"], lambda: send_stream(line("a", 1)), manager, 1)
    expect(Path(path).exists(), "the daemon removed a socket that is not its own")
    listening = next(text for text in manager.lines if "listening on" in text)
    expect("udp" not in listening, f"it opened sockets of its own: {listening}")


def activated_datagrams() -> None:
    manager = Manager()
    udp = unit_values("waterlined-udp.socket", "ListenDatagram")[0]
    path = unit_values("waterlined-datagram.socket", "ListenDatagram")[0]

    def poke() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            host, port = udp.rsplit(":", 1)
            sender.sendto(line("u", 1), (host, int(port)))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # The unit's PassCredentials, which systemd-socket-activate does not know: what comes before the
            # daemon runs has its sender's credentials only if one of the two sides asked for them.
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            sender.connect(path)
            sender.send(line("d", 1))

    expect(unit_values("waterlined-datagram.socket", "PassCredentials") == ["yes"], "no PassCredentials")
    arguments = ["--datagram", "--listen", udp, "--listen", path, "--fdname", "udp:datagram"]
    socket_activate(arguments, poke, manager, 2)


def wrong_socket() -> None:
    manager = Manager()
    made = socket.create_server(("127.0.0.1", 0))
    manager.sockets.append(("web", made))
    manager.start()
    code = manager.process.wait(SECONDS)
    time.sleep(0.1)
    expect(code == 1, f"exit code 1 expected, {code} given")
    expect(len(manager.lines) == 1 and "'web'" in manager.lines[0], f"it said {manager.lines}")
    expect(not DATABASE.exists(), "it made a database")


def reload() -> None:
    manager = Manager()
    manager.activate()
    manager.start()
    manager.wait_for("READY=1")
    send_stream(line("a", 1))
    wait_for_events(1)
    inodes = [os.fstat(made.fileno()).st_ino for _, made in manager.sockets]
    CONFIGURATION.write_text(f"db: {DATABASE}\nunix_stream: /run/waterline/other.sock\nlog_level: debug\n")
    manager.reload()
    manager.wait_for("RELOADING=1")
    manager.wait_for("MONOTONIC_USEC=")
    manager.wait_for("READY=1", 2)
    poll(lambda: any("/run/waterline/stream.sock is used" in text for text in manager.lines), "a warning")
    held = {os.stat(f"/proc/{manager.process.pid}/fd/{name}").st_ino
            for name in os.listdir(f"/proc/{manager.process.pid}/fd")}
    expect(held.issuperset(inodes), "a socket of the service manager was closed")
    send_stream(line("a", 2))
    wait_for_events(2)
    CONFIGURATION.write_text("log_level: loud\n")
    refused = subprocess.run(shlex.split(unit_values(manager.unit, "ExecReload")[0]), capture_output=True,
                             text=True)
    expect(refused.returncode == 1 and ":1: log_level" in refused.stderr, f"not refused: {refused}")
    manager.process.send_signal(signal.SIGHUP)  # whoever skips the check
    manager.wait_for("READY=1", 3)
    send_stream(line("a", 3))
    wait_for_events(3)
    manager.stop()


def watchdog() -> None:
    """Beats while idle and while the disk is full; none while a commit hangs."""
    interval = 3.0
    manager = Manager(watchdog_seconds=interval)
    manager.activate()

    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY))

    manager.start(prepare_child=limit_files)
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1", 3)

    # Another program holds the database for longer than the interval: the commit hangs.
    holder = sqlite3.connect(DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    send_stream(line("a", 1))
    poll(lambda: any("no progress" in text or "without progress" in text for text in manager.lines),
         "the daemon to say that its writer hangs", 2 * interval + 2)
    time.sleep(interval / 2)
    late = [moment for moment in manager.said("WATCHDOG=1") if moment > began + 1.5 * interval]
    expect(not late, f"a beat {late[0] - began:.1f} s after the writer began to hang" if late else "")
    holder.execute("ROLLBACK")
    count = len(manager.said("WATCHDOG=1"))
    manager.wait_for("WATCHDOG=1", count + 2)
    wait_for_events(1)

    # A full disk: attempts fail, and beats go on for several intervals.
    def fill() -> None:
        number = 2
        while not any("cannot write" in text for text in manager.lines) and number < 400_000:
            send_stream(b"".join(
                json.dumps({"time": int(time.time() * 1000) - offset, "user": os.urandom(60).hex(),
                            "app": os.urandom(60).hex(), "feature": "f"}).encode() + b"\n"
                for offset in range(500)))
            number += 500

    threading.Thread(target=fill, daemon=True).start()
    poll(lambda: any("cannot write" in text for text in manager.lines), "the disk to be full")
    count = len(manager.said("WATCHDOG=1"))
    manager.wait_for("WATCHDOG=1", count + 5)
    manager.wait_for("STATUS=cannot write")
    expect(manager.process.poll() is None, "the daemon ended")
    resource.prlimit(manager.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    poll(lambda: any("writing again" in text for text in manager.lines), "writing to go on")
    manager.stop()


class Traffic:
    """Numbered events over all three sockets without a pause, until told to stop."""

    def __init__(self) -> None:
        self.sent = {"udp": 0, "datagram": 0, "stream": 0}
        self.is_done = False
        self.threads = [threading.Thread(target=self.run, args=(name,), daemon=True) for name in self.sent]
        for thread in self.threads:
            thread.start()

    def run(self, name: str) -> None:
        with self.sender(name) as sender:
            while not self.is_done:
                first = self.sent[name] + 1
                if name == "stream":
                    send_stream(b"".join(line(name, number) for number in range(first, first + 50)))
                    self.sent[name] += 50
                else:
                    sender.send(line(name, first))
                    self.sent[name] += 1
                time.sleep(0.001)

    def sender(self, name: str) -> socket.socket:
        if name == "udp":
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sender.connect(("127.0.0.1", 4717))
        else:
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            if name == "datagram":
                sender.connect("/run/waterline/datagram.sock")
        return sender

    def stop(self) -> None:
        self.is_done = True
        for thread in self.threads:
            thread.join(SECONDS)
            expect(not thread.is_alive(), "a sender is stuck")


def upgrade() -> None:
    """Three restarts under traffic: each new process takes the same sockets, and every event is stored."""
    manager = Manager()
    manager.activate()
    manager.start()
    manager.wait_for("READY=1")
    traffic = Traffic()
    for number in range(3):
        time.sleep(1)
        manager.stop()
        time.sleep(0.3)  # an upgrade takes a while; senders go on
        manager.start()
        manager.wait_for("READY=1", number + 2)
    time.sleep(0.5)
    traffic.stop()
    total = sum(traffic.sent.values())
    seen = wait_for_events(total)
    expect(min(traffic.sent.values()) > 100, f"hardly any traffic: {traffic.sent}")
    expect(seen["stored"] == total and seen["lost"] == 0 and seen["rejected"] == 0,
           f"sent {traffic.sent}, found {seen}")
    manager.stop()
    print(f"{total} events sent and stored over 3 restarts: {traffic.sent}")


def weekly_export() -> None:
    manager = Manager()
    manager.start()
    manager.wait_for("READY=1")
    for kind in ("roster", "catalog", "events"):
        path = Path(__file__).resolve().parent / "Fixtures" / f"{kind}.csv"
        subprocess.run(["/usr/bin/waterline", "--db", DATABASE, "import", kind, path], check=True,
                       capture_output=True)
    (STATE / "reports").mkdir()
    command = unit_values("waterline-export@.service", "ExecStart")[0].replace("%i", "erosion")
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, env=manager.env)
    expect(done.returncode == 0, f"{command}: {done.stderr}")
    pages = list((STATE / "reports").rglob("*.html"))
    expect(len(pages) == 1 and pages[0].stat().st_size > 1000, f"pages: {pages}")
    manager.stop()


SCENARIOS = {function.__name__.replace("_", "-"): function for function in (
    activated_stream, activated_datagrams, wrong_socket, reload, watchdog, upgrade, weekly_export)}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("scenario", choices=SCENARIOS)
    options = parser.parse_args()
    prepare(options.bin.resolve())
    try:
        SCENARIOS[options.scenario]()
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        for process in Manager.started:
            if process.poll() is None:
                process.kill()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that wait for messages end with it
