"""Suricata's names of fields and Zeek's, for each kind of EVE's events."""

from __future__ import annotations

FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "dns": (
        ("id", "trans_id"), ("rcode", "rcode_name"), ("aa", "AA"), ("tc", "TC"), ("rd", "RD"), ("ra", "RA"),
    ),
    "http": (
        ("http_method", "method"), ("hostname", "host"), ("url", "uri"), ("http_user_agent", "user_agent"),
        ("http_refer", "referrer"), ("status", "status_code"), ("protocol", "version"),
        ("length", "response_body_len"), ("http_content_type", "resp_mime_types"),
    ),
    "tls": (
        ("sni", "server_name"), ("version", "version"), ("subject", "subject"), ("issuerdn", "issuer"),
        ("session_resumed", "resumed"), ("ja3.hash", "ja3"), ("ja3s.hash", "ja3s"), ("ja4", "ja4"),
    ),
    "x509": (
        ("subject", "certificate.subject"), ("issuerdn", "certificate.issuer"), ("fingerprint", "sha1"),
        ("notbefore", "certificate.not_valid_before"), ("notafter", "certificate.not_valid_after"),
        ("subjectaltname", "san.dns"),
    ),
    "quic": (("sni", "server_name"), ("version", "quic_version"), ("ja3.hash", "ja3"), ("ja4", "ja4")),
    "flow": (
        ("pkts_toserver", "orig_pkts"), ("pkts_toclient", "resp_pkts"), ("bytes_toserver", "orig_ip_bytes"),
        ("bytes_toclient", "resp_ip_bytes"),
    ),
    "krb5": (
        ("cname", "client"), ("sname", "service"), ("encryption", "cipher"), ("error_code", "error_msg"),
        ("ticket_encryption", "ticket_cipher"),
    ),
    "ssh": (("client.hassh.hash", "hassh"), ("server.hassh.hash", "hasshServer")),
    "ftp": (("command", "command"), ("command_data", "arg")),
    "smtp": (("helo", "helo"), ("mail_from", "mailfrom"), ("rcpt_to", "rcptto")),
    "sip": (("method", "method"), ("uri", "uri"), ("code", "status_code"), ("reason", "status_msg")),
    "dhcp": (
        ("client_mac", "mac"), ("assigned_ip", "assigned_addr"), ("client_ip", "client_addr"),
        ("hostname", "host_name"), ("requested_ip", "requested_addr"), ("lease_time", "lease_time"),
        ("dns_servers", "dns_servers"), ("routers", "routers"),
    ),
    "alert": (
        ("signature", "msg"), ("category", "sub"), ("signature_id", "signature_id"), ("severity", "severity"),
        ("action", "action"),
    ),
}  # fmt: skip
SERVICES = {"tls": "ssl", "krb5": "krb", "dcerpc": "dce_rpc", "ftp-data": "ftp-data"}
"""Suricata's names of protocols where Zeek has another one."""
VERSIONS = {"TLSv1": "TLSv10", "TLS 1.0": "TLSv10", "TLS 1.1": "TLSv11", "TLS 1.2": "TLSv12", "TLS 1.3": "TLSv13",
            "TLS 1.3 draft": "TLSv13"}  # fmt: skip
