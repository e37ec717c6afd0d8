"""Pager, progress and tables on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

import fixture
from harness import Place, environment, expect, expect_equal
from registry import check

COLUMNS, ROWS = 80, 24
QUERY = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {}) SELECT x AS number FROM n"


def on_a_terminal(place: Place, *arguments: str, stream: str = "stdout", **variables: str) -> tuple[int, str]:
    """Runs `waterline` with one of its streams on a terminal; its exit code and what came there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: slave}
    env = environment(place.directory, **({"TERM": "xterm"} | variables))
    if "PAGER" not in variables:
        env.pop("PAGER", None)
    process = subprocess.Popen([str(place.binaries / "waterline"), "--db", str(place.database), *arguments],
                               env=env, **streams)
    os.close(slave)
    text = b""
    while True:
        ready, _, _ = select.select([master], [], [], 20)
        try:
            data = os.read(master, 65536) if ready else b""
        except OSError:  # the other side is gone
            data = b""
        if not data:
            break
        text += data
    os.close(master)
    return process.wait(20), text.decode("utf-8", "replace").replace("\r\n", "\n")


@check
def pager_takes_what_is_longer_than_the_terminal(place: Place) -> None:
    fixture.load(place)
    # The pager tells itself from the program by a mark in front of every line.
    pager = {"WATERLINE_PAGER": "sed 's/^/> /'", "PAGER": "false"}
    long = ("sql", QUERY.format(40), "--limit", "0")
    code, text = on_a_terminal(place, *long, **pager)
    lines = text.splitlines()
    expect(code == 0 and len(lines) == 41 and all(line.startswith("> ") for line in lines), f"{code}: {text}")
    for arguments in (("sql", QUERY.format(20)), (*long, "--no-pager"), ("--no-pager", *long)):
        code, text = on_a_terminal(place, *arguments, **pager)
        expect(code == 0 and ">" not in text and "20" in text, f"{arguments}: {text}")
    for nothing in ("", "cat", " "):
        expect(">" not in on_a_terminal(place, *long, WATERLINE_PAGER=nothing)[1], f"pager {nothing!r}")
    expect("> " in on_a_terminal(place, *long, PAGER="sed 's/^/> /'")[1], "PAGER alone")
    expect(">" not in on_a_terminal(place, *long, **pager, TERM="dumb")[1], "a terminal that is dumb")
    result = place.program(["--db", place.database, *long], env=pager)
    expect(">" not in result.out and len(result.json()["rows"]) == 40, "a pager in a pipe")


@check
def pager_that_fails_or_ends_early(place: Place) -> None:
    fixture.load(place)
    long = ("sql", QUERY.format(20_000), "--limit", "0")
    code, text = on_a_terminal(place, *long, WATERLINE_PAGER="no-such-pager-anywhere")
    expect(code == 0 and "20000" in text, f"nothing is shown without the pager: {code}")
    code, text = on_a_terminal(place, *long, WATERLINE_PAGER="head -n 3")
    expect_equal((code, len(text.splitlines())), (0, 3), "a pager that is left early")


@check
def progress_of_long_work(place: Place) -> None:
    fixture.load(place)
    path = place.write("more.ndjson", b"".join(
        b'{"time":%d,"user":"u%d","app":"crm","feature":"f"}\n' % (1_772_442_000_000 + number, number % 50)
        for number in range(200_000)))
    code, text = on_a_terminal(place, "import", "events", str(path), stream="stderr")
    expect(code == 0 and "importing: " in text and "░" in text and text.endswith("\r\x1b[K"), f"{code}: {text[-300:]!r}")
    for arguments, words in ((("doctor",), "checking: "), (("backup", str(place.path("copy.db"))), "copying: "),
                             (("export", "erosion", "--out", str(place.directory)), "exporting: ")):
        code, text = on_a_terminal(place, *arguments, stream="stderr")
        expect(code == 0 and words in text and text.endswith("\r\x1b[K"), f"{arguments}: {text[-300:]!r}")
    for arguments in (("doctor",), ("import", "events", str(path))):
        expect("\x1b" not in place.run(*arguments).err, f"{arguments}: control sequences in a pipe")


@check
def tables_align_names_of_all_scripts(place: Place) -> None:
    """Columns begin where they should whatever the names before them are made of, and fit the terminal."""
    names = ["plain", "Größe", "Gro\u0308ße", "日本語の部署", "한국어", "👍", "ｆｕｌｌ", "นี้", "x" * 120]
    values = ", ".join(f"('{name}', {index}, 'end')" for index, name in enumerate(names))
    place.import_text("events", "")
    code, text = on_a_terminal(place, "sql", f"SELECT column1 AS name, column2 AS n, column3 AS last FROM (VALUES {values})",
                               NO_COLOR="1")
    lines = text.splitlines()
    expect(code == 0 and len(lines) == len(names) + 1, f"{code}: {text}")
    from wcwidth import wcswidth  # an independent table of widths

    ends = {wcswidth(line.rsplit("end", 1)[0]) for line in lines[1:]}
    expect(len(ends) == 1, f"columns begin at {ends}: {text}")
    expect(max(wcswidth(line) for line in lines) <= COLUMNS, f"wider than {COLUMNS}: {text}")
