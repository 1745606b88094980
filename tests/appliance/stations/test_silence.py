"""Why a station says nothing."""

from __future__ import annotations

import pytest

from agent.sensors.windows.channels import channels
from appliance.clock import HOUR, MINUTE
from appliance.stations.silence import CALM, ENDS, Facts, Silence, Stop, explain, stop_of
from appliance.web.pages.render import catalogue

SEEN = 100 * HOUR


def test_every_end_that_windows_tells_is_read_by_its_agents() -> None:
    (system,) = (channel for channel in channels() if channel.path == "System")
    assert {int(code) for _, code in ENDS} <= set(system.events)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (Facts(SEEN, revoked=True, stop=Stop(Silence.OFF, SEEN)), "revoked"),
        (Facts(SEEN, stop=Stop(Silence.OFF, SEEN - MINUTE), met_at=SEEN + HOUR), "off"),
        (Facts(SEEN, stop=Stop(Silence.ASLEEP, SEEN), others=9), "asleep"),
        (Facts(SEEN, stop=Stop(Silence.UNINSTALLED, SEEN)), "uninstalled"),
        (Facts(SEEN, stop=Stop(Silence.STOPPED, SEEN)), "stopped"),
        (Facts(SEEN, stop=Stop(Silence.OFF, SEEN - 9 * HOUR), others=9, others_heard=8), "away"),
        (Facts(SEEN, others=9, others_heard=8, met_at=SEEN + HOUR), "killed"),
        (Facts(SEEN, others=9, others_heard=8, met_at=SEEN + MINUTE), "away"),
        (Facts(SEEN, others=9, others_heard=0), "network"),
        (Facts(SEEN), "away"),
    ],
)
def test_the_likeliest_reason(facts: Facts, reason: str) -> None:
    assert explain(facts) == reason


def windows(provider: str, code: str) -> dict[str, object]:
    return {"event.module": "windows.eventlog", "winlog.provider_name": provider, "event.code": code, "@timestamp": 5}


def logind(message: str) -> dict[str, object]:
    return {"event.module": "linux.syslog", "log.syslog.appname": "systemd-logind", "message": message, "@timestamp": 5}


def agent(**fields: object) -> dict[str, object]:
    return {"event.module": "czujka.agent", "event.action": "agent_stopping", "@timestamp": 5, **fields}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (windows("User32", "1074"), "off"),
        (windows("EventLog", "6006"), "off"),
        (windows("Microsoft-Windows-Kernel-Power", "42"), "asleep"),
        (windows("Microsoft-Windows-Kernel-Power", "506"), "asleep"),
        (windows("Microsoft-Windows-Kernel-Power", "109"), "off"),
        (windows("Microsoft-Windows-Kernel-General", "13"), "off"),
        (windows("Microsoft-Windows-Kernel-Power", "107"), None),
        (windows("Application Error", "42"), None),
        (logind("System is powering down."), "off"),
        (logind("The system will suspend now!"), "asleep"),
        (logind("New session 5 of user jan. System is powering down."), None),
        ({"event.module": "linux.audit", "audit.type": "SYSTEM_SHUTDOWN", "@timestamp": 5}, "off"),
        (agent(**{"agent.stop_reason": "SIGTERM"}), "stopped"),
        (agent(**{"agent.stop_reason": "SIGTERM", "agent.host_stopping": True}), "off"),
        (agent(**{"agent.stop_reason": "uninstall"}), "uninstalled"),
        ({**agent(), "event.action": "agent_started"}, None),
        ({**agent(), "@timestamp": "now"}, None),
        ({}, None),
    ],
)
def test_what_tells_of_an_end(event: dict[str, object], kind: str | None) -> None:
    found = stop_of(event)
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize("reason", Silence)
def test_each_reason_has_its_words(reason: Silence) -> None:
    for lang in ("pl", "en"):
        assert catalogue().text(f"silence.{reason.value}", lang)
    assert frozenset(Silence) > CALM
