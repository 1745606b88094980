"""Random rules, filters, lists and events over the whole language. What is drawn from is the caller's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tests.appliance.detect.kit import ID

Drawn = TypeVar("Drawn")
NAMES = ["a", "b", "c"]
LETTERS = "aAbB\\*?-/ .0żŻ\u212aßΣς\n–İ"
#: So few that texts of rules and of events often meet.
FEW = "aAb"
PLAIN = [char for char in LETTERS if char not in "*?\\"]
REGEXES = ["a+b", "^a", "(a|b)0", "[^a]b", "a.{0,2}b", "\\.a", "ab|b0|0", "(?i)ab", "a{2,3}", "b$", "(ab)?0"]
NETWORKS = ["10.0.0.0/8", "10.1.2.0/24", "fe80::/10", "0.0.0.0/0", "::ffff:10.0.0.0/104"]
ADDRESSES = ["10.1.2.3", "10.1.9.9", "fe80::1", "fe80::1%eth0", "::ffff:10.1.2.3", "10.1.2", "10.1.2.3/8"]
MOMENTS = [
    *("2026-01-01T05:30:00Z", "2026-11-22 04:59:60.123", "2026-12-31T23:30:00-01:30", "2025-12-29", "2026-13-01"),
    *("1767225600", "1767225600000", "1767225600000000", "1767225600000000000", "99999999", "2026-06-07T25:00"),
    *("2026-06-07T12:00:00+0200", "2026-06-07T12:00", "x2026-06-07", "0001-01-01T00:00:00+05:00"),
]
PARTS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "week": (1, 53), "month": (1, 12), "year": (2024, 2027)}
#: Where a float begins to leave out integers, and where words of the machine end.
LARGE = [2**53, -(2**53), 2**63, 12345678901234567, 2**64 + 1, 10**25]
CATEGORIES: Sequence[Any] = ["net", ("host", "dns"), ("host",), (7, "net", "net"), ("dns", "net"), ()]
MIDNIGHT = 1_767_225_600_000_000
IDENTIFIERS = ["s1", "s2", "sel_a", "sel_b", "_hid"]
SELECTORS = ["1 of sel_*", "all of s*", "any of them", "all of them", "1 of _h*", "1 of *_b", "all of s1"]
OPEN = IDENTIFIERS[:4]
OPEN_SELECTORS = ["1 of sel_*", "all of s*", "any of them", "all of them", "1 of *_b"]
#: Site lists; the names of rules are in any case.
LISTS = {"admins": ("a*", "Żb", "0"), "nobody": (), "one": ("b-a",)}


class Draws:
    """Everything is made of whole numbers below a bound."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def one(self, options: Sequence[Drawn]) -> Drawn:
        return options[self.below(len(options))]

    def some(self, least: int, most: int, make: Callable[[], Drawn]) -> list[Drawn]:
        return [make() for _ in range(least + self.below(most - least + 1))]

    def text(self, letters: Sequence[str], least: int, most: int) -> str:
        return "".join(self.some(least, most, lambda: self.one(letters)))

    # Events

    def scalar(self) -> Any:
        kind = self.below(12)
        if kind < 5:
            return self.text(self.one([FEW, LETTERS]), 0, 5)
        if kind == 5:
            if self.below(4):
                return self.below(16) - 3
            return self.one([int, str, float])(self.large())
        if kind == 6:
            return self.one([True, False])
        if kind == 7:
            return (self.below(160) - 40) / 8
        if kind == 8:
            return self.one(ADDRESSES)
        if kind == 9:
            moment = self.one(MOMENTS)
            return int(moment) if moment.isdigit() and self.below(2) else moment
        if kind == 10:
            return self.encoded()
        return "x " + self.one("-/–—―+") + self.one("ab") + self.one(["", " "])

    def large(self) -> int:
        return self.one(LARGE) + self.below(3) - 1

    def encoded(self) -> str:
        text = self.text(PLAIN, 0, 4)
        raw = self.one([b"", b"\xff\xfe"]) + text.encode(self.one(["utf-8", "utf-16-le", "utf-16-be"]))
        return raw.decode("latin-1") if self.below(3) == 0 else b64encode(self.one([b"", b"z", b"zz"]) + raw).decode()

    def envelope(self) -> dict[str, Any]:
        """What the box adds to an event, in words and numbers that keywords ask for."""
        made: dict[str, Any] = {
            "@timestamp": MIDNIGHT + self.below(1000),
            "event.ingested": self.below(99),
        }
        for key in ("event.action", "event.type", "event.outcome", "agent.id", "event.id", "winlog.logon.type"):
            if self.below(3) == 0:
                made[key] = self.needle()
        if self.below(4) == 0:
            made["host.name"] = made.get("agent.id", "a") if self.below(2) else self.needle()
        if self.below(3) == 0:
            made["event.category"] = self.one(CATEGORIES)
        if self.below(2):
            made["process.pid"] = self.below(20)
        if self.below(2):
            made["process.entity_id"] = self.text("abA", 1, 3)
        return made

    def event(self) -> dict[str, Any]:
        made = self.envelope()
        for name in [*NAMES, "A"]:
            kind = self.below(6)
            if kind < 4:
                made[name] = self.scalar()
            elif kind == 4:
                made[name] = tuple(self.some(0, 3, self.scalar))
        return made

    # Rules

    def needle(self) -> str:
        return self.text(self.one([FEW, LETTERS]), 1, 3)

    def values(self, make: Callable[[], Drawn], most: int = 3) -> Any:
        found = self.some(1, most, make)
        return found[0] if len(found) == 1 and self.below(2) else found

    def line(self, field: str) -> tuple[str, Any]:
        made: Sequence[Callable[[], tuple[str, Any]]] = (
            *(self.plain, self.plain, self.plain, self.encoding, self.dashes, self.regex, self.time, self.expansion),
            *(self.number, self.network, self.comparison),
        )
        if field:
            made = (*made, self.nothing, self.presence, self.reference)
        modifiers, values = self.one(made)()
        wide = self.one(["", "", "", "|all", "|neq", "|all|neq"]) if "exists" not in modifiers else ""
        return field + modifiers + wide, values

    def placed(self) -> str:
        return self.one(["", "|contains", "|startswith", "|endswith"])

    def plain(self) -> tuple[str, Any]:
        return self.placed() + self.one(["", "", "|cased"]), self.values(self.needle)

    def encoding(self) -> tuple[str, Any]:
        coded = self.one(["", "|wide", "|utf16le", "|utf16be", "|utf16"]) + self.one(["", "|base64", "|base64offset"])
        tail = self.one(["", "|contains", "|cased|contains"]) if coded.endswith("offset") else self.placed()
        return coded + tail, self.values(lambda: self.text(PLAIN, 2, 3), 2)

    def dashes(self) -> tuple[str, Any]:
        parts = self.one([self.placed() + "|windash", "|windash" + self.placed(), "|cased|contains|windash"])
        return parts, self.values(lambda: " " + self.one("-/–") + self.text("aAb", 1, 2) + self.one(["", " ", "*"]), 2)

    def regex(self) -> tuple[str, Any]:
        flags = self.one(["", "|i", "|s", "|m|i", "|ignorecase|dotall"])
        return "|re" + flags + self.placed(), self.values(lambda: self.one(REGEXES), 2)

    def time(self) -> tuple[str, Any]:
        part = self.one(list(PARTS))
        least, most = PARTS[part]
        compared = self.one(["", "|lt", "|lte", "|gt", "|gte"])
        return f"|{part}{compared}", self.values(lambda: least + self.below(most - least + 1))

    def expansion(self) -> tuple[str, Any]:
        if self.below(4) == 0:
            return "|re|expand", self.values(lambda: self.one(["^%admins%", "%One%.?", "b%nobody%"]), 2)
        order = self.one(
            [self.placed() + "|expand", "|expand" + self.placed(), "|expand|windash|contains", "|cased|expand"]
        )
        return order, self.values(lambda: self.one(["%admins%", "%Admins%a", "%nobody%", "\\%a%one%", "%one%%admins%"]))

    def number(self) -> tuple[str, Any]:
        return "", self.values(
            lambda: self.one([self.below(16) - 3, 0.5, True, False, self.large(), float(self.large())])
        )

    def network(self) -> tuple[str, Any]:
        return "|cidr", self.values(lambda: self.one(NETWORKS))

    def comparison(self) -> tuple[str, Any]:
        return self.one(["|gt", "|gte", "|lt", "|lte"]), self.values(
            lambda: self.one([self.below(12) - 3, 1.5, self.large()]), 2
        )

    def nothing(self) -> tuple[str, Any]:
        return "", self.one([None, [], "", ["", None], "*"])

    def presence(self) -> tuple[str, Any]:
        return "|exists", self.one([True, False])

    def reference(self) -> tuple[str, Any]:
        return "|fieldref" + self.placed(), self.values(lambda: self.one(NAMES), 2)

    def native(self) -> tuple[str, Any]:
        """A line for what Windows writes otherwise than events have it."""
        if self.below(2):
            return "process.pid", self.values(lambda: self.one(["{}", "0x{:x}", "0X{:X}"]).format(self.below(20)))
        whole = self.one([True, False])
        edges = [("{", "}")] * 3 + [("{", ""), ("", "}"), ("", "")]

        def braced() -> str:
            before, after = self.one(edges if not whole else edges[:1] + edges[-1:])
            return before + self.one(["", "*"]) + self.text("ab", 1, 2) + after

        place = "" if whole else self.one(["|contains", "|startswith", "|endswith", "|cased|startswith"])
        return f"process.entity_id{place}", self.values(braced)

    def map(self) -> dict[str, Any]:
        lines = self.some(1, 3, lambda: self.line(self.one(NAMES)))
        return dict([*lines[self.below(3) :], self.native()] if self.below(6) == 0 else lines)

    def part(self) -> Any:
        kind = self.below(8)
        if kind < 4:
            return self.map()
        if kind == 4:
            return self.some(1, 3, self.map)
        if kind == 5:
            return self.values(self.needle)
        if kind == 6:
            return dict([self.line("")])
        # Words, maps and lists side by side; a list of words alone would be one line of keywords.
        return [self.map(), *self.some(0, 2, self.word_or_map)]

    def word_or_map(self) -> Any:
        return self.one([self.needle, lambda: [self.needle()], self.map])()

    def condition(
        self, depth: int = 0, identifiers: Sequence[str] = IDENTIFIERS, selectors: Sequence[str] = SELECTORS
    ) -> str:
        def inner() -> str:
            return self.condition(depth + 1, identifiers, selectors)

        kind = self.below(7 if depth < 3 else 2)
        if kind == 0:
            return self.one(selectors)
        if kind == 1:
            return self.one(identifiers)
        if kind == 2:
            return "not " + inner()
        return f"({inner()})" if kind == 3 else f"{inner()} {self.one(['and', 'or'])} {inner()}"

    def detection(self) -> dict[str, Any]:
        parts = {name: self.part() for name in IDENTIFIERS}
        several = self.below(8) == 0
        return {**parts, "condition": self.some(2, 3, self.condition) if several else self.condition()}

    def logsource(self) -> dict[str, Any]:
        return {"product": "test", "category": "net"} if self.below(4) == 0 else {"product": "test"}

    def rule(self, number: int) -> dict[str, Any]:
        head = {"title": f"Rule {number}", "name": f"rule_{number}", "id": ID.format(number)}
        return {**head, "logsource": self.logsource(), "detection": self.detection()}

    def filter(self, number: int, rules: int) -> dict[str, Any]:
        """A filter for any rule, or for some of the first `rules`."""
        named = self.some(1, 3, lambda: self.one([ID, "rule_{}"]).format(self.below(rules)))
        # pySigma renames what stands in a filter, and loses names with a leading underscore on the way.
        condition = {name: part for name, part in self.detection().items() if name in OPEN}
        condition["condition"] = self.condition(identifiers=OPEN, selectors=OPEN_SELECTORS)
        head = {"title": f"Filter {number}", "id": ID.format(255 - number), "logsource": {"product": "test"}}
        return {**head, "filter": {"rules": self.one([named, named, "any"]), **condition}}
