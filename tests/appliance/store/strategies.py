"""Events and query trees for property tests: few names and texts, so that they meet; odd ones among them."""

from __future__ import annotations

from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.search import Field, Kind
from appliance.search.errors import QueryError
from appliance.search.fold import fold
from appliance.search.nodes import And, Exact, Exists, Leaf, Network, Node, Not, Numbers, Or, Pattern, Texts, Wild
from appliance.search.regex import regex
from appliance.search.regextree import Regex

ODD = (
    "",
    "a",
    "A b",
    "Żółw",
    "żÓŁW",
    "100%",
    "a_b",
    "C:\\Windows\\x",
    "it's",
    '"q"',
    "'; DROP TABLE x; --",
    "^",
    "İ",
    "ΑΣ",
)
ODD_TOO = (
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "fe80::1",
    "10.1.2",
    "010.1.2.3",
    "5",
    "05",
    "true",
    "\x00",
    "a\nb",
    "😀",
    "$1",
    "ß",
)
texts = st.sampled_from(ODD + ODD_TOO) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
integers = st.integers(-3, 12) | st.sampled_from([2**63 - 1, -(2**63), 2**63, 2**200, -(2**127), 2**127])
scalars = texts | integers | st.booleans() | st.floats(allow_nan=True) | st.sampled_from([0.5, 1e300, float("inf")])
values = scalars | st.lists(scalars, max_size=3).map(tuple)
KINDS = {
    "host.name": Kind.KEYWORD,
    "process.command_line": Kind.WILDCARD,
    "message": Kind.TEXT,
    "process.pid": Kind.LONG,
    "source.ip": Kind.IP,
    "event.time_corrected": Kind.BOOLEAN,
    "event.start": Kind.DATE,
    "x.\"y'": Kind.KEYWORD,
    "$.emoji 😀": Kind.KEYWORD,
    "__proto__": Kind.KEYWORD,
}
moments = st.integers(0, 20) | st.sampled_from([-11_644_473_600_000_000, 253_402_300_799_999_999])
pieces = st.sampled_from([
    "a", "B", "ż", "0", "_", "\\.", ".", "\\d", "\\W", "[a-z]", "[^a]", "[Ż5]", "[\\w-]", "\\x00", "(a|b)", "(?:x)",
    "b{2}", ".*", "a+", "\\s?", "1{1,3}", "(a|)", "\\\\", "%", "\\u0130", "(.a){0,2}", "ß", "$", "^", "|", "\\b", "*",
])  # fmt: skip


def expression(text: str) -> Regex | None:
    try:
        return regex(text)
    except QueryError:
        return None


regexes = st.lists(pieces, min_size=1, max_size=5).map("".join).map(expression).filter(lambda one: one is not None)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    parts = draw(
        st.lists(st.tuples(moments, st.dictionaries(st.sampled_from(sorted(KINDS)), values, max_size=5)), max_size=6)
    )
    return [{"event.id": event_id(time, n), "@timestamp": time, **rest} for n, (time, rest) in enumerate(parts)]


@st.composite
def patterns(draw: st.DrawFn, *, inside: bool | None = None) -> Pattern:
    drawn = draw(st.lists(texts | st.sampled_from(Wild), min_size=1, max_size=4))
    parts = tuple(fold(part) if isinstance(part, str) else part for part in drawn)
    return Pattern(parts, draw(st.booleans()) if inside is None else inside)


bounds = st.none() | st.integers(-3, 12) | st.sampled_from([0.5, 4.5, -1.25, 2**62, 0.0])
numbers = st.builds(Numbers, bounds, bounds, st.booleans(), st.booleans())
text_bounds = st.none() | texts.map(fold)
text_ranges = st.builds(Texts, text_bounds, text_bounds, st.booleans(), st.booleans())
networks = st.sampled_from([Network(4, 0x0A010000, 0x0A01FFFF), Network(6, 0xFE80 << 112, (0xFE81 << 112) - 1)])
exact = st.builds(Exact, texts | st.integers(-3, 12))
tests = patterns() | regexes | st.just(Exists()) | numbers | text_ranges | networks | exact
fields = st.sampled_from(sorted(KINDS)).map(lambda name: Field(name, KINDS[name]))
leaves = st.builds(Leaf, fields.map(lambda one: (one,)), tests) | st.builds(Leaf, st.just(()), patterns(inside=True))
nodes: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


NAMES = (
    "host.name",
    "process.command_line",
    "message",
    "process.pid",
    "source.ip",
    "event.time_corrected",
    "event.start",
)
WORDS = ("a", "A*", "żół?", "5", "-1", "100%", "a_b", "10.1.*", "C:\\\\*", "true", "x", "*", '""', '"A b"', '"q\\""',
         "/a|5/", "/^.$/", "/[^a]b?$/", "/\\d+/", "İ", "ß", "'")  # fmt: skip
NUMBERS = ("0", "5", "-3", "4.5", "*", "12", "9223372036854775807")
MOMENTS = ("now", "now-1h", "now/d", "1970", "1970-01-01", "12345", "1970-01-01T00:00:00.00001", "*", "now-1y/y")


def _values(name: str) -> st.SearchStrategy[str]:
    bound = st.sampled_from(MOMENTS if name == "event.start" else NUMBERS)
    ends = st.tuples(st.sampled_from("[{"), bound, bound, st.sampled_from("]}"))
    ranges = ends.map("{0[0]}{0[1]} TO {0[2]}{0[3]}".format)
    compared = st.tuples(st.sampled_from(["<", "<=", ">", ">="]), bound.filter(lambda one: one != "*")).map("".join)
    words = st.sampled_from([one for one in MOMENTS if one != "*"] if name == "event.start" else WORDS)
    nets = st.sampled_from(["10.0.0.0/8", "fe80::/10", '"::/0"']) if name == "source.ip" else st.nothing()
    return words | ranges | compared | nets | st.tuples(words, words | ranges).map("({0[0]} OR NOT {0[1]})".format)


named = st.sampled_from(NAMES).flatmap(lambda name: _values(name).map(f"{name}:{{}}".format))
written = st.recursive(
    named | st.sampled_from(WORDS) | st.sampled_from(NAMES).map("_exists_:{}".format),
    lambda inner: (
        inner.map("NOT ({})".format)
        | inner.map("-({})".format)
        | st.builds("{} {}".format, inner, inner)
        | st.builds("({} OR {})".format, inner, inner)
        | st.builds("{} AND {}".format, inner, inner)
    ),
    max_leaves=5,
)
"""Queries as people write them."""
