"""L05–L11, L13, L20 and L21: words that we do not write, and names that keep their capital letter."""

from __future__ import annotations

import re

from appliance.language.lint.model import Entry, Finding, Kind, found, plain, search
from appliance.language.lint.names import NAMES

_EMPTY_ERROR = re.compile(r"Nie można|Wystąpił (nieoczekiwany )?błąd|Operacja nie powiodła się|Coś poszło nie tak")
_OFFICIAL = re.compile(
    r"(?i)\bnależy \w+ć\b|\bw celu\b|\bcelem \w+nia\b|\bdokonać\b|\bdokonaj|\bniniejsz|\bposiada(m|sz|my|ją|ć)?\b|"
    r"\bpoprzez\b|\bw przypadku gdy\b|\bodnośnie\b|\bw chwili obecnej\b|\bna dzień dzisiejszy\b|"
    r"\bilość (alert|zdarz|stacj)"
)
_PLEASE = re.compile(r"(?i)\bproszę\b")
_JARGON = re.compile(
    r"(?i)\b(event|host\b|endpoint|logi\b|dashboard|backup|malware|hasz|haker|zhakow|skompromitow|eskalacj|eksfiltrac|"
    r"retencj|persystenc|autentykac|dedykowan|monit\b|kwerend|firewall|łatk|intruz|werdykt|detekcj|whitelist|playbook|"
    r"runbook|dyżurant|rost[ae]r|końcówk|szyfrator|phising|fiszing|kredencjał|throttling|enrolment|heartbeat|"
    r"kanark|bikon|beacon\b|tenant|drill-down|compliance|atestacj|kontrolk|LOLBin|mirror\b|serwisant)\w*"
)
_ALARM = re.compile(r"(?i)\balarm\w*")
_FALSE_ALARM = re.compile(r"(?i)fałszyw\w+ alarm\w*|stop\w+ alarmow\w+")
_LEGAL_LEVEL = re.compile(r"(?i)incydent\w* (poważn|krytyczn)\w*")
_GENDER = re.compile(
    r"(?i)\w+(łeś|łaś|łbyś|łabyś)\b|\w+(liśmy|łyśmy)\b|\w+\(a\)|\w+/a\b|\b(nasz|nasza|nasze|naszy\w+|naszą|nam|nas)\b"
)
_POLITE = re.compile(r"\b(Pan|Pani|Pana|Panu|Panią|Państw\w+)\b")
_CAPITAL_YOU = re.compile(r"(?<=\w\s)(Ty|Twój|Twoj\w+|Ciebie|Ci|Tobie|Tobą)\b")
_YOU = re.compile(r"(?i)\b(twój|twoj\w+|ciebie|ci)\b|(?<!\w)(zadzwoń|sprawdź|zapisz|odłącz|otwórz|zmień|zrób|podaj)\b")
_CERTAIN = re.compile(
    r"(?i)\bna pewno\b|\bgwarant\w*|100%|jesteś bezpieczn|brak zagrożeń|wszystko w porządku|całkowicie bezpieczn"
)
_BARE = re.compile(
    r"\b(do|od|dla|bez|przez|przy|na|z|ze|w|we|u|o|po) \{(stacja|konto|kto|osoba|domena|adres|proces)\}", re.IGNORECASE
)
_LAW = re.compile(r"\bart\.|§|\b24 godz|\b72 godz|\bUKSC\b|\bRODO\b|\bUODO\b|\bKRI\b")
_PERIOD = re.compile(r"24 godz\. przed \{czas\}")
_NOTICES = {Kind.CARD, Kind.NOTICE, Kind.SMS_GSM7, Kind.SMS_UCS2}
_CAPITAL = re.compile(r"(?<=[\w,;)”»□%] )[A-ZĄĆĘŁŃÓŚŹŻ][\w-]*")
_AFTER_SHORT = re.compile(r"(?<=\b(?:np|nr|ok)\. )[A-ZĄĆĘŁŃÓŚŹŻ][\w-]*")


def l05(item: Entry) -> list[Finding]:
    """An error says what failed, whether anything changed, and what to do; not „Wystąpił błąd”."""
    return search("L05", item, _EMPTY_ERROR)


def l06(item: Entry) -> list[Finding]:
    """No office-speak; „proszę” only in letters."""
    please = [] if item.kind is Kind.LETTER else search("L06", item, _PLEASE)
    return search("L06", item, _OFFICIAL) + please


def l07(item: Entry) -> list[Finding]:
    """No jargon: the column „nie pisz” of the glossary."""
    return search("L07", item, _JARGON, tuple(plain(form) for form in item.pl))


def l08(item: Entry) -> list[Finding]:
    """„Alarm” only as a false one; „incydent poważny, krytyczny” only in legal blocks."""
    alarms = search("L08", item, _ALARM, tuple(_FALSE_ALARM.sub("□", form) for form in item.pl))
    return alarms if item.kind is Kind.LEGAL else alarms + search("L08", item, _LEGAL_LEVEL)


def l09(item: Entry) -> list[Finding]:
    """Nothing that supposes the reader's sex, and no „we” behind the screen."""
    return search("L09", item, _GENDER)


def l10(item: Entry) -> list[Finding]:
    """„Pan/Pani” only in letters and reports, and there no „ty”; never „Ty” with a capital letter."""
    capital = search("L10", item, _CAPITAL_YOU)
    return capital + search("L10", item, _YOU if item.kind is Kind.LETTER else _POLITE)


def l11(item: Entry) -> list[Finding]:
    """No certainty that we do not have."""
    return search("L11", item, _CERTAIN)


def l13(item: Entry) -> list[Finding]:
    """A noun stands before a placeholder and takes the case: „na stacji {stacja}”."""
    return search("L13", item, _BARE)


def l20(item: Entry) -> list[Finding]:
    """The law speaks in cards and notices only through marked blocks; what is unverified is nowhere."""
    unverified = [found("L20", item, "UNVERIFIED") for form in item.pl + item.en if "UNVERIFIED" in form]
    if item.kind not in _NOTICES:
        return unverified
    return unverified + search("L20", item, _LAW, tuple(_PERIOD.sub("□", form) for form in item.pl))


def l21(item: Entry) -> list[Finding]:
    """Capital letters inside a sentence only in names."""
    if item.kind in {Kind.LETTER, Kind.LEGAL, Kind.SMS_GSM7}:
        return []
    texts = tuple(plain(form) for form in item.pl)
    hits = search("L21", item, _CAPITAL, texts) + search("L21", item, _AFTER_SHORT, texts)
    return [hit for hit in hits if hit.text.strip("-") not in NAMES]
