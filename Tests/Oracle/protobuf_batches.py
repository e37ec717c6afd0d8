#!/usr/bin/env python3
"""Writes and reads batches of usage events with the official Python protobuf library.

The gate holds Waterline's own codec against it: the library encodes NDJSON events into framed batches
(schemas/usage-batch.md) for `waterline import events`, and decodes what `UsageBatchEncoder` wrote.

Needs the package `protobuf` (PyPI, or Debian's python3-protobuf), and `protoc` on the path (Debian's
protobuf-compiler) or the package `grpcio-tools`.

  protobuf_batches.py --in events.ndjson --out events.wlb [--batch 1000] [--unpacked] [--pieces] [--unknown]
  protobuf_batches.py --in events.wlb --out events.ndjson --decode

Only events that the JSON form accepts, or refuses for a number or a text, can be carried over; a line that
has no protobuf form (another type, a malformed time) stops the program with its number.
"""

import argparse
import calendar
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

MAGIC = b"WLB1"
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "usage.proto"
KINDS = ["use", "focus", "help", "interruption"]
OUTCOMES = ["ok", "error", "abandoned"]
TEXTS = ["user", "app", "feature", "host", "session", "version", "cause", "source"]
KNOWN = set(TEXTS) | {"time", "kind", "outcome", "duration_ms", "seq", "attributes"}
ATTRIBUTES_MAX, ATTRIBUTE_KEY_BYTES_MAX, ATTRIBUTE_VALUE_BYTES_MAX = 16, 64, 1024
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$", re.ASCII)


class Number(str):
    """A JSON number as it is spelled, since attributes keep the spelling."""


def file_descriptor(schema):
    """The compiled schema, by `protoc` or by the compiler that grpcio-tools brings."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "descriptors"
        arguments = [f"--proto_path={schema.parent}", f"--descriptor_set_out={out}", schema.name]
        try:
            subprocess.run(["protoc", *arguments], check=True)
        except FileNotFoundError:
            subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]


def batch_class(schema, unpacked=False, unknown=False):
    """The message class; `unpacked` and `unknown` change its schema as another sender's may differ."""
    file = file_descriptor(schema)
    message = next(m for m in file.message_type if m.name == "UsageBatch")
    field_type = descriptor_pb2.FieldDescriptorProto
    if unpacked:
        for field in message.field:
            if field.label == field_type.LABEL_REPEATED and field.type != field_type.TYPE_BYTES:
                field.options.packed = False
    if unknown:
        extra = [("x_text", 20, field_type.TYPE_STRING), ("x_fixed64", 21, field_type.TYPE_FIXED64),
                 ("x_fixed32", 1000, field_type.TYPE_FIXED32), ("x_varint", 536870911, field_type.TYPE_INT64)]
        for name, number, kind in extra:
            message.field.add(name=name, number=number, type=kind, label=field_type.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("waterline.v1.UsageBatch")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # Before 4.22, as in Debian 12.


def milliseconds(time):
    """Milliseconds since 1970 of an event's time; finer digits are cut off."""
    if isinstance(time, Number):
        return int(time)
    match = TIME.match(time)
    if match is None:
        raise ValueError("time has no protobuf form")
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    fraction = int((match[7] or "0").ljust(3, "0")[:3])
    offset = (int(match[9]) * 60 + int(match[10])) * 60 * (-1 if match[8] == "-" else 1) if match[8] else 0
    return (calendar.timegm((year, month, day, hour, minute, second)) - offset) * 1000 + fraction


def attributes(event):
    """Given attributes, then unknown fields as far as there is room."""
    result = dict(event.get("attributes") or {})
    for key, value in event.items():
        if key in KNOWN or value is None or isinstance(value, (dict, list)) or key in result:
            continue
        text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
        fits = 0 < len(key.encode()) <= ATTRIBUTE_KEY_BYTES_MAX \
            and len(text.encode()) <= ATTRIBUTE_VALUE_BYTES_MAX and "\0" not in key + text
        if fits and len(result) < ATTRIBUTES_MAX:
            result[key] = text
    return result


class Table:
    """The string table of one batch."""

    def __init__(self):
        self.strings, self.indexes = [b""], {}

    def index(self, text):
        if text is None:
            return 0
        if not isinstance(text, str) or isinstance(text, Number):
            raise ValueError(f"{text!r} is no text")
        if text not in self.indexes:
            self.indexes[text] = len(self.strings)
            self.strings.append(text.encode())
        return self.indexes[text]


def encode(message, events):
    """Fills a batch; its columns are plain lists by name."""
    table, columns = Table(), {}

    def put(name, value):
        columns.setdefault(name, []).append(value)

    times = [milliseconds(event["time"]) for event in events]
    sequences = [int(event.get("seq") or 0) for event in events]
    for row, event in enumerate(events):
        put("time_delta_ms", times[row] - times[row - 1] if row else 0)
        put("seq_delta", sequences[row] - (sequences[row - 1] if row else 0))
        for name in TEXTS:
            put(name, table.index(event.get(name)))
        kind, outcome = event.get("kind") or "use", event.get("outcome") or "ok"
        put("kind", KINDS.index(kind) if kind in KINDS else 99)
        put("outcome", OUTCOMES.index(outcome) if outcome in OUTCOMES else 99)
        duration = event.get("duration_ms")
        put("duration_plus_one", 0 if duration is None else int(duration) + 1)
        pairs = attributes(event)
        put("attribute_count", len(pairs))
        for key, value in pairs.items():
            columns.setdefault("attribute_key", []).append(table.index(key))
            columns.setdefault("attribute_value", []).append(table.index(value))
    message.count = len(events)
    message.base_time_ms = times[0]
    message.strings.extend(table.strings)
    for name, values in columns.items():
        if name == "time_delta_ms" or any(values):
            getattr(message, name).extend(values)
    return message


def in_pieces(batch):
    """The same batch as two messages after one another, columns cut in two and strings last."""
    first, second = type(batch)(), type(batch)()
    for field, value in batch.ListFields():
        if not hasattr(value, "extend") or field.name == "strings":
            target = getattr(second, field.name, None)
            if hasattr(target, "extend"):
                target.extend(value)
            else:
                setattr(second, field.name, value)
            continue
        half = len(value) // 2
        getattr(first, field.name).extend(value[:half])
        getattr(second, field.name).extend(value[half:])
    return first.SerializeToString() + second.SerializeToString()


def write_batches(options):
    message_class = batch_class(options.proto, options.unpacked, options.unknown)
    events = []
    with open(options.input, encoding="utf-8") as lines, open(options.output, "wb") as out:

        def flush():
            batch = encode(message_class(), events)
            if options.unknown:
                batch.x_text.extend(["ignored", "too"])
                batch.x_fixed64.extend([1, 2**64 - 1])
                batch.x_fixed32.append(7)
                batch.x_varint.append(-1)
            data = in_pieces(batch) if options.pieces else batch.SerializeToString()
            out.write(MAGIC + struct.pack("<I", len(data)) + data)
            events.clear()

        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                event = json.loads(line, parse_int=Number, parse_float=Number)
                milliseconds(event["time"])
                events.append(event)
            except (ValueError, KeyError, TypeError) as error:
                sys.exit(f"{options.input}:{number}: {error}")
            if len(events) == options.batch:
                flush()
        if events:
            flush()


def read_batches(options):
    message_class = batch_class(options.proto)
    data = pathlib.Path(options.input).read_bytes()
    with open(options.output, "w", encoding="utf-8") as out:
        offset = 0
        while offset < len(data):
            if data[offset:offset + 4] != MAGIC:
                sys.exit(f"{options.input}: no frame at offset {offset}")
            (length,) = struct.unpack_from("<I", data, offset + 4)
            batch = message_class.FromString(data[offset + 8:offset + 8 + length])
            offset += 8 + length
            for event in decode(batch):
                out.write(json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n")


def decode(batch):
    """The events of a batch as the JSON form has them."""
    texts = [text.decode() for text in batch.strings] or [""]
    time, sequence, attribute = batch.base_time_ms, 0, 0

    def column(name, row):
        values = getattr(batch, name)
        assert len(values) in (0, batch.count), f"{name} has {len(values)} values, not {batch.count}"
        return values[row] if values else 0

    for row in range(batch.count):
        time += batch.time_delta_ms[row]
        sequence += column("seq_delta", row)
        event = {"time": time}
        for name in TEXTS:
            if column(name, row):
                event[name] = texts[column(name, row)]
        event["kind"], event["outcome"] = KINDS[column("kind", row)], OUTCOMES[column("outcome", row)]
        if column("duration_plus_one", row):
            event["duration_ms"] = column("duration_plus_one", row) - 1
        if sequence:
            event["seq"] = sequence
        count = column("attribute_count", row)
        if count:
            rows = range(attribute, attribute + count)
            event["attributes"] = {
                texts[batch.attribute_key[i]]: texts[batch.attribute_value[i]] for i in rows}
            attribute += count
        yield event


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--in", dest="input", required=True)
    parser.add_argument("--out", dest="output", required=True)
    parser.add_argument("--batch", type=int, default=1000, help="events in a batch")
    parser.add_argument("--unpacked", action="store_true", help="one field a value")
    parser.add_argument("--pieces", action="store_true", help="columns in two pieces, strings last")
    parser.add_argument("--unknown", action="store_true", help="add fields of a later schema")
    parser.add_argument("--decode", action="store_true", help="from batches to NDJSON")
    parser.add_argument("--proto", type=pathlib.Path, default=SCHEMA)
    options = parser.parse_args()
    if not 1 <= options.batch <= 65536:
        parser.error("--batch is 1 to 65536")
    read_batches(options) if options.decode else write_batches(options)


if __name__ == "__main__":
    main()
