"""Log sources: which SigmaHQ names and which of them our sources feed, and the shapes in which one event may come."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.detect import Engine, Logsource, RuleSet
from appliance.detect.routes import shipped_routes
from appliance.normalise import NORMALISERS, normalise
from appliance.normalise.schema import windows
from rules import ROOT
from tests.appliance.detect import corpus
from tests.appliance.detect.kit import parse

PINNED = Path(__file__).parent / "logsources.yaml"


def sources(corpora: Path) -> Counter[Logsource]:
    found: Counter[Logsource] = Counter()
    for document in corpus.documents(corpora):
        source = document["logsource"]
        found[Logsource(source.get("product"), source.get("category"), source.get("service"))] += 1
    return found


@pytest.mark.corpora
def test_every_log_source_of_sigmahq_is_fed_or_says_why_not(corpora: Path) -> None:
    pinned = yaml.safe_load(PINNED.read_text(encoding="utf-8"))
    routes = shipped_routes()
    fed, unfed = [], {}
    for source in sorted(sources(corpora), key=str):
        reason = routes.reason(source)
        if reason is None:
            fed.append(str(source))
        else:
            unfed[str(source)] = reason.name
    assert fed == pinned["fed"]
    assert unfed == pinned["unfed"]
    assert "unknown" not in unfed.values()


@pytest.mark.corpora
def test_every_log_source_of_thor_is_fed_with_the_same_events(corpora: Path) -> None:
    thor = yaml.safe_load((corpora / "sigmahq" / "tests" / "thor.yml").read_text(encoding="utf-8"))["logsources"]
    checked = 0
    for name, row in thor.items():
        source = Logsource(row.get("product"), row.get("category"), row.get("service"))
        if source.category in {"logfile", "appliance"}:
            continue  # files of any kind on a disk that THOR scans
        feeds = shipped_routes().feeds(source)
        assert feeds, name
        if row.get("product") != "windows":
            continue
        codes = row.get("conditions", {}).get("EventID", [])
        for code in codes if isinstance(codes, list) else [codes]:
            assert any(code in (feed.codes or ()) for feed in feeds), name
        channels = {channel for feed in feeds for channel in feed.channels or ()}
        wanted = {channel.removeprefix("WinEventLog:") for channel in row.get("sources", ())}
        assert wanted <= channels, name
        checked += 1
    assert checked > 80


def test_every_reason_is_used_and_in_both_languages() -> None:
    document = yaml.safe_load((ROOT / "pipelines" / "logsources.yaml").read_text(encoding="utf-8"))
    assert set(document["unfed"].values()) | {"unknown"} == set(document["reasons"])
    for text in document["reasons"].values():
        assert text["pl"].endswith(".")
        assert text["en"].endswith(".")
        assert text["pl"] != text["en"]


def test_every_feed_is_of_a_module_that_we_normalise() -> None:
    routes = shipped_routes()
    for table in (routes.products, routes.categories, routes.services):
        for name, feeds in table.items():
            assert feeds, name
            for feed in feeds:
                assert feed.modules is not None, name
                assert feed.modules <= set(NORMALISERS), name


def test_an_unknown_source_has_a_reason() -> None:
    routes = shipped_routes()
    assert routes.reason(Logsource("windows", "process_creation")) is None
    assert getattr(routes.reason(Logsource("windows", "proces_creation")), "name", "") == "unknown"
    assert getattr(routes.reason(Logsource("windows", "file_rename")), "name", "") == "file_rename"
    assert getattr(routes.reason(Logsource("macos", "process_creation")), "name", "") == "macos"


def rule(source: str, selection: str) -> Any:
    text = f"title: T\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {source}\ndetection:\n  s: {selection}\n"
    parsed = parse(text + "  condition: s\nlevel: low\n")
    assert parsed.faults == []
    return parsed.rules[0]


def fires(source: str, selection: str, record: dict[str, Any]) -> bool:
    event = normalise(json.dumps(record).encode(), corpus.SOURCE)
    return bool(Engine(RuleSet([rule(source, selection)], [])).match(event))


SYSMON = "Microsoft-Windows-Sysmon/Operational"
FLAT = {
    "EventID": 1, "Channel": SYSMON, "Computer": "PC-07", "Provider_Name": "Microsoft-Windows-Sysmon",
    "Image": r"C:\Windows\System32\whoami.exe", "CommandLine": "whoami /priv", "OriginalFileName": "whoami.exe",
    "User": r"ZARZĄDZANIE NT\SYSTEM", "ParentImage": r"C:\inetpub\w3wp.exe", "ProcessId": "77",
    "Hashes": "MD5=AB,IMPHASH=CD", "IntegrityLevel": "System",
}  # fmt: skip
_WINLOG = {
    "channel": SYSMON,
    "event_id": "1",
    "computer_name": "PC-07",
    "provider_name": "Microsoft-Windows-Sysmon",
    "event_data": {key: FLAT[key] for key in ("IntegrityLevel",)},
}
_PROCESS = {
    "executable": FLAT["Image"],
    "command_line": FLAT["CommandLine"],
    "pid": 77,
    "pe": {"original_file_name": "whoami.exe"},
    "hash": {"md5": "AB", "imphash": "CD"},
    "parent": {"executable": FLAT["ParentImage"]},
}
_USER = {"name": "SYSTEM", "domain": "ZARZĄDZANIE NT"}
SHAPES: dict[str, dict[str, Any]] = {
    "flat Windows fields": FLAT,
    "winlogbeat, native names": {
        "winlog": {**_WINLOG, "event_data": {key: value for key, value in FLAT.items() if key not in _WINLOG}}
    },
    "winlogbeat, native names moved to ECS": {"winlog": _WINLOG, "process": _PROCESS, "user": _USER},
    "winlogbeat, dotted": {
        "winlog.channel": SYSMON, "winlog.event_id": 1, "winlog.computer_name": "PC-07",
        "winlog.event_data.IntegrityLevel": "System", "process.executable": FLAT["Image"],
        "process.command_line": FLAT["CommandLine"], "process.pid": 77, "process.hash.imphash": "CD",
        "process.pe.original_file_name": "whoami.exe", "process.parent.executable": FLAT["ParentImage"],
        "user.name": "SYSTEM", "user.domain": "ZARZĄDZANIE NT",
    },
    "ECS of Elastic's own sensor": {
        "event": {"category": ["process"], "type": ["start"], "module": "endpoint"}, "process": {
            **_PROCESS, "Ext": {"token": {"integrity_level_name": "System"}},
        }, "user": _USER, "host": {"name": "PC-07", "os": {"type": "windows"}},
    },
}  # fmt: skip
SELECTIONS = [
    r"{Image|endswith: '\whoami.exe', CommandLine|contains: '/priv'}",
    "{OriginalFileName: whoami.exe}",
    r"{ParentImage|endswith: '\w3wp.exe', ProcessId: 77}",
    "{User|contains: [AUTHORI, AUTORI]}",
    "{Hashes|contains: 'IMPHASH=CD'}",
    "{IntegrityLevel: System}",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("selection", SELECTIONS)
def test_one_event_fires_the_same_rule_in_every_shape(shape: str, selection: str) -> None:
    assert fires("{product: windows, category: process_creation}", selection, SHAPES[shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_fires_a_rule_of_another_kind(shape: str) -> None:
    assert not fires("{product: windows, category: process_creation}", "{Image|endswith: '\\cmd.exe'}", SHAPES[shape])
    assert not fires("{product: windows, category: process_termination}", SELECTIONS[0], SHAPES[shape])


@pytest.mark.parametrize("group", windows().groups, ids=lambda group: group.name)
def test_a_group_reads_its_own_events_back_from_ecs(group: Any) -> None:
    code = min(group.codes) if group.codes else 65_000
    native = {name: f"x{number}" for number, name in enumerate(group.fields)}
    record = {"EventID": code, "Channel": group.channels[0], "EventRecordID": "5", **native}
    first = normalise(json.dumps(record).encode(), corpus.SOURCE)
    keys = {key: first[key] for key in group.fields.values() if key in first}
    moved = {"winlog.channel": group.channels[0], "winlog.event_id": code, "winlog.record_id": 5, **keys}
    second = normalise(json.dumps(moved).encode(), corpus.SOURCE)
    assert {key: second.get(key) for key in keys} == keys
    assert bool(keys) == bool(group.fields)


EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("{product: zeek, service: dns}", "{query|endswith: minexmr.com}", {
        "_path": "dns", "ts": 1.5, "uid": "C", "query": "pool.minexmr.com", "answers": ["192.0.2.1"]}),
    ("{category: dns}", "{query: a.example, record_type: A, answer: 192.0.2.1}", {
        "_path": "dns", "ts": 1.5, "query": "a.example", "qtype_name": "A", "answers": ["192.0.2.1", "192.0.2.2"]}),
    ("{category: dns}", "{query: a.example}", {"EventID": 22, "Channel": SYSMON, "QueryName": "a.example"}),
    ("{product: zeek, service: http}", "{host|endswith: .top, uri|endswith: .exe, status_code: 200}", {
        "_path": "http", "ts": 1.5, "host": "a.top", "uri": "/x.exe", "status_code": 200}),
    ("{category: proxy}", "{c-uri|endswith: '.top/x.exe', cs-host: a.top, c-uri-extension: exe, cs-method: GET}", {
        "_path": "http", "ts": 1.5, "host": "a.top", "uri": "/x.exe", "method": "GET"}),
    ("{category: proxy}", "{c-uri|contains: evil.example/a, sc-status: 200, c-uri-query: x=1}", {
        "observer.type": "proxy", "url.full": "https://evil.example/a?x=1", "http.response.status_code": 200}),
    ("{category: webserver}", "{cs-uri-query|contains: '/owa/x.aspx?cmd=', cs-uri-stem: /owa/x.aspx, sc-status: 200}", {
        "event.module": "nginx", "url.original": "/owa/x.aspx?cmd=id", "http.response.status_code": "200"}),
    ("{service: apache}", "['segfault at']", {"event.dataset": "apache.error", "message": "child segfault at 0"}),
    ("{category: firewall}", "{dst_port: 8080, blocked: 'false'}", {
        "observer.type": "firewall", "event.action": "accept", "destination.port": 8080}),
    ("{category: firewall}", "{dst_ip: 192.0.2.1}", {"_path": "conn", "ts": 1.5, "id.resp_h": "192.0.2.1"}),
    ("{product: zeek, service: smb_files}", r"{path|endswith: '\IPC$', name: atsvc}", {
        "_path": "smb_files", "ts": 1.5, "path": r"\\srv\IPC$", "name": "atsvc"}),
    ("{product: zeek, service: kerberos}", "{request_type: TGS, cipher: rc4-hmac, service|startswith: HTTP}", {
        "_path": "kerberos", "ts": 1.5, "request_type": "TGS", "cipher": "rc4-hmac", "service": "HTTP/srv"}),
    ("{product: zeek, service: dce_rpc}", "{endpoint: spoolss, operation|startswith: Rpc}", {
        "_path": "dce_rpc", "ts": 1.5, "endpoint": "spoolss", "operation": "RpcAddMonitor"}),
    ("{product: zeek, service: x509}", "{certificate.serial: 8BB00EE}", {
        "_path": "x509", "ts": 1.5, "certificate.serial": "8BB00EE"}),
    ("{product: zeek, service: rdp}", "{id.orig_h|cidr: 203.0.113.0/24}", {
        "_path": "rdp", "ts": 1.5, "id.orig_h": "203.0.113.9"}),
    ("{product: m365, service: audit}", "{Operation: New-InboxRule, Parameters|contains: ForwardTo}",
     {"Operation": "New-InboxRule", "Workload": "Exchange", "RecordType": 1,
      "Parameters": [{"Name": "ForwardTo", "Value": "x@example.org"}]}),
    ("{product: m365, service: threat_management}",
     "{eventSource: SecurityComplianceCenter, eventName: Impossible travel activity, status: success}",
     {"Operation": "AlertTriggered", "Workload": "SecurityComplianceCenter", "RecordType": 40,
      "Name": "Impossible travel activity", "ResultStatus": "Succeeded"}),
    ("{product: azure, service: signinlogs}", "{ResultType: 50126, Status: Failure, Username: jan@gmina.example}", {
        "category": "SignInLogs", "operationName": "Sign-in activity", "resultType": "50126",
        "properties": {"userPrincipalName": "jan@gmina.example"}}),
    ("{product: azure, service: auditlogs}",
     "{properties.message: Update user, Category: UserManagement, TargetResources.ModifiedProperties.DisplayName: X}",
     {"category": "UserManagement", "activityDisplayName": "Update user", "loggedByService": "Core Directory",
      "targetResources": [{"modifiedProperties": [{"displayName": "X"}]}]}),
    ("{product: azure, service: activitylogs}", "{operationName|endswith: /DELETE, CategoryValue: Administrative}", {
        "category": "Administrative", "operationName": "MICROSOFT.NETWORK/FIREWALL/DELETE"}),
    ("{product: azure, service: riskdetection}", "{riskEventType: newCountry}", {"riskEventType": "newCountry"}),
    ("{product: windows, category: file_access}", r"{FileName|endswith: '\Login Data', Image|endswith: '\a.exe'}", {
        "EventID": 4663, "Channel": "Security", "ObjectType": "File", "ObjectName": r"C:\x\Login Data",
        "ProcessName": r"C:\a.exe"}),
    ("{product: rpc_firewall, category: application}", "{EventLog: RPCFW, EventID: 3}", {
        "EventID": 3, "Channel": "RPCFW"}),
    ("{product: windows, category: registry_delete}", r"{TargetObject|endswith: '\RunMRU'}", {
        "EventID": 12, "Channel": SYSMON, "EventType": "DeleteKey", "TargetObject": r"HKU\x\RunMRU"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "selection", "record"), EVENTS, ids=[f"{n}-{row[0]}" for n, row in enumerate(EVENTS)]
)
def test_an_event_of_the_source_fires_a_rule_in_sigmas_names(
    source: str, selection: str, record: dict[str, Any]
) -> None:
    assert fires(source, selection, record)


def test_events_of_one_azure_service_are_not_those_of_another() -> None:
    record = {"category": "SignInLogs", "operationName": "x", "resultType": "0"}
    assert fires("{product: azure, service: signinlogs}", "{ResultType: 0}", record)
    assert not fires("{product: azure, service: auditlogs}", "{ResultType: 0}", record)


def test_a_created_key_is_not_a_deleted_one() -> None:
    record = {"EventID": 12, "Channel": SYSMON, "EventType": "CreateKey", "TargetObject": r"HKU\x\RunMRU"}
    selection = r"{TargetObject|endswith: '\RunMRU'}"
    assert fires("{product: windows, category: registry_add}", selection, record)
    assert not fires("{product: windows, category: registry_delete}", selection, record)
