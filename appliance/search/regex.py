"""Text of a regular expression → its tree, for the part of the usual syntax that every store can run in linear time.

No back references, no looking around, no word boundaries, no flags: they are refused with their place.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.search.automaton import Automaton
from appliance.search.errors import QueryError
from appliance.search.regextree import ANY, Branch, Chars, Choice, Part, Regex, Repeat, Sequence, chars

MAX_LENGTH = 512
MAX_REPEAT = 200
MAX_SIZE = 1000
"""Characters when every repetition is written out."""
MAX_NESTED = 20
_ASCII_CLASSES = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}


def regex(text: str, position: int = 0) -> Regex:
    """Return the tree of the text between the slashes, which begins at `position` of the query. Raises QueryError."""
    if len(text) > MAX_LENGTH:
        raise QueryError(position + MAX_LENGTH, "regex_long", granica=str(MAX_LENGTH))
    made = Regex(_Parser(text, position).branches())
    if sum(size(branch.part) for branch in made.branches) > MAX_SIZE or not Automaton(made).bounded():
        raise QueryError(position, "regex_large")
    return made


def size(part: Part) -> int:
    """Return how many characters a part has when every repetition is written out; counted no further than needed."""
    match part:
        case Chars():
            return 1
        case Sequence(parts) | Choice(parts):
            return sum(map(size, parts))
        case Repeat(inner, low, high):
            return min(size(inner) * max(low + 1 if high is None else high, 1), MAX_SIZE + 1)


@dataclass(slots=True)
class _Parser:
    text: str
    position: int
    at: int = 0
    depth: int = 0

    def branches(self) -> tuple[Branch, ...]:
        found = [self.branch()]
        while self.ahead("|"):
            found.append(self.branch())
        if self.at < len(self.text):
            raise self.wrong("regex_bracket")
        return tuple(found)

    def branch(self) -> Branch:
        begin = self.ahead("^")
        part = self.sequence()
        return Branch(part, begin, self.ahead("$"))

    def choice(self) -> Part:
        parts = [self.sequence()]
        while self.ahead("|"):
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self) -> Part:
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)" and not self._ends():
            parts.append(self.repeated(self.atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _ends(self) -> bool:
        return self.depth == 0 and self.text[self.at] == "$" and self.text[self.at + 1 : self.at + 2] in ("", "|")

    def atom(self) -> Part:
        character = self.text[self.at]
        if character == "(":
            return self.group()
        if character == "[":
            return self.char_class()
        if character in "*+?{":
            raise self.wrong("regex_repeat")
        if character in "^$":
            raise self.wrong("regex_anchor")
        if character == "\\":
            return chars(self.escaped())
        self.at += 1
        return ANY if character == "." else chars([(ord(character), ord(character))])

    def group(self) -> Part:
        opened = self.at
        self.at += 1
        if self.ahead("?") and not self.ahead(":"):
            raise self.wrong("regex_unknown", opened, tekst=self.text[opened : opened + 3])
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise self.wrong("deep", opened, granica=str(MAX_NESTED))
        inner = self.choice()
        self.depth -= 1
        if not self.ahead(")"):
            raise self.wrong("regex_bracket", opened)
        return inner

    def repeated(self, part: Part) -> Part:
        start = self.at
        if self.ahead("*"):
            low, high = 0, None
        elif self.ahead("+"):
            low, high = 1, None
        elif self.ahead("?"):
            low, high = 0, 1
        elif self.ahead("{"):
            low, high = self.counts(start)
        else:
            return part
        self.ahead("?")  # lazy repetition finds the same values
        if self.at < len(self.text) and self.text[self.at] in "*+?{":
            raise self.wrong("regex_repeat")
        return Repeat(part, low, high)

    def counts(self, start: int) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        first, comma, second = self.text[self.at : max(end, self.at)].partition(",")
        if end < 0 or not _is_count(first) or not (_is_count(second) or second == ""):
            raise self.wrong("regex_repeat", start)
        self.at = end + 1
        low = int(first)
        high = int(second) if second else (None if comma else low)
        if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise self.wrong("regex_count", start, granica=str(MAX_REPEAT))
        return low, high

    def char_class(self) -> Chars:
        opened = self.at
        self.at += 1
        negated = self.ahead("^")
        ranges: list[tuple[int, int]] = []
        while not self.ahead("]"):
            if self.at >= len(self.text):
                raise self.wrong("regex_bracket", opened)
            ranges += self.members()
        if not ranges:
            raise self.wrong("regex_bracket", opened)
        return chars(ranges, negated=negated)

    def members(self) -> list[tuple[int, int]]:
        low = self.member()
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low
        start = self.at
        self.at += 1
        high = self.member()
        if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or low[0][0] > high[0][1]:
            raise self.wrong("regex_span", start)
        return [(low[0][0], high[0][1])]

    def member(self) -> list[tuple[int, int]]:
        if self.text[self.at : self.at + 1] == "\\":
            start = self.at
            if self.text[start + 1 : start + 2] in ("D", "W", "S"):
                raise self.wrong("regex_unknown", tekst=self.text[start : start + 2])
            return self.escaped()
        self.at += 1
        return [(ord(self.text[self.at - 1]),) * 2]

    def escaped(self) -> list[tuple[int, int]]:
        """Return the ranges that a backslash and what follows it mean."""
        start = self.at
        name = self.text[start + 1 : start + 2]
        self.at += 2
        if name in ("x", "u"):
            return [(self.code(start, 2 if name == "x" else 4),) * 2]
        if name in _CONTROLS:
            return [(_CONTROLS[name],) * 2]
        if name.lower() in _ASCII_CLASSES:
            ranges = list(_ASCII_CLASSES[name.lower()])
            return ranges if name.islower() else list(chars(ranges, negated=True).ranges)
        if name and not name.isalnum():
            return [(ord(name),) * 2]
        raise self.wrong("regex_unknown", start, tekst=self.text[start : start + 2])

    def code(self, start: int, digits: int) -> int:
        text = self.text[self.at : self.at + digits]
        self.at += digits
        if len(text) < digits or not set(text) <= set("0123456789abcdefABCDEF"):
            raise self.wrong("regex_unknown", start, tekst=self.text[start : self.at])
        return int(text, 16)

    def ahead(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += 1
            return True
        return False

    def wrong(self, key: str, at: int | None = None, **values: str) -> QueryError:
        return QueryError(self.position + (self.at if at is None else at), key, **values)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
