"""Files of indicators in each form, their lines, and what keeps a file from being read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.clock import from_datetime, to_datetime
from appliance.indicators import files
from appliance.indicators.files import BadFile, Line, lines
from appliance.indicators.values import Kind

MISP = {
    "Event": {
        "info": "Kampania",
        "Attribute": [
            {"type": "domain", "value": "zly.example.com", "to_ids": True, "comment": "panel"},
            {"type": "ip-dst|port", "value": "8.8.4.4|443", "to_ids": True},
            {"type": "domain|ip", "value": "a.example.com|8.8.8.8"},
            {"type": "filename|sha256", "value": "x.exe|" + "ab" * 32},
            {"type": "email-src", "value": "kto@example.com"},
            {"type": "domain", "value": "tlo.example.com", "to_ids": False},
            {"type": "domain", "value": "usuniety.example.com", "deleted": True},
            {"type": "text", "value": "opis"},
        ],
        "Object": [{"name": "url", "Attribute": [{"type": "url", "value": "http://example.com/a"}]}],
    }
}
STIX = {
    "type": "bundle",
    "objects": [
        {
            "type": "indicator",
            "name": "Kampania",
            "pattern": "[domain-name:value = 'zly.example.com' OR ipv4-addr:value = '8.8.4.4']",
            "pattern_type": "stix",
            "valid_until": "2026-12-31T00:00:00Z",
        },
        {"type": "indicator", "pattern": "[file:hashes.'SHA-256' = '" + "ab" * 32 + "']", "pattern_type": "stix"},
        {"type": "indicator", "pattern": "[url:value = 'http://example.com/o\\'a']", "pattern_type": "stix"},
        {"type": "indicator", "pattern": "[domain-name:value = 'stary.example.com']", "revoked": True},
        {"type": "indicator", "pattern": "alert tcp any", "pattern_type": "snort"},
        {"type": "indicator", "pattern": "[domain-name:value = 'a.pl' AND ipv4-addr:value = '8.8.4.4']"},
        {"type": "indicator", "pattern": "[process:name = 'x.exe']"},
        {"type": "malware", "name": "x"},
        "junk",
    ],
}


def written(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()


def texts(found: list[Line]) -> list[tuple[str, Kind | None]]:
    return [(one.text, one.hint) for one in found]


def test_plain_text_has_a_value_a_line() -> None:
    content = b"\xef\xbb\xbf# lista\r\n\r\nzly.example.com # panel\r\n  8.8.4.4\n; x\n// y\nhttp://example.com/#a\n"
    assert lines(content, "lista.txt") == [
        Line(3, "zly.example.com", None, "panel"),
        Line(4, "8.8.4.4"),
        Line(7, "http://example.com/#a"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_has_its_values_under_named_columns(delimiter: str) -> None:
    rows = [["Domena", "Opis", "SHA256", "inne"], ["zly.example.com", "a", "", "x"], ["", "b", "ab" * 32], []]
    content = "\n".join(delimiter.join(row) for row in rows).encode()
    assert lines(content, "lista.CSV") == [
        Line(2, "zly.example.com", Kind.DOMAIN, "a"),
        Line(3, "ab" * 32, Kind.HASH, "b"),
    ]


def test_csv_keeps_quoted_values_together() -> None:
    assert texts(lines(b'value,comment\n"http://example.com/a,b","x\ny"\nb.pl,\n', "a.csv"))[0][0].endswith("a,b")
    assert [one.number for one in lines(b'value,comment\n"a.pl","x\ny"\nb.pl,\n', "a.csv")] == [3, 4]


@pytest.mark.parametrize("wrapped", [MISP, [MISP], {"response": [MISP]}])
def test_a_misp_event_tells_what_it_means_for_detection(wrapped: Any) -> None:
    found = lines(written(wrapped), "misp.json")
    assert texts(found) == [
        ("zly.example.com", Kind.DOMAIN),
        ("8.8.4.4", Kind.ADDRESS),
        ("a.example.com", None),
        ("8.8.8.8", None),
        ("ab" * 32, Kind.HASH),
        ("kto@example.com", Kind.SENDER),
        ("http://example.com/a", Kind.URL),
    ]
    assert found[0].comment == "Kampania – panel"
    text = written(wrapped).decode().splitlines()
    for one in found:
        assert one.text in text[one.number - 1]


def test_a_stix_bundle_tells_its_simple_patterns_and_names_the_others() -> None:
    found = lines(written(STIX), "bundle.json")
    ends = from_datetime(to_datetime(0).replace(year=2026, month=12, day=31))
    assert found[:2] == [
        Line(7, "zly.example.com", Kind.DOMAIN, "Kampania", ends),
        Line(7, "8.8.4.4", Kind.ADDRESS, "Kampania", ends),
    ]
    assert texts(found[2:]) == [
        ("ab" * 32, Kind.HASH),
        ("http://example.com/o'a", Kind.URL),
        ("[domain-name:value = 'a.pl' AND ipv4-addr:value = '8.8.4.4']", None),
    ]


@pytest.mark.parametrize(
    "content", [b"Domena;Opis\na.pl;x\n", b'"domain","comment"\na.pl,x\n', b"ip\tuwagi\na.pl\tx\n"]
)
def test_a_head_of_columns_tells_a_pasted_table(content: bytes) -> None:
    (line,) = lines(content, "")
    assert (line.number, line.text, line.comment) == (2, "a.pl", "x")


@pytest.mark.parametrize(
    ("content", "name", "line", "why"),
    [
        (b"a.pl\n\xff\n", "a.txt", 2, "UTF-8"),
        (b"nazwa,opis\na.pl,x\n", "a.csv", 1, "nag"),
        (b"", "a.csv", 1, "nag"),
        (b'{"a": 1,\n "b" 2}', "a.json", 2, "JSON"),
        (b'{"a": 1}', "a.json", 1, "MISP"),
        (b"[1, 2]", "a.json", 1, "MISP"),
        (b"[" * 5000, "a.json", 1, "JSON"),
        (b'{"Event": 7}', "a.json", 1, "MISP"),
        (b"value\n" + b"x" * 20_000 + b"\n", "a.csv", 2, "CSV"),
        (b"x" * (files.MAX_BYTES + 1), "a.txt", 1, "MiB"),
        (b"a.pl\n" * (files.MAX_VALUES + 1), "a.txt", files.MAX_VALUES + 1, "podziel"),
    ],
    ids=["utf8", "columns", "empty", "json", "other", "list", "deep", "event", "field", "bytes", "values"],
)
def test_what_cannot_be_read_is_told_with_its_line(content: bytes, name: str, line: int, why: str) -> None:
    with pytest.raises(BadFile, match=why) as told:
        lines(content, name)
    assert told.value.line == line


@pytest.mark.parametrize(
    "document",
    [
        {"Event": {"Attribute": 7, "Object": [1, {"Attribute": "x"}]}},
        {"Event": {"Attribute": [None, {"type": ["domain"], "value": {}}]}},
        {"type": "bundle"},
        {"type": "bundle", "objects": [{"type": "indicator", "pattern": 7, "valid_until": []}]},
    ],
)
def test_documents_of_other_shapes_have_no_values(document: Any) -> None:
    assert lines(written(document), "a.json") == []
