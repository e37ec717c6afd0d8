"""`waterline-agent`: sockets, spool, rules, heartbeats, and what arrives at the collector."""

from __future__ import annotations

import base64
import os
import signal
import socket
import sqlite3
import time
from pathlib import Path

import hostile
from checks_trust import (ACKNOWLEDGEMENT, DATAGRAM, OTHER_KEY, STREAM, Sender, as_nobody, event, open_to_all,
                          refused, write_key)
from harness import (Daemon, Place, connect_stream, expect, expect_equal, line, poll, send_datagrams,
                     send_stream)
from registry import check

NOW = int(time.time() * 1000)
QUARTER = 900_000


def waiting(place: Place) -> int:
    """Batches in the spool, once the agent has ended."""
    with sqlite3.connect(place.spool) as database:
        return int(database.execute("SELECT count(*) FROM batch").fetchone()[0])


def stop(agent: Daemon) -> None:
    expect_equal(agent.stop(), 0, f"the agent's exit code; it said {agent.lines}")


@check
def agent_delivers_every_form(place: Place) -> None:
    frame = hostile.batch([{"time": NOW, "user": "ann", "app": "crm", "feature": "framed"}])
    with place.daemon(), place.agent() as agent:
        send_stream(place.agent_stream, event() + frame + event())
        send_datagrams(place.agent_datagram, [event() + event(), event()])
        expect_equal(place.wait_for_events(6)["stored"], 6, "stored")
        sources = [source for source in place.sources() if ":" in source]
        expect_equal(len(sources), 1, f"sources of the agent in {list(place.sources())}")
        ledger = place.sources()[sources[0]]
        expect_equal((ledger["stored"], ledger["highest_seq"], ledger["lost"]), (6, 6, 0),
                     "the agent's ledger")
        stop(agent)
        expect_equal(len([text for text in agent.lines if "listening on" in text]), 1, "lines when it listens")
        expect(not place.agent_stream.exists() and not place.agent_datagram.exists(), "sockets are left behind")


@check
def agent_keeps_events_until_the_collector_is_there(place: Place) -> None:
    with place.agent() as agent:
        send_stream(place.agent_stream, b"".join(event(source="app", seq=n) for n in range(1, 301)))
        agent.wait_for("events wait in")
        agent.signal(signal.SIGKILL)
        agent.wait()
    with place.agent() as agent, place.daemon():
        send_stream(place.agent_stream, event(source="app", seq=301))
        expect_equal(place.wait_for_events(301)["stored"], 301, "stored")
        ledger = place.sources()["app"]
        expect_equal((ledger["stored"], ledger["lost"], ledger["duplicate"]), (301, 0, 0), "ledger")
        agent.wait_for("answers")
        stop(agent)
    expect_equal(waiting(place), 0, "batches left in the spool")


@check
def agent_acknowledges_what_is_in_its_spool(place: Place) -> None:
    """Without any collector: acknowledged is on disk here, also after kill -9, and sent again it is known."""
    with place.agent() as agent, connect_stream(place.agent_stream) as connection:
        sender = Sender(connection)
        sender.send(event() + event(), batch=1)
        answer = sender.answer()
        expect(answer is not None, "no acknowledgement")
        expect_equal((answer["type"], answer["cumulative"]), (ACKNOWLEDGEMENT, 1), "the answer")
        agent.signal(signal.SIGKILL)
        agent.wait()
    with place.daemon(), place.agent():
        with connect_stream(place.agent_stream) as connection:
            sender.connection = connection
            sender.send(event() + event(), batch=1)
            expect_equal(sender.answer()["cumulative"], 1, "sent again")
            sender.send(event(), batch=2)
            expect_equal(sender.answer()["cumulative"], 2, "the next one")
        expect_equal(place.wait_for_events(3)["stored"], 3, "stored")


@check
def agent_answers_over_its_datagram_socket(place: Place) -> None:
    with place.agent(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.bind("")  # an address of the kernel's choice, for the answer
        connection.connect(str(place.agent_datagram))
        sender = Sender(connection)
        sender.send(event(), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "the answer")


def agent_over_udp(place: Place, mode: str) -> None:
    keys = write_key(place, "pc-17", sender="workstation-17")
    with place.daemon("--mode", mode, "--keys", keys) as daemon:
        with place.agent("--key-id", "pc-17", "--key-file", keys / "pc-17.key", "--mode", mode,
                         collector=f"127.0.0.1:{daemon.udp_port()}") as agent:
            send_stream(place.agent_stream, event() * 3)
            expect_equal(place.wait_for_events(3)["stored"], 3, "stored")
            expect("workstation-17" in place.sources(), "the key's sender is not known as such")
            stop(agent)
    expect_equal(waiting(place), 0, "batches left in the spool")


@check
def agent_signs(place: Place) -> None:
    agent_over_udp(place, "sign")


@check
def agent_encrypts(place: Place) -> None:
    agent_over_udp(place, "encrypt")


@check
def agent_with_another_key_is_refused(place: Place) -> None:
    keys = write_key(place, "pc")
    own = place.path("own.key")
    own.write_text(f"key: {base64.b64encode(OTHER_KEY).decode()}\n")
    own.chmod(0o600)
    with place.daemon("--mode", "sign", "--keys", keys) as daemon:
        with place.agent("--key-id", "pc", "--key-file", own, "--mode", "sign",
                         collector=f"127.0.0.1:{daemon.udp_port()}") as agent:
            send_stream(place.agent_stream, event())
            poll(lambda: refused(place).get("bad_signature", 0) > 0, "the refusal")
            expect_equal(place.status()["stored"], 0, "stored")
            # The right key, read again: what waited arrives.
            own.write_bytes((keys / "pc.key").read_bytes())
            agent.signal(signal.SIGHUP)
            expect_equal(place.wait_for_events(1)["stored"], 1, "stored with the right key")


# Who may speak


@check
def agent_lets_accounts_speak_for_themselves(place: Place) -> None:
    open_to_all(place)
    config = place.write("a.yaml", "socket_mode: 0666\n")
    with place.daemon(), place.agent("--config", config) as agent:
        lines = event("nobody") + event("ann") + event("nobody", source="pc", seq=1)
        as_nobody(place, STREAM, str(place.agent_stream), lines.hex())
        as_nobody(place, DATAGRAM, str(place.agent_datagram), lines.hex())
        # Its numbers are its own: root's are another matter, but no third account's.
        status = place.wait_for_events(6)
        expect_equal((status["stored"], status["duplicate"], status["rejected.not_yours"]), (3, 1, 2), "arrived")
        agent.wait_for("not_yours 1")
        expect("ann" not in "".join(agent.lines), "a name in the log")
        # Neither are root's a later account's.
        send_stream(place.agent_stream, event("ann", source="rootsrc", seq=1))
        as_nobody(place, STREAM, str(place.agent_stream), event("nobody", source="rootsrc", seq=2).hex())
        send_stream(place.agent_stream, event("ann", source="rootsrc", seq=2))
        place.wait_for_events(9)
        source = place.sources()["rootsrc"]
        expect_equal((source["stored"], source["duplicate"]), (2, 0), "root's source")
        own = next(name for name in place.sources() if ":" in name)
        as_nobody(place, STREAM, str(place.agent_stream), event("nobody", source=own, seq=1_000).hex())
        send_stream(place.agent_stream, event("ann"))
        place.wait_for_events(11)
        expect_equal(place.sources()[own]["highest_seq"], 3, "highest number of the agent's own source")
        stop(agent)
        expect(any("not_yours 4" in text for text in agent.lines), f"refusals: {agent.lines}")


@check
def agent_tells_what_it_refused(place: Place) -> None:
    """A numbered source behind an agent: sent = stored + refused + withheld + lost, as in front of a collector."""
    config = place.write("a.yaml", "rules: drop app=game\n")
    with place.agent("--config", config) as agent:
        good = [event(source="app", seq=number) for number in (1, 4, 5, 9)]
        bad = [line(time=NOW, user="ann", app="crm", source="app", seq=2),
               line(time=5, user="ann", app="crm", feature="f", source="app", seq=3),
               line(time=5, user="ann", app="crm", feature="f", source="app", seq=6)]
        dropped = line(time=NOW, user="ann", app="game", feature="f", source="app", seq=7)
        send_stream(place.agent_stream, b"".join(good + bad) + b"no event\n" + dropped)
        agent.wait_for("events wait in")
        agent.signal(signal.SIGKILL)  # what was refused waits in the spool too
        agent.wait()
    with place.daemon(), place.agent("--config", config) as agent:
        send_stream(place.agent_stream, event(source="app", seq=10))
        status = place.wait_for_events(9)
        expect_equal([status[f"rejected.{reason}"] for reason in ("missing_feature", "time", "not_json")],
                     [1, 2, 1], "refused, by reason")
        ledger = place.sources()["app"]
        expect_equal([ledger[name] for name in ("stored", "refused_numbers", "withheld", "lost", "highest_seq")],
                     [5, 3, 1, 1, 10], "stored, refused, withheld, lost and highest number")
        expect_equal((ledger["rejected_by_reason"], ledger["first_gaps"]), ("missing_feature 1, time 2", "8"),
                     "reasons and gaps")
        stop(agent)
    expect_equal(place.run("doctor").expect(0).code, 0, "doctor")
    expect_equal(place.report("dead-letters", "list")["rows"], [], "dead letters: the agent keeps no bytes")


@check
def agent_refuses_bad_packets(place: Place) -> None:
    """Counted and not answered; the connection's good packets are."""
    day = 86_400_000
    with place.agent() as agent, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.bind("")
        connection.connect(str(place.agent_datagram))
        sender = Sender(connection)
        good = sender.send(event(), batch=1)
        expect_equal(sender.answer()["cumulative"], 1, "a good packet's answer")
        connection.send(good)  # replayed
        connection.send(good[:-1])
        connection.send(good[:50])
        connection.send(b"WLE1" + b"\xff" * 100)
        sender.send(event(), batch=2, mode=1, key_id="pc", key=OTHER_KEY)  # of a key that nobody has
        sender.send(event(), batch=2, sent_ms=int(time.time() * 1000) + day + 60_000)
        expect_equal(sender.answer(0.5), None, "answer to a bad packet")
        sender.send(event(), batch=2)
        expect_equal(sender.answer()["cumulative"], 2, "a good packet afterwards")
        stop(agent)
        expect(any("refused 6 packets" in text for text in agent.lines), f"the log: {agent.lines}")


@check
def agent_knows_relays(place: Place) -> None:
    open_to_all(place)
    config = place.write("a.yaml", "socket_mode: 0666\nrelays: nobody\n")
    with place.daemon(), place.agent("--config", config):
        as_nobody(place, STREAM, str(place.agent_stream), event("ann").hex())
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored of a relay")


@check
def agent_sockets_and_spool_are_closed_to_others(place: Place) -> None:
    with place.agent():
        for path in (place.agent_stream, place.agent_datagram, place.spool):
            expect_equal(path.stat().st_mode & 0o077, 0, f"mode of {path.name} for others")


# What is left out


@check
def agent_rules(place: Place) -> None:
    keys = write_key(place, "hashes")
    config = place.write("a.yaml", f"""rules:
  - drop app=solitaire
  - drop app=browser feature!=*.intranet
  - remove attributes.url
  - remove host app=crm
  - hash user app="human resources"
  - hash attributes.document
hash_key_file: {keys / 'hashes.key'}
""")
    lines = (event(source="app", seq=1, host="pc", attributes={"url": "x", "document": "d", "k": "v"})
             + line(time=NOW, user="ann", app="solitaire", feature="play", source="app", seq=2)
             + line(time=NOW, user="ann", app="solitaire", feature="play")
             + line(time=NOW, user="ann", app="browser", feature="news.example.org", source="app", seq=3)
             + line(time=NOW, user="ann", app="browser", feature="wiki.intranet", source="app", seq=4)
             + line(time=NOW, user="ann", app="human resources", feature="open", host="pc")
             + event(source="app", seq=7))
    for turn in range(2):  # the same key gives the same hashes
        with place.daemon(), place.agent("--config", config) as agent:
            send_stream(place.agent_stream, lines)
            place.wait_for_events(4 if turn == 0 else 8)
            poll(lambda: place.sources()["app"]["withheld"] == 2, "the withheld numbers")
            stop(agent)
        place.spool.unlink()
    rows = place.sql("SELECT * FROM event ORDER BY app, seq", "--purpose", "test")
    ledger = place.sources()["app"]
    expect_equal((ledger["stored"], ledger["withheld"], ledger["lost"]), (3, 2, 2), "ledger of the application")
    apps = sorted({row["app"] for row in rows})
    expect_equal(apps, ["browser", "crm", "human resources"], "applications that arrived")
    first = next(row for row in rows if row["seq"] == 1)
    expect_equal((first["host"], "url" in first["attributes"], '"k":"v"' in first["attributes"]),
                 (None, False, True), "what was removed and kept")
    expect('"document":"d"' not in first["attributes"], "a document's name arrived")
    hashed = {row["user"] for row in rows if row["app"] == "human resources"}
    expect(len(hashed) == 1 and len(next(iter(hashed))) == 32, f"hashed users: {hashed}")


@check
def agent_joins_heartbeats(place: Place) -> None:
    start = NOW // QUARTER * QUARTER - QUARTER

    def focus(at: int, app: str = "crm", **fields: object) -> bytes:
        return line(time=start + at * 1000, user="ann", app=app, kind="focus", duration_ms=5_000, **fields)

    with place.daemon():
        with place.agent() as agent:
            send_stream(place.agent_stream, b"".join(focus(second) for second in range(0, 60, 10)))
            # Numbered ones are the application's own business.
            send_stream(place.agent_stream, focus(60, source="app", seq=1) + focus(65, source="app", seq=2))
            place.wait_for_events(2)
            agent.signal(signal.SIGKILL)
            agent.wait()
        with place.agent() as agent:
            send_stream(place.agent_stream, focus(65) + focus(200) + focus(205, app="mail"))
            place.wait_for_events(4)
            stop(agent)
        with place.agent():
            place.wait_for_events(5)
        rows = place.sql("SELECT time, app, duration_ms, source FROM event WHERE seq IS NOT NULL ORDER BY time, seq",
                         "--purpose", "test")
    own = [((row["time"] - start) // 1000, row["app"], row["duration_ms"]) for row in rows
           if row["source"] != "app"]
    expect_equal(own, [(0, "crm", 70_000), (200, "crm", 5_000), (205, "mail", 5_000)], "joined")


@check
def agent_tells_what_its_spool_dropped(place: Place) -> None:
    config = place.write("a.yaml", "spool_megabytes: 1\nmerge_focus_gap: 0\n")
    attributes = {f"key{index}": f"{index:02}" * 500 for index in range(16)}
    with place.agent("--config", config) as agent:
        for turn in range(10):
            send_stream(place.agent_stream, b"".join(
                event(source="app", seq=turn * 20 + n, attributes=attributes) for n in range(1, 21)))
        agent.wait_for("oldest events")
        stop(agent)
    with place.daemon(), place.agent("--config", config):
        poll(lambda: place.sources().get("app", {}).get("highest_seq") == 200, "the newest event")
        poll(lambda: (lambda s: s["stored"] + s["spool_dropped"])(place.sources()["app"]) == 200, "all to be told")
        ledger = place.sources()["app"]
        expect(ledger["spool_dropped"] > 100, f"dropped {ledger['spool_dropped']}")
        # They come before the first that is stored, and are lost all the same.
        expect_equal((ledger["lowest_seq"], ledger["lost"], ledger["first_gaps"]),
                     (1, ledger["spool_dropped"], f"1-{ledger['spool_dropped']}"), "dropped before the first")
        status = place.status()
        expect_equal((status["lost"], status["spool_dropped"]), (ledger["lost"],) * 2, "in the sum")


@check
def agent_drops_what_is_too_old_before_it_delivers(place: Place) -> None:
    """Though nothing new arrives."""
    config = place.write("a.yaml", "spool_days: 2\n")
    with place.agent("--config", config) as agent:
        send_stream(place.agent_stream, b"".join(event(source="app", seq=n) for n in range(1, 5)))
        agent.wait_for("events wait in")
        stop(agent)
    with sqlite3.connect(place.spool) as database:
        # As if five days had passed.
        database.execute("UPDATE batch SET created_ms = created_ms - 5 * 86400000")
    database.close()
    with place.daemon(), place.agent("--config", config) as agent:
        agent.wait_for("dropped the 4 oldest events")
        poll(lambda: place.sources().get("app", {}).get("spool_dropped") == 4, "the loss to be told")
        ledger = place.sources()["app"]
        expect_equal((ledger["stored"], ledger["lost"]), (0, 4), "stored and lost")
        stop(agent)


# How it starts


@check
def agent_starts_or_says_why(place: Place) -> None:
    def fails(code: int, *arguments: str | Path, words: tuple[str, ...]) -> None:
        result = place.program(arguments, name="waterline-agent")
        if code == 1:
            result.expect_one_line(1, *words)
        else:
            result.expect(code).expect_words(*words)

    spool = ("--spool", place.spool)
    usual = ("--collector", place.stream, *spool, "--unix-stream", place.agent_stream)
    fails(1, *spool, words=("--collector",))
    fails(1, "--collector", "nowhere", *spool, words=("nowhere", "HOST:PORT"))
    fails(2, "--colector", "x", words=("--colector",))
    fails(1, *usual, "--mode", "sign", words=("sign", "--key-file"))
    fails(1, *usual, "--key-id", "pc", words=("pc", "--key-file"))
    fails(1, *usual, "--mode", "loud", words=("--mode", "loud"))
    fails(1, *usual, "--key-file", place.path("no.key"), words=("no.key",))
    fails(1, "--collector", place.agent_stream, *spool, "--unix-stream", place.agent_stream,
          words=("own socket",))
    place.write("text", "no database at all, but a text that is long enough\n" * 20)
    fails(1, "--collector", place.stream, "--spool", place.path("text"), "--unix-stream", place.agent_stream,
          words=("no spool",))
    for text, words in (("rules: [remove user]\n", ("rules", "removed")), ("rule: x\n", ("unknown key",)),
                        ("rules:\n  - hash user\n", ("hash_key_file",)), ("spool_days: 0\n", ("spool_days",))):
        config = place.write("a.yaml", text)
        fails(1, *usual, "--config", config, words=words)
    with place.agent():
        fails(1, *usual, words=("another process",))


@check
def agent_takes_flags_before_environment_before_file(place: Place) -> None:
    config = place.write("a.yaml", f"unix_stream: {place.path('file.sock')}\n")

    def listens(*arguments: str | Path, **variables: str) -> str:
        agent = Daemon(place.binaries / "waterline-agent",
                       ["--config", str(config), "--spool", str(place.spool), "--collector", str(place.stream),
                        *map(str, arguments)], os.environ | variables)
        try:
            return agent.listening()
        finally:
            agent.kill()

    expect("file.sock" in listens(), "the file's")
    expect("environment.sock" in listens(WATERLINE_UNIX_STREAM=str(place.path("environment.sock"))),
           "the environment's")
    expect("flag.sock" in listens("--unix-stream", place.path("flag.sock"),
                                  WATERLINE_UNIX_STREAM=str(place.path("environment.sock"))), "the flag's")


@check
def agent_reads_its_rules_again(place: Place) -> None:
    config = place.write("a.yaml", "rules:\n  - drop app=crm\n")
    with place.daemon(), place.agent("--config", config) as agent:
        send_stream(place.agent_stream, event(source="app", seq=1))
        poll(lambda: place.sources().get("app", {}).get("withheld") == 1, "the number that was withheld")
        place.write("a.yaml", "rules:\n  - drop app=loud and\n")
        agent.signal(signal.SIGHUP)
        agent.wait_for("reload failed")
        place.write("a.yaml", "log_level: info\n")
        agent.signal(signal.SIGHUP)
        agent.wait_for("listening on", 2)
        send_stream(place.agent_stream, event(source="app", seq=2))
        expect_equal(place.wait_for_events(1)["stored"], 1, "stored without the rule")


@check
def agent_checks_its_configuration(place: Place) -> None:
    good = place.write("waterline-agent.yaml", "collector: 127.0.0.1:4717\nrules:\n  - drop app=x\n")
    done = place.run("config", "check", good).expect(0)
    expect("waterline-agent" in done.out, done.out)
    bad = place.write("waterline-agent.yaml", "collector: 127.0.0.1:4717\nrules:\n  - lose app=x\n")
    place.run("config", "check", bad).expect_one_line(1, "waterline-agent.yaml:2", "lose")
