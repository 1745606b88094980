"""The glossary as data: where the English text uses a term, the Polish text uses its one Polish name."""

from __future__ import annotations

import re


def _pair(english: str, polish: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(english, re.IGNORECASE), re.compile(polish, re.IGNORECASE)


TERMS = {
    "alert": _pair(r"\balerts?\b", r"\baler[tc]|\bodbi[oó]r"),
    "event": _pair(r"\bevents?\b", r"\bzdarze|dziennik"),
    "false alarm": _pair(r"\bfalse (alarm|positive)s?\b", r"fałszyw\w+ alarm"),
    "shadow copies": _pair(r"\bshadow cop", r"kopi\w* w tle"),
    "loss ledger": _pair(r"\bloss ledger\b", r"ewidencj\w+ strat"),
    "acknowledge": _pair(r"\backnowledg", r"odbi[oó]r|odebra"),
    "audit log": _pair(r"\baudit log\b", r"rejestr\w* działań"),
    "dead letter": _pair(r"\b(dead letter|rejected record)", r"rekord\w* odrzucon|odrzucon\w* rekord"),
    "retention": _pair(r"\bretention\b", r"czas\w* przechowywania"),
    "enrol": _pair(r"\benrol", r"dołącz"),
    "quiet hours": _pair(r"\bquiet hours\b", r"godzin\w* ciszy"),
    "mirror port": _pair(r"\bmirror port\b", r"lustrzan"),
    "command line": _pair(r"\bcommand line", r"wiersz\w* polece"),
    "scheduled task": _pair(r"\bscheduled task", r"zada\w+ zaplanowan"),
    "Remote Desktop": _pair(r"\bremote desktop\b", r"pulpi\w+ zdaln"),
    "personal data": _pair(r"\bpersonal data\b", r"dan\w+ osobow"),
    "ransomware": _pair(r"\bransomware\b", r"szyfruj|ransomware"),
    "attacker": _pair(r"\battackers?\b", r"sprawc"),
    "firewall": _pair(r"\bfirewall\b", r"zapor"),
    "backup": _pair(r"\bback-?ups?\b", r"kopi\w+"),
    "head of office": _pair(r"\bhead of (the )?office\b", r"kierowni"),
    "triage card": _pair(r"\btriage card", r"kart\w* postępowania"),
    "outcome": _pair(r"\bverdict\b", r"wynik\w* oceny"),
    "rule": _pair(r"\brules?\b", r"reguł|zasad|rządzi"),
}
