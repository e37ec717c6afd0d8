"""`send` and `exec`: acknowledged, or a clear error; and never in the way of a command."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from checks_agent import stop, waiting
from checks_trust import NOBODY, OTHER_KEY, open_to_all, refused, write_key
from harness import Place, Skipped, environment, expect, expect_equal, poll
from registry import check

EVENT = ("--app", "crm", "--feature", "open")


@contextmanager
def deaf(path: Path) -> Iterator[list[bytes]]:
    """A stream socket that takes everything and never answers."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def listen() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    while data := connection.recv(65_536):
                        heard.append(data)
            except OSError:
                pass  # the check is over

        threading.Thread(target=listen, daemon=True).start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)


@check
def send_is_acknowledged_by_the_agent(place: Place) -> None:
    with place.agent() as agent:
        place.program(["send", *EVENT, "--collector", place.agent_stream]).expect(0)
        place.program(["send", *EVENT, "--collector", place.agent_datagram]).expect(0)
        agent.signal(signal.SIGKILL)  # success means: on disk
        agent.wait()
    with place.daemon(), place.agent():
        expect_equal(place.wait_for_events(2)["stored"], 2, "stored")


@check
def send_is_stored_when_it_returns(place: Place) -> None:
    with place.daemon() as daemon:
        for count, address in enumerate((f"127.0.0.1:{daemon.udp_port()}", place.datagram, place.stream), 1):
            place.program(["send", *EVENT, "--collector", address]).expect(0)
            expect_equal(place.status()["stored"], count, f"stored when send to {address} returned")


@check
def send_without_an_answer_fails_in_time(place: Place) -> None:
    with deaf(place.stream) as heard:
        began = time.monotonic()
        done = place.program(["send", *EVENT, "--collector", place.stream, "--timeout", "0.7"])
        done.expect_one_line(1, "no acknowledgement", str(place.stream), "--plain")
        expect(0.6 < time.monotonic() - began < 5, "it took another time than it was given")
        expect(heard and heard[0].startswith(b"WLE1"), f"it sent {heard[:1]}")


@check
def send_plain_is_one_line(place: Place) -> None:
    with deaf(place.stream) as heard:
        place.program(["send", *EVENT, "--plain", "--collector", place.stream]).expect(0)
        poll(lambda: b"".join(heard).endswith(b"\n"), "the line")
        expect(b"".join(heard).startswith(b'{"time":'), f"it sent {heard}")


@check
def send_over_udp_to_nobody(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    done = place.program(["send", *EVENT, "--collector", f"127.0.0.1:{port}", "--timeout", "0.5"])
    done.expect_one_line(1, "no acknowledgement", str(port))


@check
def send_and_exec_under_a_key(place: Place) -> None:
    """To a collector that asks for keys, as an agent does."""
    keys = write_key(place, "pc-17", sender="workstation-17", users="ann")
    key = keys / "pc-17.key"
    for mode in ("sign", "encrypt"):
        with place.daemon("--mode", mode, "--keys", keys) as daemon:
            before = place.status()["stored"]
            address = f"127.0.0.1:{daemon.udp_port()}"
            under_key = ["--collector", address, "--key-file", key, "--mode", mode]
            place.program(["send", *EVENT, "--user", "ann", *under_key]).expect(0)
            expect_equal(place.status()["stored"], before + 1, "stored when send returned")
            place.program(["send", *EVENT, "--user", "bob", *under_key]).expect(0)
            expect_equal(place.status()["stored"], before + 1, "stored for another than the key's users")
            # By a name for the key, and by the environment; from a directory that is not the background process's.
            place.program(["exec", *EVENT, "--user", "ann", "--key-id", "pc-17", *under_key, "--", "true"]).expect(0)
            poll(lambda before=before: place.status()["stored"] == before + 2, "the event of exec")
            place.program(["send", *EVENT, "--user", "ann", "--collector", address],
                          env={"WATERLINE_KEY_FILE": str(key), "WATERLINE_MODE": mode}).expect(0)
            expect_equal(place.status()["stored"], before + 3, "stored with the key of the environment")
    expect("workstation-17" in place.sources(), "the key's sender is not known as such")


@check
def send_under_a_wrong_key(place: Place) -> None:
    keys = write_key(place, "pc")
    other = place.path("other.key")
    other.write_text((write_key(place, "unused", OTHER_KEY) / "unused.key").read_text())
    other.chmod(0o600)
    with place.daemon("--mode", "sign", "--keys", keys) as daemon:
        address = ["--collector", f"127.0.0.1:{daemon.udp_port()}", "--timeout", "0.6"]
        done = place.program(["send", *EVENT, *address, "--key-file", other, "--key-id", "pc", "--mode", "sign"])
        done.expect_one_line(1, "no acknowledgement", "pc")
        place.program(["send", *EVENT, *address]).expect_one_line(1, "no acknowledgement", "--key-file")
        poll(lambda: {"bad_signature", "wrong_mode"} <= set(refused(place)), "the refusals")
        expect_equal(place.status()["stored"], 0, "stored")


@check
def keys_of_send_that_cannot_be_used(place: Place) -> None:
    key = write_key(place, "pc") / "pc.key"
    udp = ["--collector", "127.0.0.1:9", "--timeout", "0.3"]
    place.program(["send", *EVENT, *udp, "--key-file", place.path("none.key")]).expect_one_line(1, "none.key")
    place.program(["send", *EVENT, "--collector", place.stream, "--key-file", key]).expect_one_line(1, "Unix socket")
    for arguments in (["--mode", "sign"], ["--key-id", "pc"], ["--key-file", key, "--plain"],
                      ["--key-file", key, "--mode", "none"], ["--key-file", key, "--mode", "loud"],
                      ["--key-file", key, "--key-id", "a b"]):
        place.program(["send", *EVENT, *udp, *arguments]).expect(2)
    key.chmod(0o644)
    place.program(["send", *EVENT, *udp, "--key-file", key]).expect_one_line(1, "chmod")
    # At a Unix socket the kernel says who sends: a key in the environment is left alone.
    with place.agent():
        place.program(["send", *EVENT, "--collector", place.agent_stream],
                      env={"WATERLINE_KEY_FILE": str(key)}).expect(0)


@check
def send_says_what_would_be_refused(place: Place) -> None:
    with place.agent():
        for arguments, reason in ((("--app", "x" * 300, "--feature", "f"), "too_long"),
                                  ((*EVENT, "--user", ""), "empty"), ((*EVENT, "--time", "5"), "time")):
            done = place.program(["send", *arguments, "--collector", place.agent_stream])
            done.expect_one_line(1, reason)
    expect_equal(waiting(place), 0, "batches in the spool")


@check
def send_waits_for_an_agent_that_restarts(place: Place) -> None:
    with place.agent() as agent:
        agent.signal(signal.SIGSTOP)
        sending = subprocess.Popen([place.binaries / "waterline", "send", *EVENT, "--timeout", "20",
                                    "--collector", place.agent_stream], env=environment(place.directory))
        time.sleep(0.5)
        agent.signal(signal.SIGKILL)
        agent.wait()
    with place.daemon(), place.agent():
        expect_equal(sending.wait(20), 0, "exit code of send")
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored")


@check
def send_finds_the_agent_first(place: Place) -> None:
    if os.geteuid() != 0:
        raise Skipped("only root can be another account")
    open_to_all(place)
    own = place.path("nobody")
    own.mkdir()
    shutil.chown(own, NOBODY, NOBODY)
    programs = own / "bin"  # where that account may read them
    programs.mkdir()
    for name in ("waterline", "waterlined", "waterline-agent"):
        shutil.copy(place.binaries / name, programs / name)
    variables = environment(own, XDG_RUNTIME_DIR=str(own), XDG_STATE_HOME=str(own / "state"))

    def run(name: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([programs / name, *arguments], env=variables, user=NOBODY, group=NOBODY,
                                extra_groups=[], cwd=own, stderr=subprocess.PIPE, text=True)

    def send(code: int) -> str:
        sending = run("waterline", "send", *EVENT)
        _, errors = sending.communicate(timeout=20)
        expect_equal(sending.returncode, code, f"exit code ({errors})")
        return errors

    def stored() -> int:
        done = place.program(["--db", own / "state/waterline/waterline.db", "sql",
                              "SELECT count(*) AS n FROM event", "--format", "json"]).expect(0)
        return int(done.json()["rows"][0]["n"])

    errors = send(1)
    expect(len(errors.splitlines()) == 1 and "waterline-agent/stream.sock" in errors, f"it said {errors!r}")
    collector = run("waterlined")
    poll((own / "waterline/stream.sock").exists, "the collector's socket")
    send(0)
    expect_equal(stored(), 1, "stored, with no agent")
    agent = run("waterline-agent", "--collector", "127.0.0.1:1")
    poll((own / "waterline-agent/stream.sock").exists, "the agent's socket")
    send(0)
    time.sleep(0.2)
    expect_equal(stored(), 1, "stored, though an agent is there")
    for process in (agent, collector):
        process.terminate()
        expect_equal(process.wait(20), 0, "exit code")


# Exec


@check
def exec_waits_for_nobody(place: Place) -> None:
    """An agent that stands still delays neither the command's end nor the end of its pipes."""
    with place.daemon(), place.agent() as agent:
        agent.signal(signal.SIGSTOP)
        began = time.monotonic()
        done = place.program(["exec", *EVENT, "--collector", place.agent_stream, "--", "sh", "-c",
                              "echo out; exit 5"]).expect(5)
        taken = time.monotonic() - began
        expect_equal((done.out, done.err), ("out\n", ""), "output")
        expect(taken < 2, f"it took {taken:.1f} s")
        agent.signal(signal.SIGCONT)
        event = place.wait_for_events(1)
        expect_equal(event["stored"], 1, "stored")
        stop(agent)


@check
def exec_ends_as_the_command_does(place: Place) -> None:
    """What cannot be run is an event too, and who ends `exec` ends the command."""
    with place.daemon() as daemon:
        to_daemon = ["--collector", place.stream]
        ends = ((str(place.write("words", "x")),), 126, "error"), (("no-such-command",), 127, "error"), \
            (("sh", "-c", "kill -INT $$"), 130, "abandoned")
        for command, status, outcome in ends:
            before = place.status()["stored"]
            place.program(["exec", *EVENT, *to_daemon, "--", *command]).expect(status)
            poll(lambda before=before: place.status()["stored"] == before + 1, f"the event of {command}")
            last = place.run("sql", "SELECT outcome FROM event ORDER BY time DESC LIMIT 1", "--format", "csv").out
            expect_equal(last.split()[-1], outcome, f"outcome of {command}")
        child = subprocess.Popen([place.binaries / "waterline", "exec", *EVENT, *to_daemon, "--", "sleep", "60"],
                                 env=environment(place.directory))
        time.sleep(0.5)
        child.terminate()
        expect_equal(child.wait(timeout=20), 128 + signal.SIGTERM, "exit code once it was told to end")
        poll(lambda: place.status()["stored"] == 4, "the event of the command that was ended")
        expect_equal(daemon.stop(), 0, "exit code")


@check
def exec_goes_on_in_the_background(place: Place) -> None:
    """The agent dies before it has read the event; the event arrives all the same, once."""
    with place.agent() as agent:
        agent.signal(signal.SIGSTOP)
        place.program(["exec", *EVENT, "--collector", place.agent_stream, "--", "true"]).expect(0)
        agent.signal(signal.SIGKILL)
        agent.wait()
    with place.daemon(), place.agent():
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored")
        time.sleep(0.5)
        expect_equal(place.status()["stored"], 1, "stored a little later")


@check
def exec_keeps_no_file_open(place: Place) -> None:
    """A lock that the caller holds is free as soon as the command has ended."""
    with place.agent() as agent:
        agent.signal(signal.SIGSTOP)
        lock = place.path("lock")
        script = f'exec 9>{lock}; flock 9; "$0" exec --app a --feature f --collector "$1" -- true'
        done = subprocess.run(["bash", "-c", script, place.binaries / "waterline", place.agent_stream],
                              env=environment(place.directory), timeout=20, check=False)
        expect_equal(done.returncode, 0, "exit code")
        taken = subprocess.run(["flock", "--nonblock", lock, "true"], check=False, timeout=20)
        expect_equal(taken.returncode, 0, "taking the lock")
