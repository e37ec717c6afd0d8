"""Looking after the store: dead letters, backup, damage, a full disk."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Iterator

import fixture
import hostile
from harness import Place, Skipped, expect, expect_equal, line, poll, send_stream, take_page_checksums_out
from registry import check


def lines(source: str, first: int, count: int, **changes: object) -> bytes:
    return b"".join(line(**hostile.event(source=source, seq=seq, **changes))
                    for seq in range(first, first + count))


def findings(place: Place, code: int) -> dict[str, str]:
    rows = place.run("doctor", "--format", "json").expect(code).json()["rows"]
    return {row["check"]: row["verdict"] for row in rows if row["check"] != "disk"}


# Dead letters


@check
def dead_letters_are_listed_without_content(place: Place) -> None:
    place.import_text("events", lines("pc", 1, 1) + b'{"user":"secret-name"}\nsecret-name\x1b[31m\xff\n').expect(3)
    rows = place.report("dead-letters", "list")["rows"]
    expect_equal([(row["reason"], row["line"]) for row in rows],
                 [("missing_time", 2), ("not_json", 3)], "letters")
    expect("secret-name" not in place.run("dead-letters").out, "the list names people")
    place.run("dead-letters", "show", "1").expect(2)
    for form in ("table", "json", "csv"):
        shown = place.run("dead-letters", "show", "--purpose", "why", "--format", form).expect(0).out
        expect("secret-name" in shown and "\x1b" not in shown, f"content as {form}: {shown!r}")
    expect_equal(len(place.report("audit")["rows"]), 3, "logged purposes")
    place.run("dead-letters", "show", "99", "--purpose", "why").expect(2)
    for arguments in (["replay"], ["drop"], ["drop", "1", "--all"], ["list", "--from", "yesterday"]):
        place.run("dead-letters", *arguments).expect(2)


@check
def dead_letters_that_are_not_kept_are_counted(place: Place) -> None:
    place.import_text("events", lines("pc", 1, 1) + b"nonsense\n" * 12_001).expect(3)
    status = place.status()
    expect_equal(status["rejected"], 12_001, "rejected")
    expect(status["dead_letters"] >= 1_024, f"letters: {status['dead_letters']}")
    expect_equal(status["dead_letters"] + status["dead_letters_dropped"], 12_001, "letters, and those not kept")


@check
def dead_letters_are_replayed_through_the_daemon_once(place: Place) -> None:
    """What was refused for a clock ahead is good once the day has come."""
    with place.daemon():
        send_stream(place.stream, lines("pc", 1, 1) + b'{"x":1}\n')
        place.wait_for_events(2)
        # As if a version that could not read it had refused it: the same bytes are good now.
        with sqlite3.connect(place.database) as database:
            database.execute("UPDATE dead_letter SET bytes = ?, byte_count = ?",
                             (lines("pc", 2, 1).strip(), len(lines("pc", 2, 1).strip())))
        database.close()
        result = place.report("dead-letters", "replay", "--all")["rows"][0]
        expect_equal((result["accepted"], result["rejected"]), (1, 0), "replayed")
        place.run("dead-letters", "replay", "--all").expect(0)
        status = place.status()
        expect_equal((status["stored"], status["rejected"], status["dead_letters"]), (2, 0, 0), "status")
        expect_equal(place.sources()["pc"]["lost"], 0, "lost numbers")
        expect_equal(set(findings(place, 0).values()), {"ok"}, "verdicts")


# Backup and doctor


@check
def damaged_page_is_named_and_the_rest_goes_on(place: Place) -> None:
    """A changed byte in a table that carries no checksums of its own."""
    fixture.load(place)
    with sqlite3.connect(place.database) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'user_name'").fetchone()[0]
        page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
    database.close()
    content = bytearray(place.database.read_bytes())
    content[page * page_bytes - 60] ^= 0x20
    place.database.write_bytes(content)
    named = f"page {page} of the file"
    place.run("coverage", *fixture.WINDOW).expect_one_line(1, named)
    place.run("sql", "SELECT count(DISTINCT user) FROM event").expect_one_line(1, named)
    place.run("status").expect(0)
    place.run("settings", "get").expect(0)
    verdicts = findings(place, 1)
    expect_equal((verdicts["page_checksums"], verdicts["ledger"]), ("bad", "ok"), "verdicts")


@check
def readers_leave_a_running_daemons_log_alone(place: Place) -> None:
    """A process that closes a file loses its locks on it: another program's last connection would delete the log."""
    with place.daemon():
        for first in range(1, 2_000, 200):
            send_stream(place.stream, lines("pc", first, 200))
            place.wait_for_events(first + 199)
            sqlite3.connect(place.database).execute("SELECT count(*) FROM source").connection.close()
            place.run("doctor").expect(0)
            expect(Path(f"{place.database}-wal").exists(), "the log is gone")
    expect_equal(place.status()["stored"], 2_000, "stored")


@check
def backup_is_made_and_restored_under_load(place: Place) -> None:
    with place.daemon() as daemon:
        fixture.load(place)
        before = place.run("coverage", "--format", "json", *fixture.WINDOW).expect(0).out
        copy = place.path("copy.db")
        send_stream(place.stream, lines("pc", 1, 2_000))
        row = place.report("backup", str(copy))["rows"][0]
        expect(row["events"] >= fixture.EVENTS, f"events of the copy: {row}")
        place.run("backup", str(copy)).expect_one_line(1, "--replace")
        place.run("backup", str(copy), "--replace").expect(0)
        for ending in ("", "-wal", "-shm", ".lock", ".control"):
            place.run("backup", f"{place.database}{ending}", "--replace").expect_one_line(1, "itself")
        place.run("backup", str(place.stream), "--replace").expect_one_line(1, "no regular file")
        place.run("backup", "/nowhere/x.db").expect_one_line(1, "/nowhere")
        expect_equal(oct(copy.stat().st_mode & 0o777), "0o600", "mode")
        expect_equal(daemon.stop(), 0, "exit code")
        expect(not Path(f"{place.database}-wal").exists(), "the WAL is left behind")
    place.database.unlink()
    copy.rename(place.database)
    expect_equal(set(findings(place, 0).values()), {"ok"}, "verdicts of the copy")
    again = place.run("coverage", "--format", "json", *fixture.WINDOW).expect(0).out
    expect_equal(json.loads(again)["rows"], json.loads(before)["rows"], "coverage")


@check
def damaged_chunk_is_set_aside_and_reports_say_so(place: Place) -> None:
    fixture.load(place)
    with sqlite3.connect(place.database) as database:
        chunk, events = database.execute("SELECT id, row_count FROM chunk ORDER BY time_max_ms DESC LIMIT 1").fetchone()
        database.execute("UPDATE chunk_column SET data = zeroblob(60) WHERE id = ?", (chunk * 32 + 2,))
    database.close()
    take_page_checksums_out(place.database)
    # Not coverage first: its cells are right, and it would not look at the chunk before it is set aside.
    for report in ("erosion", "coverage", "strikeouts", "flow"):
        result = place.run(report, "--format", "json", "--from", "2026-03-01", "--to", "2026-04-01").expect(0)
        warnings = " ".join(result.json()["warnings"])
        expect(f"{events} events" in warnings and "damaged" in warnings, f"{report}: {warnings}")
    expect_equal(findings(place, 1)["damaged"], "bad", "verdict")
    with place.daemon():
        send_stream(place.stream, lines("pc", 1, 10))
        poll(lambda: place.status()["stored"] == fixture.EVENTS + 10, "new events")
    expect_equal(place.status()["damaged_chunks"], 1, "counted")


@check
def damaged_page_of_events_is_in_nobodys_way(place: Place) -> None:
    """One byte of the file: its chunk is set aside, and everything can be deleted, copied and checked again."""
    with place.daemon() as daemon:
        for batch in range(20):
            events = [line(**hostile.event(user=f"u{number % 10}", source="pc", seq=batch * 1_000 + number + 1))
                      for number in range(1_000)]
            send_stream(place.stream, b"".join(events))
            place.wait_for_events((batch + 1) * 1_000)
        expect_equal(daemon.stop(), 0, "exit code")
    with sqlite3.connect(place.database) as database:
        blob = database.execute("SELECT data FROM chunk_column WHERE length(data) > 60 ORDER BY id DESC LIMIT 1")
        part = blob.fetchone()[0][20:60]
    database.close()
    content = bytearray(place.database.read_bytes())
    content[content.index(part) + 7] ^= 1
    place.database.write_bytes(content)
    with place.daemon() as daemon:
        expect_equal(findings(place, 1)["chunks"], "bad", "verdict of chunks")
        verdicts = findings(place, 1)
        expect_equal({name for name, verdict in verdicts.items() if verdict != "ok"}, {"damaged"}, "what stays bad")
        damaged = place.status()["damaged_events"]
        expect(0 < damaged < 20_000, f"{damaged} damaged events")
        send_stream(place.stream, lines("pc", 20_001, 10))
        place.wait_for_events(20_010)
        copy = place.path("copy.db")
        made = place.run("backup", copy, "--format", "json").expect(0)
        expect(f"{damaged} more events are set aside" in made.err, f"no word about the damage: {made.err}")
        row = made.json()["rows"][0]
        expect_equal((row["events"], row["damaged_events"]), (20_010 - damaged, damaged), "events of the copy")
        receipt = place.run("forget", "u7", "--yes", "--purpose", "x", "--format", "json").expect(0).json()
        items = {(item["place"], item["what"]) for item in receipt["rows"]}
        expect({("events", "removed"), ("damaged_chunk", "removed"), ("user_name", "removed")} <= items, f"{items}")
        expect(f"{damaged} events in damaged chunks" in " ".join(receipt["warnings"]), f"{receipt['warnings']}")
        expect_equal(set(findings(place, 0).values()), {"ok"}, "verdicts after forgetting")
        expect_equal(daemon.stop(), 0, "exit code")
    place.database = copy
    verdicts = findings(place, 1)
    expect_equal({name for name, verdict in verdicts.items() if verdict != "ok"}, {"damaged"}, "verdicts of the copy")


@check
def backup_says_what_to_do_where_it_cannot_write(place: Place) -> None:
    fixture.load(place)
    missing = place.path("no/such")
    place.run("backup", missing / "copy.db").expect_one_line(1, "copy.db", f"mkdir -p '{missing}'")
    place.run("backup", place.write("file", "x") / "copy.db").expect_one_line(1, "a file is in the way")


# Forgetting


@check
def forget_leaves_no_trace_and_reports_go_on(place: Place) -> None:
    with place.daemon() as daemon:
        fixture.load(place)
        place.run("forget", "p07").expect(2)
        place.run("forget", "p07", "--purpose", "request 1").expect_one_line(2, "--yes")
        receipt = place.run("forget", "p07", "--purpose", "request 1 of p07", "--yes", "--format", "json").expect(0)
        items = {(item["place"], item["what"]): item["count"] for item in receipt.json()["rows"]}
        expect(items[("events", "removed")] > 0 and items[("roster", "removed")] > 0, f"receipt {items}")
        expect("p07" not in receipt.out, "the receipt names the person")
        expect("backups and copies of the database" in receipt.json()["not_reached"], f"receipt {receipt.out}")
        nobody = ("forget", "nobody", "--purpose", "request 2", "--yes", "--format")
        expect("Not reached from here:" in place.run(*nobody, "table").expect(0).out, "the table")
        csv = place.run(*nobody, "csv").expect(0).expect_words("Not reached from here")
        expect_equal(csv.out.splitlines()[0], "place,what,count", "CSV")
        for path in place.directory.glob("waterline.db*"):
            if path.is_file():
                expect(b"p07" not in path.read_bytes(), f"the name is still in {path.name}")
        send_stream(place.stream, line(**(hostile.event(source="pc", seq=1) | {"user": "p07"})))
        poll(lambda: place.status().get("rejected.forgotten") == 1, "the refusal")
        result = place.run("import", "roster", fixture.DIRECTORY / "roster.csv", "--format", "json").expect(3)
        expect("forgotten" in result.json()["reasons"], f"roster: {result.out}")
        start = ("--kind", "training", "--start", "2026-01-05")
        add = ("intervention", "add", "lesson", *start, "--cohort")
        place.run(*add, "people=p07;p08").expect_one_line(1, "forgotten")
        place.run(*add, "people=p08", "--note", "asked for by p07.").expect_one_line(1, "forgotten")
        tickets = place.write("more.csv", "id,requester,opened,comment\nX9,p08,2026-01-05T10:00:00Z,as p07 said\n")
        place.run("import", "tickets", tickets).expect(0)
        for report in ("coverage", "gaps", "bottlenecks", "erosion", "strikeouts", "flow"):
            place.run(report, *fixture.WINDOW).expect(0)
        expect_equal(set(findings(place, 0).values()), {"ok"}, "verdicts")
        expect("p07" not in place.run("audit").out, "the log names the person")
        expect_equal(daemon.stop(), 0, "exit code")
    for path in place.directory.glob("waterline.db*"):
        if path.is_file():
            expect(b"p07" not in path.read_bytes(), f"the name came back into {path.name}")


# A full disk


@contextmanager
def small_disk(place: Place, megabytes: int) -> Iterator[Path]:
    target = place.path("disk")
    target.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(target)],
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield target
    finally:
        subprocess.run(["umount", "--lazy", str(target)], check=False)


@check
def full_disk_is_survived_without_a_hand(place: Place) -> None:
    """Nothing handed over is lost, queries go on, and writing goes on once there is room."""
    with small_disk(place, 24) as disk:
        place.database = disk / "waterline.db"
        with place.daemon() as daemon:
            send_stream(place.stream, lines("pc", 1, 100))
            place.wait_for_events(100)
            filler = disk / "filler"
            with filler.open("wb") as file:
                try:
                    while True:
                        file.write(os.urandom(65_536))
                        file.flush()
                except OSError:
                    pass
            # One connection that the daemon reads as far as its queue allows; the rest waits in it.
            noise = [line(**hostile.event(source="pc", seq=101 + n, session=os.urandom(60).hex()))
                     for n in range(3_000)]
            send_stream(place.stream, b"".join(noise))
            daemon.wait_for("cannot write")
            expect_equal(place.status()["stored"] >= 100, True, "stored while full")
            expect(place.status()["daemon"].startswith("running, but nothing can be stored"), f"{place.status()}")
            expect("full" in place.status()["cannot_write"], f"{place.status()}")
            expect("cannot_write" in place.run("status").expect(0).out, "the table does not say so")
            # Commands are answered, one line each, and leave nothing behind that runs later.
            for command in (["settings", "set", "organisation.name", "x" * 200],
                            ["forget", "nobody", "--yes", "--purpose", "while full"],
                            ["import", "roster", fixture.DIRECTORY / "roster.csv"]):
                place.run(*command).expect_one_line(1, "disk is full")
            expect_equal(len(place.sql("SELECT count(*) AS n FROM event")), 1, "a query while full")
            filler.unlink()
            daemon.wait_for("writing again")
            poll(lambda: place.status()["stored"] == 3_100, "all events", 60)
            expect_equal(place.sources()["pc"]["lost"], 0, "lost")
            expect("cannot_write" not in place.status(), "status once there is room")
            expect("while full" not in place.run("audit").out, "a command that failed was done all the same")
            daemon.signal(signal.SIGTERM)
            expect_equal(daemon.wait(), 0, "exit code")
        # So small a disk is always worth an alarm; the rest is sound.
        expect_equal(set(findings(place, 1).values()), {"ok"}, "verdicts")


@check
def what_nobody_waits_for_any_more_is_not_begun(place: Place) -> None:
    """A command whose client has gone before its turn, here as the daemon stands still."""
    with place.daemon() as daemon:
        send_stream(place.stream, lines("pc", 1, 10))
        place.wait_for_events(10)
        daemon.signal(signal.SIGSTOP)
        client = subprocess.Popen([place.binaries / "waterline", "--db", place.database, "forget", "user1", "--yes",
                                   "--purpose", "given up"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        expect(client.poll() is None, "the client did not wait")
        client.kill()
        client.wait()
        daemon.signal(signal.SIGCONT)
        place.run("settings", "set", "organisation.name", "after").expect(0)
        expect("given up" not in place.run("audit").out, "a command was done though its client had gone")


@check
def a_daemon_waits_for_room_to_start(place: Place) -> None:
    """Not a byte is left: it says so once, and starts by itself when there is room."""
    with small_disk(place, 8) as disk:
        place.database = disk / "waterline.db"
        with place.daemon() as daemon:
            send_stream(place.stream, lines("pc", 1, 10))
            place.wait_for_events(10)
            expect_equal(daemon.stop(), 0, "exit code")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4_096)):
                    pass
            except OSError:
                pass
        daemon = place.start(*place.usual_arguments())
        try:
            daemon.wait_for("waiting for room")
            time.sleep(1.5)
            expect_equal(len(daemon.lines), 1, f"lines of {daemon.lines}")
            filler.unlink()
            daemon.listening()
            send_stream(place.stream, lines("pc", 11, 10))
            place.wait_for_events(20)
            expect_equal(daemon.stop(), 0, "exit code")
        finally:
            daemon.kill()


# Retention


@check
def old_events_are_pruned_and_coverage_stays(place: Place) -> None:
    """Days that are over are counted; once their events go, what cells answer stays, the rest is null."""
    today = int(time.time()) // 86_400
    events = b"".join(
        line(**hostile.event(user=f"user{number % 7}", source="pc", seq=number + 1, feature=f"f{number % 3}",
                             time=(today - 100 + number // 4) * 86_400_000 + number, duration_ms=1_000))
        for number in range(400))
    day = lambda number: str(date(1970, 1, 1) + timedelta(days=number))  # noqa: E731
    window = ["--from", day(today - 95), "--to", day(today - 60)]
    with place.daemon():
        send_stream(place.stream, events)
        place.wait_for_events(400)
        # An import has everything merged.
        place.import_text("events", line(**hostile.event(time=(today - 99) * 86_400_000))).expect(0)
        poll(lambda: place.status()["daily_cells"] > 0, "days are counted", 30)
        before = place.report("coverage", "--by", "feature", *window)
        erosion = place.report("erosion", *window)
        expect(erosion["rows"][0]["face_ms"] > 0, f"no face time: {erosion}")
        place.run("settings", "set", "retention.events_days", "0").expect(2)
        place.run("settings", "set", "retention.bytes", "many").expect(2)
        place.run("settings", "set", "retention.events_days", "30").expect(0)
        poll(lambda: place.status()["pruned_events"] > 0, "old events are pruned", 30)
        poll(lambda: place.status()["events"] <= 4 * 33 + 1, "all old events are pruned", 30)
        status = place.status()
        expect_equal(status["events"] + status["pruned_events"], 401, "events left and pruned")
        expect(status["oldest_event"].startswith(day(today - 99)), "an imported event was pruned")
        expect_equal(place.report("coverage", "--by", "feature", *window), before, "coverage of pruned days")
        left = place.report("erosion", *window)
        expect_equal([left["rows"][0][name] for name in ("face_ms", "failed_ms", "slow_ms", "erosion")],
                     [erosion["rows"][0]["face_ms"], 0, None, None], "erosion of pruned days")
        gone = place.report("bottlenecks", *window)
        expect_equal(gone["rows"], [], "rows of bottlenecks")
        expect_equal(gone["totals"]["people"], None, "totals of bottlenecks")
        expect("retention deleted" in gone["warnings"][-1], f"no reason: {gone['warnings']}")
        place.run("alerts").expect_one_line(1, "retention deleted")
        send_stream(place.stream, events)
        poll(lambda: place.sources()["pc"]["duplicate"] == 400, "redelivered events are counted", 30)
        expect_equal(place.sources()["pc"]["conflict"], 0, "conflicts")
        expect(set(findings(place, 0).values()) <= {"ok", "warning"}, "doctor finds fault")
    place.run("settings", "set", "retention.events_days", "").expect(0)


@check
def reports_are_the_same_however_much_is_counted(place: Place) -> None:
    events = b"".join(
        line(**hostile.event(user=f"user{number % 9}", time=f"2026-03-{number % 28 + 1:02}T1{number % 10}:00:00Z"))
        for number in range(500))
    place.import_text("events", events).expect(0)
    command = ["coverage", "--by", "feature", "--from", "2026-03-10", "--to", "2026-03-20"]
    expect(place.status()["daily_cells"] > 0, "an import counts nothing")
    for zone in ("UTC", "Asia/Kathmandu"):
        answers = [place.run(*command, "--timezone", zone, "--format", "json", env={"WATERLINE_ROLLUPS": use})
                   .expect(0).json() for use in ("never", "always", "")]
        expect_equal(answers[0], answers[1], f"from cells and from events, {zone}")
        expect_equal(answers[0], answers[2], f"as it comes and from events, {zone}")
