"""Moments as people read them, in Europe/Warsaw and on a 24-hour clock; all moments are int microseconds UTC.

In the hour that autumn repeats, „(czas letni)” or „(czas zimowy)” is added wherever a clock time stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from appliance.clock import HOUR, MINUTE, SECOND, to_datetime

NBSP = "\u00a0"
WARSAW = ZoneInfo("Europe/Warsaw")

# The preposition changes („we wrześniu”, „we wtorek”) and CLDR has no locative, so these are ready-made.
_IN_MONTH = {
    "pl": (
        "w styczniu", "w lutym", "w marcu", "w kwietniu", "w maju", "w czerwcu",
        "w lipcu", "w sierpniu", "we wrześniu", "w październiku", "w listopadzie", "w grudniu",
    ),
    "en": (
        "in January", "in February", "in March", "in April", "in May", "in June",
        "in July", "in August", "in September", "in October", "in November", "in December",
    ),
}  # fmt: skip
_OF_MONTH = {
    "pl": (
        "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca",
        "lipca", "sierpnia", "września", "października", "listopada", "grudnia",
    ),
    "en": tuple(name.removeprefix("in ") for name in _IN_MONTH["en"]),
}  # fmt: skip
_ON_DAY = {
    "pl": ("w poniedziałek", "we wtorek", "w środę", "w czwartek", "w piątek", "w sobotę", "w niedzielę"),
    "en": ("on Monday", "on Tuesday", "on Wednesday", "on Thursday", "on Friday", "on Saturday", "on Sunday"),
}
_SEASON = {"pl": ("(czas zimowy)", "(czas letni)"), "en": ("(winter time)", "(summer time)")}
_AT = {"pl": "o", "en": "at"}


def local(us: int) -> datetime:
    """Return the moment in Europe/Warsaw; in UTC where the shift would leave the calendar (years 1 and 9999)."""
    moment = to_datetime(us)
    try:
        return moment.astimezone(WARSAW)
    except OverflowError:
        return moment


def _season(moment: datetime, lang: str) -> str:
    """Return „ (czas letni)” or „ (czas zimowy)” inside the repeated hour, else nothing."""
    if moment.tzinfo is UTC or moment.replace(fold=0).utcoffset() == moment.replace(fold=1).utcoffset():
        return ""
    # In the skipped hour of spring the two folds differ too, but no real moment lies there.
    summer = bool(moment.dst())
    return " " + _SEASON[lang][summer].replace(" ", NBSP)


def clock(us: int, lang: str = "pl") -> str:
    """Return the time of day: „14:03”."""
    moment = local(us)
    return f"{moment:%H:%M}{_season(moment, lang)}"


def day(us: int, lang: str) -> str:
    """Return the date for a table: „07.11.2026”, „07 Nov 2026”."""
    moment = local(us)
    if lang == "pl":
        return f"{moment.day:02}.{moment.month:02}.{moment.year}"
    return f"{moment.day:02}{NBSP}{_OF_MONTH['en'][moment.month - 1][:3]}{NBSP}{moment.year}"


def moment(us: int, lang: str) -> str:
    """Return date and time for a table, a proof or a report: „21.11.2026, 14:03:22”, „21 Nov 2026, 14:03:22”."""
    at = local(us)
    return f"{day(us, lang)}, {at:%H:%M:%S}{_season(at, lang)}"


def short_moment(us: int, lang: str) -> str:
    """Return date and time without seconds: „22.11.2026, 02:14”."""
    return f"{day(us, lang)}, {clock(us, lang)}"


def sentence_day(us: int, lang: str) -> str:
    """Return the date for a sentence: „7 listopada 2026 r.”, „7 November 2026”."""
    at = local(us)
    text = f"{_day_of_month(at, lang)}{NBSP}{at.year}"
    return f"{text}{NBSP}r." if lang == "pl" else text


def sentence_moment(us: int, lang: str) -> str:
    """Return date and time for a sentence: „7 listopada 2026 r. o 14:03”, „7 November 2026 at 14:03”."""
    return f"{sentence_day(us, lang)} {_at(us, lang)}"


def _day_of_month(at: datetime, lang: str) -> str:
    return f"{at.day}{NBSP}{_OF_MONTH[lang][at.month - 1]}"


def _at(us: int, lang: str) -> str:
    return f"{_AT[lang]}{NBSP}{clock(us, lang)}"


def in_month(month: int, lang: str) -> str:
    """Return „we wrześniu” for 9; IndexError outside 1–12."""
    return _IN_MONTH[lang][_index(month, 12)].replace(" ", NBSP)


def on_weekday(weekday: int, lang: str) -> str:
    """Return „we wtorek” for 2 (ISO: Monday is 1); IndexError outside 1–7."""
    return _ON_DAY[lang][_index(weekday, 7)].replace(" ", NBSP)


def _index(number: int, last: int) -> int:
    if not 1 <= number <= last:
        raise IndexError(f"{number} is not in 1–{last}")
    return number - 1


def _days_apart(then_us: int, now_us: int) -> int:
    """Return how many calendar days of Warsaw lie between two moments."""
    return (local(now_us).date() - local(then_us).date()).days


def _amount(span: int) -> str:
    """Return minutes below an hour, whole hours above: „3 min”, „2 godz.” (Polish) of a span in microseconds."""
    return f"{span // MINUTE}{NBSP}min" if span < HOUR else f"{span // HOUR}{NBSP}godz."


def _amount_en(span: int) -> str:
    return f"{span // MINUTE}{NBSP}min" if span < HOUR else f"{span // HOUR}{NBSP}h"


def span(us: int, lang: str) -> str:
    """Return a length of time in its largest whole unit up to hours: „12 s”, „3 min”, „2 godz.”."""
    if us < MINUTE:
        return f"{max(us, 0) // SECOND}{NBSP}s"
    return _amount(us) if lang == "pl" else _amount_en(us)


def age(then_us: int, now_us: int, lang: str) -> str:
    """Return how long ago: „przed chwilą”, „3 min temu”, „wczoraj o 14:03”, „we wtorek o 14:03”, „7 listopada o 14:03”.

    A moment more than a minute ahead (a station's clock is fast) is written out in full: it is not „just now”.
    """
    passed = now_us - then_us
    if passed <= -MINUTE:
        return short_moment(then_us, lang)
    if passed < MINUTE:
        return "przed chwilą" if lang == "pl" else "just now"
    days = _days_apart(then_us, now_us)
    if passed < HOUR or days == 0:
        return f"{span(passed, lang)} {'temu' if lang == 'pl' else 'ago'}"
    return _past_day(then_us, now_us, days, lang)


def _past_day(then_us: int, now_us: int, days: int, lang: str) -> str:
    at = local(then_us)
    if days == 1:
        return f"{'wczoraj' if lang == 'pl' else 'yesterday'} {_at(then_us, lang)}"
    if days <= 6:
        return f"{on_weekday(at.isoweekday(), lang)} {_at(then_us, lang)}"
    if at.year == local(now_us).year:
        return f"{_day_of_month(at, lang)} {_at(then_us, lang)}"
    return _plain_day(at, lang) + f", {clock(then_us, lang)}"


def _plain_day(at: datetime, lang: str) -> str:
    return f"{at.day}.{at.month:02}.{at.year}" if lang == "pl" else f"{_day_of_month(at, lang)}{NBSP}{at.year}"


def since(then_us: int, now_us: int, lang: str) -> str:
    """Return since when a state lasts: „od 3 min”, „od 2 godz.”, „od wczoraj, 14:03”, „od 7 listopada, 14:03”."""
    passed = max(now_us - then_us, 0)
    days = _days_apart(then_us, now_us)
    if lang != "pl":
        return _since_en(then_us, now_us, passed, days)
    if passed < HOUR or days <= 0:
        return f"od {span(passed, lang)}"
    at = local(then_us)
    if days == 1:
        return f"od wczoraj, {clock(then_us, lang)}"
    same_year = at.year == local(now_us).year
    return f"od {_day_of_month(at, lang) if same_year else _plain_day(at, lang)}, {clock(then_us, lang)}"


def _since_en(then_us: int, now_us: int, passed: int, days: int) -> str:
    if passed < HOUR or days <= 0:
        return f"for {span(passed, 'en')}"
    at = local(then_us)
    if days == 1:
        return f"since yesterday, {clock(then_us, 'en')}"
    same_year = at.year == local(now_us).year
    return f"since {_day_of_month(at, 'en') if same_year else _plain_day(at, 'en')}, {clock(then_us, 'en')}"


def deadline(until_us: int, now_us: int, lang: str) -> str:
    """Return what is left: „zostało 5 godz. 12 min (do 22.11.2026, 02:14)”, or „termin minął 3 godz. temu”."""
    left = until_us - now_us
    if left < 0:
        return _missed(-left, lang)
    hours, minutes = left // HOUR, left % HOUR // MINUTE
    words = (f"{hours}{NBSP}{'godz.' if lang == 'pl' else 'h'} " if hours else "") + f"{minutes}{NBSP}min"
    if lang == "pl":
        return f"zostało {words} (do {short_moment(until_us, lang)})"
    return f"{words} left (until {short_moment(until_us, lang)})"


def _missed(passed: int, lang: str) -> str:
    if lang == "pl":
        return f"termin minął {span(passed, lang)} temu" if passed >= MINUTE else "termin minął przed chwilą"
    return f"the deadline passed {span(passed, lang)} ago" if passed >= MINUTE else "the deadline passed just now"
