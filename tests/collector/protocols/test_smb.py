"""SMB 1, 2 and 3: what an administrator's tool, an encrypting program and an old printer leave on the wire."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.netbios import NBTSession
from scapy.layers.smb2 import SMB2_Header, SMB2_Tree_Connect_Request, SMB2_Tree_Connect_Response

from collector.protocols.model import Malformed, Side
from collector.protocols.smb import PROTOCOL
from collector.protocols.smb.shares import FILES, PENDING
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("smb")}
_FLOW = flow_of("tcp", 50123, 445)
#: Of scapy's classes some have no types.
_HEADER: Any = SMB2_Header


def _told(name: str, path: str) -> list[dict[str, object]]:
    return [
        {key: value for key, value in log.items() if key != "_path"}
        for log in logs_of(PROTOCOL, _TALKS[name])
        if log["_path"] == path
    ]


def test_a_service_made_from_afar_is_told_step_by_step() -> None:
    assert _told("psexec", "smb_mapping") == [
        {"path": "\\\\SRV1\\ADMIN$", "share_type": "DISK"},
        {"path": "\\\\SRV1\\IPC$", "share_type": "PIPE"},
    ]
    assert _told("psexec", "smb_files") == [
        {"action": "SMB::FILE_OPEN", "name": "PSEXESVC.exe", "path": "\\\\SRV1\\ADMIN$"},
        {"action": "SMB::FILE_WRITE", "name": "PSEXESVC.exe", "path": "\\\\SRV1\\ADMIN$"},
        {"action": "SMB::PIPE_OPEN", "name": "svcctl", "path": "\\\\SRV1\\IPC$"},
        {"action": "SMB::PIPE_OPEN", "name": "PSEXESVC-ST12-4412-stdin", "path": "\\\\SRV1\\IPC$"},
    ]
    assert _told("psexec", "dce_rpc") == [
        {"named_pipe": "\\PIPE\\svcctl", "endpoint": "svcctl", "operation": name}
        for name in ("OpenSCManagerW", "CreateServiceW", "StartServiceW")
    ]


def test_renaming_and_deleting_are_told_and_so_is_what_was_refused() -> None:
    share = {"path": "\\\\NAS1\\Dane"}
    assert [log for log in _told("rename", "smb_files") if log["action"] != "SMB::FILE_OPEN"] == [
        {"action": "SMB::FILE_RENAME", "name": "plan.docx.locked", "prev_name": "plan.docx", "size": 4096, **share},
        {"action": "SMB::FILE_DELETE", "name": "stare.txt", "size": 10, **share},
        {"action": "SMB::FILE_DELETE", "name": "kadry.xlsx", "size": 77, **share},
    ]
    assert _told("rename", "smb_cmd")[-1] == {
        "command": "CREATE",
        "version": "SMB2",
        "status": "ACCESS_DENIED",
        "argument": "place.xlsx",
        "tree": "\\\\NAS1\\Dane",
    }


def test_a_refused_sign_in_names_the_user_and_the_reason() -> None:
    (sign_in,) = _told("refused", "ntlm")
    assert (sign_in["username"], sign_in["hostname"]) == ("administrator", "ZLY")
    assert (sign_in["success"], sign_in["status"]) == (False, "LOGON_FAILURE")
    assert _told("refused", "smb_cmd")[-1] == {
        "command": "SESSION_SETUP",
        "version": "SMB2",
        "status": "LOGON_FAILURE",
        "username": "administrator",
    }


def test_a_ticket_is_told_with_its_service_and_cipher() -> None:
    ticket = {"request_type": "AP", "service": "cifs/stary-nas.gmina.local", "cipher": "rc4-hmac", "success": True}
    service, cipher = "cifs/pliki.gmina.local", "aes256-cts-hmac-sha1-96"
    assert _told("ticket", "kerberos") == [
        ticket,
        ticket | {"service": service, "cipher": cipher, "success": False, "status": "LOGON_FAILURE"},
    ]


def test_that_a_connection_is_encrypted_is_told_once() -> None:
    told = [log for log in _told("encrypted", "smb_cmd") if log["command"] == "ENCRYPTED"]
    assert told == [{"command": "ENCRYPTED", "version": "SMB3", "status": "SUCCESS"}]


def test_the_old_version_tells_the_same_facts() -> None:
    assert _told("smb1", "smb_cmd") == [
        {"command": "NEGOTIATE", "version": "SMB1", "status": "SUCCESS", "dialect": "NT LM 0.12"},
        {"command": "SESSION_SETUP", "version": "SMB1", "status": "SUCCESS", "username": "skaner"},
    ]
    assert _told("smb1", "ntlm")[0]["version"] == "NTLMv1"
    assert _told("smb1", "smb_mapping") == [{"path": "\\\\NAS1\\skany", "share_type": "DISK", "service": "A:"}]
    assert [(log["action"], log["name"]) for log in _told("smb1", "smb_files")] == [
        ("SMB::FILE_OPEN", "skany\\umowa.pdf"),
        ("SMB::FILE_WRITE", "skany\\umowa.pdf"),
        ("SMB::FILE_RENAME", "skany\\umowa.locked"),
        ("SMB::FILE_DELETE", "skany\\stare.pdf"),
    ]


def test_an_offer_of_the_old_version_that_is_turned_down_is_told_as_such() -> None:
    offer, answer = _TALKS["smb1"].turns[2:4]
    refused = answer[1][:37] + b"\xff\xff" + answer[1][39:]
    (log,) = run(PROTOCOL, _FLOW, [offer, (Side.RESP, refused)])
    assert (log.fields["version"], log.fields["status"]) == ("SMB1", "NOT_SUPPORTED")


@settings(max_examples=25)
@given(
    share=st.text(st.characters(codec="utf-16", categories=("L", "N")), min_size=1, max_size=60), kind=st.integers(1, 3)
)
def test_a_share_is_told_as_made(share: str, kind: int) -> None:
    path = f"\\\\SRV1\\{share}"
    raw = path.encode("utf-16-le")
    asked = (
        NBTSession() / _HEADER(Command="SMB2_TREE_CONNECT", MID=7) / SMB2_Tree_Connect_Request(Buffer=[("Path", path)])
    )
    said = (
        NBTSession()
        / _HEADER(Command="SMB2_TREE_CONNECT", MID=7, Flags=1, TID=9)
        / SMB2_Tree_Connect_Response(ShareType=kind)
    )
    assert raw in bytes(asked)
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, bytes(asked)), (Side.RESP, bytes(said))])
    assert log.fields == {"path": path, "share_type": ("DISK", "PIPE", "PRINT")[kind - 1]}


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


def test_a_large_write_of_which_one_packet_is_seen_is_told() -> None:
    talk = _TALKS["psexec"]
    parser = PROTOCOL.open(talk.flow)
    for number, (side, data) in enumerate(talk.turns[:10]):
        parser.feed(side, number, data)
    write = talk.turns[10][1]
    head = struct.pack(">I", 65_536) + write[4:] + bytes(1460 - len(write))
    assert PROTOCOL.resumes
    assert PROTOCOL.resumes(head)
    assert list(parser.feed(Side.ORIG, 11, head)) == []
    (log,) = parser.lost(Side.ORIG, 12)
    assert log.fields["action"] == "SMB::FILE_WRITE"


def test_of_a_long_flow_the_bulk_is_left_out() -> None:
    resumes = PROTOCOL.resumes
    assert resumes
    write, read = (
        struct.pack(">I", 65_536) + b"\xfeSMB" + bytes(8) + command + bytes(1400) for command in (b"\t\0", b"\x08\0")
    )
    later = write[:76] + b"\1" + write[77:]
    assert (resumes(write), resumes(later), resumes(read)) == (True, False, False)
    assert resumes(read[:500])
    assert not resumes(bytes(1460))


def test_state_is_bounded() -> None:
    talk = _TALKS["rename"]
    parser = PROTOCOL.open(talk.flow)
    turns = talk.turns
    for side, data in turns[:8]:
        parser.feed(side, 1, data)
    ask, answer = turns[8][1], turns[9][1]
    for number in range(1001):
        mid = struct.pack("<Q", number + 100)
        parser.feed(Side.ORIG, 1, ask[:28] + mid + ask[36:])
        if number % 2:
            parser.feed(Side.RESP, 1, answer[:28] + mid + answer[36:132] + mid + answer[140:])
    # Every second request stays unanswered; every answer opens another file.
    assert len(parser._readers[b"\xfeSMB"]._pending) == PENDING  # type: ignore[attr-defined]
    assert 400 < len(parser._shares.files) <= FILES  # type: ignore[attr-defined]


def test_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed, match="nbss_type"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, b"GET / HTTP/1.1\r\n")])
    with pytest.raises(Malformed, match="smb_magic"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, b"\0\0\0\x08SSH-2.0-")])
    message = b"\xfeSMB" + bytes(16) + b"\x20\0\0\0" + bytes(100)
    with pytest.raises(Malformed, match="smb2_chain"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, struct.pack(">I", len(message)) + message)])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
