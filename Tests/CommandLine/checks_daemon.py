"""The daemon beside other processes: locks, the control socket, stopping, restarting."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import fixture
import hostile
from harness import (Daemon, Place, Skipped, connect_stream, environment, expect, expect_equal,
                     line, poll, send_datagrams, send_stream, send_udp)
from registry import check

NOBODY = 65_534
LINES_A_CONNECTION = 40
SENDERS = 3
EVENTS_BEFORE_STOP = 3_000


def lines(source: str, first: int, count: int, **changes: object) -> bytes:
    return b"".join(line(**hostile.event(source=source, seq=seq, **changes))
                    for seq in range(first, first + count))


# One writer


@check
def second_daemon_is_refused(place: Place) -> None:
    with place.daemon() as daemon:
        arguments = ["--db", str(place.database), "--udp", "127.0.0.1:0"]
        result = place.program(arguments, name="waterlined")
        result.expect_one_line(1, str(place.database), str(daemon.pid))
        send_stream(place.stream, lines("pc", 1, 1))
        place.wait_for_events(1)


@check
def second_daemon_on_the_same_sockets_is_refused(place: Place) -> None:
    with place.daemon() as daemon:
        for option, path in (("--unix-stream", place.stream), ("--unix-datagram", place.datagram)):
            arguments = ["--db", str(place.path("other.db")), option, str(path)]
            place.program(arguments, name="waterlined").expect_one_line(1, str(path))
        port = str(daemon.udp_port())
        arguments = ["--db", str(place.path("other.db")), "--udp", f"127.0.0.1:{port}"]
        place.program(arguments, name="waterlined").expect_one_line(1, port)
        send_stream(place.stream, lines("pc", 1, 1))
        send_datagrams(place.datagram, [lines("pc", 2, 1)])
        place.wait_for_events(2)


@check
def import_goes_through_the_running_daemon(place: Place) -> None:
    with place.daemon() as daemon:
        fixture.load(place)
        status = place.status()
        expect_equal((status["events"], status["roster_people"]), (fixture.EVENTS, 33), "counts")
        expect(str(daemon.pid) in status["daemon"], "status does not name the daemon")
        place.import_text("events", b'{"x"\n').expect(3)
        bad = place.import_text("roster", "name\nann\n")
        bad.expect_one_line(1, "user")
        expect_equal(place.status()["roster_people"], 33, "people after a bad file")


@check
def import_refused_early_by_the_daemon_gives_its_reason(place: Place) -> None:
    """The daemon stops reading a large file that makes no sense."""
    with place.daemon():
        data = b"colour,shape\n" + b"red,round\n" * 2_000_000
        for kind in ("events", "roster"):
            place.run("import", kind, "-", input=data).expect_one_line(1, "user")


@check
def lock_holder_is_named_when_the_control_socket_is_gone(place: Place) -> None:
    with place.daemon() as daemon:
        place.path("waterline.db.control").unlink()
        for command in (("import", "events", "-"), ("settings", "set", "organisation.name", "x")):
            result = place.run(*command, input=hostile.text())
            result.expect_one_line(1, "waterlined", str(daemon.pid))
        send_stream(place.stream, lines("pc", 1, 1))
        place.wait_for_events(1)


@check
def import_holds_the_lock_against_a_daemon(place: Place) -> None:
    program = [str(place.binaries / "waterline"), "--db", str(place.database)]
    importing = subprocess.Popen(
        [*program, "import", "events", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=environment(place.directory))
    assert importing.stdin is not None
    try:
        lock = Path(f"{place.database}.lock")
        poll(lambda: lock.exists() and str(importing.pid) in lock.read_text(), "the lock")
        result = place.program(place.usual_arguments(), name="waterlined")
        result.expect_one_line(1, str(importing.pid))
    finally:
        importing.stdin.close()
        importing.wait()


@check
def control_socket_is_for_its_owner_only(place: Place) -> None:
    with place.daemon():
        mode = place.path("waterline.db.control").stat().st_mode & 0o777
        expect_equal(oct(mode), "0o600", "mode of the control socket")


@check
def rubbish_on_the_control_socket_does_no_harm(place: Place) -> None:
    path = place.path("waterline.db.control")
    pieces = (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x02\0\0\0J{}",
              b"\x05\0\0\0Jnull!", b"\x04\0\0\0Jnull", b"\0\0\0\0E", b"\0\0\0\0D" * 50,
              b'\x1d\0\0\0J{"importRoster":{"merge":false}}'[:34])
    with place.daemon() as daemon:
        for piece in pieces:
            with connect_stream(path) as connection:
                try:
                    connection.sendall(piece)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass
        place.run("settings", "set", "organisation.name", "still here").expect(0)
        expect_equal(daemon.stop(), 0, "exit code")


@check
def broken_off_import_replaces_no_roster(place: Place) -> None:
    """A client that dies amid a roster must not leave half of one."""
    request = b'{"importRoster":{"merge":false}}'
    data = b"user,department\nxx,Sales\n"
    with place.daemon():
        place.import_text("roster", "user\nann\nbob\n").expect(0)
        with connect_stream(place.path("waterline.db.control")) as connection:
            connection.sendall(len(request).to_bytes(4, "little") + b"J" + request)
            connection.sendall(len(data).to_bytes(4, "little") + b"D" + data)
        place.run("settings", "set", "organisation.name", "x").expect(0)
        expect_equal(place.status()["roster_people"], 2, "people")


# Stopping


@check
def stop_removes_the_sockets(place: Place) -> None:
    with place.daemon() as daemon:
        expect_equal(daemon.stop(), 0, "exit code")
        left = [p.name for p in place.directory.iterdir()
                if p.suffix == ".sock" or p.name.endswith(".control")]
        expect_equal(left, [], "socket files left")


@check
def interrupt_stops_too(place: Place) -> None:
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 1, 3))
        daemon.signal(signal.SIGINT)
        expect_equal(daemon.wait(), 0, "exit code")
    expect_equal(place.status()["stored"], 3, "stored")


@check
def stop_with_an_idle_control_connection(place: Place) -> None:
    with place.daemon() as daemon, connect_stream(place.path("waterline.db.control")):
        daemon.signal(signal.SIGTERM)
        expect_equal(daemon.wait(8), 0, "exit code")


@check
def stop_with_an_import_that_waits_for_input(place: Place) -> None:
    program = [str(place.binaries / "waterline"), "--db", str(place.database)]
    with place.daemon() as daemon:
        idle = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
        importing = subprocess.Popen(
            [*program, "import", "events", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=environment(place.directory))
        assert importing.stdin is not None
        try:
            importing.stdin.write(hostile.text() + b"\n")
            importing.stdin.flush()
            descriptors = Path(f"/proc/{daemon.pid}/fd")
            poll(lambda: len(list(descriptors.iterdir())) > idle, "the daemon to take the import")
            daemon.signal(signal.SIGTERM)
            expect_equal(daemon.wait(8), 0, "exit code")
        finally:
            importing.stdin.close()
            importing.wait()


def send_until_the_end(place: Place, name: str, counted: dict[str, int]) -> None:
    """Connection after connection; counts the lines that were read to the end by the other side.

    Behind what it writes it shuts down its half and waits for the end of the other: a reset says
    that the daemon left something unread.
    """
    sequence = 1
    while True:
        try:
            with connect_stream(place.stream) as connection:
                connection.sendall(lines(name, sequence, LINES_A_CONNECTION))
                connection.shutdown(socket.SHUT_WR)
                if connection.recv(1) != b"":
                    return
        except OSError:
            return
        counted[name] = sequence + LINES_A_CONNECTION - 1
        sequence += LINES_A_CONNECTION


@check
def stop_under_load_loses_nothing(place: Place) -> None:
    counted: dict[str, int] = {}
    with place.daemon() as daemon:
        threads = [threading.Thread(target=send_until_the_end, args=(place, f"pc-{i}", counted))
                   for i in range(SENDERS)]
        for thread in threads:
            thread.start()
        poll(lambda: sum(counted.values()) > EVENTS_BEFORE_STOP, "the senders")
        code = daemon.stop()
        for thread in threads:
            thread.join()
        expect_equal(code, 0, "exit code")
    sources = place.sources()
    for name, count in counted.items():
        stored = sources.get(name, {}).get("stored", 0)
        expect(stored >= count, f"{name}: {count} events were taken, {stored} are stored")
    for source in sources.values():
        expect_equal(source["lost"], 0, "lost")


@check
def stop_takes_what_many_connections_sent(place: Place) -> None:
    """All of it was in the kernel when SIGTERM came; half of the connections are empty."""
    count = 900
    with place.daemon() as daemon:
        daemon.signal(signal.SIGSTOP)
        for index in range(count):
            data = b"" if index < count // 2 else lines(f"pc-{index}", 1, 1)
            send_stream(place.stream, data)
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        expect_equal(daemon.wait(), 0, "exit code")
    expect_equal(place.status()["stored"], count - count // 2, "stored")


@check
def stop_takes_what_open_connections_sent(place: Place) -> None:
    """Connections known to the daemon, some at their end, some with data."""
    count = 400
    with place.daemon() as daemon:
        connections = [connect_stream(place.stream) for _ in range(count)]
        connections[0].sendall(lines("first", 1, 1))
        place.wait_for_events(1)
        daemon.signal(signal.SIGSTOP)
        for index, connection in enumerate(connections):
            if index >= count // 2:
                connection.sendall(lines(f"pc-{index}", 1, 1))
            connection.close()
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        expect_equal(daemon.wait(), 0, "exit code")
    expect_equal(place.status()["stored"], count - count // 2 + 1, "stored")


@check
def stop_takes_datagrams_that_wait(place: Place) -> None:
    with place.daemon() as daemon:
        port = daemon.udp_port()
        daemon.signal(signal.SIGSTOP)
        send_udp(port, [lines("udp", seq, 1) for seq in range(1, 151)], waiting_max=1 << 30)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(place.datagram))
            sender.setblocking(False)
            sent = 0
            try:
                while sent < 500:
                    sender.send(lines("local", sent + 1, 1))
                    sent += 1
            except BlockingIOError:
                pass
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        expect_equal(daemon.wait(), 0, "exit code")
    expect_equal(place.status()["stored"], 150 + sent, "stored")


@check
def killed_daemon_leaves_a_database_that_works(place: Place) -> None:
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 1, 500))
        place.wait_for_events(500)
        daemon.kill()
    expect_equal(place.status()["daemon"], "not running", "status")
    place.import_text("events", lines("pc", 401, 200)).expect(0)
    expect_equal(place.status()["events"], 600, "events")
    with place.daemon():
        send_stream(place.stream, lines("pc", 601, 1))
        poll(lambda: place.status()["events"] == 601, "an event after the restart")


@check
def too_few_descriptors_do_not_spin(place: Place) -> None:
    """More connections than the process may open: they wait, and it does not burn a core."""
    with place.daemon() as daemon:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
        connections = [connect_stream(place.stream) for _ in range(120)]
        send_udp(daemon.udp_port(), [lines("pc", 1, 1)])
        before, started = cpu_seconds(daemon), time.monotonic()
        time.sleep(1)
        used = (cpu_seconds(daemon) - before) / (time.monotonic() - started)
        for connection in connections:
            connection.close()
        send_stream(place.stream, lines("pc", 2, 1))
        poll(lambda: place.status()["stored"] == 2, "events when there is room again")
        expect(used < 0.05, f"the idle daemon uses {used:.0%} of a core")


@check
def too_few_descriptors_do_not_block_the_command_line(place: Place) -> None:
    with place.daemon() as daemon:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
        connections = [connect_stream(place.stream) for _ in range(120)]
        try:
            place.program(["--db", place.database, "status"], seconds=10).expect(0)
        finally:
            for connection in connections:
                connection.close()


def cpu_seconds(daemon: Daemon) -> float:
    cells = Path(f"/proc/{daemon.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


# Reading while writing


@check
def reports_while_the_daemon_writes(place: Place) -> None:
    is_done = threading.Event()

    def write() -> None:
        sequence = 1
        with connect_stream(place.stream) as connection:
            while not is_done.is_set():
                connection.sendall(lines("pc", sequence, 200))
                sequence += 200

    with place.daemon() as daemon:
        fixture.load(place)
        thread = threading.Thread(target=write)
        thread.start()
        try:
            last = 0
            for _ in range(12):
                count = place.status()["events"]
                expect(count >= last, f"{count} events after {last}")
                last = count
                place.report("coverage", "--by", "department", *fixture.WINDOW)
                place.report("bottlenecks", *fixture.WINDOW)
                place.report("flow", *fixture.WINDOW)
        finally:
            is_done.set()
            thread.join()
        expect_equal(daemon.stop(), 0, "exit code")
    status = place.status()
    expect_equal((status["lost"], status["duplicate"]), (fixture.LOST, 0), "lost and duplicate")
    expect_equal(status["events"], status["stored"], "events and stored")


# Redelivery


@check
def redelivery_across_a_restart_and_import(place: Place) -> None:
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 1, 100))
        place.wait_for_events(100)
        expect_equal(daemon.stop(), 0, "exit code")
    result = place.import_text("events", lines("pc", 91, 20)).expect(0).json()
    expect_equal((result["accepted"], result["duplicate"], result["conflict"]), (10, 10, 0),
                 "import while no daemon runs")
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 101, 20))
        send_datagrams(place.datagram, [lines("pc", 1, 5)])
        status = place.wait_for_events(145)
        expect_equal((status["stored"], status["duplicate"], status["conflict"]), (120, 25, 0),
                     "after the restart")
        result = place.import_text("events", lines("pc", 111, 20)).expect(0).json()
        expect_equal((result["accepted"], result["duplicate"]), (10, 10), "import by the daemon")
    expect_equal(place.status()["events"], 130, "events")


@check
def conflict_keeps_the_first(place: Place) -> None:
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 1, 3, duration_ms=1))
        place.wait_for_events(3)
        send_stream(place.stream, lines("pc", 2, 2, duration_ms=2))
        status = place.wait_for_events(5)
        expect_equal((status["duplicate"], status["conflict"]), (2, 2), "over the stream")
        expect_equal(daemon.stop(), 0, "exit code")
    result = place.import_text("events", lines("pc", 1, 1, outcome="error")).expect(0).json()
    expect_equal((result["duplicate"], result["conflict"]), (1, 1), "by import")
    with place.daemon():
        send_stream(place.stream, lines("pc", 3, 1, user="eve"))
        poll(lambda: place.status()["conflict"] == 4, "the conflict after a restart")
    rows = place.report("erosion", "--from", "2026-03-02", "--to", "2026-03-30", "--min-group",
                        "1", "--purpose", "test")["rows"]
    expect_equal((rows[0]["face_ms"], rows[0]["failed_ms"]), (3, 0), "time of the first ones")


@check
def numbers_out_of_order_and_their_gaps(place: Place) -> None:
    with place.daemon():
        for first, count in ((50, 10), (1, 10), (80, 5), (11, 5)):
            send_stream(place.stream, lines("pc", first, count))
        place.wait_for_events(30)
        source = place.sources()["pc"]
        expect_equal((source["lost"], source["gaps"], source["highest_seq"]), (54, 2, 84), "ledger")
        send_stream(place.stream, lines("pc", 16, 64))
        poll(lambda: place.sources()["pc"]["lost"] == 0, "the gaps to close")
    source = place.sources()["pc"]
    expect_equal((source["stored"], source["duplicate"]), (84, 10), "stored and duplicate")


@check
def refused_numbers_are_not_lost(place: Place) -> None:
    bad = line(**hostile.event(source="pc", seq=2, kind="click"))
    result = place.import_text("events", lines("pc", 1, 1) + bad + lines("pc", 3, 1)).expect(3)
    expect_equal(result.json()["accepted"], 2, "accepted")
    source = place.sources()["pc"]
    expect_equal((source["lost"], source["rejected"]), (0, 1), "lost and rejected")


# Permissions


def as_nobody(place: Place, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    user = NOBODY if os.geteuid() == 0 else None
    try:
        return subprocess.run(
            [str(place.binaries / program), *arguments], user=user, capture_output=True,
            text=True, timeout=20, check=False, env=environment(Path("/")))
    except (PermissionError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"cannot run as another user: {error}") from None


@check
def directory_that_may_not_be_written(place: Place) -> None:
    if as_nobody(place, "waterline", "--version").returncode != 0:
        raise Skipped("another user cannot run the programs")
    os.chmod(place.directory, 0o555)
    database = str(place.database)
    try:
        for program, arguments in (("waterlined", ("--db", database, "--udp", "127.0.0.1:0")),
                                   ("waterline", ("--db", database, "import", "roster",
                                                  str(fixture.DIRECTORY / "roster.csv")))):
            done = as_nobody(place, program, *arguments)
            expect_equal(done.returncode, 1, f"exit code of {program}: {done.stderr}")
            expect_equal(len(done.stderr.splitlines()), 1, f"lines of {done.stderr!r}")
    finally:
        os.chmod(place.directory, 0o755)


@check
def database_that_may_not_be_read(place: Place) -> None:
    if as_nobody(place, "waterline", "--version").returncode != 0:
        raise Skipped("another user cannot run the programs")
    fixture.load(place)
    os.chmod(place.directory, 0o755)
    os.chmod(place.database, 0o600)
    if os.geteuid() != 0:
        os.chmod(place.database, 0o000)
    done = as_nobody(place, "waterline", "--db", str(place.database), "coverage")
    expect_equal((done.returncode, done.stdout), (1, ""), f"exit code and result: {done.stderr}")
    expect_equal(len(done.stderr.splitlines()), 1, f"lines of {done.stderr!r}")


@check
def files_of_root_belong_to_whom_the_directory_belongs(place: Place) -> None:
    """Else a command of root's would shut out a daemon that has an account of its own."""
    if os.geteuid() != 0:
        raise Skipped("only root can make files of others")
    own = place.path("own")
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    database = own / "waterline.db"
    place.program(["--db", database, "settings", "set", "organisation.name", "Example"]).expect(0)
    owners = {path.name: path.stat().st_uid for path in own.iterdir()}
    expect("waterline.db" in owners and set(owners.values()) == {NOBODY}, f"owners {owners}")
    # What the account put there is left alone, links above all.
    precious = place.write("precious", "keep")
    (own / "waterline.db.lock").unlink()
    (own / "waterline.db.lock").symlink_to(precious)
    place.program(["--db", database, "settings", "set", "organisation.name", "Other"])
    expect_equal(precious.stat().st_uid, 0, "owner of what a link points to")
