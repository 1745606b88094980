"""All analysers that the sensor asks, in the order of their names."""

from __future__ import annotations

from collector.analysers.beacon import Beacon
from collector.analysers.bindings import Bindings
from collector.analysers.devices import Devices
from collector.analysers.dns_generated import DnsGenerated
from collector.analysers.dns_rebinding import DnsRebinding
from collector.analysers.dns_tunnel import DnsTunnel
from collector.analysers.long import LongConnection
from collector.analysers.model import Analyser
from collector.analysers.odd_hours import OddHours
from collector.analysers.sent import Sent
from collector.analysers.servers import Servers
from collector.analysers.services import Services
from collector.analysers.slow_scan import SlowScan
from collector.analysers.ssl_inside import SslInside
from collector.analysers.starvation import Starvation
from collector.analysers.sweep import Sweep
from collector.analysers.upload import Upload
from collector.analysers.usual import Usual


def analysers() -> tuple[Analyser, ...]:
    """Return a new one of each: their state is that of one stream of packets.

    Who lends what it knows to others stands before them.
    """
    beacon, sent, devices = Beacon(), Sent(), Devices()
    return (
        beacon,
        Bindings(),
        devices,
        DnsGenerated(),
        DnsRebinding(),
        DnsTunnel(),
        LongConnection(beacon.names),
        OddHours(beacon.names, sent),
        Servers(),
        Services(devices.device),
        SlowScan(),
        SslInside(),
        Starvation(),
        Sweep(),
        Upload(beacon.names, sent),
        Usual(devices.device),
    )
