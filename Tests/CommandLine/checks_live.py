"""Views that are drawn again and again, on a terminal of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from functools import partial

import fixture
from harness import Place, environment, expect, expect_equal, poll
from registry import add, check

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
VIEWS = {"top": ("top", "--interval", "1"), "status": ("status", "--watch")}


class Terminal:
    """A program on a terminal of a given size."""

    def __init__(self, place: Place, arguments: tuple[str, ...], columns: int, rows: int) -> None:
        self.text = ""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        command = [str(place.binaries / "waterline"), "--db", str(place.database), *arguments]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        env=environment(place.directory, TERM="xterm"))
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> str:
        """Everything so far."""
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other side is gone
                break
            if not data:
                break
            self.text += data.decode("utf-8", "replace")
        return self.text

    def pages(self) -> list[list[str]]:
        texts = self.read().split("\x1b[H")[1:]
        plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text) for text in texts]
        return [[line.rstrip("\r") for line in text.split("\n")] for text in plain]


def check_view(name: str, number: int, place: Place) -> None:
    fixture.load(place)
    terminal = Terminal(place, VIEWS[name], 80, 24)
    try:
        poll(lambda: len(terminal.pages()) >= 2, f"two pages; it said {terminal.text[-300:]!r}")
        expect(terminal.text.startswith(ENTER), "it does not enter the other screen")
        terminal.resize(50, 10)
        before = len(terminal.pages())
        os.kill(terminal.process.pid, signal.SIGWINCH)
        poll(lambda: len(terminal.pages()) > before + 1, "pages of another size")
        page = terminal.pages()[-2]
        expect(len(page) <= 10 and max(map(len, page)) <= 50, f"a page too large: {page}")
        os.kill(terminal.process.pid, number)
        poll(lambda: terminal.process.poll() is not None, "the end")
        terminal.read()
        expect(terminal.text.endswith(LEAVE), f"the screen is not given back: {terminal.text[-60:]!r}")
        expect_equal(terminal.process.returncode, 0, "exit code")
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
        os.close(terminal.master)


for name in VIEWS:
    for number in (signal.SIGINT, signal.SIGTERM):
        add(f"live-{name}-until-{number.name.lower()}", partial(check_view, name, number))


@check
def live_views_need_a_terminal(place: Place) -> None:
    fixture.load(place)
    place.run("top").expect_one_line(2, "--once")
    place.run("status", "--watch").expect_one_line(2, "--watch")


@check
def live_top_once(place: Place) -> None:
    fixture.load(place)
    result = place.run("top", "--once", "--interval", "1").expect(0)
    expect("\x1b" not in result.out, "control sequences in a pipe")
    for word in ("stored 0.0/s", f"lost {fixture.LOST}", "Most time lost", "Busiest", "crm"):
        expect(word in result.out, f"no {word!r} in {result.out!r}")
    place.run("top", "--interval", "0").expect(2)
