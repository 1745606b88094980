"""The shared captures through the analysers of devices and addresses: what is noticed, and rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.analysers.bindings import Bindings
from collector.analysers.bounded import Learning
from collector.analysers.devices import Devices
from collector.analysers.servers import Servers
from collector.analysers.services import Services
from collector.analysers.starvation import Starvation
from collector.analysers.usual import Usual
from collector.capture.files import CaptureFile
from collector.protocols.registry import PROTOCOLS
from collector.read import entries
from collector.watch import Watch

#: With nothing known before and the time of learning taken as over, everyone who is first seen is a stranger: these are
#: all the DHCP servers that answer, routers that announce themselves, and cards that are there for two minutes.
STRANGERS = {
    ("dhcp.pcapng", "DHCP::Unknown_Server", "192.168.0.1"),
    ("dhcpv6.pcap", "DHCP::Unknown_Server", "fe80::a00:27ff:fed4:10bb"),
    ("sshv1.pcap", "ND::Unknown_Router", "fe80::260:97ff:fe07:69ea"),
    ("viber.pcap", "Device::New", "192.168.0.15"),
    ("viber.pcap", "Device::New", "192.168.0.17"),
    ("zoom.pcap", "Device::New", ""),
}


@pytest.mark.corpora
def test_only_strangers_are_noticed_and_none_of_them_while_learning(
    corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(corpora.glob("*/pcap/*cap*"))
    assert len(files) >= 140
    with_arp = [path for path in files if b"\x08\x06\x00\x01\x08\x00" in path.read_bytes()]
    assert len(with_arp) >= 7
    assert {notice for path in with_arp for notice in _noticed(path)} == set()
    monkeypatch.setattr(Learning, "over", True)
    assert {notice for path in files for notice in _noticed(path)} == STRANGERS


def _noticed(path: Path) -> set[tuple[str, str, str]]:
    devices = Devices()
    known = devices.device
    watch = Watch(PROTOCOLS, analysers=[Bindings(), devices, Servers(), Services(known), Starvation(), Usual(known)])
    with path.open("rb") as stream:
        logs = [entry.log for entry in entries(CaptureFile(stream), watch)]
    assert watch.analysis.faults == 0
    noticed = [log.fields for log in logs if log.path == "notice"]
    return {(path.name, str(fields["note"]), str(fields.get("src", ""))) for fields in noticed}
