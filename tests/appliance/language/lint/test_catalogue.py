"""Catalogue files become entries that know their line, kind and forms."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.lint import Kind, catalogue

TEXT = """\
# a comment
alert.close.button: {pl: "Zamknij alert", en: "Close the alert"}
alert.count:
  pl: ["{n} alert", "{n} alerty", "{n} alertów"]
  en: ["{n} alert", "{n} alerts"]
pulpit:
  empty: {pl: "Brak alertów.", en: "No alerts."}
"""


def test_entries_of_a_catalogue() -> None:
    entries = catalogue.read(TEXT, "a.yml")
    assert [(each.key, each.kind, each.plural, each.where) for each in entries] == [
        ("alert.close.button", Kind.BUTTON, False, "a.yml:2"),
        ("alert.count", Kind.LABEL, True, "a.yml:4"),
        ("pulpit.empty", Kind.MESSAGE, False, "a.yml:7"),
    ]
    assert entries[1].pl == ("{n} alert", "{n} alerty", "{n} alertów")


@pytest.mark.parametrize(
    ("key", "text", "kind"),
    [
        ("sms_gsm7_alert", "x", Kind.SMS_GSM7),
        ("sms_ucs2_alert", "x", Kind.SMS_UCS2),
        ("kierownik_alert", "x", Kind.LETTER),
        ("raport.tytul", "x", Kind.HEADING),
        ("alert.title", "x", Kind.HEADING),
        ("alert.waits", "Czeka od rana.", Kind.MESSAGE),
        ("alert.waits", "Czeka", Kind.LABEL),
        ("alert.close_button", "Zamknij", Kind.BUTTON),
    ],
)
def test_kind_of_a_key(key: str, text: str, kind: Kind) -> None:
    assert catalogue.kind_of(key, text) is kind


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: {pl: x}", "a.yml:1: a has no en"), ("a: x", "a.yml:1: a is neither"), ("- x", "a.yml:1: .root. is neither")],
)
def test_what_is_no_entry_is_located(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        catalogue.read(text, "a.yml")


def test_empty_file_has_no_entries() -> None:
    assert catalogue.read("", "a.yml") == []


@given(st.text(alphabet="ab:{}[],-\n pl en\"'#&*", max_size=120))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        entries = catalogue.read(text, "a.yml")
    except (ValueError, yaml.YAMLError) as fault:
        message = str(fault)
    else:
        message = "read"
        assert all(each.where.startswith("a.yml:") for each in entries)
    assert message
