"""What this host sends, in plain Polish, from what is really in force here: `czujka-agent co-zbieram`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from agent.wire.categories import CATEGORIES, SENSORS, Category, wanted
from agent.wire.policy import Off, Policy
from agent.wire.sending.kept_policy import is_lost
from agent.wire.sending.sensor import Availability, Sensor


def lines(sensors: Sequence[Sensor], policy: Policy, running: Mapping[str, Availability]) -> list[str]:
    """Return the lines: each category with its state, where the data comes from, what is always sent, what never.

    What the sensors of the `running` agent do counts, without one what they could do here and now.
    """
    off = {one.category: one for one in policy.off}
    lost = is_lost(policy)
    now = {one.about.name: running.get(one.about.name, _OFF) if running else one.availability() for one in sensors}
    brought = _brought(now)
    states = {key: "wstrzymane" if lost else _state(one, off.get(key), brought) for key, one in CATEGORIES.items()}
    return [
        *(_LOST if lost else ()),
        "Ten komputer wysyła do Czujki:",
        *(f"  • [{states[one.key]}] {one.pl}." for one in CATEGORIES.values()),
        *_ALWAYS,
        "",
        "Skąd pochodzą dane:",
        *(_source(one, now[one.about.name], on=wanted(one.about.name, policy.categories)) for one in sensors),
        "",
        *_NEVER,
    ]


def _brought(now: Mapping[str, Availability]) -> frozenset[str]:
    """Return what the sensors that work here can bring; one that the list does not know may bring anything."""
    names = [name for name, availability in now.items() if availability.state != "off"]
    return frozenset(key for name in names for key in SENSORS.get(name, frozenset(CATEGORIES)))


def _state(category: Category, off: Off | None, brought: frozenset[str]) -> str:
    if off is not None and not off.by:
        return "wyłączone, dopóki administrator nie włączy"
    if off is not None:
        return f"wyłączone od {_day(off.since)}, przez: {off.by}"
    source = "programs" if category.key == "command_lines" else category.key
    return "wysyłane" if source in brought else "nie na tym komputerze"


def _source(sensor: Sensor, availability: Availability, *, on: bool) -> str:
    """Return a sensor's line; what the running agent itself says of a sensor that is off goes before the policy."""
    off = Availability("off", availability.reason if "policy" in availability.reason else "sensor.reason.policy")
    state, reason = availability if on else off
    word = {"on": "działa", "limited": "działa częściowo", "off": "nie działa"}[state]
    return f"  • [{word}{f' – {REASONS.get(reason, reason)}' if reason else ''}] {sensor.about.pl}"


def _day(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000).astimezone().strftime("%d.%m.%Y")


_OFF = Availability("off")
"""A sensor that the running agent has not."""
_LOST = (
    "Agent nie może odczytać, co wolno zbierać. Nie zbiera nic, dopóki Czujka nie odpowie.",
    "",
)
_ALWAYS = (
    "  • [zawsze] Stan agenta co 10 s: nazwa komputera, system, wersja agenta, liczba czekających zdarzeń.",
    "  • [zawsze] Zdarzenia agenta: start, zatrzymanie, wykryte braki w danych, skok zegara.",
)
_NEVER = (
    "Hasła i tokeny w poleceniach i wierszach dziennika są zastępowane znakami *** przed zapisem na dysk.",
    "Nie są zbierane: naciśnięcia klawiszy, obraz ekranu, schowek, treść plików i poczty, historia przeglądarki.",
)
REASONS = {
    "sensor.reason.needs_root": "wymaga uprawnień administratora (root)",
    "sensor.reason.no_audit": "jądro systemu nie udostępnia audytu",
    "sensor.reason.auditd_immutable": "reguły audytu są zablokowane do ponownego uruchomienia",
    "sensor.reason.audit_rules_refused": "jądro systemu nie przyjęło części reguł audytu",
    "sensor.reason.rounds_only": "zmiany plików widać tylko przy przeglądzie co 6 godzin; "
    "usługa czujka-agent-fim widzi je od razu i wie, kto zmienił",
    "sensor.reason.too_many_files": "za dużo plików, część nie jest sprawdzana",
    "sensor.reason.unknown_machine": "nieznana architektura procesora, brak własnych reguł audytu",
    "sensor.reason.no_journal": "na tym komputerze nie działa dziennik systemd",
    "sensor.reason.no_journalctl": "brak programu journalctl",
    "sensor.reason.journal_in_use": "te same wpisy są czytane z dziennika systemd",
    "sensor.reason.no_log_files": "nie ma jeszcze plików dziennika",
    "sensor.reason.inventory_killed": "ostatnie zbieranie trwało za długo albo nie doszło do końca",
    "sensor.reason.no_security_log": "brak dostępu do dziennika Zabezpieczenia, uruchom agenta jako usługę (SYSTEM)",
    "sensor.reason.channels_off": "część potrzebnych dzienników Windows jest wyłączona albo ich brak",
    "sensor.reason.policy": "wyłączone w Czujce",
    "sensor.reason.policy_lost": "nie da się odczytać, co wolno zbierać; czeka na odpowiedź Czujki",
    "sensor.reason.failed": "nie udało się uruchomić, kolejna próba za chwilę",
}
"""What each reason key of the sensors means; the box has its own catalogue for its pages."""
