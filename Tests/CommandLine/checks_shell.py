"""`waterline shell`: real shells that record what is run in them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess

from harness import SECONDS, Place, Skipped, environment, expect, expect_equal, poll
from registry import add, check

TYPED = """true
/bin/false --secret argument
echo "status $?"
cd /
ls /nonexistent
echo "own $own_status"
FOO=1 sleep 0.3

for number in 1 2; do :; done
exit
"""
START_FILES = {
    "bash": ("bashrc", "PROMPT_COMMAND='own_status=$?; '\ntrap 'own_trap=1' DEBUG\n"),
    "zsh": (".zshrc", "precmd() { own_status=$? }\n"),
}
EXPECTED = [("false", "error"), ("ls", "error"), ("sleep", "ok")]


def check_shell(shell: str, place: Place) -> None:
    if not shutil.which(shell):
        raise Skipped(f"there is no {shell}")
    name, text = START_FILES[shell]
    start = place.write(name, f'{text}eval "$({place.binaries / "waterline"} shell {shell})"\n')
    variables = environment(
        place.directory, WATERLINE_COLLECTOR=str(place.datagram), ZDOTDIR=str(place.directory))
    command = [shell, "--rcfile", str(start), "-i"] if shell == "bash" else [shell, "-i"]
    with place.daemon():
        done = subprocess.run(command, input=TYPED, env=variables, capture_output=True, text=True,
                              cwd=place.directory, timeout=SECONDS, check=False)
        expect("status 1" in done.stdout, f"$? was changed: {done.stdout!r}")
        expect("own 2" in done.stdout, f"the user's own hook no longer runs: {done.stdout!r}")
        place.wait_for_events(len(EXPECTED))
        found = place.sql("SELECT * FROM event ORDER BY time")
    expect_equal([(row["feature"], row["outcome"]) for row in found], EXPECTED, "recorded")
    expect("argument" not in str(found), "an argument was recorded")
    expect(300 <= found[2]["duration_ms"] < 5_000, f"duration of sleep: {found[2]['duration_ms']}")
    expect_equal({row["app"] for row in found}, {"shell"}, "application")


@check
def shell_events_go_through_the_agent(place: Place) -> None:
    snippet = f'eval "$({place.binaries / "waterline"} shell bash)"\n'
    start = place.write("bashrc", snippet)
    variables = environment(place.directory, WATERLINE_COLLECTOR=str(place.agent_stream))
    with place.agent():  # the collector is away
        subprocess.run(["bash", "--rcfile", str(start), "-i"], input="ls /\ncat /dev/null\nexit\n", env=variables,
                       capture_output=True, text=True, cwd=place.directory, timeout=SECONDS, check=False)
        poll(lambda: spooled_events(place) >= 2, "the spool to have both")
    with place.daemon(), place.agent():
        place.wait_for_events(2)
        found = place.sql("SELECT feature FROM event ORDER BY feature")
    expect_equal([row["feature"] for row in found], ["cat", "ls"], "recorded")


def spooled_events(place: Place) -> int:
    """Events on the spool's disk; the agent holds the file, so a copy is read.

    0 when the copy caught the file while it was made or written: whoever waits asks again.
    """
    for suffix in ("", "-wal"):
        source = place.spool.with_name(place.spool.name + suffix)
        if source.exists():
            shutil.copy(source, place.path("copy.db" + suffix))
    database = sqlite3.connect(place.path("copy.db"))
    try:
        return int(database.execute("SELECT ifnull(sum(last - first + 1), 0) FROM batch_range").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0
    finally:
        database.close()


for name in START_FILES:
    add(f"shell-{name}-records-programs", lambda place, shell=name: check_shell(shell, place))


@check
def shell_refuses_odd_names(place: Place) -> None:
    result = place.run("shell", "bash", "--app", "a b; rm -rf /")
    expect_equal(result.code, 2, "exit code")
