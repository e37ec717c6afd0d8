"""How the daemon is told what to do, at its start and by SIGHUP."""

from __future__ import annotations

import signal
import socket
from functools import partial
from pathlib import Path

import hostile
from harness import (Daemon, Place, expect, expect_equal, line, poll, send_stream, send_udp)
from registry import add, check

BAD_FILES = {
    "unknown-key": "unix_streem: /tmp/x\n",
    "not-yaml": "udp: [1, 2\n",
    "a-list": "- udp\n- db\n",
    "a-word": "hello\n",
    "value-is-list": "udp: [a, b]\n",
    "value-is-empty": "udp:\n",
    "mode-unknown": "mode: rot13\n",
    "level-unknown": "log_level: loud\n",
    "address-without-port": "udp: localhost\n",
    "port-too-large": "udp: 127.0.0.1:70000\n",
    "address-not-ours": "udp: 192.0.2.1:0\n",
    "host-unknown": "udp: no.such.host.invalid:0\n",
}


def expect_no_start(place: Place, *arguments: str, **variables: str) -> None:
    """It ends with 1 and one line."""
    result = place.program(["--db", str(place.database), *arguments], env=variables,
                           name="waterlined")
    result.expect_one_line(1)


def check_bad_file(text: str, place: Place) -> None:
    path = place.write("config.yaml", text)
    sockets = () if "udp" in text else ("--udp", "127.0.0.1:0")
    expect_no_start(place, "--config", str(path), *sockets)


for name, text in BAD_FILES.items():
    add(f"config-{name}", partial(check_bad_file, text))


@check
def config_bad_key_is_named_with_its_line(place: Place) -> None:
    path = place.write("config.yaml", "log_level: info\nunix_streem: /tmp/x\n")
    result = place.program(["--config", str(path)], name="waterlined")
    result.expect_one_line(1, "config.yaml:2", "unix_streem", "unix_stream")


@check
def config_that_is_missing_or_no_text(place: Place) -> None:
    expect_no_start(place, "--config", str(place.path("none.yaml")))
    expect_no_start(place, "--config", str(place.write("x.yaml", b"\xff\xfe\x00")))
    expect_no_start(place, WATERLINE_CONFIG=str(place.path("none.yaml")))


@check
def config_bad_flags_and_variables(place: Place) -> None:
    expect_no_start(place, "--udp", "nonsense")
    expect_no_start(place, "--mode", "rot13", "--udp", "127.0.0.1:0")
    expect_no_start(place, "--log-level", "loud", "--udp", "127.0.0.1:0")
    expect_no_start(place, WATERLINE_UDP="nonsense")
    result = place.program(["--bogus"], name="waterlined").expect(2)
    expect_equal(result.out, "", "standard output")


@check
def config_socket_path_that_cannot_be(place: Place) -> None:
    blocked = place.write("file", "")
    expect_no_start(place, "--unix-stream", str(blocked / "stream.sock"))
    expect_no_start(place, "--unix-stream", str(blocked))
    expect_equal(blocked.read_bytes(), b"", "the file in the way")


@check
def config_flags_win_over_environment_over_file(place: Place) -> None:
    paths = {name: place.path(f"{name}.sock") for name in ("flag", "variable", "file")}
    config = place.write("config.yaml", f"unix_stream: {paths['file']}\n"
                                        f"unix_datagram: {place.path('file-datagram.sock')}\n")
    layers = (
        ("file", [], {}),
        ("variable", [], {"WATERLINE_UNIX_STREAM": str(paths["variable"])}),
        ("flag", ["--unix-stream", str(paths["flag"])],
         {"WATERLINE_UNIX_STREAM": str(paths["variable"])}),
    )
    for winner, flags, variables in layers:
        arguments = ["--db", place.database, "--config", config, *flags]
        with place.daemon(*arguments, env=variables, is_usual=False) as daemon:
            open_ones = [name for name, path in paths.items() if path.exists()]
            expect_equal(open_ones, [winner], "sockets open")
            expect(place.path("file-datagram.sock").exists(), "the file's datagram socket is shut")
            expect(" udp " not in daemon.listening(), "UDP is open though only others are named")
            expect_equal(daemon.stop(), 0, "exit code")
        expect(not paths[winner].exists(), "the socket file is left behind")


@check
def config_environment_alone(place: Place) -> None:
    variables = {"WATERLINE_DB": str(place.database), "WATERLINE_UDP": "127.0.0.1:0",
                 "WATERLINE_CONFIG": str(place.write("c.yaml", "log_level: error\n"))}
    variables["WATERLINE_LOG_LEVEL"] = "notice"
    with place.daemon(env=variables, is_usual=False) as daemon:
        daemon.udp_port()
        expect(place.database.exists(), "there is no database")


@check
def config_database_in_the_file(place: Place) -> None:
    config = place.write("c.yaml", f"db: {place.path('sub/dir/x.db')}\nudp: 127.0.0.1:0\n")
    with place.daemon("--config", config, is_usual=False):
        expect(place.path("sub/dir/x.db").exists(), "there is no database")


@check
def config_state_directory_of_systemd(place: Place) -> None:
    variables = {"STATE_DIRECTORY": str(place.path("state"))}
    with place.daemon("--udp", "127.0.0.1:0", env=variables, is_usual=False):
        expect(place.path("state/waterline.db").exists(), "there is no database")


@check
def config_empty_file_changes_nothing(place: Place) -> None:
    for text in ("", "# nothing\n", "---\n"):
        with place.daemon("--config", place.write("c.yaml", text)) as daemon:
            daemon.udp_port()


@check
def log_lines_carry_levels_under_the_journal(place: Place) -> None:
    with place.daemon(env={"JOURNAL_STREAM": "1:2"}) as daemon:
        expect(daemon.listening().startswith("<5>"), f"no level in {daemon.listening()!r}")


@check
def one_line_when_it_listens(place: Place) -> None:
    with place.daemon() as daemon:
        place.status()
        expect_equal(daemon.stop(), 0, "exit code")
        lines = [text for text in daemon.lines if "warning" not in text]
        expect_equal(len([text for text in lines if "listening" in text]), 1, "lines")


# SIGHUP


def reload(place: Place, daemon: Daemon, text: str, word: str) -> str:
    """Rewrites the configuration and waits for what the daemon says."""
    place.write("config.yaml", text)
    known = len([said for said in daemon.lines if word in said])
    daemon.signal(signal.SIGHUP)
    return daemon.wait_for(word, known + 1)


def expect_stream_works(place: Place, name: str, sequence: int) -> None:
    send_stream(place.path(name), line(**hostile.event(source="pc", seq=sequence)))
    poll(lambda: place.status()["stored"] == sequence, f"event {sequence} over {name}")


def start(place: Place, text: str) -> tuple[str, str]:
    return "--config", str(place.write("config.yaml", text))


@check
def hangup_moves_a_socket(place: Place) -> None:
    old, new = place.path("old.sock"), place.path("new.sock")
    base = f"db: {place.database}\nudp: 127.0.0.1:0\nunix_stream: "
    with place.daemon(*start(place, f"{base}{old}\n"), is_usual=False) as daemon:
        port = daemon.udp_port()
        expect_stream_works(place, "old.sock", 1)
        reload(place, daemon, f"{base}{new}\n", "listening on")
        poll(new.exists, "the new socket")
        poll(lambda: not old.exists(), "the old socket to go")
        expect_stream_works(place, "new.sock", 2)
        expect_equal(daemon.udp_port(2), port, "the UDP port that was not changed")
        send_udp(port, [line(**hostile.event(source="pc", seq=3))])
        place.wait_for_events(3)
        status = place.status()
        expect_equal(status["listening.unix-stream"], str(new), "status")
        expect_equal(daemon.stop(), 0, "exit code")


@check
def hangup_loses_nothing_of_the_closed_socket(place: Place) -> None:
    base = f"db: {place.database}\nunix_stream: "
    old, new = place.path("old.sock"), place.path("new.sock")
    with place.daemon(*start(place, f"{base}{old}\n"), is_usual=False) as daemon:
        data = b"".join(line(**hostile.event(source="pc", seq=seq)) for seq in range(1, 20_001))
        daemon.signal(signal.SIGSTOP)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(old))
        connection.setblocking(False)
        sent = connection.send(data)
        place.write("config.yaml", f"{base}{new}\n")
        daemon.signal(signal.SIGHUP)
        daemon.signal(signal.SIGCONT)
        daemon.wait_for("listening on", 2)
        connection.close()
        whole = data[:sent].count(b"\n")
        poll(lambda: place.status()["stored"] >= whole, f"{whole} events that were sent")


@check
def hangup_with_a_bad_file_changes_nothing(place: Place) -> None:
    base = f"db: {place.database}\nudp: 127.0.0.1:0\nunix_stream: {place.path('a.sock')}\n"
    with place.daemon(*start(place, base), is_usual=False) as daemon:
        port = daemon.udp_port()
        for index, text in enumerate(("nonsense: 1\n", "udp: [\n", "log_level: loud\n")):
            reload(place, daemon, base + text, "error")
            expect_stream_works(place, "a.sock", 2 * index + 1)
            send_udp(port, [line(**hostile.event(source="pc", seq=2 * index + 2))])
            place.wait_for_events(2 * index + 2)
        expect_equal(daemon.stop(), 0, "exit code")


@check
def hangup_to_an_address_that_cannot_be_keeps_the_old(place: Place) -> None:
    """`docs/configuration.md`: a faulty configuration changes nothing."""
    base = f"db: {place.database}\nunix_stream: {place.path('a.sock')}\nudp: "
    with place.daemon(*start(place, f"{base}127.0.0.1:0\n"), is_usual=False) as daemon:
        port = daemon.udp_port()
        reload(place, daemon, f"{base}192.0.2.1:0\n", "error")
        send_udp(port, [line(**hostile.event(source="pc", seq=1))])
        place.wait_for_events(1)


@check
def hangup_to_the_same_port_of_another_address(place: Place) -> None:
    base = f"db: {place.database}\nallow_plain_udp_from_network: true\nudp: "
    with place.daemon(*start(place, f"{base}127.0.0.1:0\n"), is_usual=False) as daemon:
        port = daemon.udp_port()
        reload(place, daemon, f"{base}0.0.0.0:{port}\n", " ")
        said = daemon.lines[-1]
        expect("listening" in said and f"0.0.0.0:{port}" in said, f"it said {said!r}")
        send_udp(port, [line(**hostile.event(source="pc", seq=1))])
        place.wait_for_events(1)


@check
def hangup_closes_a_socket_that_is_gone_from_the_file(place: Place) -> None:
    base = f"db: {place.database}\nunix_stream: {place.path('a.sock')}\n"
    more = f"unix_datagram: {place.path('b.sock')}\n"
    with place.daemon(*start(place, base + more), is_usual=False) as daemon:
        expect(place.path("b.sock").exists(), "there is no datagram socket")
        reload(place, daemon, base, "listening on")
        poll(lambda: not place.path("b.sock").exists(), "the datagram socket to go")
        reload(place, daemon, base + more, "listening on")
        poll(place.path("b.sock").exists, "the datagram socket to come back")
        expect_stream_works(place, "a.sock", 1)


@check
def hangup_does_not_change_the_database(place: Place) -> None:
    base = f"udp: 127.0.0.1:0\nunix_stream: {place.path('a.sock')}\ndb: "
    with place.daemon(*start(place, f"{base}{place.database}\n"), is_usual=False) as daemon:
        reload(place, daemon, f"{base}{place.path('other.db')}\n", "restart")
        expect_stream_works(place, "a.sock", 1)


@check
def config_check_finds_every_problem(place: Place) -> None:
    path = place.write("waterlined.yaml", "udp: localhost\nlog_level: loud\ndb: /x\nunix_streem: /y\n")
    result = place.run("config", "check", path).expect(1)
    expect_equal(result.out, "", "standard output")
    lines = result.err.splitlines()
    expect_equal(len(lines), 3, f"lines of {lines}")
    for line_number, start in zip((1, 2, 4), lines):
        expect(f"waterlined.yaml:{line_number}: " in start, f"no line {line_number} in {start!r}")


@check
def config_check_agrees_with_the_daemon(place: Place) -> None:
    for text in ("", "# only words\n", f"db: {place.path('x.db')}\nudp: '[::1]:0'\nlog_level: debug\n"):
        path = place.write("waterlined.yaml", text)
        place.run("config", "check", path).expect(0)
    place.run("config", "check", place.path("none.yaml")).expect_one_line(1, "none.yaml")
    refused = ("unknown-key", "not-yaml", "a-list", "a-word", "value-is-list", "value-is-empty",
               "mode-unknown", "level-unknown", "address-without-port", "port-too-large")
    for name in refused:
        place.run("config", "check", place.write("c.yaml", BAD_FILES[name])).expect_one_line(1, "c.yaml")


@check
def config_check_looks_at_what_does_not_go_together(place: Place) -> None:
    def write(name: str, *lines: str) -> Path:
        return place.write(name, "".join(line + "\n" for line in lines))

    for address in ("0.0.0.0:4999", "'[::]:4999'", "10.1.2.3:4999"):
        open_to_all = write("waterlined.yaml", "log_level: info", f"udp: {address}")
        place.run("config", "check", open_to_all).expect_one_line(1, "waterlined.yaml:2", "mode none")
        for more in ("mode: sign", "allow_plain_udp_from_network: true"):
            place.run("config", "check", write("waterlined.yaml", f"udp: {address}", more)).expect(0)
    agent = "waterline-agent.yaml"
    place.run("config", "check", write(agent, "rules:", "  - hash user")).expect_one_line(1, agent, "hash_key_file")
    place.run("config", "check", write(agent, "mode: none", "key_file: /k")).expect_one_line(1, agent, "mode none")
    # Its key may be a credential.
    place.run("config", "check", write(agent, "mode: encrypt", "collector: hub:4717")).expect(0)


@check
def config_check_tells_programs(place: Place) -> None:
    path = place.write("c.yaml", "db: /tmp/x.db\nlog_level: loud\nudp: nowhere\n")
    result = place.run("config", "check", path, "--format", "json").expect(1)
    rows = result.json()["rows"]
    expect_equal([(row["file"], row["line"]) for row in rows], [(str(path), 2), (str(path), 3)], "places")
    expect("'loud' is none of" in rows[0]["problem"] and result.err == "", f"{rows}, {result.err}")
    broken = place.run("config", "check", place.write("c.yaml", "- 1\n"), "--format", "csv").expect(1)
    expect_equal(broken.out.splitlines()[1].split(",")[1], "", "line of a fault of the whole file")
    good = place.run("config", "check", place.write("c.yaml", "log_level: info\n"), "--format", "json").expect(0)
    expect_equal(good.json(), {"rows": []}, "a good file")
