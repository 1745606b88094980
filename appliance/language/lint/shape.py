"""L12, L14–L16 and L22: lengths, placeholders, plural forms and the match between the two languages."""

from __future__ import annotations

import re

from appliance.language import plural
from appliance.language.lint.model import Entry, Finding, Kind, found, placeholders, plain
from appliance.language.lint.names import NAMES
from appliance.language.lint.terms import TERMS

_SHORT = re.compile(r"\b(np|nr|godz|tyg|ust|art|pkt|poz|tj|itd|itp|m\.in|r|zł|tel|ok|al|ul|św)\.", re.IGNORECASE)
_END = re.compile(r"[.?…](?=[\s)”»]|$)|\n")
_COUNTED = re.compile(r"\{n\} ([a-ząćęłńóśźż]+)")
_UNCOUNTED = frozenset({"razy", "min", "godz", "z", "w", "s"})
_PERCENT_S = re.compile(r"%[sd]")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}[]~\\|€")
_SMS_WORST = {
    "urzad": 12, "poziom": 12, "tytul": 45, "krotki": 24, "stacja": 15,
    "czas": 5, "od": 5, "do": 5, "kod": 4, "telefon": 12,
}  # fmt: skip
_SMS_BANNED = re.compile(r"http|\{konto\}|\{osoba\}")
_FINISHED = re.compile(r"([.?…:]|\{[a-z0-9_]+\})[”»)]*$")
_LETTERS = re.compile(r"[a-ząćęłńóśźż]{4,}")


def sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence; a placeholder is one word, an abbreviation ends nothing."""
    parts = _END.split(_SHORT.sub(r"\1", plain(text)))
    words = [[word for word in part.split() if any(sign.isalnum() or sign == "□" for sign in word)] for part in parts]
    return [sentence for sentence in words if sentence]


def l12(item: Entry) -> list[Finding]:
    """A sentence has at most 20 words, in cards and SMS 18."""
    limit = 18 if item.kind in {Kind.CARD, Kind.SMS_GSM7, Kind.SMS_UCS2} else 20
    if item.kind in {Kind.LETTER, Kind.LEGAL}:
        limit = 30
    long = [words for form in item.pl for words in sentences(form) if len(words) > limit]
    return [found("L12", item, f"{len(words)} słów: {' '.join(words)}") for words in long]


def l14(item: Entry) -> list[Finding]:
    """The same placeholders in both languages, each of them allowed; no nameless „%s”."""
    # A form for one thing may say „one” instead of the number.
    counted = frozenset({"n"}) if item.plural else frozenset()
    pl, en = (frozenset().union(*map(placeholders, forms)) - counted for forms in (item.pl, item.en))
    result = [found("L14", item, f"{{{name}}} tylko w jednym języku") for name in sorted(pl ^ en)]
    if item.allowed is not None:
        result += [found("L14", item, f"{{{name}}} spoza listy") for name in sorted((pl | en) - item.allowed)]
    return result + [found("L14", item, match) for form in item.pl + item.en for match in _PERCENT_S.findall(form)]


def l15(item: Entry) -> list[Finding]:
    """„{n} słowo” only where all forms are given: three in Polish, two in English."""
    if item.plural:
        counts = ((item.pl, "pl"), (item.en, "en"))
        return [found("L15", item, f"{lang}: {len(t)} form") for t, lang in counts if len(t) != plural.forms(lang)]
    words = (match for form in item.pl for match in _COUNTED.finditer(plain_but_n(form)))
    return [found("L15", item, match.group()) for match in words if match.group(1) not in _UNCOUNTED]


def plain_but_n(text: str) -> str:
    """Return the text with every placeholder but {n} replaced."""
    return re.sub(r"\{(?!n\})[a-z0-9_]*\}", "□", text)


def _worst(text: str, *, gsm: bool) -> int:
    names = re.findall(r"\{([a-z0-9_]+)\}", text)
    fixed = re.sub(r"\{[a-z0-9_]+\}", "", text)
    size = sum(1 + (sign in _GSM_DOUBLE) for sign in fixed) if gsm else len(fixed.encode("utf-16-le")) // 2
    return size + sum(_SMS_WORST.get(name, 40) for name in names)


def l16(item: Entry) -> list[Finding]:
    """An SMS fits one message at its worst, in its own alphabet, without links and account names."""
    if item.kind not in {Kind.SMS_GSM7, Kind.SMS_UCS2}:
        return []
    gsm = item.kind is Kind.SMS_GSM7
    result = [found("L16", item, match) for form in item.pl for match in _SMS_BANNED.findall(form)]
    for form in item.pl:
        if (size := _worst(form, gsm=gsm)) > (160 if gsm else 70):
            result.append(found("L16", item, f"{size} znaków w najgorszym razie"))
        if gsm and (foreign := set(re.sub(r"\{[a-z0-9_]+\}", "", form)) - _GSM - _GSM_DOUBLE):
            result.append(found("L16", item, f"spoza GSM-7: {' '.join(sorted(foreign))}"))
    return result


def l22(item: Entry) -> list[Finding]:
    """Ends, lengths, both languages present and different, and each glossary term by its one Polish name."""
    result = [found("L22", item, "pusty napis") for form in item.pl + item.en if not form.strip()]
    result += _ends(item)
    if item.pl == item.en and any(_LETTERS.search(plain(form).lower()) for form in item.pl) and not _one_name(item):
        result.append(found("L22", item, f"pl = en: {item.pl[0]}"))
    return result + _terms(item)


def _one_name(item: Entry) -> bool:
    """A single word or names alone may be the same in both languages: „alert”, „agent”, „Czujka {version}”."""
    return all(len(form.split()) == 1 or set(plain(form).split()) <= NAMES | {"□"} for form in item.pl)


def _ends(item: Entry) -> list[Finding]:
    limits = {Kind.BUTTON: 30, Kind.HEADING: 60}
    if item.kind in limits:
        bad = [t for t in item.pl if t.rstrip().endswith(".") or len(t) > limits[item.kind]]
        return [found("L22", item, f"kropka na końcu albo ponad {limits[item.kind]} znaków: {text}") for text in bad]
    if item.kind is Kind.LABEL:
        return [found("L22", item, f"kropka na końcu: {t}") for t in item.pl if re.search(r"(?<!\bgodz)\.$", t)]
    if item.kind in {Kind.MESSAGE, Kind.CARD, Kind.LEGAL}:
        return [found("L22", item, f"bez kropki na końcu: {t}") for t in item.pl if not _FINISHED.search(t.strip())]
    return []


def _terms(item: Entry) -> list[Finding]:
    english, polish = (" ".join(map(plain, forms)) for forms in (item.en, item.pl))
    wrong = [name for name, (en, pl) in TERMS.items() if en.search(english) and not pl.search(polish)]
    return [found("L22", item, f"termin „{name}” bez swojego odpowiednika") for name in wrong]
