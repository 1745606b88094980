"""DCE/RPC over TCP: interfaces and operations by name, sign-ins within, and what is not known said so."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dcerpc import DceRpc5, DceRpc5AbstractSyntax, DceRpc5Bind, DceRpc5Context, DceRpc5Request

from collector.protocols.dce_rpc import PROTOCOL, is_pdu
from collector.protocols.dce_rpc.interfaces import INTERFACES, endpoint, operation
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

_TALKS = {talk.name: talk for talk in talks("dce_rpc")}
#: Of scapy's classes some have no types.
_SYNTAX: Any = DceRpc5AbstractSyntax
_CONTEXT: Any = DceRpc5Context


def test_replication_and_who_signed_in_for_it() -> None:
    assert logs_of(PROTOCOL, _TALKS["replication"]) == [
        {
            "_path": "ntlm",
            "server_nb_computer_name": "SRV1",
            "server_dns_computer_name": "srv1.gmina.local",
            "server_tree_name": "gmina.local",
            "domainname": "GMINA",
            "username": "anna.nowak",
            "hostname": "ST12",
            "version": "NTLMv2",
            "client_version": "10.0.19041",
        },
        {"_path": "dce_rpc", "named_pipe": "49667", "endpoint": "drsuapi", "operation": "DRSBind"},
        {"_path": "dce_rpc", "named_pipe": "49667", "endpoint": "drsuapi", "operation": "DRSGetNCChanges"},
    ]


def test_each_call_is_told() -> None:
    told = [(log["endpoint"], log["operation"]) for log in logs_of(PROTOCOL, _TALKS["zerologon"])]
    assert told == [("netlogon", "NetrServerReqChallenge"), ("netlogon", "NetrServerAuthenticate3")] * 2


@pytest.mark.parametrize("size", [1, 3, 17, 100])
@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_pieces_tell_the_same(talk: Talk, size: int) -> None:
    assert in_pieces(PROTOCOL, talk, size) == logs_of(PROTOCOL, talk)


@settings(max_examples=50)
@given(uuid=st.sampled_from(sorted(INTERFACES)), number=st.integers(0, 130), big=st.booleans())
def test_what_was_made_is_told(uuid: str, number: int, big: bool) -> None:
    order: dict[str, Any] = {"endian": "big" if big else "little"}
    syntax = _SYNTAX(if_uuid=UUID(uuid), if_version=1)
    bind = DceRpc5(ptype=11, **order) / DceRpc5Bind(
        context_elem=[_CONTEXT(cont_id=3, abstract_syntax=syntax, transfer_syntaxes=[])]
    )
    call = DceRpc5(ptype=0, **order) / DceRpc5Request(cont_id=3, opnum=number)
    assert PROTOCOL.recognises(Side.ORIG, bytes(bind))
    (log,) = run(PROTOCOL, flow_of("tcp", 5, 49666), [(Side.ORIG, bytes(bind)), (Side.ORIG, bytes(call))])
    assert log.fields == {
        "named_pipe": "49666",
        "endpoint": endpoint(uuid),
        "operation": operation(uuid, number),
    }


def test_what_no_table_knows_is_said_by_its_number() -> None:
    assert endpoint("00000000-1111-2222-3333-444444444444") == "unknown-00000000-1111-2222-3333-444444444444"
    assert operation("00000000-1111-2222-3333-444444444444", 7) == "unknown-7"
    assert operation("367abb81-9844-35f1-ad32-98f038001003", 10) == "unknown-10"


def test_the_operations_stand_where_the_specifications_put_them() -> None:
    numbers = {name: (known[0], number) for known in INTERFACES.values() for number, name in enumerate(known[1])}
    # MS-SCMR, MS-TSCH, MS-RPRN, MS-PAR, MS-EFSR, MS-DRSR, MS-NRPC, MS-SAMR, MS-LSAD, MS-RRP, MS-WMI, MS-DFSNM.
    assert {
        "CreateServiceW": ("svcctl", 12),
        "StartServiceW": ("svcctl", 19),
        "SchRpcRegisterTask": ("ITaskSchedulerService", 1),
        "RpcAddPrinterDriverEx": ("spoolss", 89),
        "RpcRemoteFindFirstPrinterChangeNotificationEx": ("spoolss", 65),
        "RpcLogJobInfoForBranchOffice": ("spoolss", 116),
        "RpcAsyncAddPrinterDriver": ("IRemoteWinspool", 39),
        "RpcAsyncAddMonitor": ("IRemoteWinspool", 51),
        "EfsRpcQueryUsersOnFile": ("efsrpc", 6),
        "DRSGetNCChanges": ("drsuapi", 3),
        "NetrServerAuthenticate3": ("netlogon", 26),
        "NetrServerPasswordSet2": ("netlogon", 30),
        "SamrConnect5": ("samr", 64),
        "LsarRetrievePrivateData": ("lsarpc", 43),
        "BaseRegSaveKeyEx": ("winreg", 31),
        "ExecMethod": ("IWbemServices", 24),
        "NetrDfsAddStdRootForced": ("netdfs", 15),
    }.items() <= numbers.items()


def test_calls_of_a_bind_that_was_not_seen_are_told_without_a_name() -> None:
    turns = _TALKS["zerologon"].turns[2:3]
    (log,) = run(PROTOCOL, _TALKS["zerologon"].flow, turns)
    assert log.fields == {"named_pipe": "49668", "endpoint": "unknown", "operation": "unknown-4"}


def test_after_a_gap_the_next_packet_is_read() -> None:
    talk = _TALKS["zerologon"]
    parser = PROTOCOL.open(talk.flow)
    parser.feed(Side.ORIG, 1, talk.turns[0][1])
    parser.feed(Side.ORIG, 2, talk.turns[2][1][:20])
    parser.lost(Side.ORIG, 3)
    assert is_pdu(talk.turns[4][1])
    (log,) = parser.feed(Side.ORIG, 4, talk.turns[4][1])
    assert log.fields["operation"] == "NetrServerAuthenticate3"


def test_other_bytes_are_not_taken_for_it() -> None:
    assert not is_pdu(b"\x05\x01\x00")
    assert not PROTOCOL.recognises(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(Malformed):
        run(PROTOCOL, flow_of("tcp", 5, 135), [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])
    with pytest.raises(Malformed, match="shorter"):
        run(
            PROTOCOL,
            flow_of("tcp", 5, 135),
            [(Side.ORIG, struct.pack("<BBBB4sHHI", 5, 0, 0, 3, b"\x10\0\0\0", 3, 0, 1))],
        )


def test_contexts_are_bounded() -> None:
    bind = _TALKS["zerologon"].turns[0][1]
    parser = PROTOCOL.open(_TALKS["zerologon"].flow)
    for context in range(500):
        parser.feed(Side.ORIG, 1, bind[:28] + context.to_bytes(2, "little") + bind[30:])
    assert len(parser._calls._contexts) == 64  # type: ignore[attr-defined]


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
