#!/usr/bin/env python3
"""Envelopes by the letter of `schemas/envelope.md`, sharing no code with the product.

    envelope.py            checks the golden vectors against this implementation
    envelope.py --write    writes them anew

Needs PyNaCl (python3-nacl). Other checks import `seal`, `open_envelope`, `acknowledgement`,
`unsent` and `refused`.
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys
from pathlib import Path

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

VECTORS = Path(__file__).parent.parent / "WireFormatTests" / "Fixtures" / "envelope-vectors.json"
MAGIC = b"WLE1"
BATCH, ACKNOWLEDGEMENT, BUSY = 1, 2, 3
NONE, SIGN, ENCRYPT = 0, 1, 2
FIXED = struct.Struct("<4sIBBBBIQQQQq24s")
TAG_BYTES = {NONE: 0, SIGN: 32, ENCRYPT: 16}


def subkey(key: bytes, number: int) -> bytes:
    """crypto_kdf_derive_from_key: BLAKE2b of nothing, with number and context as salt and person."""
    return hashlib.blake2b(
        b"", digest_size=32, key=key, salt=struct.pack("<QQ", number, 0), person=b"WLenvlp1" + bytes(8)
    ).digest()


def seal(payload: bytes, *, kind=BATCH, mode=NONE, spool=1, packet=1, batch=1, oldest=1, sent_ms=0,
         sender="pc", key_id="", key=b"", nonce=None) -> bytes:
    name, key_name = sender.encode(), key_id.encode()
    length = FIXED.size - 8 + len(name) + len(key_name) + len(payload) + TAG_BYTES[mode]
    nonce = (nonce or os.urandom(24)) if mode == ENCRYPT else bytes(24)
    header = FIXED.pack(MAGIC, length, kind, mode, len(name), len(key_name), 0, spool, packet, batch,
                        oldest, sent_ms, nonce) + name + key_name
    if mode == SIGN:
        body = header + payload
        return body + hashlib.blake2b(body, digest_size=32, key=subkey(key, 1)).digest()
    if mode == ENCRYPT:
        return header + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
            payload, header, nonce, subkey(key, 2))
    return header + payload


def open_envelope(data: bytes, key: bytes = b"") -> dict:
    """Header fields and `payload`; ValueError for whatever a receiver must refuse."""
    if len(data) < FIXED.size:
        raise ValueError("truncated")
    (magic, length, kind, mode, name_bytes, key_bytes, zero, spool, packet, batch, oldest, sent_ms,
     nonce) = FIXED.unpack_from(data)
    if magic != MAGIC or mode not in TAG_BYTES or kind not in (1, 2, 3) or zero:
        raise ValueError("malformed")
    start = FIXED.size + name_bytes + key_bytes
    end = len(data) - TAG_BYTES[mode]
    if length != len(data) - 8 or start > end:
        raise ValueError("truncated")
    payload = data[start:end]
    if mode == SIGN:
        expected = hashlib.blake2b(data[:end], digest_size=32, key=subkey(key, 1)).digest()
        if not hmac.compare_digest(expected, data[end:]):
            raise ValueError("bad_signature")
    if mode == ENCRYPT:
        try:
            payload = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
                data[start:], data[:start], nonce, subkey(key, 2))
        except CryptoError as error:
            raise ValueError("bad_signature") from error
    return {
        "type": kind, "mode": mode, "spool": spool, "packet": packet, "batch": batch, "oldest": oldest,
        "sent_ms": sent_ms, "nonce": nonce, "payload": payload,
        "sender": data[FIXED.size:FIXED.size + name_bytes].decode(),
        "key_id": data[FIXED.size + name_bytes:start].decode(),
    }


def acknowledgement(cumulative: int, ranges=(), delay_ms=0, window=64) -> bytes:
    """An acknowledgement's payload."""
    head = struct.pack("<QIHH", cumulative, delay_ms, window, len(ranges))
    return head + b"".join(struct.pack("<QQ", *pair) for pair in ranges)


def read_acknowledgement(payload: bytes) -> dict:
    cumulative, delay_ms, window, count = struct.unpack_from("<QIHH", payload)
    ranges = [struct.unpack_from("<QQ", payload, 16 + 16 * index) for index in range(count)]
    if len(payload) != 16 + 16 * count:
        raise ValueError("acknowledgement of a wrong length")
    return {"cumulative": cumulative, "ranges": ranges, "delay_ms": delay_ms, "window": window}


def unsent(kind: int, source: str, ranges) -> bytes:
    """A part that names numbers which will not come: kind 1 withheld, 2 dropped."""
    name = source.encode()
    body = struct.pack("<BBH", kind, len(name), len(ranges)) + name
    body += b"".join(struct.pack("<QQ", *pair) for pair in ranges)
    return b"WLH1" + struct.pack("<I", len(body)) + body


def refused(reason: str, count: int, source: str = "", ranges=()) -> bytes:
    """A part that tells of events which the sender refused."""
    why, name = reason.encode(), source.encode()
    body = struct.pack("<BBHHH", len(why), len(name), count, len(ranges), 0) + why + name
    body += b"".join(struct.pack("<QQ", *pair) for pair in ranges)
    return b"WLR1" + struct.pack("<I", len(body)) + body


def vectors() -> list:
    key = bytes(range(32))
    event = b'{"time":1767225600000,"user":"ann","app":"erp","feature":"post","source":"pc","seq":7}\n'
    nonce = bytes(range(100, 124))
    common = {"spool": 0x0123456789ABCDEF, "packet": 70_001, "batch": 42, "oldest": 40,
              "sent_ms": 1_767_225_600_250, "sender": "pc-17"}
    cases = [
        ("batch, none", {"mode": NONE, "payload": event}),
        ("batch, sign", {"mode": SIGN, "payload": event}),
        ("batch, encrypt", {"mode": ENCRYPT, "payload": event}),
        ("empty batch, encrypt", {"mode": ENCRYPT, "payload": b""}),
        ("withheld and dropped, sign",
         {"mode": SIGN, "payload": unsent(1, "pc-17", [(3, 5), (9, 9)]) + unsent(2, "erp", [(1, 2**63 - 1)])}),
        ("acknowledgement, none",
         {"mode": NONE, "kind": ACKNOWLEDGEMENT, "payload": acknowledgement(41, [(43, 44), (50, 50)], 25, 16)}),
        ("acknowledgement, encrypt",
         {"mode": ENCRYPT, "kind": ACKNOWLEDGEMENT, "payload": acknowledgement(0)}),
        ("busy, sign", {"mode": SIGN, "kind": BUSY, "payload": struct.pack("<I", 5_000)}),
        ("refused, sign",
         {"mode": SIGN, "payload": refused("time", 4, "erp", [(3, 5), (9, 9)]) + refused("not_yours", 65_535)}),
    ]
    result = []
    for title, fields in cases:
        fields = {"kind": BATCH, **common, **fields}
        payload = fields.pop("payload")
        secured = fields["mode"] != NONE
        data = seal(payload, key_id="pc-17.2026" if secured else "", key=key, nonce=nonce, **fields)
        opened = open_envelope(data, key)
        assert opened["payload"] == payload and opened["sender"] == "pc-17", title
        result.append({
            "title": title, "key": base64.b64encode(key).decode() if secured else "",
            "keyID": "pc-17.2026" if secured else "", "type": fields["kind"], "mode": fields["mode"],
            **{("sentMilliseconds" if name == "sent_ms" else name): str(value) for name, value in common.items()},
            "nonce": nonce.hex() if fields["mode"] == ENCRYPT else "", "payload": payload.hex(),
            "envelope": data.hex(),
        })
    return result


def main() -> None:
    text = json.dumps(vectors(), indent=1) + "\n"
    if "--write" in sys.argv:
        VECTORS.parent.mkdir(exist_ok=True)
        VECTORS.write_text(text)
    elif VECTORS.read_text() != text:
        sys.exit(f"{VECTORS}: differs from what schemas/envelope.md gives here")
    print(f"envelopes: {len(vectors())} vectors agree")


if __name__ == "__main__":
    main()
