"""`waterline import`: bad input is counted with its reason and takes no good neighbour with it."""

from __future__ import annotations

import csv
import io
import random
from functools import partial

import hostile
from harness import Place, Result, expect, expect_equal, line
from registry import add, check

HEADER = "time,user,app,feature,kind,outcome,duration_ms,source,seq\n"
GOOD_ROW = "2026-03-03T10:00:00Z,{user},crm,open,,,12,,\n"
SEED = 20260303
FLIPS = 250


def expect_counts(result: Result, accepted: int, reasons: dict[str, int],
                  duplicate: int = 0, conflict: int = 0) -> None:
    """Counts and exit code of an import; 3 when anything was refused."""
    result.expect(3 if reasons else 0)
    wanted = {"accepted": accepted, "duplicate": duplicate, "conflict": conflict,
              "rejected": sum(reasons.values()), "reasons": reasons}
    expect_equal(result.json(), wanted, "counts")
    if reasons:
        expect("rejected" in result.err, f"standard error names no rejection: {result.err!r}")


def expect_events(place: Place, count: int) -> None:
    expect_equal(place.status()["events"], count, "events stored")


def check_refused_line(bad: bytes, reason: str, place: Place) -> None:
    data = hostile.text(user="before") + b"\n" + bad + b"\n" + hostile.text(user="after") + b"\n"
    expect_counts(place.import_text("events", data, "--form", "ndjson"), 2, {reason: 1})
    expect_events(place, 2)
    expect_equal(place.status()["dead_letters"], 1, "dead letters")


for name, (bad, reason) in hostile.REFUSED_LINES.items():
    add(f"import-line-{name}", partial(check_refused_line, bad, reason))


def check_refused_in_batch(fields: hostile.Fields, reason: str, place: Place) -> None:
    data = hostile.batch([hostile.event(user="before"), fields, hostile.event(user="after")])
    expect_counts(place.import_text("events", data), 2, {reason: 1})
    expect_events(place, 2)


for name, (fields, reason) in hostile.REFUSED_FIELDS.items():
    if fields.get("seq") != -1:
        add(f"import-batch-{name}", partial(check_refused_in_batch, fields, reason))


@check
def import_accepts_the_odd_but_right(place: Place) -> None:
    for name, good in hostile.ACCEPTED_LINES.items():
        result = place.import_text("events", good + b"\n", "--form", "ndjson")
        expect(result.code == 0, f"{name} is refused: {result.err}")
        expect_counts(result, 1, {})


@check
def import_of_all_bad_lines_at_once(place: Place) -> None:
    data, reasons = b"", {}
    for index, (bad, reason) in enumerate(hostile.REFUSED_LINES.values()):
        data += line(time=hostile.MOMENT, user="ann", app="a", feature="f", source="pc",
                     seq=index + 1) + bad + b"\r\n"
        reasons[reason] = reasons.get(reason, 0) + 1
    result = place.import_text("events", data, "--form", "ndjson")
    expect_counts(result, len(hostile.REFUSED_LINES), reasons)
    source = place.sources()["pc"]
    expect_equal(source["stored"], len(hostile.REFUSED_LINES), "stored of the sound source")
    status = place.status()
    for reason, count in reasons.items():
        expect_equal(status.get(f"rejected.{reason}"), count, f"status of {reason}")


@check
def import_line_over_64_kib_is_refused_alone(place: Place) -> None:
    for size in (70_000, 3_000_000):
        data = hostile.text() + b"\n" + hostile.text(extra="x" * size) + b"\n" + hostile.text()
        expect_counts(place.import_text("events", data), 2, {"too_long": 1})


@check
def import_64_kib_of_brackets_alone(place: Place) -> None:
    for bracket in (b"[", b"{\"a\":"):
        data = hostile.text() + b"\n" + bracket * (65_536 // len(bracket)) + b"\n" + hostile.text()
        result = place.import_text("events", data, "--form", "ndjson").expect(3).json()
        expect_equal((result["accepted"], result["rejected"]), (2, 1), "accepted and rejected")


@check
def import_of_nothing(place: Place) -> None:
    for data in (b"", b"\n\n  \n", HEADER.encode()):
        expect_counts(place.import_text("events", data), 0, {})


@check
def import_byte_order_mark_blank_lines_and_no_last_line_feed(place: Place) -> None:
    data = b"\xef\xbb\xbf" + hostile.text() + b"\r\n\r\n\n" + hostile.text()
    expect_counts(place.import_text("events", data, "--form", "ndjson"), 2, {})
    expect_counts(place.import_text("events", data), 2, {})


@check
def import_csv_whose_first_record_is_broken_is_not_silent(place: Place) -> None:
    for data in ('"time,user,app,feature\n2026-03-03T10:00:00Z,ann,crm,open\n',
                 'time,user,app,"feature"s\n2026-03-03T10:00:00Z,ann,crm,open\n', '"'):
        result = place.import_text("events", data, "--form", "csv")
        expect(result.code in (1, 3), f"exit {result.code} and {result.out!r} for {data!r}")


@check
def import_of_something_else(place: Place) -> None:
    """Neither NDJSON, CSV nor batches: one line, nothing stored."""
    generator = random.Random(SEED)
    for data in (generator.randbytes(100_000), b"\x1f\x8b\x08\x00" + generator.randbytes(500),
                 b"\x89PNG\r\n\x1a\n" + generator.randbytes(500)):
        result = place.run("import", "events", "-", input=data)
        expect_equal((result.code, result.out), (1, ""), "exit code and result")
        expect_equal(len(result.err.splitlines()), 1, f"lines of {result.err!r}")


# Events as CSV


@check
def import_csv_missing_column_is_named(place: Place) -> None:
    for column in ("time", "user", "app"):
        names = [n for n in ("time", "user", "app", "feature") if n != column]
        data = ",".join(names) + "\n" + ",".join("x" for _ in names) + "\n"
        result = place.import_text("events", data)
        result.expect_one_line(1, column)


@check
def import_csv_without_feature_column(place: Place) -> None:
    data = "time,user,app,kind\n2026-03-03T10:00:00Z,ann,crm,help\n2026-03-03T10:00:00Z,bob,crm,\n"
    expect_counts(place.import_text("events", data), 1, {"missing_feature": 1})


@check
def import_csv_unknown_columns_are_named(place: Place) -> None:
    data = "shoe size,feature,app,user,time\n44,open,crm,ann,2026-03-03T10:00:00Z\n"
    result = place.import_text("events", data)
    expect_counts(result, 1, {})
    result.expect_words("warning", "shoe size")


@check
def import_csv_byte_order_mark_crlf_and_quotes(place: Place) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["time", "user", "app", "feature"])
    names = ['a "quoted" name', "with, comma", "two\nlines", "two\r\nlines", " spaces ", "ü"]
    for name in names:
        writer.writerow(["2026-03-03T10:00:00Z", "ann", "crm", name])
    result = place.import_text("events", text.getvalue().encode("utf-8-sig"))
    expect_counts(result, len(names), {})
    rows = place.report("bottlenecks", "--from", "2026-03-02", "--to", "2026-03-30",
                        "--min-group", "1", "--purpose", "test")["rows"]
    expect_equal(sorted(row["feature"] for row in rows), sorted(names), "features")


@check
def import_csv_broken_records_are_refused_alone(place: Place) -> None:
    good = GOOD_ROW.format(user="ann")
    for bad in ("only,three,cells\n", good.strip() + ",one,more\n",
                '2026-03-03T10:00:00Z,"a"b,crm,open,,,,,\n',
                '2026-03-03T10:00:00Z,a"b,crm,open,,,,,\n'):
        result = place.import_text("events", HEADER + good + bad + good)
        expect_counts(result, 2, {"csv": 1})
        expect("line 3" in result.err, f"the line is not named: {result.err!r}")


@check
def import_csv_quote_that_never_closes(place: Place) -> None:
    good = GOOD_ROW.format(user="ann")
    data = HEADER + good + '2026-03-03T10:00:00Z,"never,crm,open,,,,,\n'
    expect_counts(place.import_text("events", data), 1, {"csv": 1})


@check
def import_csv_cells_are_judged_like_json(place: Place) -> None:
    rows = {
        "1772532000,ann,crm,open,,,,,\n": "time",
        "3000-01-01T00:00:00Z,ann,crm,open,,,,,\n": "time",
        "soon,ann,crm,open,,,,,\n": "time",
        f"2026-03-03T10:00:00Z,{'u' * 257},crm,open,,,,,\n": "too_long",
        "2026-03-03T10:00:00Z,ann,crm,open,click,,,,\n": "kind",
        "2026-03-03T10:00:00Z,ann,crm,open,use,bad,,,\n": "outcome",
        "2026-03-03T10:00:00Z,ann,crm,open,,,-1,,\n": "duration",
        "2026-03-03T10:00:00Z,ann,crm,open,,,4294967296,,\n": "duration",
        "2026-03-03T10:00:00Z,ann,crm,open,,,,pc,\n": "seq",
        "2026-03-03T10:00:00Z,ann,crm,open,,,,pc,0\n": "seq",
    }
    for bad, reason in rows.items():
        data = HEADER + GOOD_ROW.format(user="a") + bad + GOOD_ROW.format(user="b")
        expect_counts(place.import_text("events", data), 2, {reason: 1})


@check
def import_csv_not_utf8_and_nul(place: Place) -> None:
    good = GOOD_ROW.format(user="ann").encode()
    for bad, reason in ((b"\xff\xfe", "not_utf8"), (b"a\0b", "nul_character")):
        data = HEADER.encode() + good + GOOD_ROW.format(user="XY").encode().replace(b"XY", bad)
        expect_counts(place.import_text("events", data + good), 2, {reason: 1})


@check
def import_duplicate_rows(place: Place) -> None:
    row = "2026-03-03T10:00:00Z,ann,crm,open,,,12,pc,{}\n"
    data = HEADER + row.format(1) * 3 + row.format(2)
    expect_counts(place.import_text("events", data), 2, {}, duplicate=2)
    expect_counts(place.import_text("events", data), 0, {}, duplicate=4)
    plain = HEADER + GOOD_ROW.format(user="ann") * 2
    expect_counts(place.import_text("events", plain), 2, {})
    other = HEADER + row.format(1).replace("ann", "bob")
    expect_counts(place.import_text("events", other), 0, {}, duplicate=1, conflict=1)
    expect_events(place, 4)


# Files of batches


def numbered(source: str, count: int) -> list[hostile.Fields]:
    return [hostile.event(source=source, seq=seq, duration_ms=seq, host="h", version="1.2",
                          session="s", attributes={"k": "v"}) for seq in range(1, count + 1)]


@check
def import_truncated_batch_keeps_what_stands_before(place: Place) -> None:
    whole = hostile.batch(numbered("first", 3))
    torn = hostile.batch(numbered("second", 3))
    for cut in (*range(1, 12), len(torn) // 2, len(torn) - 1):
        fresh = Place(place.binaries, place.path(f"cut-{cut}"))
        fresh.directory.mkdir()
        result = fresh.import_text("events", whole + torn[:cut], "--form", "batch")
        expect_counts(result, 3, {"bad_batch": 1})


@check
def import_malformed_batch_keeps_its_neighbours(place: Place) -> None:
    before, after = hostile.batch(numbered("before", 3)), hostile.batch(numbered("after", 3))
    for bad in (b"\xff" * 40, b"\x08\x05", hostile.payload(numbered("bad", 3))[:-3]):
        fresh = Place(place.binaries, place.path(f"bad-{len(bad)}"))
        fresh.directory.mkdir()
        result = fresh.import_text("events", before + hostile.frame(bad) + after)
        expect_counts(result, 6, {"bad_batch": 1})


@check
def import_flipped_bits_harm_only_their_batch(place: Place) -> None:
    """One random bit in the payload of every second batch; the others are stored whole."""
    generator = random.Random(SEED)
    data, sound = b"", []
    for index in range(FLIPS):
        sound.append(f"sound-{generator.getrandbits(64):016x}")
        data += hostile.batch(numbered(sound[-1], 4))
        torn = bytearray(hostile.payload(numbered(f"torn-{generator.getrandbits(64):016x}", 4)))
        torn[generator.randrange(len(torn))] ^= 1 << generator.randrange(8)
        data += hostile.frame(bytes(torn))
    result = place.import_text("events", data)
    expect(result.code in (0, 3), f"exit {result.code}, seed {SEED}: {result.err[-300:]}")
    sources = place.sources()
    lost = [name for name in sound if sources.get(name, {}).get("stored") != 4]
    expect(not lost, f"seed {SEED}: {len(lost)} sound batches are not whole")


@check
def import_wrong_length_in_a_frame(place: Place) -> None:
    whole = hostile.batch(numbered("first", 3))
    for length in (0xFFFF_FFFF, 17 << 20):
        data = whole + b"WLB1" + length.to_bytes(4, "little") + b"x" * 50
        result = place.import_text("events", data).expect(3).json()
        expect_equal(result["reasons"], {"bad_batch": 1}, "reasons")


# Roster, catalog, tickets

ROSTER = "user,department,role,active_from,active_to,aliases,service\n"


@check
def roster_that_contradicts_itself(place: Place) -> None:
    rows = (
        "ann,Sales,clerk,,2026-03-01,DOM\\ann,\n"
        "ann,Service,agent,2026-03-01,,DOM\\ann,\n"       # a mover: sound
        "ann,Board,lead,2026-04-01,2026-05-01,,\n"        # overlaps
        "bob,Sales,clerk,2026-03-10,2026-03-01,,\n"       # ends before it starts
        "bob,Sales,clerk,,,bobby;DOM\\ann,\n"             # another one's alias
        "cid,Sales,clerk,2026-02-30,,,\n"                 # no such day
        "dan,Sales,clerk,,,,perhaps\n"                    # no switch
        ",Sales,clerk,,,,\n"                              # nobody
        "eve,Sales\n"                                     # too short
        "bob,Sales,clerk,,,bobby,\n"                      # sound
        "bob,Sales,clerk,,,bobby,\n")                     # the same again: overlaps
    result = place.import_text("roster", ROSTER + rows).expect(3)
    counts = result.json()
    expect_equal((counts["accepted"], counts["rejected"]), (3, 8), "accepted and rejected")
    expect_equal(counts["reasons"].get("overlap"), 2, "overlaps")
    for number in (4, 5, 6, 7, 8, 9, 10, 12):
        expect(f"line {number}:" in result.err, f"line {number} is not named: {result.err}")
    expect_equal(place.status()["roster_people"], 2, "people")


@check
def roster_users_own_name_beats_an_alias(place: Place) -> None:
    """docs/methods.md: a roster user's own name always means that user."""
    place.import_text("roster", ROSTER + "ann,Sales,,,,bob,\nbob,Sales,,,,,\n")
    place.import_text("events", hostile.text(user="bob")).expect(0)
    person = place.sql("SELECT person FROM event")[0]["person"]
    bob = place.sql("SELECT person FROM people WHERE person = (SELECT person FROM event)")
    expect_equal([row["person"] for row in bob], [person], "person behind the event")
    named = place.sql("SELECT person FROM event", "--purpose", "roster check")[0]["person"]
    expect_equal(named, "bob", "name behind the event")


@check
def roster_replaces_and_merges(place: Place) -> None:
    place.import_text("roster", ROSTER + "ann,Sales,,,,,\nbob,Sales,,,,,\n").expect(0)
    place.import_text("roster", ROSTER + "cid,Sales,,,,,\n").expect(0)
    expect_equal(place.status()["roster_people"], 1, "people after replacing")
    place.import_text("roster", ROSTER + "dan,Sales,,,,,\n", "--merge").expect(0)
    expect_equal(place.status()["roster_people"], 2, "people after merging")
    result = place.import_text("roster", "name,department\neve,Sales\n")
    result.expect_one_line(1, "user")
    expect_equal(place.status()["roster_people"], 2, "people after a file without users")


@check
def tables_with_byte_order_mark_crlf_quotes_and_unknown_columns(place: Place) -> None:
    roster = ('\ufeffuser,"department",hat\r\n'
              '"ann","Sales, ""North""",red\r\nbob,"two\r\nlines",\r\n')
    result = place.import_text("roster", roster)
    expect_counts(result, 2, {})
    result.expect_words("warning", "hat")


@check
def catalog_with_a_feature_twice(place: Place) -> None:
    data = "app,feature,roles,target_days\ncrm,open,*,1\ncrm,close,*,1\ncrm,open,*,5\n"
    result = place.import_text("catalog", data)
    expect_equal(result.json()["accepted"], 2, "accepted")
    expect_equal(result.json()["duplicate"] + result.json()["rejected"], 1, "told apart")
    result.expect_words("line 4", "open")
    expect_equal(place.status()["catalog_features"], 2, "features")


@check
def catalog_with_bad_cells(place: Place) -> None:
    rows = ("crm,a,*,1,,true\n" "crm,b,*,0,,\n" "crm,c,*,x,,\n" "crm,d,*,1,-5,\n"
            "crm,e,*,1,,perhaps\n" ",f,*,1,,\n" "crm,,*,1,,\n" "crm,g,*,,,\n")
    data = "app,feature,roles,target_days,target_ms,critical\n" + rows
    result = place.import_text("catalog", data).expect(3).json()
    expect_equal((result["accepted"], result["rejected"]), (2, 6), "accepted and rejected")
    place.import_text("catalog", "app,roles\ncrm,*\n").expect_one_line(1, "feature")
    expect_equal(place.status()["catalog_features"], 2, "features after a bad file")


@check
def tickets_are_replaced_by_id(place: Place) -> None:
    head = "id,requester,opened,reopened\n"
    data = head + "T1,ann,2026-03-03T10:00:00Z,0\nT2,bob,2026-03-03 10:00,0\nT3,ann,never,0\n" \
        "T4,,2026-03-03T10:00:00Z,0\nT5,ann,2026-03-03T10:00:00Z,often\n"
    result = place.import_text("tickets", data, "--timezone", "Europe/Oslo").expect(3).json()
    expect_equal((result["accepted"], result["rejected"]), (2, 3), "accepted and rejected")
    rows = place.sql("SELECT id, opened_ms FROM tickets ORDER BY id")
    expect_equal([row["opened_ms"] for row in rows],
                 [hostile.MOMENT, hostile.MOMENT - 3_600_000], "opened")
    place.import_text("tickets", head + "T1,ann,2026-03-04T10:00:00Z,2\n").expect(0)
    expect_equal(place.status()["tickets"], 2, "tickets")
    place.import_text("tickets", head, "--timezone", "Mars/Olympus").expect(1)


@check
def months_first_only_where_told(place: Place) -> None:
    """3/4/2024 is the 3rd of April unless --date-order says month; the same import again corrects it."""
    data = "number,opened_at,caller_id\nINC1,3/4/2024 10:00,ann\nINC2,3/14/2024 10:00,bob\n"
    result = place.import_text("tickets", data, "--preset", "servicenow").expect(3).json()
    expect_equal((result["accepted"], result["reasons"]), (1, {"time": 1}), "day first")
    place.import_text("tickets", data, "--preset", "servicenow", "--date-order", "month").expect(0)
    rows = place.sql("SELECT id, opened_ms FROM tickets ORDER BY id")
    expect_equal([row["opened_ms"] for row in rows], [1_709_546_400_000, 1_710_410_400_000], "opened")
    place.import_text("tickets", data, "--date-order", "month").expect(2)
    place.import_text("tickets", data, "--preset", "jira", "--date-order", "year").expect(2)
