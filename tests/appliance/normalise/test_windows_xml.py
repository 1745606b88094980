from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from hypothesis import given
from hypothesis import strategies as st

from appliance.normalise.windows_scan import scan
from appliance.normalise.windows_xml import parse_slowly, parse_xml, well_formed

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=20)
names = st.text("ABCabc ąę<&'\"", min_size=1, max_size=8)
HEAD = (
    "<System><Provider Name='P' Guid=\"{a}\"/><EventID Qualifiers='0'>7</EventID>"
    "<Channel>C &amp; D</Channel><Correlation/></System>"
)


@given(st.lists(st.tuples(names, texts), max_size=6))
def test_the_quick_reading_equals_the_parsers(pairs: list[tuple[str, str]]) -> None:
    body = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in pairs)
    text = well_formed(f"<Event xmlns='urn:x'>{HEAD}<EventData>{body}<Data>a</Data><Data>b</Data></EventData></Event>")
    assert scan(text) is not None
    assert parse_xml(text) == parse_slowly(text)


def test_other_shapes_are_left_to_the_parser() -> None:
    for body in (
        "<!-- c --><Data>a</Data>",
        "<Data><![CDATA[<x>]]></Data>",
        "<Data>&#65;</Data>",
        "<Other>1</Other>",
        "<Data>a\r\n</Data>",
    ):
        text = f"<Event>{HEAD}<EventData>{body}</EventData></Event>"
        assert scan(text) is None
        assert parse_xml(text) == parse_slowly(text)


def test_repeated_names_become_a_list_and_nameless_data_always_is_one() -> None:
    text = f"<Event>{HEAD}<EventData><Data Name='a'>1</Data><Data Name='a'>2</Data><Data>x</Data></EventData></Event>"
    assert parse_xml(text).data == {"a": ["1", "2"], "Data": ["x"]}
