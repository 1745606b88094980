"""The chain by itself: canonical JSON, hashes and signatures, the keys that follow from one, entries one by one.

Part of the standalone verifier (appliance/evidence/standalone.py): the standard library of Python 3.9, `cryptography`
for signatures where it is installed. docs/evidence.md specifies the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from appliance.evidence.blocks import WRONG
from appliance.evidence.ed25519 import plain_verify

ENTRY, SEAL, KEY, PACK = (b"czujka-evidence-%s\n" % kind for kind in (b"entry-v1", b"seal-v1", b"key-v2", b"pack-v1"))
"""What is put before bytes that are hashed or signed, so that none can stand for another."""
START = "0" * 64
"""The `previous` of entry number 1."""


class Fault(NamedTuple):
    """What is wrong: its kind, in Polish, the number of the entry or None, the file or an empty text, and words."""

    kind: str
    number: int | None
    file: str
    text: str

    def __str__(self) -> str:
        number, file = "" if self.number is None else f" {self.number}", f" ({self.file})" if self.file else ""
        return "".join(sign if sign.isprintable() else "?" for sign in f"{self.kind}{number}{file}: {self.text}")


def canonical(value: Any) -> bytes:
    """Return the one way to write a JSON value: sorted keys, no blanks, UTF-8. Raises ValueError for what is none."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def parsed(line: bytes) -> Any:
    """Return the value of canonical JSON. Raises ValueError when it is not written in that one way."""
    value = json.loads(line.decode("utf-8"))
    if canonical(value) != line:
        raise ValueError("zapis nie jest kanoniczny")
    return value


def entry_hash(body: bytes) -> str:
    """Return the hash of an entry by its canonical body."""
    return hashlib.sha256(ENTRY + body).hexdigest()


def seal_statement(at: int, number: int, digest: str, key: str) -> bytes:
    """Return what the signature of a seal is made over."""
    return SEAL + canonical({"at": at, "hash": digest, "key": key, "number": number})


def key_statement(at: int, old: str, new: str, previous: str) -> bytes:
    """Return what both keys sign when one follows the other: their public keys in hex, the hash of the entry before."""
    return KEY + canonical({"at": at, "new": new, "old": old, "previous": previous})


def fingerprint(public: bytes) -> str:
    """Return the fingerprint of a raw public key of 32 bytes."""
    return hashlib.sha256(public).hexdigest()


try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    def holds(public: bytes, signature: bytes, message: bytes) -> bool:
        """Say whether an Ed25519 signature holds."""
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

except ImportError:
    holds = plain_verify


class Keys:
    """The public keys that follow from one trusted fingerprint, by what old and new keys signed for each other."""

    def __init__(self, statements: Iterable[dict[str, Any]], trusted: str) -> None:
        rows = [(bytes.fromhex(one["old"] or ""), bytes.fromhex(one["public"]), one) for one in statements]
        self.known = {name: new for name, new in ((fingerprint(new), new) for _, new, _ in rows) if name == trusted}
        self.faults = [] if self.known else [Fault("klucz", None, "", f"odcisk {trusted} jest inny: to nie ta Czujka")]
        self.newest = trusted
        """The key in force after the last rotation."""
        self._after: dict[str, str] = {}
        linked = rows = [row for row in rows if row[0]]
        while linked:
            linked = [row for row in rows if not self.known.keys().isdisjoint(map(fingerprint, row[:2]))]
            rows = [row for row in rows if row not in linked]
            for row in linked:
                self._follow(*row)
        for _ in self._after:
            self.newest = self._after.get(self.newest, self.newest)

    def follows(self, old: str, new: str) -> bool:
        """Say whether both keys signed that one took the other's place, by their fingerprints."""
        return self._after.get(old) == new

    def _follow(self, old: bytes, new: bytes, one: dict[str, Any]) -> None:
        names = fingerprint(old), fingerprint(new)
        message = key_statement(one["at"], old.hex(), new.hex(), one["previous"])
        signed = zip((old, new), (one["by_old"], one["by_new"]))  # noqa: B905 - no `strict` before 3.10
        if not all(holds(key, bytes.fromhex(text), message) for key, text in signed):
            return
        self.known.update(zip(names, (old, new)))  # noqa: B905 - no `strict` before 3.10
        if self._after.setdefault(*names) != names[1]:
            self.faults.append(Fault("klucz", None, "", f"po kluczu {names[0][:16]}… mają następować dwa różne"))

    def wrong(self, seal: dict[str, Any]) -> str:
        """Return what is wrong with a seal or an anchor by itself, nothing when its signature holds."""
        message = seal_statement(seal["at"], seal["number"], seal["hash"], seal["key"])
        if seal["key"] not in self.known:
            return f"podpisano nieznanym kluczem {seal['key'][:16]}…"
        return "" if holds(self.known[seal["key"]], seal["bytes"], message) else "podpis się nie zgadza"


class Chain:
    """Takes the entries of a chain one by one and says what is wrong with them."""

    def __init__(self, keys: Keys, seals: Iterable[dict[str, Any]], file: str = "") -> None:
        self.faults: list[Fault] = list(keys.faults)
        self.first: int | None = None
        self.last, self.digest, self.sealed = 0, START, 0
        self._keys, self._file = keys, file
        self._seals: dict[int, dict[str, Any]] = {seal["number"]: seal for seal in seals}
        self._anchors: dict[int, list[dict[str, Any]]] = {}
        self._signed: list[tuple[int, str, str]] = []
        """Numbers of entries, kinds and keys of seals and anchors that hold by themselves."""
        self._rotations: list[tuple[int, str, str]] = []
        """Numbers of entries, the key before, nothing at the first, and the key after."""

    def expect(self, anchor: dict[str, Any], file: str) -> None:
        """Demand that the chain has what an anchor names."""
        wrong = self._keys.wrong(anchor)
        if wrong:
            self.faults.append(Fault("kotwica", anchor["number"], file, wrong))
        else:
            self._anchors.setdefault(anchor["number"], []).append(anchor)

    def take(self, body: bytes, digest: str) -> dict[str, Any] | None:
        """Check the next entry and return it; None when it cannot be read."""
        at = self.last + 1
        try:
            entry = parsed(body)
            number, previous, _ = range(entry["number"]).stop, entry["previous"], (entry["kind"], entry["payload"])
        except WRONG as error:
            self._fault("wpis", at, f"nie da się odczytać: {error}")
            self.last, self.digest = at, digest
            return None
        if self.first is None:
            self.first, self.last, self.digest = number, number - 1, previous if number > 1 else START
        self._linked(number, previous, entry_hash(body) == digest)
        if number > self.last:
            self.last, self.digest = number, digest
        self._sealed_at(number, digest)
        if entry["kind"] == "key":
            self._rotated(number, previous, entry["payload"])
        return entry  # type: ignore[no-any-return]

    def _linked(self, number: int, previous: str, same: bool) -> None:
        if not same:
            self._fault("wpis", number, "treść nie zgadza się ze skrótem: wpis zmieniono")
        if number > self.last + 1:
            self._fault("wpis", self.last + 1, f"brakuje wpisów od {self.last + 1} do {number - 1}")
        elif number <= self.last:
            self._fault("wpis", number, f"stoi po wpisie {self.last}: dodano go albo zmieniono kolejność")
        elif previous != self.digest:
            self._fault("wpis", number, f"nie łączy się z wpisem {self.last}: jeden z nich zmieniono albo dodano")

    def _sealed_at(self, number: int, digest: str) -> None:
        seal = self._seals.pop(number, None)
        if seal is not None:
            self.sealed = max(self.sealed, number)
            wrong = self._keys.wrong(seal) if seal["hash"] == digest else "plomba jest na innej treści niż ten wpis"
            if wrong:
                self._fault("podpis", number, wrong)
            else:
                self._signed.append((number, "podpis", seal["key"]))
        for anchor in self._anchors.pop(number, []):
            self._signed.append((number, "kotwica", anchor["key"]))
            if anchor["hash"] != digest:
                self._fault("kotwica", number, "wpis ma inny skrót niż kotwica: historię zapisano od nowa")

    def _rotated(self, number: int, previous: str, payload: dict[str, Any]) -> None:
        try:
            names = [fingerprint(bytes.fromhex(payload[name] or "")) for name in ("old", "public")]
            self._rotations.append((number, names[0] if payload["old"] else "", names[1]))
            if payload["old"] and payload["previous"] != previous:
                self._fault("klucz", number, "wymianę podpisano po innym wpisie")
        except WRONG as error:
            self._fault("klucz", number, f"nie da się odczytać: {error}")

    def _in_force(self) -> None:
        """Let only the key that was in force at an entry seal it: one that was replaced may be in other hands."""
        force = self._rotations[0][1] if self._rotations else self._keys.newest
        spans = [(0, force)]
        for number, old, new in self._rotations:
            if old == force and (not old or self._keys.follows(old, new)):
                force = new
                spans.append((number + bool(old), new))
            else:
                self._fault("klucz", number, f"wymiany nie podpisał klucz w mocy {force[:16]}…")
        if force != self._keys.newest:
            self._fault("klucz", self.last, f"brakuje wpisu o wymianie na {self._keys.newest[:16]}…")
        for number, kind, key in self._signed:
            if key != next(name for start, name in reversed(spans) if start <= number):
                self._fault(kind, number, f"podpisano kluczem {key[:16]}…, który wymieniono")

    def end(self, until: int | None = None) -> list[Fault]:
        """Return all faults after the last entry. Anchors made after the time `until` may lie beyond the end."""
        if self.last > self.sealed:
            self._fault("podpis", self.last, "końca łańcucha nie obejmuje żaden podpis")
        if self._keys.known:
            self._in_force()
        for number in sorted(self._seals):
            if self.first is not None and number >= self.first:
                self._fault("podpis", number, f"plomba bez swojego wpisu; ostatni wpis: {self.last}")
        for number, anchors in sorted(self._anchors.items()):
            if number > self.last and (until is None or any(anchor["at"] <= until for anchor in anchors)):
                self._fault("kotwica", number, f"łańcuch kończy się wcześniej, na wpisie {self.last}: koniec usunięto")
        return self.faults

    def _fault(self, kind: str, number: int, text: str) -> None:
        self.faults.append(Fault(kind, number, self._file, text))


def seal_of(line: bytes) -> dict[str, Any]:
    """Return a seal or an anchor. Raises ValueError when it is none."""
    seal = parsed(line)
    kinds = {"at": int, "number": int, "hash": str, "key": str, "signature": str}
    if not isinstance(seal, dict) or any(type(seal.get(name)) is not kind for name, kind in kinds.items()):
        raise ValueError("to nie jest plomba ani kotwica")
    return {**seal, "bytes": bytes.fromhex(seal["signature"])}
