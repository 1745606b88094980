"""Each rule of the network has a parser that gives its fields, and fires on what that parser tells of a fixture."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.detect import Engine
from appliance.normalise import Event, Source, normalise
from collector.protocols.model import Log, Protocol
from rules import ROOT
from tests.benchmarks.coverage import own_rules
from tests.collector.protocols.talk import run, talks

#: Rule → the parser whose fixtures fire it. Rules of connections, names, the web and TLS are the other parsers' and
#: the core's; they stand below by the log that they read.
FIRED_BY = {
    "zeek_cleartext_password_to_internet": "imap",
    "zeek_dce_rpc_directory_replication": "dce_rpc",
    "zeek_dce_rpc_netlogon_authentication": "dce_rpc",
    "zeek_dce_rpc_service_made": "smb",
    "zeek_dhcp_server_answered": "dhcp",
    "zeek_ftp_password": "ftp",
    "zeek_http_password_in_address": "http",
    "zeek_kerberos_only_weak_ciphers_asked": "kerberos",
    "zeek_kerberos_service_ticket": "kerberos",
    "zeek_kerberos_unknown_account": "kerberos",
    "zeek_kerberos_weak_service_ticket": "kerberos",
    "zeek_kerberos_weak_sign_in": "kerberos",
    "zeek_ldap_password": "ldap",
    "zeek_mail_password": "pop3",
    "zeek_modbus_write": "modbus",
    "zeek_mqtt_password": "mqtt",
    "zeek_ntlm_to_internet": "smb",
    "zeek_printer_files": "printer",
    "zeek_printer_settings": "printer",
    "zeek_rdp_from_internet": "rdp",
    "zeek_rdp_connection": "rdp",
    "zeek_s7_stop_or_program": "s7",
    "zeek_sign_in_accepted": "ftp",
    "zeek_sign_in_refused": "ftp",
    "zeek_sip_call_abroad_out": "sip",
    "zeek_sip_dear_call_from_outside": "sip",
    "zeek_sip_dear_call_made_for_outside": "sip",
    "zeek_sip_dear_call_out": "sip",
    "zeek_sip_scanner": "sip",
    "zeek_sip_sign_in": "sip",
    "zeek_sip_sign_in_failed": "sip",
    "zeek_smb1_used": "smb",
    "zeek_smb_file_renamed": "smb",
    "zeek_smb_program_to_admin_share": "smb",
    "zeek_smb_ransom_note": "smb",
    "zeek_smb_remote_execution_traces": "smb",
    "zeek_snmp_default_community": "snmp",
    "zeek_ssh_sign_in": "ssh",
    "zeek_ssh_sign_in_failed": "ssh",
    "zeek_telnet_password": "telnet",
}
#: Logs of the other parsers, of the core and of the analysers.
ELSEWHERE = {"conn", "dns", "http", "ssl", "x509", "files", "notice", "weird"}
_THEIRS = ("dns.", "tls.", "x509.", "http.", "url.", "source.", "destination.", "event.", "network.", "zeek.conn.")
#: Rules that need one side outside the office → which side, and its address.
_OUTSIDE = {
    "zeek_cleartext_password_to_internet": "id.resp_h",
    "zeek_ntlm_to_internet": "id.resp_h",
    "zeek_rdp_from_internet": "id.orig_h",
    "zeek_sip_call_abroad_out": "id.resp_h",
    "zeek_sip_dear_call_from_outside": "id.orig_h",
    "zeek_sip_dear_call_made_for_outside": "id.orig_h",
    "zeek_sip_dear_call_out": "id.resp_h",
}
#: SigmaHQ's rules for Zeek (rules/network/zeek) that read logs of these parsers → the parser.
SIGMAHQ = {
    "zeek_dce_rpc_mitre_bzar_execution": "smb",
    "zeek_dce_rpc_mitre_bzar_persistence": "dce_rpc",
    "zeek_dce_rpc_potential_petit_potam_efs_rpc_call": "dce_rpc",
    "zeek_dce_rpc_smb_spoolss_named_pipe": "smb",
    "zeek_rdp_public_listener": "rdp",
    "zeek_smb_converted_win_atsvc_task": "smb",
    "zeek_smb_converted_win_impacket_secretdump": "smb",
    "zeek_smb_converted_win_lm_namedpipe": "smb",
    "zeek_smb_converted_win_susp_psexec": "smb",
    "zeek_smb_converted_win_susp_raccess_sensitive_fext": "smb",
    "zeek_smb_converted_win_transferring_files_with_credential_data": "smb",
    "zeek_susp_kerberos_rc4": "kerberos",
}
_SOURCE = Source("00000000-0000-0000-0000-000000000000", 0)


def _logs(parser: str) -> Iterator[Log]:
    protocol: Protocol = importlib.import_module(f"collector.protocols.{parser}").PROTOCOL
    for talk in talks(parser):
        yield from run(protocol, talk.flow, talk.turns)


@lru_cache(maxsize=64)
def _records(parser: str) -> tuple[dict[str, Any], ...]:
    """The logs of a parser's fixtures as the sensor sends them."""
    flow = {"id.orig_h": "192.168.10.31", "id.orig_p": 50123, "id.resp_h": "192.168.10.5", "id.resp_p": 445}
    return tuple({"_path": log.path, "ts": 1.0, "uid": "C1", **flow, **log.fields} for log in _logs(parser))


def _events(parser: str, rule: str) -> list[Event]:
    outside = {_OUTSIDE[rule]: "203.0.113.9"} if rule in _OUTSIDE else {}
    return [normalise(json.dumps({**record, **outside}).encode(), _SOURCE) for record in _records(parser)]


def _rule(file: Path) -> dict[str, Any]:
    document = yaml.safe_load(file.read_text("utf-8"))
    assert isinstance(document, dict)
    return document


def _names(selection: object) -> Iterator[str]:
    """The fields that a selection names."""
    if isinstance(selection, dict):
        yield from (name.partition("|")[0] for name in selection)
    elif isinstance(selection, list):
        for part in selection:
            yield from _names(part)


_OWN = sorted((ROOT / "sigma" / "network" / "zeek").glob("*.yml"))


@pytest.mark.parametrize("file", _OWN, ids=lambda file: file.stem)
def test_each_rule_has_its_parser(file: Path) -> None:
    document = _rule(file)
    service = document["logsource"].get("service")
    fields = {name for selection in document["detection"].values() for name in _names(selection)}
    elsewhere = service in ELSEWHERE or (service is None and all(name.startswith(_THEIRS) for name in fields))
    assert (file.stem in FIRED_BY) != elsewhere


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(own_rules())


@pytest.mark.parametrize(("rule", "parser"), FIRED_BY.items())
def test_the_rule_fires_on_what_the_parser_tells(rule: str, parser: str, engine: Engine) -> None:
    document = _rule(ROOT / "sigma" / "network" / "zeek" / f"{rule}.yml")
    fired = {found.id for event in _events(parser, rule) for found in engine.match(event)}
    assert document["id"] in fired


@pytest.mark.corpora
@pytest.mark.parametrize(("rule", "parser"), SIGMAHQ.items())
def test_the_fields_of_sigmahqs_rules_are_given(rule: str, parser: str, corpora: Path) -> None:
    document = _rule(corpora / "sigmahq" / "rules" / "network" / "zeek" / f"{rule}.yml")
    service = document["logsource"]["service"]
    asked = {name for selection in document["detection"].values() for name in _names(selection)}
    told = {name for record in _records(parser) if record["_path"] == service for name in record}
    assert asked
    assert asked <= told


@pytest.mark.corpora
def test_no_rule_of_sigmahq_is_forgotten(corpora: Path) -> None:
    found = sorted((corpora / "sigmahq" / "rules" / "network" / "zeek").glob("*.yml"))
    ours = {file.stem for file in found if _rule(file)["logsource"]["service"] not in ELSEWHERE}
    assert ours == set(SIGMAHQ)
