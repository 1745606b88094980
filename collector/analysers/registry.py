"""All analysers that the sensor asks, in the order of their names."""

from __future__ import annotations

from collector.analysers.beacon import Beacon
from collector.analysers.dns_generated import DnsGenerated
from collector.analysers.dns_rebinding import DnsRebinding
from collector.analysers.dns_tunnel import DnsTunnel
from collector.analysers.long import LongConnection
from collector.analysers.model import Analyser
from collector.analysers.odd_hours import OddHours
from collector.analysers.sent import Sent
from collector.analysers.slow_scan import SlowScan
from collector.analysers.ssl_inside import SslInside
from collector.analysers.upload import Upload


def analysers() -> tuple[Analyser, ...]:
    """Return a new one of each: their state is that of one stream of packets.

    Who lends what it knows to others stands before them.
    """
    beacon, sent = Beacon(), Sent()
    return (
        beacon,
        DnsGenerated(),
        DnsRebinding(),
        DnsTunnel(),
        LongConnection(beacon.names),
        OddHours(beacon.names, sent),
        SlowScan(),
        SslInside(),
        Upload(beacon.names, sent),
    )
