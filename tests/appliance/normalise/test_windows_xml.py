"""Windows event XML, well formed or nearly."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.normalise import Unreadable, normalise
from appliance.normalise.windows_eventlog import build
from appliance.normalise.windows_scan import MAX_DATA, scan
from appliance.normalise.windows_xml import NativeFields, checked, parse_slowly
from tests.appliance.normalise.cases import SOURCE

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), max_size=20)
names = st.text("ABCabc ąę<&'\"", min_size=1, max_size=8)
HEAD = (
    "<System><Provider Name='P' Guid=\"{a}\"/><EventID Qualifiers='0'>7</EventID>"
    "<Channel>C &amp; D</Channel>\n  <Security>\n  </Security><Correlation/></System>"
)


@settings(deadline=None)
@given(st.dictionaries(names, texts, max_size=6))
def test_the_quick_reading_equals_the_parsers(pairs: dict[str, str]) -> None:
    body = "".join(f"\n<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in pairs.items())
    text = checked(f"<Event xmlns='urn:x'>{HEAD}<EventData>{body}</EventData></Event>")
    quick = scan(text)
    assert quick is not None
    system, found, values = quick
    assert NativeFields(system, dict(zip(found, values, strict=True)), None) == parse_slowly(text)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["Image", "User", "Hashes", "ProcessId", "ProcessGuid", "a", "b c"]), texts))
def test_the_quick_event_equals_the_general_one(pairs: dict[str, str]) -> None:
    head = "<System><EventID>1</EventID><Level/><Channel>Microsoft-Windows-Sysmon/Operational</Channel></System>"
    body = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in pairs.items())
    text = f"<Event>{head}<EventData>{body}</EventData></Event>"
    assert scan(text) is not None
    record = {"event.module": "windows.eventlog", "xml": text}
    native = parse_slowly(text)
    assert normalise(json.dumps(record).encode(), SOURCE) == build(native.system, native.data, None, record, SOURCE)


@pytest.mark.parametrize(
    "body",
    [
        "<!-- c --><Data Name='a'>a</Data>",
        "<Data Name='a'><![CDATA[<x>]]></Data>",
        "<Data Name='a'>&#65;</Data>",
        "<Data Name='a'/><Data Name='b'>1</Data>",
        "<Data Name='a>b'>1</Data>",
        "<Data>a</Data>",
        "<Data Name='a'>1</Data><Data Name='a'>2</Data>",
        "<Other>1</Other>",
        "<Data Name='a'>a\r\n</Data>",
        "<Data Name='a'>1</Data> text",
        "".join(f"<Data Name='a{n}'>1</Data>" for n in range(MAX_DATA + 1)),
    ],
)
def test_other_shapes_are_left_to_the_parser(body: str) -> None:
    text = f"<Event>{HEAD}<EventData>{body}</EventData></Event>"
    assert scan(text) is None
    assert parse_slowly(text).data


@pytest.mark.parametrize(
    "text",
    [
        "<Event><System><EventID>1</EventID</System><EventData></EventData></Event>",
        "<Event><System><EventID>1</Level></System><EventData></EventData></Event>",
        "<Event><System><EventID>1</System><EventData></EventData></Event>",
        "<Event><System><EventID a='1' a='2'>1</EventID></System><EventData></EventData></Event>",
        "<Event><System><EventID>1</EventID></System><EventData><Data Name='a'</Data></EventData></Event>",
        "<Event><System><EventID>1</EventID></System><EventData><Data Name='a'>]]></Data></EventData></Event>",
        "<Event><System><EventID>1</EventID></System><EventData></EventData></Event></Event>",
    ],
)
def test_what_is_not_well_formed_is_not_read_quickly(text: str) -> None:
    assert scan(text) is None
    with pytest.raises(Unreadable):
        parse_slowly(text)


def test_repeated_names_become_a_list_and_nameless_data_always_is_one() -> None:
    text = f"<Event>{HEAD}<EventData><Data Name='a'>1</Data><Data Name='a'>2</Data><Data>x</Data></EventData></Event>"
    assert parse_slowly(text).data == {"a": ["1", "2"], "Data": ["x"]}


def test_what_xml_forbids_is_taken_out() -> None:
    assert checked("a\x00b\x1fc\ufffed\ud800e\t&amp;&x&#0;&#65;") == "abcde\t&amp;&amp;x&#65;"
    assert checked("ąę\uff01") == "ąę\uff01"
