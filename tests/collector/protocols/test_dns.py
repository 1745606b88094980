"""DNS and its kin: what scapy makes is told as it was made; damage ends in the exceptions that a parser may raise."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRMX, DNSRRSRV

from collector.protocols.dns import PROTOCOL
from collector.protocols.dns.conversation import MAX_PENDING, PATIENCE
from collector.protocols.dns.message import MAX_RECORDS
from collector.protocols.dns.names import name_at, netbios, printable
from collector.protocols.model import Malformed, Side
from tests.collector.protocols.talk import Talk, damaged, flow_of, in_pieces, logs_of, run, talks

TALKS = {talk.name: talk for talk in talks("dns")}
_LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
_NAME = st.lists(_LABEL, min_size=1, max_size=6).map(".".join)
UDP = flow_of("udp", 50000, 53)


def _only(name: str) -> dict[str, object]:
    (log,) = logs_of(PROTOCOL, TALKS[name])
    return log


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_damage_harms_nobody(talk: Talk) -> None:
    damaged(PROTOCOL, talk)


def test_an_alias_and_its_address_with_extensions() -> None:
    assert _only("address") == {
        "_path": "dns",
        "proto": "udp",
        "trans_id": 4660,
        "query": "bip.gmina.example",
        "qclass": 1,
        "qclass_name": "C_INTERNET",
        "qtype": 1,
        "qtype_name": "A",
        "rcode": 0,
        "rcode_name": "NOERROR",
        "AA": False,
        "TC": False,
        "RD": True,
        "RA": True,
        "Z": 0,
        "answers": ["www.hosting.example", "192.0.2.10"],
        "TTLs": [300.0, 60.0],
        "rtt": 0.001,
        "rejected": False,
    }


def test_a_name_that_does_not_exist() -> None:
    log = _only("missing")
    assert (log["query"], log["qtype_name"], log["rcode_name"]) == ("nie-ma.gmina.example", "AAAA", "NXDOMAIN")
    assert "answers" not in log
    assert log["rejected"] is False  # the authority said more than no


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4000])
def test_a_stream_is_read_in_any_pieces(size: int) -> None:
    told = [(log["query"], log["qtype_name"], log["answers"]) for log in in_pieces(PROTOCOL, TALKS["stream"], size)]
    assert told == [
        ("gmina.example", "MX", ["poczta.gmina.example"]),
        ("gmina.example", "TXT", ["TXT 11 v=spf1 -all TXT 5 drugi"]),
    ]


def test_a_stream_with_a_hole_ends_with_what_was_asked() -> None:
    parser = PROTOCOL.open(flow_of("tcp", 50000, 53))
    question = bytes(DNS(id=1, qd=DNSQR(qname="gmina.example")))
    assert list(parser.feed(Side.ORIG, 1, pack("!H", len(question)) + question)) == []
    (log,) = parser.lost(Side.RESP, 2)
    assert (parser.done, log.at, log.fields["query"], "rcode" in log.fields) == (True, 1, "gmina.example", False)


def test_a_stream_of_something_else_is_told_by_its_first_bytes() -> None:
    """A program that is loaded from port 53: its length, then its own head."""
    program = b"\x43\xb0\x02\0", b"MZ\xe8\0\0\0\0[REU\x89" + bytes(1000)
    with pytest.raises(Malformed, match="DNS_Conn_count_too_large"):
        run(PROTOCOL, flow_of("tcp", 49652, 53), [(Side.RESP, part) for part in program])


def test_multicast_is_told_message_by_message() -> None:
    first, second, answer = logs_of(PROTOCOL, TALKS["multicast"])
    assert (first["query"], second["query"]) == ("_ipp._tcp.local", "_http._tcp.local")
    assert first["qclass_name"] == "C_INTERNET"
    assert answer["query"] == "_ipp._tcp.local"
    assert answer["answers"] == ["drukarka pokoj 12._ipp._tcp.local"]


def test_a_neighbour_that_answers() -> None:
    log = _only("llmnr")
    assert (log["query"], log["answers"]) == ("wpad", ["192.168.10.66"])


def test_a_netbios_name_is_decoded() -> None:
    log = _only("netbios")
    assert (log["query"], log["qtype_name"], log["answers"]) == ("SERWER-PLIKOW", "NB", ["192.168.10.5"])


def test_the_names_of_a_netbios_machine() -> None:
    name = b"\x20" + b"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + b"\0"
    status = b"\x02" + b"PC-KASA        \x00\x04\x00" + b"GMINA          \x1c\x84\x00" + bytes(40)
    answer = pack("!HHHHHH", 9, 0x8400, 0, 1, 0, 0) + name + pack("!HHIH", 33, 1, 0, len(status)) + status
    (log,) = run(PROTOCOL, flow_of("udp", 137, 137), [(Side.RESP, answer)])
    assert log.fields["query"] == "*"
    assert log.fields["qtype_name"] == "NBSTAT"
    assert log.fields["answers"] == ["PC-KASA<00>", "GMINA<1c>"]


def test_questions_without_an_answer_are_told_at_the_end() -> None:
    told = [(log["query"], log["qtype_name"]) for log in logs_of(PROTOCOL, TALKS["silence"])]
    assert told == [("drugi.example", "NULL"), ("pierwszy.example", "A"), ("trzeci.example", "query-65399")]


def test_a_refused_update_says_what_it_was() -> None:
    log = _only("update")
    assert (log["opcode_name"], log["rcode_name"], log["rejected"]) == ("dynamic-update", "REFUSED", True)


def _question(number: int, name: str = "gmina.example") -> bytes:
    return bytes(DNS(id=number, rd=1, qd=DNSQR(qname=name)))


def test_more_questions_than_may_wait_are_told_as_unanswered() -> None:
    parser = PROTOCOL.open(UDP)
    told = [log for number in range(MAX_PENDING + 5) for log in parser.feed(Side.ORIG, number, _question(number))]
    assert [log.fields["trans_id"] for log in told] == [0, 1, 2, 3, 4]
    assert len(list(parser.close(99))) == MAX_PENDING


def test_a_question_waits_for_a_while_only() -> None:
    parser = PROTOCOL.open(UDP)
    assert not list(parser.feed(Side.ORIG, 0, _question(1)))
    (log,) = parser.feed(Side.ORIG, PATIENCE, _question(2))
    assert (log.at, log.fields["trans_id"]) == (0, 1)


def test_an_answer_to_another_question_leaves_the_question_waiting() -> None:
    parser = PROTOCOL.open(UDP)
    assert not list(parser.feed(Side.ORIG, 0, _question(1)))
    forged = bytes(DNS(id=1, qr=1, qd=DNSQR(qname="inny.example"), an=[DNSRR(rrname="inny.example", rdata="10.0.0.1")]))
    (log,) = parser.feed(Side.RESP, 1, forged)
    assert (log.fields["query"], "rtt" in log.fields) == ("inny.example", False)
    (waiting,) = parser.close(9)
    assert waiting.fields["query"] == "gmina.example"


@given(name=_NAME, number=st.integers(0, 0xFFFF), addresses=st.lists(st.ip_addresses(), min_size=1, max_size=8))
@settings(max_examples=50)
def test_addresses_are_told_as_they_were_made(name: str, number: int, addresses: list[object]) -> None:
    answers = [DNSRR(rrname=name, type="AAAA" if ":" in str(a) else "A", rdata=str(a), ttl=7) for a in addresses]
    made = bytes(DNS(id=number, qr=1, qd=DNSQR(qname=name), an=answers))
    (log,) = run(PROTOCOL, UDP, [(Side.ORIG, _question(number, name)), (Side.RESP, made)])
    assert log.fields["query"] == name
    assert log.fields["answers"] == [str(a) for a in addresses]
    assert log.fields["TTLs"] == [7.0] * len(addresses)


@given(name=_NAME, target=_NAME, text=st.text("abc =;", min_size=1, max_size=200))
@settings(max_examples=50)
def test_other_records_are_told_as_they_were_made(name: str, target: str, text: str) -> None:
    records = [
        DNSRR(rrname=name, type="PTR", rdata=target),
        DNSRRMX(rrname=name, preference=1, exchange=target),
        DNSRRSRV(rrname=name, priority=1, weight=2, port=88, target=target),
        DNSRR(rrname=name, type="TXT", rdata=[text]),
        DNSRR(rrname=name, type=65280, rdata=b"\x01\x02"),
    ]
    made = bytes(DNS(id=1, qr=1, qd=DNSQR(qname=name, qtype="ALL"), an=records))
    (log,) = run(PROTOCOL, UDP, [(Side.RESP, made)])
    assert log.fields["qtype_name"] == "*"
    assert log.fields["answers"] == [target, target, target, f"TXT {len(text)} {text}", "<unknown type=65280>"]


@given(name=_NAME, number=st.integers(0, 0xFFFF), answer=st.booleans())
@settings(max_examples=50)
def test_a_message_is_recognised_on_any_port(name: str, number: int, answer: bool) -> None:
    made = bytes(DNS(id=number, rd=1, qr=answer, qd=DNSQR(qname=name)))
    assert PROTOCOL.recognises(Side.ORIG, made)
    assert PROTOCOL.recognises(Side.ORIG, pack("!H", len(made)) + made)


@given(st.binary(max_size=80))
@settings(max_examples=50)
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert not PROTOCOL.recognises(Side.ORIG, data)


def test_a_pointer_must_lead_backwards() -> None:
    for loop in (b"\xc0\x00", b"\x01a\xc0\x00", b"\x01a\xc0\x05\x01b\xc0\x00"):
        with pytest.raises(Malformed, match="DNS_label_forward_compress_offset"):
            name_at(loop, 0)
    # Each pointer of a long chain leads to before the last one: it ends, and its name has a bound.
    chain = b"\x01a\x00" + b"".join(b"\x01a" + pack("!H", 0xC000 | (at and 3 + 4 * (at - 1))) for at in range(2000))
    with pytest.raises(Malformed, match="DNS_NAME_too_long"):
        name_at(chain, len(chain) - 4)


@pytest.mark.parametrize(
    ("data", "weird"),
    [
        (b"\x05abc", "DNS_label_len_gt_pkt"),
        (b"\x41" + b"a" * 80, "DNS_label_too_long"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\0", "DNS_NAME_too_long"),
    ],
)
def test_labels_that_lie(data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        name_at(data, 0)


@pytest.mark.parametrize(
    ("data", "weird"),
    [
        (b"\0" * 11, "DNS_truncated_len_lt_hdr_len"),
        (pack("!HHHHHH", 1, 0, 0xFFFF, 0, 0, 0), "DNS_Conn_count_too_large"),
        (pack("!HHHHHH", 1, 0x8000, 0, 9, 0, 0) + bytes(40), "DNS_Conn_count_too_large"),
        (
            pack("!HHHHHH", 1, 0x8000, 0, 1, 0, 0) + b"\0" + pack("!HHIH", 1, 1, 1, 9),
            "DNS_truncated_RR_rdlength_lt_len",
        ),
        (pack("!HHHHHH", 1, 0x8000, 0, 1, 0, 0) + b"\0" + pack("!HHIH", 1, 1, 1, 3) + b"abc", "DNS_RR_length_mismatch"),
    ],
)
def test_messages_that_lie(data: bytes, weird: str) -> None:
    with pytest.raises(Malformed, match=weird):
        run(PROTOCOL, UDP, [(Side.RESP, data)])


def test_a_cut_answer_is_told_without_its_records() -> None:
    made = bytes(DNS(id=1, qr=1, tc=1, qd=DNSQR(qname="gmina.example"), an=[DNSRR(rrname="gmina.example")]))[:40]
    (log,) = run(PROTOCOL, UDP, [(Side.ORIG, _question(1)), (Side.RESP, made)])
    assert (log.fields["TC"], log.fields["query"], "answers" in log.fields) == (True, "gmina.example", False)


def test_of_ten_thousand_answers_the_first_are_read() -> None:
    record = b"\0" + pack("!HHIH", 1, 1, 1, 4) + b"\x0a\0\0\x01"
    made = pack("!HHHHHH", 1, 0x8000, 0, 10_000, 0, 0) + record * 10_000
    (log,) = run(PROTOCOL, UDP, [(Side.RESP, made)])
    assert log.fields["answers"] == ["10.0.0.1"] * MAX_RECORDS


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"WWW.Gmina.example", "www.gmina.example"),
        ("Urząd.local".encode(), "urząd.local"),
        (b"a\x00b\\", "a\\x00b\\x5c"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("a\u202eb".encode(), "a\\xe2\\x80\\xaeb"),
    ],
)
def test_names_are_printable(raw: bytes, text: str) -> None:
    assert printable(raw) == text


def test_what_is_no_netbios_name_stays() -> None:
    assert netbios("wpad.local") == "wpad.local"
    assert netbios("z" * 32) == "z" * 32
