"""Events that must be refused, each with its reason, and such that must not."""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Oracle"))
import protobuf_batches  # noqa: E402

MOMENT = 1_772_532_000_000  # 2026-03-03T10:00:00Z
DAY = 86_400_000
NESTING = 32_000  # brackets opened and closed: 64 KiB, and the line still fits a datagram

Fields = dict[str, Any]


def event(**changes: Any) -> Fields:
    """A sound event with some fields changed; `None` takes one away."""
    fields: Fields = {"time": MOMENT, "user": "ann", "app": "crm", "feature": "open"}
    fields |= changes
    return {name: value for name, value in fields.items() if value is not None}


def text(**changes: Any) -> bytes:
    return json.dumps(event(**changes), ensure_ascii=False).encode()


def with_raw(name: str, value: str) -> bytes:
    """A line whose field is spelled as given."""
    return text(**{name: None})[:-1] + f', "{name}": {value}}}'.encode()


def now() -> int:
    return int(time.time() * 1000)


# The same event in JSON and in a batch: fields, and the reason.
REFUSED_FIELDS: dict[str, tuple[Fields, str]] = {
    "no-user": (event(user=None), "missing_user"),
    "no-app": (event(app=None), "missing_app"),
    "no-feature": (event(feature=None), "missing_feature"),
    "empty-user": (event(user=""), "empty"),
    "empty-host": (event(host=""), "empty"),
    "long-user": (event(user="u" * 257), "too_long"),
    "long-in-bytes": (event(feature="é" * 129), "too_long"),
    "nul-character": (event(user="a\0b"), "nul_character"),
    "seconds-as-milliseconds": (event(time=MOMENT // 1000), "time"),
    "year-3000": (event(time=32_503_680_000_000), "time"),
    "before-1980": (event(time=315_532_799_999), "time"),
    "tomorrow-and-an-hour": (event(time=now() + DAY + 3_600_000), "time"),
    "duration-too-large": (event(duration_ms=2**32), "duration"),
    "seq-without-source": (event(seq=1), "seq"),
    "source-without-seq": (event(source="pc"), "seq"),
    "seq-negative": (event(source="pc", seq=-1), "seq"),
    "attributes-too-many": (event(attributes={f"k{i}": "v" for i in range(17)}), "attributes"),
    "attribute-long-key": (event(attributes={"k" * 65: "v"}), "attributes"),
    "attribute-long-value": (event(attributes={"k": "v" * 1025}), "attributes"),
    "attribute-empty-key": (event(attributes={"": "v"}), "attributes"),
}
REFUSED_LINES: dict[str, tuple[bytes, str]] = {
    "not-json": (b"hello there", "not_json"),
    "half-an-object": (text()[:-7], "not_json"),
    "text-behind": (text() + b" x", "not_json"),
    "single-quotes": (text().replace(b'"', b"'"), "not_json"),
    "bare-nan": (with_raw("duration_ms", "NaN"), "not_json"),
    "leading-zero": (with_raw("duration_ms", "012"), "not_json"),
    "raw-line-break-in-text": (text(user="a\tb").replace(b"\\t", b"\t"), "not_json"),
    "an-array": (b"[" + text() + b"]", "not_object"),
    "a-number": (b"42", "not_object"),
    "a-null": (b"null", "not_object"),
    "not-utf8": (text(user="XY").replace(b"XY", b"\xff\xfe"), "not_utf8"),
    "overlong-utf8": (text(user="XY").replace(b"XY", b"\xc0\xaf"), "not_utf8"),
    "lone-surrogate": (with_raw("user", '"\\ud800"'), "not_utf8"),
    "deep-nesting": (with_raw("extra", "[" * NESTING + "]" * NESTING), "too_deep"),
    "deep-nesting-objects": (with_raw("extra", '{"a":' * 9000 + "1" + "}" * 9000), "too_deep"),
    "deep-nesting-open": (with_raw("extra", "[" * NESTING)[:-1], "too_deep"),
    "user-is-number": (text(user=5), "wrong_type"),
    "app-is-list": (text(app=["crm"]), "wrong_type"),
    "feature-is-object": (text(feature={}), "wrong_type"),
    "kind-is-number": (text(kind=1), "wrong_type"),
    "time-is-true": (text(time=True), "wrong_type"),
    "duration-is-text": (text(duration_ms="12"), "wrong_type"),
    "seq-is-text": (text(source="pc", seq="1"), "wrong_type"),
    "no-time": (text(time=None), "missing_time"),
    "time-year-3000-text": (text(time="3000-01-01T00:00:00Z"), "time"),
    "time-no-such-day": (text(time="2026-02-30T00:00:00Z"), "time"),
    "time-no-such-hour": (text(time="2026-03-01T25:00:00Z"), "time"),
    "time-without-zone": (text(time="2026-03-01T10:00:00"), "time"),
    "time-day-only": (text(time="2026-03-01"), "time"),
    "time-fraction": (with_raw("time", f"{MOMENT}.5"), "time"),
    "time-huge": (with_raw("time", "9" * 40), "time"),
    "time-exponent-huge": (with_raw("time", "1e400"), "time"),
    "kind-unknown": (text(kind="click"), "kind"),
    "outcome-unknown": (text(outcome="fail"), "outcome"),
    "duration-negative": (text(duration_ms=-1), "duration"),
    "duration-fraction": (text(duration_ms=1.5), "duration"),
    "seq-zero": (text(source="pc", seq=0), "seq"),
    "seq-too-large": (text(source="pc", seq=2**63), "seq"),
    "attributes-is-list": (text(attributes=[]), "wrong_type"),
    "attribute-is-number": (text(attributes={"k": 1}), "attributes"),
} | {name: (json.dumps(fields, ensure_ascii=False).encode(), reason)
     for name, (fields, reason) in REFUSED_FIELDS.items()}

ACCEPTED_LINES: dict[str, bytes] = {
    "time-text": text(time="2026-03-03T10:00:00Z"),
    "time-with-offset": text(time="2026-03-03t12:30:00.123456+02:30"),
    "time-1980": text(time=315_532_800_000),
    "time-in-23-hours": text(time=now() + 23 * 3_600_000),
    "longest-name": text(user="é" * 128),
    "longest-duration": text(duration_ms=2**32 - 1),
    "largest-seq": text(source="pc", seq=2**63 - 1),
    "help-without-feature": text(feature=None, kind="help"),
    "sixteen-attributes": text(attributes={f"{i:064}": "v" * 1024 for i in range(16)}),
    "unknown-nesting": text(extra={"a": [1, {"b": None}]}),
    "unknown-long-text": text(extra="x" * 5000),
    "escapes": with_raw("user", r'"\u0041\n\"\\\/\ud83d\ude00"'),
    "spaces": b" \t" + text().replace(b", ", b" ,\t ") + b" \r",
    "other-script": text(user="Zoë 李", app="👩‍💻"),
}


def batch(events: list[Fields]) -> bytes:
    """A framed protobuf batch; the fields may be unsound."""
    return frame(payload(events))


def payload(events: list[Fields]) -> bytes:
    spelled = [{name: protobuf_batches.Number(value)
                if isinstance(value, int) and not isinstance(value, bool) else value
                for name, value in fields.items()} for fields in events]
    message = protobuf_batches.encode(message_class()(), spelled)
    return message.SerializeToString()


def frame(data: bytes) -> bytes:
    return protobuf_batches.MAGIC + struct.pack("<I", len(data)) + data


_message_class: Any = None


def message_class() -> Any:
    global _message_class
    if _message_class is None:
        _message_class = protobuf_batches.batch_class(protobuf_batches.SCHEMA)
    return _message_class
