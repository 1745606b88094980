"""All protocols that the sensor reads, in the order in which they are asked whose a flow is.

Those whose first bytes leave no doubt come first, those that are told by little come last.
"""

from __future__ import annotations

from collector.protocols import (
    dce_rpc,
    dhcp,
    dhcpv6,
    dns,
    dtls,
    ftp,
    ftp_data,
    http,
    imap,
    kerberos,
    ldap,
    modbus,
    mqtt,
    mysql,
    ntp,
    pop3,
    postgresql,
    printer,
    quic,
    radius,
    rdp,
    rtp,
    s7,
    sip,
    smb,
    smtp,
    snmp,
    socks,
    ssdp,
    ssh,
    syslog,
    telnet,
    tftp,
    tls,
)
from collector.protocols.model import Protocol
from collector.protocols.tls.upgrade import upgrading

#: Those within which TLS may begin.
_UPGRADED = (rdp, ldap, smtp, imap, pop3, ftp)

_CERTAIN = (
    tls,
    dtls,
    http,
    ssh,
    smb,
    dce_rpc,
    rdp,
    sip,
    postgresql,
    mysql,
    mqtt,
    dhcp,
    dhcpv6,
    quic,
    s7,
    modbus,
    dns,
    kerberos,
    ldap,
    snmp,
    ssdp,
)
_LIKELY = (socks, smtp, imap, pop3, ftp, ftp_data, tftp, ntp, radius, syslog, printer, telnet, rtp)
PROTOCOLS: tuple[Protocol, ...] = tuple(
    upgrading(module.PROTOCOL) if module in _UPGRADED else module.PROTOCOL for module in (*_CERTAIN, *_LIKELY)
)
