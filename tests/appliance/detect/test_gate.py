"""One scan before many regular expressions: it may let too much through, never too little."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.detect import gate as gate_module
from appliance.detect.gate import RegexGate
from appliance.detect.regexes import RegexRefused, encoded, required_literals, searcher
from appliance.detect.values import fold
from tests.appliance.detect.test_parts import PATTERNS

GATE = RegexGate([(pattern, "") for pattern in PATTERNS], [1 << number for number in range(len(PATTERNS))])


@settings(max_examples=300, deadline=None)
@given(st.text("abBfoxrKk\u212a cdey\n", max_size=12))
def test_the_gate_lets_everything_through_that_re2_finds(value: str) -> None:
    wanted = sum(1 << number for number, p in enumerate(PATTERNS) if searcher(p)(encoded(value)) is not None)
    assert GATE.mask(value) == wanted


#: Pieces of expressions with texts that they may match.
PIECES: dict[str, tuple[str, ...]] = {
    "foo": ("foo", "FOO", "fOo"),
    "k": ("k", "K", "\u212a"),
    "s": ("s", "S", "\u017f"),
    "ż": ("ż", "Ż"),
    "\u1c80": ("\u0432", "\u0412"),
    ".": ("x", "\n"),
    r"\w": ("a", "\u017f", "\u212a"),
    r"\W": (" ", "ż"),
    r"\s": (" ", "\x0b"),
    r"\S": ("a", "\x0b"),
    r"\d": ("7",),
    r"[^\s]": ("\x0b", "b"),
    "[a-z]": ("b", "B", "\u212a"),
    "[^k]": ("K", "\u212a", "z"),
    "[]ab]": ("]", "a"),
    "[^]a]": ("b",),
    "[[a]": ("[", "a"),
    "[a&&b]": ("&", "b"),
    "[a--b]": ("b",),
    "[[:alpha:]]": ("a", "]", ":"),
    "[[:^alpha:]]": ("7",),
    "[x[:digit:]y]": ("5", "y"),
    "x[^[:space:]]": ("xa", "x\x0b"),
    r"\pL": ("ż", "a", "\u1c80"),
    r"\PL": ("7",),
    r"\C": ("a",),
    r"\Qk.\E": ("k.", "K.", "\u212a."),
    r"\x6b": ("k", "\u212a"),
    r"\x{432}": ("\u0432", "\u1c80"),
    r"\141": ("a", "A"),
    r"\12": ("\n",),
    r"\b": ("",),
    r"\B": ("",),
    "^": ("",),
    "$": ("", "\n"),
    r"\A": ("",),
    r"\z": ("",),
    "(?i:k)": ("k", "\u212a"),
    "(?i)": ("",),
    "(?-i:k)": ("k",),
    "(?s:.)": ("\n",),
    "(a|bar)": ("a", "bar"),
    "(?P<n>ab)": ("ab",),
    "{": ("{",),
    "]": ("]",),
    "{,2}": ("{,2}", ""),
    r"\-": ("-",),
    r"\_": ("_",),
    " ": (" ",),
    "#": ("#",),
}
QUANTIFIERS = {"": 1, "*": 0, "+": 2, "?": 1, "{2}": 2, "{0,1}": 0, "{1,}": 1, "*?": 1, "{,3}": 1, "{3": 1}


@st.composite
def patterns(draw: st.DrawFn, depth: int = 0) -> tuple[str, str]:
    """An expression and a text that it is likely to match."""
    pattern = value = ""
    for _ in range(draw(st.integers(1, 4))):
        if depth < 2 and draw(st.integers(0, 4)) == 0:
            one, other = draw(patterns(depth + 1)), draw(patterns(depth + 1))
            piece, said = f"({one[0]}|{other[0]})", draw(st.sampled_from([one[1], other[1]]))
        else:
            piece = draw(st.sampled_from(sorted(PIECES)))
            said = draw(st.sampled_from(PIECES[piece]))
        quantifier = draw(st.sampled_from(sorted(QUANTIFIERS)))
        pattern, value = pattern + piece + quantifier, value + said * QUANTIFIERS[quantifier]
    return pattern, value


@settings(max_examples=500, deadline=None)
@given(patterns(), st.sampled_from(["", "i", "s", "m", "is"]), st.text("aK\u017f\x0b ż", max_size=2))
@example(("[[:alpha:]]foo", "xfoo"), "", "")
@example((r"a\wb", "a\u017fb"), "i", "")
@example((r"a\Sb", "a\x0bb"), "", "")
@example(("a\u1c80b", "a\u0432b"), "i", "")
def test_whatever_re2_finds_is_a_candidate(drawn: tuple[str, str], flags: str, more: str) -> None:
    pattern, value = drawn[0], drawn[1] + more
    try:
        search = searcher(pattern, flags)
    except RegexRefused:
        return
    found = search(encoded(value)) is not None
    assert RegexGate([(pattern, flags)], [1]).mask(value) == found
    for shortest in (1, 2, 3):
        needed = required_literals(pattern, flags, shortest)
        assert not found or needed is None or any(literal in fold(value) for literal in needed)
        assert needed is None or all(len(literal) >= shortest for literal in needed)


@settings(max_examples=300, deadline=None)
@given(patterns(), st.sampled_from(["", "i"]), st.text("aK\u017f ż", max_size=2))
def test_a_gate_that_counts_fewer_repeats_lets_more_through(drawn: tuple[str, str], flags: str, more: str) -> None:
    pattern, value = drawn[0], drawn[1] + more
    try:
        search = searcher(pattern, flags)
    except RegexRefused:
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gate_module, "COUNTED", 1)
        gate = RegexGate([(pattern, flags)], [1])
    assert gate.mask(value) == (search(encoded(value)) is not None)


@pytest.mark.parametrize(
    ("pattern", "wider"),
    [
        (".{1000,}", ".{200,}"),
        ("(a|b){201}c{3,900}d{200}", "(a|b){200,}c{3,900}d{200}"),
        (r"\{999,}[{999,}]\\{999,}", r"\{999,}[{999,}]\\{200,}"),
        (r"\x{432}{300}[]{300}][^]{300}][[:alpha:]{300}]", r"\x{432}{200,}[]{300}][^]{300}][[:alpha:]{300}]"),
        (r"\Qa{300}\E", r"\Qa{300}\E"),
    ],
)
def test_only_repeats_are_counted_less(pattern: str, wider: str) -> None:
    assert gate_module.relaxed(pattern) == wider
    gate = RegexGate([(pattern, "")], [1])
    assert gate.gated


def test_a_long_repeat_is_decided_exactly() -> None:
    gate = RegexGate([(".{1000,}", ""), ("x{700}", "")], [1, 2])
    assert gate.gated
    cases = {"ż" * 999: 0, "ż" * 1000: 1, "a" * 600 + "\n" + "a" * 600: 0, "x" * 700: 2, "x" * 300: 0}
    assert {value: gate.mask(value) for value in cases} == cases


def test_hyperscan_differs_from_re2_only_where_the_gate_knows_it() -> None:
    signs = [chr(number) for number in range(0x180) if chr(number).lower() != chr(number).upper() or number < 0x80]
    expressions = [(re.escape(sign), "i") for sign in signs] + [(f"[{sign}]", "i") for sign in signs if sign.isalpha()]
    expressions += [(rf"a\{letter}b", flags) for letter in "wWsSdD" for flags in ("", "i")]
    masks = [1 << number for number in range(len(expressions))]
    gate, bare = RegexGate(expressions, masks), RegexGate(expressions, masks, gated=False)
    assert gate.gated
    for sign in [*map(chr, range(0x180)), "\u212a", "\u212b", "\u03bc", "\u1e9e", "\u2028"]:
        for value in (sign, f"a{sign}b"):
            assert gate.mask(value) == bare.mask(value), ascii(value)


def test_without_hyperscan_the_gate_asks_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "hyperscan", None)
    gate = RegexGate([(pattern, "") for pattern in PATTERNS], [1 << number for number in range(len(PATTERNS))])
    assert gate.mask("xx foox") == 2
