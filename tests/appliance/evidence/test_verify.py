"""The standalone verifier by itself: canonical JSON, Ed25519, keys, in a bare interpreter."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.evidence import ed25519, standalone
from appliance.evidence.blocks import block_hash, events_digest
from appliance.evidence.chain import Chain, Keys, canonical, entry_hash, fingerprint, holds, parsed, seal_of
from appliance.evidence.ed25519 import plain_verify
from appliance.evidence.keys import EvidenceKey, next_statement
from appliance.evidence.plain import event_line, plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)
#: RFC 8032, 7.1: secret key, public key, message, both halves of the signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "r", "s"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(secret: str, public: str, message: str, r: str, s: str) -> None:
    signature = r + s
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert key.public_key().public_bytes_raw().hex() == public
    assert plain_verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message))
    assert not plain_verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message) + b"\0")


def _oracle(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=80),
    st.sampled_from(["public", "signature", "message", ""]),
    st.integers(0, 511),
)
def test_plain_verification_agrees_with_cryptography(secret: bytes, message: bytes, place: str, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(secret)
    parts = {"public": key.public_key().public_bytes_raw(), "signature": key.sign(message), "message": message + b"x"}
    if place:
        flipped = bytearray(parts[place])
        flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
        parts[place] = bytes(flipped)
    parts["message"] = parts["message"][:-1] if place != "message" else parts["message"]
    arguments = parts["public"], parts["signature"], parts["message"]
    assert plain_verify(*arguments) is _oracle(*arguments) is holds(*arguments) is (place == "")


def test_what_is_no_signature_does_not_hold() -> None:
    key = Ed25519PrivateKey.generate()
    public, good = key.public_key().public_bytes_raw(), key.sign(b"m")
    # The scalar S + L gives the same point: a second form of one signature is refused.
    again = good[:32] + (int.from_bytes(good[32:], "little") + ed25519.L).to_bytes(32, "little")
    assert not plain_verify(public, again, b"m")
    assert not plain_verify(b"\xff" * 32, good, b"m")
    assert not plain_verify(b"\x02" + bytes(31), good, b"m")
    assert not plain_verify(public[:31], good, b"m")
    assert not plain_verify(public, good + b"\0", b"m")


@settings(max_examples=50)
@given(JSON)
def test_canonical_json_is_one_way_to_write_a_value(value: Any) -> None:
    line = canonical(value)
    assert json.loads(line) == value
    assert canonical(parsed(line)) == line
    assert b"\n" not in line


@pytest.mark.parametrize(
    "line", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b'"\\u0041"', b"1.0e3", b"[NaN]", b'"\xff"', b'"\\ud800"']
)
def test_another_way_to_write_a_value_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        parsed(line)


@settings(max_examples=50)
@given(JSON, st.text())
def test_any_value_can_be_made_plain(value: Any, text: str) -> None:
    made = plain({"v": value, text: (text, float("nan"), float("inf"))})
    assert parsed(canonical(made)) == made


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.floats() | st.booleans(), max_size=5))
def test_an_event_is_one_line_however_odd_it_is(event: dict[str, Any]) -> None:
    assert parsed(event_line(event)) is not None


def test_a_key_is_trusted_by_what_both_keys_signed_alone() -> None:
    one, two, three = (EvidenceKey(Ed25519PrivateKey.generate()) for _ in range(3))
    first = {"at": None, "by_new": None, "by_old": None, "old": None, "previous": None, "public": one.public.hex()}
    chain = [first, next_statement(one, two, 5, "aa" * 32), next_statement(two, three, 6, "bb" * 32)]
    for key in (one, two, three):
        assert set(Keys(reversed(chain), key.fingerprint).known) == {
            one.fingerprint,
            two.fingerprint,
            three.fingerprint,
        }
        assert Keys(chain, key.fingerprint).newest == three.fingerprint
    moved = {**chain[1], "previous": "cc" * 32}
    assert set(Keys([first, moved], one.fingerprint).known) == {one.fingerprint}
    forged = {**chain[1], "by_old": three.private.sign(b"x").hex()}
    assert set(Keys([first, forged], one.fingerprint).known) == {one.fingerprint}
    assert "to nie ta Czujka" in str(Keys(chain, fingerprint(b"x" * 32)).faults[0])


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"at":"1","hash":"","key":"","number":1,"signature":""}', b"x"])
def test_what_is_no_seal_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        seal_of(line)


def test_a_deep_value_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    made = Chain(Keys([], "x"), [])
    body = b"[" * 100_000 + b"]" * 100_000
    assert made.take(body, entry_hash(body)) is None
    assert "nie da się odczytać" in str(made.faults[-1])


def test_blocks_of_events_are_the_specified_ones() -> None:
    """Written out by hand, byte by byte, as docs/evidence.md says."""
    lines = [
        {"@timestamp": 5, "event.id": "00" * 16, "host.name": "Łan", "tags": ["a", 2]},
        {"@timestamp": -6, "event.id": "01" * 16, "event.time_corrected": True, "x": 0.5},
    ]
    about = {
        "columns": ["@timestamp:l", "event.id:id", "event.time_corrected:b", "host.name:s", "rest"],
        "rest": [0, 1],
        "shapes": [[["tags", "SI"]], [["x", "f"]]],
    }
    written = b"@timestamp:l\n\1\1" + struct.pack("<qq", 5, -6)
    written += b"event.id:id\n" + bytes(16) + b"\1" * 16
    written += b"event.time_corrected:b\n\xff\x01"
    written += b"host.name:s\n" + struct.pack("<ii", 4, -1) + "Łan".encode()
    written += b"rest\n" + struct.pack("<ii", 2, 1)
    written += struct.pack("<iii", 4, 4, 1) + b"tagstagsx" + struct.pack("<iii", 1, 1, 1) + b"SIf"
    written += struct.pack("<iii", 1, 1, 3) + b"a20.5"
    assert block_hash(about, lines) == hashlib.sha256(written).digest()
    expected = hashlib.sha256(b"czujka-evidence-events-v2 2\n" + hashlib.sha256(written).digest())
    assert events_digest(2, [block_hash(about, lines)]) == expected.hexdigest()


def test_the_verifier_needs_nothing_but_the_interpreter(tmp_path: Path) -> None:
    """Also not `cryptography`, which a bare interpreter does not see."""
    copy = tmp_path / "verify.py"
    copy.write_bytes(standalone.source())
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import verify; print(verify.holds is verify.plain_verify)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    wrong = subprocess.run([sys.executable, "-I", "-S", str(copy)], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
