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
    http,
    imap,
    kerberos,
    ldap,
    pop3,
    quic,
    rdp,
    smb,
    smtp,
    ssh,
    telnet,
    tls,
)
from collector.protocols.model import Protocol
from collector.protocols.tls.upgrade import upgrading

#: Those within which TLS may begin.
_UPGRADED = (rdp, ldap, smtp, imap, pop3, ftp)

PROTOCOLS: tuple[Protocol, ...] = tuple(
    upgrading(module.PROTOCOL) if module in _UPGRADED else module.PROTOCOL
    for module in (
        tls,
        http,
        ssh,
        smb,
        dce_rpc,
        rdp,
        dhcp,
        dhcpv6,
        quic,
        dtls,
        dns,
        kerberos,
        ldap,
        smtp,
        imap,
        pop3,
        ftp,
        telnet,
    )
)
