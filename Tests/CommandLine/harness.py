"""The programs under test as a stranger meets them: processes, sockets, exit codes and text."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

SECONDS = 60  # the longest a command may take
START_SECONDS = 20
STOP_SECONDS = 20
HIDDEN_VARIABLES = ("WATERLINE_", "XDG_", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "JOURNAL_STREAM",
                    "NO_COLOR", "COLUMNS", "SUDO_USER")


class Failed(Exception):
    """A check did not hold."""


class Skipped(Exception):
    """A check cannot be made on this machine."""


def expect(condition: bool, text: str) -> None:
    if not condition:
        raise Failed(text)


def expect_equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise Failed(f"{what}: {expected!r} expected, {actual!r} given")


def poll(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Waits until something holds."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise Failed(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """This process's environment without anything that steers the programs."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(HIDDEN_VARIABLES)}
    return kept | {"HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"} | variables


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def expect(self, code: int) -> Result:
        if self.code != code:
            raise Failed(f"exit {code} expected, {self.code} given: {self.err.strip()[-300:]}")
        return self

    def json(self) -> Any:
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failed(f"standard output is no JSON: {self.out[:200]!r}") from None

    def expect_one_line(self, code: int, *words: str) -> Result:
        """A failure as promised: no result, one line on standard error."""
        self.expect(code)
        expect_equal(self.out, "", "standard output")
        expect_equal(len(self.err.splitlines()), 1, f"lines on standard error {self.err!r}")
        return self.expect_words(*words)

    def expect_words(self, *words: str) -> Result:
        for word in words:
            expect(word in self.err, f"standard error does not say {word!r}: {self.err!r}")
        return self


class Daemon:
    """A running `waterlined` or `waterline-agent`; its log is read by a thread, so that it never blocks."""

    def __init__(self, binary: Path, arguments: Sequence[str], env: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [str(binary), *arguments], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for(self, word: str, count: int = 1) -> str:
        """The count-th log line with a word."""

        def found() -> list[str]:
            return [line for line in list(self.lines) if word in line]

        def ready() -> bool:
            if self.process.poll() is not None and len(found()) < count:
                raise Failed(f"the program ended with {self.process.returncode}: {self.lines}")
            return len(found()) >= count

        poll(ready, f"the daemon's line {word!r}; it said {self.lines}")
        return found()[count - 1]

    def listening(self) -> str:
        return self.wait_for("listening on")

    def udp_port(self, count: int = 1) -> int:
        line = self.wait_for("listening on", count)
        match = re.search(r"udp \S+:(\d+)", line)
        if match is None:
            raise Failed(f"no UDP port in {line!r}")
        return int(match[1])

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"the program still runs {seconds:g} s after it was told to stop") from None
        self.reader.join(5)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Place:
    """A temporary directory with a database, its sockets and both programs."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self.binaries = binaries
        self.directory = directory
        self.database = directory / "waterline.db"
        self.datagram = directory / "datagram.sock"
        self.stream = directory / "stream.sock"
        self.spool = directory / "spool.db"
        self.agent_datagram = directory / "agent-datagram.sock"
        self.agent_stream = directory / "agent-stream.sock"

    def path(self, name: str) -> Path:
        return self.directory / name

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def program(self, arguments: Sequence[str | Path], input: bytes | None = None,
                env: dict[str, str] | None = None, name: str = "waterline",
                seconds: float = SECONDS) -> Result:
        """Runs a program to its end, with no database named."""
        command = [str(self.binaries / name), *map(str, arguments)]
        try:
            done = subprocess.run(
                command, input=input, capture_output=True, timeout=seconds, check=False,
                env=environment(self.directory, **(env or {})),
                stdin=subprocess.DEVNULL if input is None else None)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {seconds:g} s: {' '.join(command[1:])}") from None
        return Result(
            done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))

    def run(self, *arguments: str | Path, input: bytes | None = None,
            env: dict[str, str] | None = None) -> Result:
        """Runs `waterline` on this place's database."""
        return self.program(["--db", self.database, *arguments], input, env)

    def report(self, *arguments: str) -> Any:
        return self.run(*arguments, "--format", "json").expect(0).json()

    def status(self) -> dict[str, Any]:
        return {row["name"]: row["value"] for row in self.report("status")["rows"]}

    def sources(self) -> dict[str, dict[str, Any]]:
        rows = self.report("status", "--sources", "--purpose", "test")["rows"]
        return {row["source"]: row for row in rows}

    def sql(self, query: str, *options: str) -> list[dict[str, Any]]:
        return self.report("sql", query, *options)["rows"]

    def import_text(self, kind: str, content: str | bytes, *options: str) -> Result:
        data = content.encode() if isinstance(content, str) else content
        return self.run("import", kind, "-", *options, "--format", "json", input=data)

    def wait_for_events(self, count: int) -> dict[str, Any]:
        """Waits until so many events have gone through: stored, duplicate or rejected."""
        seen: dict[str, Any] = {}

        def done() -> bool:
            seen.update(self.status())
            return seen["stored"] + seen["duplicate"] + seen["rejected"] >= count

        poll(done, f"{count} events to go through; {seen or 'nothing'} did")
        expect_equal(
            seen["stored"] + seen["duplicate"] + seen["rejected"], count, f"events of {seen}")
        return seen

    def start(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Daemon:
        """Starts `waterlined` with just these arguments."""
        return Daemon(
            self.binaries / "waterlined", [str(argument) for argument in arguments],
            environment(self.directory, **(env or {})))

    def usual_arguments(self) -> list[str]:
        return ["--db", str(self.database), "--udp", "127.0.0.1:0",
                "--unix-datagram", str(self.datagram), "--unix-stream", str(self.stream)]

    @contextmanager
    def agent(self, *arguments: str | Path, collector: str | Path | None = None,
              env: dict[str, str] | None = None) -> Iterator[Daemon]:
        """An agent that listens and delivers to the daemon; killed at the end if it still runs."""
        agent = Daemon(
            self.binaries / "waterline-agent",
            ["--collector", str(collector or self.stream), "--spool", str(self.spool),
             "--unix-datagram", str(self.agent_datagram), "--unix-stream", str(self.agent_stream),
             *map(str, arguments)], environment(self.directory, **(env or {})))
        try:
            agent.listening()
            yield agent
        finally:
            agent.kill()

    @contextmanager
    def daemon(self, *arguments: str | Path, env: dict[str, str] | None = None,
               is_usual: bool = True) -> Iterator[Daemon]:
        """A daemon that listens; killed at the end if it still runs."""
        usual = self.usual_arguments() if is_usual else []
        daemon = self.start(*usual, *arguments, env=env)
        try:
            daemon.listening()
            yield daemon
        finally:
            daemon.kill()


@contextmanager
def place(binaries: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="waterline-test-", ignore_cleanup_errors=True) as path:
        yield Place(binaries, Path(path))


# ---------------------------------------------------------------------------------------------
# Sending


def connect_stream(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    connection.connect(str(path))
    return connection


def send_stream(path: Path, data: bytes) -> None:
    with connect_stream(path) as connection:
        connection.sendall(data)


def send_datagrams(path: Path, datagrams: Sequence[bytes]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(SECONDS)
        sender.connect(str(path))
        for datagram in datagrams:
            sender.send(datagram)


def udp_queue(port: int) -> tuple[int, int]:
    """Bytes that wait at a UDP port on this machine, and datagrams that were dropped there."""
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        cells = line.split()
        if int(cells[1].split(":")[1], 16) == port:
            return int(cells[4].split(":")[1], 16), int(cells[-1])
    raise Failed(f"no UDP socket at port {port}")


def send_udp(port: int, datagrams: Sequence[bytes], waiting_max: int = 32 << 10) -> None:
    """Sends datagrams no faster than they are taken, so that the kernel drops none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        for datagram in datagrams:
            poll(lambda: udp_queue(port)[0] <= waiting_max, "the UDP socket to be read")
            sender.send(datagram)


def line(**fields: Any) -> bytes:
    """One event as a JSON line."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def take_page_checksums_out(database: Path) -> None:
    """After a check has changed the file itself: as if Waterline had written those pages, without checksums."""
    content = bytearray(database.read_bytes())
    page_bytes = int.from_bytes(content[16:18], "big")
    for end in range(page_bytes, len(content) + 1, page_bytes):
        content[end - 8:end] = bytes(8)
    database.write_bytes(content)
