"""LDAP: who signed in how, what was searched for; passwords and answers stay where they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.asn1.asn1 import ASN1_STRING
from scapy.layers.ldap import (
    LDAP,
    LDAP_Authentication_simple,
    LDAP_BindRequest,
    LDAP_Filter,
    LDAP_FilterEqual,
    LDAP_SearchRequest,
    LDAP_SearchRequestAttribute,
)

from collector.protocols.ldap import PROTOCOL
from collector.protocols.model import Malformed, Side
from collector.watch import Watch
from tests.collector.packets import batch
from tests.collector.protocols.talk import Talk, Turn, damaged, flow_of, in_pieces, logs_of, run, talks
from tests.e2e.attacks import spoken

_TALKS = {talk.name: talk for talk in talks("ldap")}
_FLOW = flow_of("tcp", 50123, 389)


def test_a_search_for_accounts_to_attack_is_told_as_it_was_asked() -> None:
    told = logs_of(PROTOCOL, _TALKS["inventory"])
    assert [log["_path"] for log in told] == ["ldap", "ntlm", "ldap", "ldap_search", "ldap"]
    assert (told[1]["username"], told[1]["success"]) == ("anna.nowak", True)
    assert told[3] == {
        "_path": "ldap_search",
        "message_id": 3,
        "scope": "tree",
        "base_object": "DC=gmina,DC=local",
        "filter": "(&(samAccountType=805306368)(servicePrincipalName=*)"
        "(!(userAccountControl:1.2.840.113556.1.4.803:=2))(cn=svc*sql*)(objectSid=\\01\\05\\00\\00))",
        "attributes": ["sAMAccountName", "servicePrincipalName"],
        "result": "success",
        "result_count": 3,
    }
    assert told[4] == {
        "_path": "ldap",
        "message_id": 4,
        "opcode": "modify",
        "object": "CN=Komp,DC=gmina,DC=local",
        "result": "insufficientAccessRights",
    }


def test_a_sign_in_with_a_ticket_is_told() -> None:
    ticket, bind = logs_of(PROTOCOL, _TALKS["ticket"])
    assert (ticket["_path"], ticket["service"], ticket["success"]) == (
        "kerberos",
        "ldap/dc1.gmina.local/gmina.local",
        True,
    )
    assert (bind["opcode"], bind["result"]) == ("bind SASL", "success")


def test_a_password_in_clear_is_told_without_the_password() -> None:
    refused, taken, tls = logs_of(PROTOCOL, _TALKS["simple"])
    assert refused == {
        "_path": "ldap",
        "message_id": 1,
        "version": 3,
        "opcode": "bind simple",
        "object": "cn=skaner,dc=gmina,dc=local",
        "cleartext_password": True,
        "result": "invalidCredentials",
    }
    assert taken["result"] == "success"
    assert (tls["object"], tls["tls"]) == ("1.3.6.1.4.1.1466.20037", True)


def _message(number: int, operation: bytes) -> bytes:
    body = b"\x02\x02" + number.to_bytes(2, "big") + operation
    return b"\x30" + bytes([len(body)]) + body


def test_each_password_that_is_tried_in_a_long_connection_is_told_with_its_answer() -> None:
    turns: list[Turn] = []
    said = b"80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e\0"
    refused = b"\x0a\x01\x31\x04\x00\x04" + bytes([len(said)]) + said
    for number in range(300):
        asked = b"\x02\x01\x03\x04\x06cn=jan\x80\x05Tajne"
        turns += [(Side.ORIG, _message(number, b"\x60" + bytes([len(asked)]) + asked))]
        turns += [(Side.RESP, _message(number, b"\x61" + bytes([len(refused)]) + refused))]
    watch = Watch((PROTOCOL,))
    entries = [*watch.take(batch(spoken("10.0.0.9", "10.0.0.1", 389, turns))), *watch.finish()]
    told = [entry.log.fields.get("result") for entry in entries if entry.log.path == "ldap"]
    assert told == ["invalidCredentials"] * 300
    assert "Tajne" not in repr(entries)


@pytest.mark.parametrize(("name", "told"), [(b"", "anna"), (b"cn=inny", "cn=inny")])
def test_a_password_that_sasl_carries_in_clear_is_told(name: bytes, told: str) -> None:
    said = b"\0anna\0Tajne"
    proof = b"\x04\x05PLAIN\x04" + bytes([len(said)]) + said
    asked = b"\x02\x01\x03\x04" + bytes([len(name)]) + name + b"\xa3" + bytes([len(proof)]) + proof
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, _message(1, b"\x60" + bytes([len(asked)]) + asked))])
    assert (log.fields["object"], log.fields["cleartext_password"]) == (told, True)
    assert "Tajne" not in repr(log)


def test_the_search_for_a_controller_is_read_from_datagrams() -> None:
    (log,) = logs_of(PROTOCOL, _TALKS["ping"])
    assert (log["base_object"], log["scope"], log["result_count"]) == ("", "base", 1)


def test_nothing_is_read_once_the_connection_is_sealed() -> None:
    for name in ("inventory", "simple"):
        parser = PROTOCOL.open(_TALKS[name].flow)
        for side, data in _TALKS[name].turns:
            parser.feed(side, 1, data)
        assert parser.done


@settings(max_examples=50)
@given(user=st.text("abcdefghijklmnopqrstuvwxyz,=", min_size=1, max_size=80), number=st.integers(1, 2**30))
def test_a_sign_in_is_told_as_made(user: str, number: int) -> None:
    request = LDAP_BindRequest(
        bind_name=ASN1_STRING(user.encode()), authentication=LDAP_Authentication_simple(b"Tajne")
    )
    data = bytes(LDAP(messageID=number, protocolOp=request))
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, data)])
    assert (log.fields["object"], log.fields["message_id"]) == (user, number)
    assert log.fields["cleartext_password"] is True


@settings(max_examples=50)
@given(
    name=st.text("abcdefghij", min_size=1, max_size=20), value=st.text("klmnopqrst0123456789", min_size=1, max_size=40)
)
def test_a_search_is_told_as_made(name: str, value: str) -> None:
    equal = LDAP_FilterEqual(attributeType=ASN1_STRING(name.encode()), attributeValue=ASN1_STRING(value.encode()))
    request = LDAP_SearchRequest(
        baseObject=ASN1_STRING(b"DC=gmina"),
        filter=LDAP_Filter(filter=equal),
        attributes=[LDAP_SearchRequestAttribute(type=ASN1_STRING(b"cn"))],
    )
    data = bytes(LDAP(messageID=5, protocolOp=request))
    assert PROTOCOL.recognises(Side.ORIG, data)
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, data)])
    assert (log.fields["filter"], log.fields["base_object"]) == (f"({name}={value})", "DC=gmina")


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        (b"\xa3\x14\x04\x0cuserPassword\x04\x04Zima", "(userPassword=***)"),
        (b"\xa3\x14\x04\x0cUSERPASSWORD\x04\x04Zima", "(USERPASSWORD=***)"),
        (b"\xa3\x10\x04\x082.5.4.35\x04\x04Zima", "(2.5.4.35=***)"),
        (b"\xa4\x16\x04\x0cuserPassword\x30\x06\x80\x04Zima", "(userPassword=***)"),
        (b"\xa9\x14\x82\x0cuserPassword\x83\x04Zima", "(userPassword:=***)"),
        (b"\x87\x0cuserPassword", "(userPassword=*)"),
        (b"\xa5\x11\x04\x0apwdLastSet\x04\x03133", "(pwdLastSet>=133)"),
    ],
)
def test_a_password_that_is_searched_for_is_not_kept(condition: bytes, written: str) -> None:
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, _search(condition))])
    assert log.fields["filter"] == written


def _search(condition: bytes) -> bytes:
    def made(tag: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return bytes([tag, 0x83]) + len(body).to_bytes(3, "big") + body

    zero = b"\x0a\x01\x00"
    op = made(0x63, b"\x04\x00", zero, zero, b"\x02\x01\x00" * 2, b"\x01\x01\x00", condition, b"\x30\x00")
    return made(0x30, b"\x02\x01\x01", op)


def test_a_filter_without_end_is_cut() -> None:
    condition = b"\x87\x02cn"
    for _ in range(300):
        condition = b"\xa2\x83" + len(condition).to_bytes(3, "big") + condition
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, _search(condition))])
    assert log.fields["filter"] == "(!" * 8 + "(…)" + ")" * 8
    wide = b"\xa1\x83\x00\x27\x10" + b"\x87\x02cn" * 2500
    (log,) = run(PROTOCOL, _FLOW, [(Side.ORIG, _search(wide))])
    assert str(log.fields["filter"]).startswith("(|(cn=*)(cn=*)")
    assert len(str(log.fields["filter"])) <= 512


def test_unanswered_searches_are_few() -> None:
    asked = _TALKS["ping"].turns[0][1]
    parser = PROTOCOL.open(flow_of("udp", 5, 389))
    told = [
        log for number in range(200) for log in parser.feed(Side.ORIG, 1, asked[:4] + bytes([number & 127]) + asked[5:])
    ]
    assert len(told) + len(list(parser.close(2))) == 200
    assert len(told) == 136


@pytest.mark.parametrize("size", [1, 6, 50])
@pytest.mark.parametrize("name", ["inventory", "simple"])
def test_pieces_tell_the_same(name: str, size: int) -> None:
    assert in_pieces(PROTOCOL, _TALKS[name], size) == logs_of(PROTOCOL, _TALKS[name])


def test_other_bytes_are_malformed() -> None:
    with pytest.raises(Malformed, match="ldap_message"):
        run(PROTOCOL, _FLOW, [(Side.ORIG, b"GET / HTTP/1.1\r\n\r\n")])


@pytest.mark.parametrize("talk", _TALKS.values(), ids=str)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)
