"""What targets are called, and whose word it is."""

from __future__ import annotations

from collector.analysers.targets import LITTLE, MOST_ADDRESSES, MOST_NAMES, Names, Users
from collector.heads.head import Entry
from collector.protocols.model import Flow, Log
from tests.collector.analysers.logs import BEGIN, FAR, STATION, conn, dns

SERVICE, OTHER = "settings-win.data.microsoft.com", "www.example.pl"
FLOW = Flow(STATION, 50_000, FAR, 443, "tcp")


def knowing(*names: str, others: int = LITTLE) -> Names:
    """One that DNS told these names of the far address, and many others."""
    known = Names()
    for number in range(others):
        known.learn(dns(BEGIN, f"w{number}.example", answers=[f"185.7.{number >> 8}.{number & 255}"]))
    for name in names:
        known.learn(dns(BEGIN, name, answers=["cname.example", FAR]))
    return known


def test_the_hello_says_the_name_before_dns_does() -> None:
    known, one = knowing(OTHER), conn(BEGIN)
    assert known.of(conn(BEGIN), FLOW) == OTHER
    known.learn(Entry(Log("ssl", BEGIN, {"server_name": "Inna.Example.PL"}), one.uid, one.flow))
    goes_on = conn(BEGIN, path="conn_long", uid=one.uid)
    assert known.of(goes_on, FLOW) == "inna.example.pl"
    assert known.of(one, FLOW) == known.of(one, FLOW) == "inna.example.pl"
    assert known.of(conn(BEGIN, uid=one.uid), FLOW) == OTHER
    assert Names().of(one, FLOW) == ""


def test_a_name_of_a_service_counts_when_dns_gave_the_address_for_it() -> None:
    assert knowing("login.microsoft.com", OTHER).serves_all(SERVICE, FLOW)
    assert not knowing(OTHER).serves_all(SERVICE, FLOW)
    assert not knowing().serves_all(SERVICE, FLOW)
    assert not knowing(OTHER).serves_all(OTHER, FLOW)


def test_a_sensor_that_sees_little_of_dns_believes_the_hello() -> None:
    assert knowing(OTHER, others=3).serves_all(SERVICE, FLOW)


def test_memory_is_bounded() -> None:
    known = knowing(*(f"n{number}.example" for number in range(MOST_NAMES * 3)), others=MOST_ADDRESSES + 50)
    assert len(known._addresses) == MOST_ADDRESSES
    assert len(known._addresses.get(FAR) or ()) == MOST_NAMES


def test_texts_in_answers_push_out_no_address() -> None:
    known = knowing(OTHER)
    before = len(known._addresses)
    known.learn(dns(BEGIN, OTHER, kind="TXT", answers=["v=spf1 ip4", "cname.example", "2001&db8", "2001:db8::1"]))
    assert len(known._addresses) == before + 1


def test_users_are_counted_as_far_as_asked() -> None:
    users = Users(2)
    assert [users.used("t", source) for source in ("a", "a", "b", "c")] == [1, 1, 2, 2]
    after = Users(2)
    after.recall(users.memory())
    assert after.used("t", "x") == 2
