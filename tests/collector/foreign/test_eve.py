"""Suricata's events as Zeek's logs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.envelope import encode_record
from appliance.normalise import Source, normalise
from collector.foreign.eve import MAX_WAITING, PATIENCE, Eve
from collector.heads.head import Entry
from collector.logs import record
from collector.records import wire_record

NOON = "2026-11-22T12:00:00.250000+0100"
AT = 1_795_345_200_250_000


def event(kind: str, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": NOON, "flow_id": 1447, "in_iface": "eth1", "event_type": kind, "src_ip": "10.0.0.1",
        "src_port": 50096, "dest_ip": "192.0.2.5", "dest_port": 443, "proto": "TCP", "community_id": "1:abc=",
        kind: body,
    } | changes  # fmt: skip


def one(raw: dict[str, Any]) -> dict[str, Any]:
    (entry,) = Eve().read(raw)
    return record(entry)


def common(path: str) -> dict[str, Any]:
    return {
        "_path": path, "ts": AT / 1e6, "uid": "S1447", "id.orig_h": "10.0.0.1", "id.orig_p": 50096,
        "id.resp_h": "192.0.2.5", "id.resp_p": 443, "community_id": "1:abc=",
    }  # fmt: skip


def test_tls_and_its_certificate() -> None:
    ssl, x509 = map(record, Eve().read(event("tls", {
        "subject": "CN=urzad.example", "issuerdn": "CN=Urząd", "serial": "08:BB:00:EE", "fingerprint": "8F:51:12",
        "sni": "urzad.example", "version": "TLS 1.2", "notbefore": "2017-01-04T10:48:43",
        "notafter": "2017-03-29T10:18:00", "ja3": {"hash": "aa", "string": "771,"}, "ja4": "t13d",
    })))  # fmt: skip
    assert ssl == common("ssl") | {
        "server_name": "urzad.example", "version": "TLSv12", "subject": "CN=urzad.example", "issuer": "CN=Urząd",
        "ja3": "aa", "ja4": "t13d",
    }  # fmt: skip
    assert x509 == common("x509") | {
        "certificate.subject": "CN=urzad.example", "certificate.issuer": "CN=Urząd", "sha1": "8f5112",
        "certificate.not_valid_before": 1483526923.0, "certificate.not_valid_after": 1490782680.0,
        "certificate.serial": "8BB00EE", "host_cert": True,
    }  # fmt: skip


def test_http_without_its_secrets() -> None:
    told = one(event("http", {
        "hostname": "urzad.example", "url": "/login?user=a&password=tajne", "http_user_agent": "Wget", "status": "200",
        "http_method": "POST", "protocol": "HTTP/1.1", "length": 310, "http_content_type": "text/HTML; charset=utf-8",
        "http_refer": "http://jan:tajne@urzad.example/",
    }))  # fmt: skip
    assert told == common("http") | {
        "method": "POST", "host": "urzad.example", "uri": "/login?user=a&password=***", "user_agent": "Wget",
        "referrer": "http://jan:***@urzad.example/", "status_code": 200, "version": "1.1", "response_body_len": 310,
        "cleartext_password": True, "resp_mime_types": ["text/html"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (
            {"type": "query", "id": 7, "rrname": "Urzad.Example", "rrtype": "A"},
            {"type": "answer", "id": 7, "rcode": "NOERROR", "rd": True, "rrname": "urzad.example", "rrtype": "A",
             "answers": [{"rrname": "urzad.example", "rrtype": "A", "ttl": 60, "rdata": "192.0.2.7"}]},
        ),
        (
            {"version": 3, "type": "request", "id": 7, "queries": [{"rrname": "Urzad.Example", "rrtype": "A"}]},
            {"version": 3, "type": "response", "id": 7, "rcode": "NOERROR", "rd": True,
             "queries": [{"rrname": "urzad.example", "rrtype": "A"}],
             "answers": [{"rrname": "urzad.example", "rrtype": "A", "ttl": 60, "rdata": "192.0.2.7"}]},
        ),
    ],
)  # fmt: skip
def test_a_question_and_its_answer_are_one_log(asked: dict[str, Any], answered: dict[str, Any]) -> None:
    eve = Eve()
    assert eve.read(event("dns", asked, proto="UDP")) == []
    (entry,) = eve.read(event("dns", answered, proto="UDP", timestamp="2026-11-22T12:00:00.500000+0100"))
    assert record(entry) == common("dns") | {
        "trans_id": 7, "rcode_name": "NOERROR", "RD": True, "query": "urzad.example", "qtype_name": "A",
        "answers": ["192.0.2.7"], "TTLs": [60], "proto": "udp", "rtt": 0.25,
    }  # fmt: skip
    assert eve.waited(1 << 60) == []


def test_a_question_without_an_answer_is_told_in_the_end_and_few_wait() -> None:
    eve = Eve()
    eve.read(event("dns", {"type": "query", "id": 7, "rrname": "a", "rrtype": "TXT"}, proto="UDP"))
    assert eve.waited(AT + PATIENCE - 1) == []
    assert [entry.log.fields["query"] for entry in eve.waited(AT + PATIENCE)] == ["a"]
    told: list[Entry] = []
    for number in range(MAX_WAITING + 5):
        told += eve.read(event("dns", {"type": "query", "id": number, "rrname": f"{number}", "rrtype": "A"}))
    assert [entry.log.fields["query"] for entry in told] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("tcp", "answered", "state"),
    [
        ({"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"}, 9, "SF"),
        ({"tcp_flags_ts": "02", "tcp_flags_tc": "00"}, 0, "S0"),
        ({"tcp_flags_ts": "02", "tcp_flags_tc": "14"}, 1, "REJ"),
        ({"tcp_flags_ts": "1a", "tcp_flags_tc": "1e"}, 9, "RSTR"),
        ({"tcp_flags_ts": "1e", "tcp_flags_tc": "1a"}, 9, "RSTO"),
        ({"tcp_flags_ts": "1a", "tcp_flags_tc": "1a"}, 9, "S1"),
    ],
)
def test_a_flow_with_how_it_went(tcp: dict[str, str], answered: int, state: str) -> None:
    body = {
        "pkts_toserver": 3, "pkts_toclient": answered, "bytes_toserver": 300, "bytes_toclient": 90,
        "start": NOON, "end": "2026-11-22T12:00:02.250000+0100", "state": "closed",
    }  # fmt: skip
    told = one(event("flow", body, tcp=tcp, app_proto="tls", vlan=[40]))
    assert told == common("conn") | {
        "orig_pkts": 3, "resp_pkts": answered, "orig_ip_bytes": 300, "resp_ip_bytes": 90, "duration": 2.0,
        "service": "ssl", "conn_state": state, "proto": "tcp", "vlan": 40,
    }  # fmt: skip


def test_files_shares_and_sign_ins_of_smb() -> None:
    status = {"status": "STATUS_SUCCESS"}
    file = one(event("smb", {"command": "SMB2_COMMAND_CREATE", "filename": "atsvc", "size": 0, **status}))
    assert file == common("smb_files") | {"action": "SMB::FILE_OPEN", "name": "atsvc", "size": 0}
    share = one(event("smb", {"command": "SMB2_COMMAND_TREE_CONNECT", "share": "\\\\dc\\c$", "share_type": "FILE"}))
    assert share == common("smb_mapping") | {"path": "\\\\dc\\c$", "share_type": "DISK"}
    names = {"domain": "URZAD", "user": "jan", "host": "PC1"}
    ntlm = one(event("smb", {"command": "SMB2_COMMAND_SESSION_SETUP", "ntlmssp": names, **status}))
    assert ntlm == common("ntlm") | {
        "username": "jan", "domainname": "URZAD", "hostname": "PC1", "success": True, "status": "STATUS_SUCCESS"
    }  # fmt: skip


def test_other_kinds() -> None:
    told = one(event("krb5", {"msg_type": "KRB_TGS_REP", "cname": "jan", "realm": "URZAD", "sname": "cifs/dc",
                              "encryption": "rc4-hmac"}))  # fmt: skip
    assert told == common("kerberos") | {
        "client": "jan/URZAD", "service": "cifs/dc", "cipher": "rc4-hmac", "request_type": "TGS", "success": True
    }  # fmt: skip
    told = one(event("ssh", {"client": {"proto_version": "2.0", "software_version": "PuTTY", "hassh": {"hash": "ec"}}}))
    assert told == common("ssh") | {"client": "SSH-2.0-PuTTY", "hassh": "ec"}
    told = one(event("ftp", {"command": "PASS", "command_data": "tajne", "completion_code": ["230"]}))
    assert told == common("ftp") | {"command": "PASS", "cleartext_password": True, "reply_code": 230}
    told = one(event("ftp", {"command": "SITE", "command_data": "PSWD tajne tajne2"}))
    assert told == common("ftp") | {"command": "SITE", "arg": "PSWD", "cleartext_password": True}
    told = one(event("dhcp", {"dhcp_type": "ack", "client_mac": "02:00:00:00:00:01", "assigned_ip": "10.0.0.9"}))
    assert told == common("dhcp") | {
        "mac": "02:00:00:00:00:01", "assigned_addr": "10.0.0.9", "msg_types": ["ACK"]
    }  # fmt: skip
    told = one(event("dhcp", {"dhcp_type": "offer"}, src_ip="10.0.0.66", src_port=67))
    assert (told["msg_types"], told["server_addr"]) == (["OFFER"], "10.0.0.66")
    told = one(event("alert", {"signature": "ET SCAN", "category": "Scan", "signature_id": 2018358, "severity": 2}))
    assert told == common("notice") | {
        "note": "Suricata::Alert", "msg": "ET SCAN", "sub": "Scan", "signature_id": 2018358, "severity": 2,
        "src": "10.0.0.1", "dst": "192.0.2.5", "p": 443,
    }  # fmt: skip


def test_the_box_makes_of_it_what_it_makes_of_our_own() -> None:
    (entry,) = Eve().read(event("http", {"hostname": "urzad.example", "url": "/a.exe", "http_method": "GET"}))
    found = normalise(encode_record(wire_record(entry)), Source("sensor", 1))
    assert (found["@timestamp"], found["event.dataset"], found["event.category"]) == (AT, "zeek.http", "http")
    assert (found["source.ip"], found["url.domain"]) == ("10.0.0.1", "urzad.example")


@pytest.mark.parametrize(
    "raw",
    [
        {}, {"event_type": "http"}, event("http", {}, timestamp="wczoraj"),
        event("http", {}, timestamp="2026-11-22T12:00:00"), event("http", {}, src_ip="urząd"),
        event("flow", {"start": NOON}),
    ],
)  # fmt: skip
def test_what_is_no_event_is_an_error(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Eve().read(raw)


def test_kinds_without_a_log_are_passed_over() -> None:
    assert Eve().read(event("stats", {"uptime": 1})) == []
    assert Eve().read(event("http", [])) == []  # type: ignore[arg-type]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_NAMES = st.sampled_from(
    ("rrname", "queries", "answers", "type", "id", "serial", "notbefore", "url", "status", "completion_code", "start",
     "end", "ntlmssp", "filename", "command", "share", "client", "version", "grouped", "http_content_type")
)  # fmt: skip


@given(
    st.sampled_from(
        ("dns", "http", "tls", "flow", "smb", "krb5", "ssh", "ftp", "smtp", "sip", "dhcp", "alert", "quic")
    ),
    st.dictionaries(_NAMES, _json, max_size=5),
    st.dictionaries(st.sampled_from(("flow_id", "vlan", "tcp", "proto", "src_port", "app_proto")), _json, max_size=3),
)
def test_whatever_an_event_says_it_is_logs_or_an_error(kind: str, body: dict[str, Any], top: dict[str, Any]) -> None:
    try:
        found = Eve().read(event(kind, body, **top))
    except (ValueError, TypeError, OverflowError):
        return
    for entry in found:
        assert normalise(encode_record(wire_record(entry)), Source("sensor", 1))["event.module"] == "network"


@pytest.mark.parametrize("body", [{"version": "1"}, {"version": "1", "ja3s": {"hash": "ab"}}])
def test_packets_of_quic_without_a_hello_of_the_client_are_no_log(body: dict[str, Any]) -> None:
    assert Eve().read(event("quic", body, proto="UDP")) == []
    (told,) = Eve().read(event("quic", {**body, "sni": "bip.gmina.example"}, proto="UDP"))
    assert (told.log.path, told.log.fields["server_name"]) == ("ssl", "bip.gmina.example")
