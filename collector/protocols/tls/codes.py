"""Names of TLS codes as Zeek writes them (IANA, TLS parameters)."""

from __future__ import annotations

VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv10",
    0x0302: "TLSv11",
    0x0303: "TLSv12",
    0x0304: "TLSv13",
    0x0100: "DTLSv10",
    0xFEFF: "DTLSv10",
    0xFEFD: "DTLSv12",
    0xFEFC: "DTLSv13",
}
TLS13, DTLS13 = 0x0304, 0xFEFC

_ALERTS = """
0:close_notify 10:unexpected_message 20:bad_record_mac 21:decryption_failed 22:record_overflow
30:decompression_failure 40:handshake_failure 41:no_certificate 42:bad_certificate 43:unsupported_certificate
44:certificate_revoked 45:certificate_expired 46:certificate_unknown 47:illegal_parameter 48:unknown_ca
49:access_denied 50:decode_error 51:decrypt_error 60:export_restriction 70:protocol_version 71:insufficient_security
80:internal_error 86:inappropriate_fallback 90:user_canceled 100:no_renegotiation 109:missing_extension
110:unsupported_extension 111:certificate_unobtainable 112:unrecognized_name 113:bad_certificate_status_response
114:bad_certificate_hash_value 115:unknown_psk_identity 116:certificate_required 117:general_error
120:no_application_protocol 121:ech_required
"""
_GROUPS = """
1:sect163k1 2:sect163r1 3:sect163r2 4:sect193r1 5:sect193r2 6:sect233k1 7:sect233r1 8:sect239k1 9:sect283k1
10:sect283r1 11:sect409k1 12:sect409r1 13:sect571k1 14:sect571r1 15:secp160k1 16:secp160r1 17:secp160r2 18:secp192k1
19:secp192r1 20:secp224k1 21:secp224r1 22:secp256k1 23:secp256r1 24:secp384r1 25:secp521r1 26:brainpoolP256r1
27:brainpoolP384r1 28:brainpoolP512r1 29:x25519 30:x448 31:brainpoolP256r1tls13 32:brainpoolP384r1tls13
33:brainpoolP512r1tls13 256:ffdhe2048 257:ffdhe3072 258:ffdhe4096 259:ffdhe6144 260:ffdhe8192 512:MLKEM512
513:MLKEM768 514:MLKEM1024 4587:SecP256r1MLKEM768 4588:X25519MLKEM768 4589:SecP384r1MLKEM1024 16696:CECPQ2
25497:X25519Kyber768Draft00 25498:SecP256r1Kyber768Draft00
"""


def _table(text: str) -> dict[int, str]:
    return {int(code): name for code, _, name in (pair.partition(":") for pair in text.split())}


ALERTS, GROUPS = _table(_ALERTS), _table(_GROUPS)
#: Values that say nothing: a client sends them so that servers stay tolerant (RFC 8701).
GREASE = frozenset(0x0A0A + 0x1010 * number for number in range(16))


def version_name(version: int) -> str:
    """Return Zeek's name of a version."""
    if version >> 8 == 0x7F:
        return f"TLSv13-draft{version & 0xFF}"
    return VERSIONS.get(version, f"unknown-{version}")
