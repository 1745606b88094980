#!/usr/bin/env python3
"""Sprawdza paczkę dowodów Czujki: python3 verify.py PACZKA.zip --key ODCISK [--anchor PLIK …]

Checks a pack of evidence offline with nothing but the standard library of Python 3.9 or newer and the fingerprint of
the box's public key. `cryptography` is used for signatures where it is installed. The box's own `czujka verify` works
with the same functions. docs/evidence.md specifies every format. Exit codes: 0 sound, 1 not, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from appliance.evidence.blocks import WRONG, block_hash, events_digest
from appliance.evidence.chain import PACK, Chain, Fault, Keys, canonical, holds, parsed, seal_of
from appliance.evidence.complete import Lacking, Span, Told
from appliance.evidence.lanes import place_of, summed_lines

MAX_LINE, MAX_FAULTS = 32 << 20, 1000
PACKETS, TAKEN = "packets/", "slice.taken"
"""The folder of packets in a pack, and the action in the operators' log that says what a sensor gave."""
BROKEN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def _lines(pack: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with pack.open(name) as file:
        for line in iter(lambda: file.readline(MAX_LINE), b""):
            yield line.rstrip(b"\n")


class PackCheck:
    """Checks one pack; `faults` has what is wrong, `told` what was checked."""

    def __init__(self, pack: zipfile.ZipFile, trusted: str, anchors: Iterable[Path]) -> None:
        self.faults: list[Fault] = []
        self.told: list[str] = []
        self.lacking: list[Lacking] = []
        """Segments that the pack says it lacks."""
        self._pack, self._trusted, self._anchors = pack, trusted, list(anchors)
        self._keys = Keys([], trusted)
        self._segments: dict[int, tuple[Any, ...]] = {}
        self._payloads: dict[int, str] = {}
        self._alerted: set[str] = set()
        self._packets: set[str] = set()
        self._told = Told()
        self._span: Span | None = None
        """The time that the pack is of, None for that of an alert."""
        self._proved: set[int] = set()
        self._given: dict[int, set[int]] = {}
        """Of each alert in the pack the entries of its history."""
        self._ids: set[str] = set()
        """Of the pack of an alert the ids of its events."""
        self._expected = self._expected_afar = 0
        self._hours: dict[tuple[str, int], tuple[int, int, str]] = {}
        """By index and hour the number of its last entry, its events and their digest."""

    def run(self) -> list[Fault]:
        """Check everything and return the faults."""
        names = ["files.json", "chain.ndjson", "events.ndjson", "alerts.ndjson", "files.json", "cluster.ndjson"]
        steps = self._files, self._chain, self._events, self._alerts, self._taken, self._cluster, self._whole
        for name, step in zip([*names, "pack.json"], steps):  # noqa: B905 - 3.9
            try:
                step(name)
            except WRONG as error:
                self._fault("plik", name, f"nie da się odczytać: {error}")
            except BROKEN as error:
                self._fault("plik", name, f"uszkodzony albo nie ma go w paczce: {error}")
        return self.faults

    def _each(self, name: str, make: Callable[[bytes], Any] = parsed) -> Iterator[Any]:
        for number, line in enumerate(_lines(self._pack, name), 1):
            try:
                yield make(line)
            except WRONG as error:
                self._fault("plik", name, f"wiersz {number}: nie da się odczytać: {error}")

    def _files(self, name: str) -> None:
        self._keys = next(self._each("keys.json", lambda line: Keys(parsed(line), self._trusted)), self._keys)
        listed, names = parsed(next(_lines(self._pack, name))), self._pack.namelist()
        public = self._keys.known.get(listed["key"], b"") if listed["key"] == self._keys.newest else b""
        message = PACK + canonical({"files": listed["files"], "key": listed["key"]})
        if not holds(public, bytes.fromhex(listed["signature"]), message):
            self._fault("podpis", name, "podpis spisu plików paczki nie zgadza się")
        for one in sorted(one for one in names if names.count(one) > 1 or one not in {*listed["files"], name}):
            self._fault("plik", one, "nie ma go w spisie paczki albo jest dwa razy: dodano go")
        for one, digest in sorted(listed["files"].items()):
            found = hashlib.sha256()
            try:
                with self._pack.open(one) as file:
                    for part in iter(lambda: file.read(1 << 20), b""):
                        found.update(part)
                if found.hexdigest() != digest:
                    self._fault("plik", one, "treść zmieniono: skrót nie zgadza się ze spisem paczki")
            except (KeyError, *BROKEN) as error:
                self._fault("plik", one, f"uszkodzony albo nie ma go w paczce: {error}")

    def _chain(self, name: str) -> None:
        chain = Chain(self._keys, self._each("seals.ndjson", seal_of), name)
        for path in self._anchors:
            try:
                chain.expect(seal_of(path.read_bytes().strip()), path.name)
            except (OSError, ValueError) as error:
                self._fault("kotwica", path.name, f"nie da się odczytać: {error}")
        for line in _lines(self._pack, name):
            entry = chain.take(line[65:], line[:64].decode("ascii", "replace"))
            if entry is not None:
                self._entry(entry["kind"], entry["number"], entry["payload"])
                self._told.take(entry)
        made: Any = next(self._each("pack.json"), {})
        self._span = Span(made.get("start"), made.get("end")) if made.get("alert") is None else None
        self._expected = made.get("events", 0) + made.get("beside", 0)
        self._expected_afar = made.get("cluster", {}).get("events", 0)
        self.faults += chain.end(made.get("made_at", 0))
        if (made.get("first"), made.get("last")) != (chain.first, chain.last):
            self._fault("wpis", name, f"paczka ma mieć wpisy {made.get('first')}–{made.get('last')}, a nie ma")
        self.told.append(f"wpisy łańcucha: {chain.first}–{chain.last}, podpis obejmuje wpis {chain.sealed}")

    def _entry(self, kind: str, number: int, payload: dict[str, Any]) -> None:
        """Remember what an entry proves."""
        self._payloads[number] = hashlib.sha256(canonical(payload)).hexdigest()
        if kind == "segment":
            self._segments[number] = payload["file"], payload["rows"], payload["events"]
        elif kind == "hour":
            self._hours[payload["index"], payload["hour"]] = number, payload["events"], payload["digest"]
        elif kind == "index_deletion":
            self._hours = {place: one for place, one in self._hours.items() if place[0] != payload["index"]}
        elif kind == "alert_events":
            self._alerted.update(digest for _, _, digest in payload["events"] if digest)
        elif kind == "operation" and payload["action"] == TAKEN:
            self._packets.add(payload["detail"]["sha256"])

    def _events(self, name: str) -> None:
        lines = enumerate(_lines(self._pack, name), 1)
        count = 0
        for proof in self._each("proofs.ndjson"):
            blocks = [bytes.fromhex(block) for block in proof["blocks"]]
            found = proof["file"], proof["rows"], events_digest(proof["rows"], blocks)
            if self._segments.get(proof["entry"]) != found:
                self._fault("segment", proof["file"], "skrót zdarzeń nie zgadza się z wpisem łańcucha", proof["entry"])
            opened: dict[int, tuple[int, int]] = {}
            for index, block in sorted(proof["open"].items(), key=lambda one: int(one[0])):
                taken = [line for _, line in zip(block["rest"], lines)]  # noqa: B905 - 3.9
                count += len(taken)
                events = self._parsed([line for _, line in taken])
                if events:
                    opened[int(index)] = events[0]["@timestamp"], events[-1]["@timestamp"]
                if self._block(block, events) != blocks[int(index)]:
                    low, high = min(taken, default=(0,))[0], max(taken, default=(0,))[0]
                    self._fault("zdarzenie", name, f"wiersze {low}–{high}: inne niż w segmencie {proof['file']}")
            if proof["entry"] in self._proved:
                self._fault("segment", proof["file"], "jest w paczce dwa razy", proof["entry"])
            self._proved.add(proof["entry"])
            if self._span is not None and not self._span.covered(len(blocks), opened):
                self._fault("segment", proof["file"], "w paczce są nie wszystkie bloki z tego okresu", proof["entry"])
        count += self._alone(name, lines)
        if count != self._expected:
            self._fault("zdarzenie", name, f"jest ich {count}, a paczka ma mieć {self._expected}")
        self.told.append(f"zdarzenia, które potwierdza łańcuch: {count}")

    def _alone(self, name: str, lines: Iterable[tuple[int, bytes]]) -> int:
        """Check the events that an alert proves and no segment; return how many there are."""
        count = 0
        for number, line in lines:
            self._parsed([line])
            digest, count = hashlib.sha256(line).hexdigest(), count + 1
            if digest not in self._alerted:
                self._fault("zdarzenie", name, f"wiersz {number}: ani segment, ani alert go nie potwierdza, dodano go")
            self._alerted.discard(digest)
        return count

    def _cluster(self, name: str) -> None:
        if self._expected_afar == 0 and name not in self._pack.namelist():
            return
        lines = _lines(self._pack, name)
        proved: list[int] = []
        bare: list[int] = []
        seen: set[tuple[str, int]] = set()
        for hour in self._each("hours.ndjson"):
            place, entry = (hour["index"], range(hour["hour"]).stop), hour["entry"]
            if place in seen:
                self._fault("godzina", place_of(*place), "jest w paczce dwa razy", entry)
            seen.add(place)
            count, digest = summed_lines(lines, hour["events"])
            (bare if entry is None else proved).append(count)
            if entry is None and place in self._hours:
                told = f"ma plombę we wpisie {self._hours[place][0]}, a paczka mówi, że nie ma"
                self._fault("godzina", place_of(*place), told)
            elif entry is None and count != hour["events"]:
                self._fault("godzina", place_of(*place), f"zdarzeń jest {count}, a ma być {hour['events']}")
            elif entry is not None and self._hours.get(place) != (entry, count, digest):
                self._fault("godzina", place_of(*place), "zdarzenia inne niż te, które zaplombowano", entry)
        more = sum(1 for _ in lines)
        if more or sum(proved + bare) != self._expected_afar:
            found = sum(proved + bare) + more
            self._fault("zdarzenie", name, f"jest ich {found}, a paczka ma mieć {self._expected_afar}")
        self.told.append(f"zdarzenia z klastra, które potwierdza łańcuch: {sum(proved)}, pełne godziny: {len(proved)}")
        self.told.append(f"zdarzenia z klastra z godzin bez plomby, tylko pod podpisem paczki: {sum(bare)}")

    def _parsed(self, lines: list[bytes]) -> list[dict[str, Any]]:
        """Return events by their lines, none when one of them is no event."""
        try:
            events = [parsed(line) for line in lines]
            if self._span is None:
                self._ids.update(event["event.id"] for event in events)
            _ = [range(event["@timestamp"]) for event in events]
        except WRONG:
            return []
        return events

    @staticmethod
    def _block(block: dict[str, Any], events: list[dict[str, Any]]) -> bytes:
        """Return the hash of a block, nothing when these are no events of it."""
        try:
            return block_hash(block, events)
        except WRONG:
            return b""

    def _alerts(self, name: str) -> None:
        count = 0
        for count, alert in enumerate(self._each(name), 1):
            self._given[alert["alert"]] = {item["entry"] for item in alert["history"]}
            for item in alert["history"]:
                if self._payloads.get(item["entry"]) != hashlib.sha256(canonical(item["payload"])).hexdigest():
                    self._fault("alert", name, f"wiersz {count}: zapis inny niż w łańcuchu", item["entry"])
        self.told.append(f"alerty z historią: {count}")

    def _taken(self, name: str) -> None:
        listed = parsed(next(_lines(self._pack, name)))["files"]
        files = sorted(one for one in listed if one.startswith(PACKETS))
        for one in files:
            if listed[one] not in self._packets:
                self._fault("pakiety", one, "według łańcucha czujnik ich nie przysłał: dodano je albo zmieniono")
        self.told.append(f"pliki pakietów, które potwierdza łańcuch: {len(files)}")

    def _whole(self, name: str) -> None:
        """Compare what the chain says of the time, or of the alert, with what the pack has."""
        for alert, entries in self._told.left_out(self._given):
            self._fault("alert", "alerts.ndjson", f"alert {alert} nie ma całej historii: brakuje wpisów {entries}")
        made = parsed(next(_lines(self._pack, name)))
        admitted = self._admitted(made.get("gaps", []))
        if self._span is None:
            self._case(made["alert"], made["missing"])
            return
        span, (number, at) = self._span, self._told.begins or (1, 0)
        if number > 1 and (span.start is None or at >= span.start):
            self._fault("wpis", "chain.ndjson", "łańcuch zaczyna się później niż okres paczki", number)
        for entry, file in sorted(self._told.segments(span).items()):
            if entry not in self._proved and entry not in admitted:
                self._fault("segment", file, "może mieć zdarzenia z tego okresu, a nie ma ich w paczce", entry)
        for alert in sorted(self._told.alerts(span) - self._given.keys()):
            text = f"alert {alert} jest w łańcuchu w tym okresie, a nie ma go w paczce"
            self._fault("alert", "alerts.ndjson", text)
        self.told.append(f"okres paczki: {span}")
        for fate, words in ("deletion", "które już usunięto"), ("lost", "które zaginęły"):
            gone = len(self._told.segments(span, fate))
            self.told += [f"segmenty z tego okresu, {words}: {gone}"] if gone else []

    def _admitted(self, gaps: list[Any]) -> set[int]:
        """Name the segments that the pack says it lacks; return the entries of those that the chain has just so."""
        admitted: set[int] = set()
        for one in map(Lacking.of, gaps):
            self.lacking.append(one)
            self.told.append(str(one))
            if one.entry is None:
                continue
            admitted.add(one.entry)
            if self._told.sealed(one.entry) != one[1:5] or one.entry in self._proved:
                self._fault("segment", one.file, "paczka podaje, że go brakuje, a łańcuch mówi co innego", one.entry)
        return admitted

    def _case(self, alert: int, missing: int) -> None:
        if alert not in self._given:
            self._fault("alert", "alerts.ndjson", f"nie ma w paczce alertu {alert}")
        named = self._told.events.get(alert, set())
        found = len(named & self._ids)
        if found + missing != len(named):
            text = f"alert opiera się na {len(named)}, w paczce są {found}, a według jej opisu brakuje {missing}"
            self._fault("zdarzenie", "events.ndjson", text)
        self.told.append(f"alert, którego dotyczy paczka: {alert}; jego zdarzenia, których w niej nie ma: {missing}")

    def _fault(self, kind: str, file: str, text: str, number: int | None = None) -> None:
        self.faults.append(Fault(kind, number, file, text))


def _end(check: PackCheck) -> str:
    if check.faults:
        return f"NIEZGODNE: {min(len(check.faults), MAX_FAULTS)}"
    if check.lacking:
        count, rows = len(check.lacking), sum(one.rows for one in check.lacking)
        return f"ZGODNE, ALE NIEPEŁNE: to, co jest, się zgadza; brakuje segmentów: {count}, zdarzeń w nich: {rows}."
    return "ZGODNE: podpisy, łańcuch, zdarzenia i pliki się zgadzają."


def main(arguments: list[str] | None = None) -> int:
    """Check the pack that the arguments name, print what was found, return the exit code."""
    parser = argparse.ArgumentParser(description="Sprawdza paczkę dowodów Czujki.")
    parser.add_argument("pack", type=Path, help="paczka: plik ZIP")
    parser.add_argument("--key", required=True, help="odcisk klucza Czujki, na przykład z raportu miesięcznego")
    parser.add_argument("--anchor", type=Path, action="append", default=[], help="plik kotwicy; można podać kilka")
    options = parser.parse_args(arguments)
    try:
        check = PackCheck(zipfile.ZipFile(options.pack), "".join(options.key.split()).lower(), options.anchor)
    except BROKEN as error:
        sys.exit(f"NIEZGODNE: nie można otworzyć paczki {options.pack}: {error}")
    faults = check.run()[:MAX_FAULTS]
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    print(*check.told, *faults, _end(check), sep="\n")  # noqa: T201 - the answer
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
