"""Whatever logs come, in whatever order and at whatever times: no fault, and what is known can be read again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysers.analysis import Analysis
from collector.analysers.model import Memory
from collector.analysers.registry import analysers
from collector.heads.head import Entry
from collector.memory import packed, unpacked
from collector.protocols.model import Flow, Log, Value

_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.7", "203.0.113.9", "0.0.0.0", "10.0.0.255", "fe80::1", "ff02::1"])
_CARDS = st.sampled_from(["00:80:77:00:00:01", "00:40:8c:00:00:02", "da:a1:19:00:00:03", "ff:ff:ff:ff:ff:ff", ""])
_PORTS = st.sampled_from([0, 22, 53, 67, 137, 445, 5353, 9100, 40_000, 65_535])
_NAMES = st.sampled_from(["", "PC-1", "kali", "x" * 300, "ą.ę.", "_ipp._tcp.local", "DESKTOP-1"])
_TIMES = st.integers(0, 400 * 86_400_000_000)
_FLOWS = st.builds(Flow, _ADDRESSES, _PORTS, _ADDRESSES, _PORTS, st.sampled_from(["tcp", "udp", "icmp"]))


def _some(**values: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, Value]]:
    """Fields, each there or not."""
    return st.fixed_dictionaries({}, optional=dict(values))


_ARP = st.fixed_dictionaries(
    {"op": st.just("reply"), "src_ip": _ADDRESSES, "src_mac": _CARDS, "gratuitous": st.just(True)}
)
_ND = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["router_advertisement", "neighbour_advertisement", "neighbour_solicitation"]),
        "src_ip": _ADDRESSES,
        "src_mac": _CARDS,
        "target": _ADDRESSES,
    },
    optional={"lifetime": st.integers(0, 1800), "prefixes": st.just(["2001:db8::/64"]), "link_mac": _CARDS},
)
_DHCP = _some(
    msg_types=st.sampled_from([["DISCOVER"], ["REQUEST"], ["OFFER"], ["ACK"], ["unknown-77"]]),
    mac=_CARDS,
    host_name=_NAMES,
    client_fqdn=_NAMES,
    param_list=st.sampled_from(["", "1,121,3,6,15,119,252", ",,,"]),
    client_software=_NAMES,
    assigned_addr=_ADDRESSES,
    server_addr=_ADDRESSES,
    routers=st.lists(_ADDRESSES, max_size=2),
)
_DNS = _some(query=_NAMES, answers=st.lists(_NAMES, max_size=2), qtype_name=st.sampled_from(["A", "PTR"]))
_CONN = _some(
    conn_state=st.sampled_from(["SF", "S0", "RSTO"]),
    history=st.sampled_from(["ShADadFf", "S", ""]),
    local_orig=st.booleans(),
    local_resp=st.booleans(),
    resp_l2_addr=_CARDS,
    duration=st.floats(0, 1e6),
)
_LOGS = st.one_of(
    *(
        st.builds(Log, st.just(path), _TIMES, fields)
        for path, fields in (("arp", _ARP), ("nd", _ND), ("dhcp", _DHCP), ("dns", _DNS), ("conn", _CONN))
    )
)
_ENTRIES = st.lists(st.builds(Entry, _LOGS, st.just("C1"), st.none() | _FLOWS), max_size=60)


@given(_ENTRIES)
def test_no_log_is_a_fault_and_what_is_known_is_read_again(entries: list[Entry]) -> None:
    analysis = Analysis(analysers())
    for one in entries:
        told = [*analysis.see(one), *analysis.tick(one.log.at)]
        assert all(json.dumps(dict(entry.log.fields)) for entry in told)
    assert analysis.faults == 0
    memory = analysis.memory()
    again = Analysis(analysers())
    again.recall(unpacked(packed(memory)))
    assert again.faults == 0
    assert json.dumps(again.memory()) == json.dumps(memory)


_INFINITE = float("inf")


@pytest.mark.parametrize(
    "shape",
    [
        None,
        [],
        {},
        "x",
        {"watched": "x"},
        {"watched": _INFINITE, "bound": [], "since": [], "known": [], "devices": [], "hosts": [], "usual": []},
        {"watched": 0, "bound": 7, "since": 7, "known": 7, "devices": 7, "hosts": 7, "usual": 7},
        {"watched": 0, "bound": [[]], "since": [[]], "known": [[]], "devices": [[]], "hosts": [[]], "usual": [[]]},
        {"watched": 0, "devices": [["m", 1, "", [], "", []]], "hosts": [["h", 1, 1]], "usual": [["m", 1, []]]},
    ],
)
def test_a_memory_of_another_shape_is_counted_and_left_alone(shape: Memory) -> None:
    analysis = Analysis(analysers())
    analysis.recall(dict.fromkeys(Analysis(analysers()).memory(), shape))
    assert analysis.faults > 0
    list(
        analysis.see(
            Entry(Log("arp", 1, {"op": "reply", "src_ip": "10.0.0.1", "src_mac": "00:80:77:00:00:01"}), "", None)
        )
    )
    assert sorted(analysis.memory()) == sorted(Analysis(analysers()).memory())
