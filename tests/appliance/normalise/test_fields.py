"""From Sigma field names to event keys, on real events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from evtx import PyEvtxParser

from appliance.importer import records
from appliance.normalise import Event, Source, normalise
from appliance.normalise.fields import group_moves, sigma_key
from appliance.normalise.schema import fields, windows
from appliance.normalise.windows_plan import plan_for
from appliance.normalise.windows_xml import NativeFields, checked, parse_slowly

SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.mark.parametrize(
    ("module", "channel", "code", "name", "key"),
    [
        ("windows.eventlog", SYSMON, 1, "Image", "process.executable"),
        ("windows.eventlog", SYSMON, 1, "NewProcessName", "process.executable"),
        ("windows.eventlog", SYSMON, 1, "User", "winlog.event_data.User"),
        ("windows.eventlog", SYSMON, 1, "Hashes", "winlog.event_data.Hashes"),
        ("windows.eventlog", SYSMON, 1, "EventID", "event.code"),
        ("windows.eventlog", SYSMON, 1, "Provider_Name", "winlog.provider_name"),
        ("windows.eventlog", SYSMON, 7, "Product", "dll.pe.product"),
        ("windows.eventlog", SYSMON, 13, "Details", "registry.data.strings"),
        ("windows.eventlog", "Security", 4688, "Image", "process.executable"),
        ("windows.eventlog", "Security", 4688, "ParentImage", "process.parent.executable"),
        ("windows.eventlog", "Security", 4688, "ProcessId", "process.pid"),
        ("windows.eventlog", "Security", 4688, "ParentProcessId", "process.parent.pid"),
        ("windows.eventlog", "Security", 4624, "TargetUserName", "winlog.event_data.TargetUserName"),
        ("windows.eventlog", "Security", 4697, "ImagePath", "winlog.event_data.ServiceFileName"),
        ("windows.eventlog", "System", 7045, "ServiceFileName", "winlog.event_data.ImagePath"),
        ("windows.eventlog", "Vendor/X", 5, "Threat Name", "winlog.event_data.ThreatName"),
        ("windows.eventlog", None, None, "process.executable", "process.executable"),
        ("linux.audit", None, None, "CommandLine", "process.command_line"),
        ("linux.audit", None, None, "User", "user.name"),
        ("linux.audit", None, None, "type", "audit.types"),
        ("linux.audit", None, None, "a1", "audit.a1"),
        ("linux.audit", None, None, "name", "file.path"),
        ("linux.audit", None, None, "nametype", "audit.nametype"),
        ("linux.audit", None, None, "SYSCALL", "audit.calls"),
        ("linux.syslog", None, None, "COMMAND", "process.command_line"),
        ("windows.eventlog", "Security", 4688, "User", "czujka.process.account"),
        ("windows.eventlog", "Security", 4688, "IntegrityLevel", "winlog.event_data.MandatoryLabel"),
        ("network", None, None, "id.orig_h", "source.ip"),
        ("network", None, None, "source.ip", "source.ip"),
        ("webserver", None, None, "cs-uri-query", "url.original"),
        ("proxy", None, None, "cs-uri-query", "url.query"),
        ("firewall", None, None, "dst_port", "destination.port"),
        ("m365", None, None, "Operation", "m365.Operation"),
        ("m365", None, None, "AppAccessContext.UniqueTokenId", "m365.AppAccessContext.UniqueTokenId"),
        ("azure", None, None, "properties.message", "azure.operation"),
        ("azure", None, None, "properties.Some_Thing.Else", "azure.something.else"),
        ("json", None, None, "EventName", "EventName"),
        ("json", None, None, "Image", "process.executable"),
    ],
)
def test_sigma_names_resolve(module: str, channel: str | None, code: int | None, name: str, key: str) -> None:
    assert sigma_key(module, channel, code, None)(name) == key


def test_a_name_is_looked_up_as_the_normaliser_moves_it() -> None:
    """Also with blanks, as Defender writes them, and whatever System has under the same name without."""
    spaced = 0
    for group in windows().groups:
        channel, code = group.channels[0], min(group.codes or (60_000,))
        resolve, plan = sigma_key("windows.eventlog", channel, code, None), plan_for(channel, code)
        names = [*group_moves(group), "Source Name", "Provider Name", "A.B", "New Thing", "A.B c"]
        for name in (*names, *(re.sub("(?<=[a-z])(?=[A-Z])", " ", name) for name in names)):
            spaced += " " in name
            if name not in group.aliases:
                assert resolve(name) == plan.key(name), (group.name, name)
    assert spaced > 100


@pytest.mark.parametrize(("channel", "code"), [("Vendor/X", 5), (SYSMON, 1), ("Security", 4688)])
def test_nested_data_is_found_under_its_dotted_name(channel: str, code: int) -> None:
    record = {"EventID": code, "Channel": channel, "A": {"B": "x", "C": {"D": "y"}}}
    event = normalise(json.dumps(record).encode(), Source("agent", 1))
    resolve = sigma_key("windows.eventlog", channel, code, None)
    assert (event[resolve("A.B")], event[resolve("A.C.D")]) == ("x", "y")


@pytest.mark.parametrize(
    ("category", "name", "key"),
    [
        ("dns", "query", "dns.question.name"),
        ("dns", "Z", "zeek.dns.Z"),
        ("tls", "validation_status", "zeek.ssl.validation_status"),
        ("smb", "name", "file.path"),
        ("kerberos", "service", "zeek.kerberos.service"),
        ("connection", "service", "network.protocol"),
        ("x509", "certificate.serial", "x509.serial_number"),
        ("unheard-of", "query", "zeek.query"),
        (None, "query", "zeek.query"),
    ],
)
def test_names_of_the_network_resolve_by_the_log(category: str | None, name: str, key: str) -> None:
    assert sigma_key("network", None, None, category)(name) == key


def test_every_event_key_that_is_not_native_is_a_known_field() -> None:
    known = fields()
    for group in windows().groups:
        resolve = sigma_key("windows.eventlog", group.channels[0], min(group.codes) if group.codes else 1, None)
        for alias in group.aliases:
            key = resolve(alias)
            assert key in known or key.startswith("winlog.event_data."), (group.name, alias)


@pytest.mark.corpora
def test_regression_cases_keep_every_field_of_their_rules(corpora: Path) -> None:
    root = corpora / "sigmahq"
    rules = _rule_fields(root)
    seen = wrong = 0
    for info in sorted((root / "regression_data").rglob("info.yml")):
        names = rules.get(yaml.safe_load(info.read_text())["rule_metadata"][0]["id"], frozenset())
        for file in info.parent.glob("*.evtx"):
            for native, event in _pairs(file):
                seen += 1
                wrong += _lost(native, event, names)
    assert seen > 100
    assert wrong == 0


def _pairs(file: Path) -> Iterator[tuple[NativeFields, Event]]:
    source = Source("agent-1", 1)
    for record, line in zip(PyEvtxParser(str(file)).records(), records(file), strict=True):
        assert record is not None
        yield parse_slowly(checked(record["data"])), normalise(line, source)


def _lost(native: NativeFields, event: Event, names: frozenset[str]) -> int:
    code = event["event.code"]
    assert isinstance(code, int)
    resolve = sigma_key("windows.eventlog", str(event.get("winlog.channel")), code, None)
    lost = 0
    fields_by_name: dict[str, Any] = {name.replace(" ", ""): value for name, value in native.data.items()}
    for name in names:
        wanted = native.system.get(name, fields_by_name.get(name))
        if wanted is None:
            continue
        found = event.get(resolve(name))
        texts = {str(item) for item in found} if isinstance(found, tuple) else {str(found)}
        lost += not (set(wanted) if isinstance(wanted, list) else {wanted}) <= texts
    return lost


def _rule_fields(root: Path) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for folder in ("rules", "rules-emerging-threats", "rules-threat-hunting"):
        for path in (root / folder).rglob("*.yml"):
            text = path.read_text(encoding="utf-8")
            identity = re.search(r"^id: *(\S+)", text, re.MULTILINE)
            if identity:
                names = re.findall(r"^\s+-?\s*['\"]?([A-Za-z_][\w ]*)(?:\|[\w|]+)?['\"]?:", text, re.MULTILINE)
                found[identity[1]] = frozenset(names)
    return found
