"""L01–L04 and L17: signs, dashes, spaces and lost Polish letters."""

from __future__ import annotations

import re

from appliance.language.lint.model import Entry, Finding, Kind, found, plain, search
from appliance.language.typography import bind_spaces, without_code

_SMS = {Kind.SMS_GSM7, Kind.SMS_UCS2}
_STRAIGHT = re.compile(r"[\"']")
_IDENTIFIERS = re.compile(r"\d{4}-\d{2}-\d{2}|\bS-1-[\d-]+|\b[A-Z]{2,}[A-Z0-9]*-[\d-]+|\b\d[\d-]*[a-f][\da-f-]*\b")
_HYPHENS = re.compile(r"\s-\s|—|\d-\d")
_HIDDEN = re.compile("[\u00a0\u202f\u00ad\u200b]")
_LOOSE = re.compile(r"(?<!\w)[aiouwzAIOUWZ] (?=\S)|\d (min|godz\.|dni|GB|MB|TB|r\.|zł)(?!\w)")
_SLOPPY = re.compile(r"\d %|\.{3}|(?<=\S) {2,}| [,.;:?](?=\s|$)|!|\bUps\b|[\U0001F300-\U0001FAFF\u2600-\u27BF]")
_TAILS = re.compile(r"[ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]")
_TAILLESS = re.compile(
    r"(?i)\b(sie|jesli|moze|zrob|haslo|siec|odlacz|wylacz|zglos|blad|urzad|dyzur|uzytkownik)\b|[ÄÅĹÃ\ufffd]"
)


def l01(item: Entry) -> list[Finding]:
    """No straight quotation marks or apostrophes; „ and ” in pairs."""
    if item.kind in _SMS:
        return []
    unpaired = [form for form in item.pl if form.count("„") != form.count("”") or form.count("«") != form.count("»")]
    return search("L01", item, _STRAIGHT) + [found("L01", item, form) for form in unpaired]


def l02(item: Entry) -> list[Finding]:
    """A dash is „ – ”, a range is „1–2”; identifiers and ISO dates keep their hyphens."""
    if item.kind in _SMS:
        return []
    return search("L02", item, _HYPHENS, tuple(_IDENTIFIERS.sub("□", form) for form in item.pl))


def l03(item: Entry) -> list[Finding]:
    """No invisible characters in the source; after rendering no line can break where it must not."""
    hidden = [found("L03", item, ascii(form)) for form in item.pl + item.en if _HIDDEN.search(form)]
    if item.kind in _SMS:
        return hidden
    rendered = (without_code(bind_spaces(form)) for form in item.pl)
    return hidden + [found("L03", item, match.group()) for form in rendered for match in _LOOSE.finditer(form)]


def l04(item: Entry) -> list[Finding]:
    """No „5 %”, „...”, double spaces, space before a sign, exclamation mark, emoji, „Ups”."""
    return search("L04", item, _SLOPPY)


def l17(item: Entry) -> list[Finding]:
    """No lost Polish letters and no broken encoding."""
    if item.kind is Kind.SMS_GSM7:
        return []
    bare = [found("L17", item, form) for form in item.pl if len(form) >= 160 and not _TAILS.search(form)]
    return bare + search("L17", item, _TAILLESS, tuple(plain(form) for form in item.pl))
