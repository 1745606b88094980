"""Names of Kerberos: ciphers (IANA's registry of encryption types), errors (RFC 4120 7.5.9, RFC 4556, RFC 6113)."""

from __future__ import annotations

from types import MappingProxyType

CIPHERS = MappingProxyType(
    {
        1: "des-cbc-crc",
        2: "des-cbc-md4",
        3: "des-cbc-md5",
        5: "des3-cbc-md5",
        7: "des3-cbc-sha1",
        16: "des3-cbc-sha1-kd",
        17: "aes128-cts-hmac-sha1-96",
        18: "aes256-cts-hmac-sha1-96",
        19: "aes128-cts-hmac-sha256-128",
        20: "aes256-cts-hmac-sha384-192",
        23: "rc4-hmac",
        24: "rc4-hmac-exp",
        25: "camellia128-cts-cmac",
        26: "camellia256-cts-cmac",
        -128: "rc4-hmac-old",
        -133: "rc4-hmac-old",
        -135: "rc4-hmac-old-exp",
    }
)
_KDC = (
    "NONE NAME_EXP SERVICE_EXP BAD_PVNO C_OLD_MAST_KVNO S_OLD_MAST_KVNO C_PRINCIPAL_UNKNOWN S_PRINCIPAL_UNKNOWN "
    "PRINCIPAL_NOT_UNIQUE NULL_KEY CANNOT_POSTDATE NEVER_VALID POLICY BADOPTION ETYPE_NOSUPP SUMTYPE_NOSUPP "
    "PADATA_TYPE_NOSUPP TRTYPE_NOSUPP CLIENT_REVOKED SERVICE_REVOKED TGT_REVOKED CLIENT_NOTYET SERVICE_NOTYET "
    "KEY_EXPIRED PREAUTH_FAILED PREAUTH_REQUIRED SERVER_NOMATCH MUST_USE_USER2USER PATH_NOT_ACCEPTED SVC_UNAVAILABLE"
)
_AP = {
    31: "BAD_INTEGRITY",
    32: "TKT_EXPIRED",
    33: "TKT_NYV",
    34: "REPEAT",
    35: "NOT_US",
    36: "BADMATCH",
    37: "SKEW",
    38: "BADADDR",
    39: "BADVERSION",
    40: "MSG_TYPE",
    41: "MODIFIED",
    42: "BADORDER",
    44: "BADKEYVER",
    45: "NOKEY",
    46: "MUT_FAIL",
    47: "BADDIRECTION",
    48: "METHOD",
    49: "BADSEQ",
    50: "INAPP_CKSUM",
}
_REST = {
    51: "KRB_AP_PATH_NOT_ACCEPTED",
    52: "KRB_ERR_RESPONSE_TOO_BIG",
    60: "KRB_ERR_GENERIC",
    61: "KRB_ERR_FIELD_TOOLONG",
    62: "KDC_ERR_CLIENT_NOT_TRUSTED",
    63: "KDC_ERR_KDC_NOT_TRUSTED",
    64: "KDC_ERR_INVALID_SIG",
    65: "KDC_ERR_KEY_TOO_WEAK",
    66: "KDC_ERR_CERTIFICATE_MISMATCH",
    67: "KRB_AP_ERR_NO_TGT",
    68: "KDC_ERR_WRONG_REALM",
    69: "KRB_AP_ERR_USER_TO_USER_REQUIRED",
    70: "KDC_ERR_CANT_VERIFY_CERTIFICATE",
    71: "KDC_ERR_INVALID_CERTIFICATE",
    72: "KDC_ERR_REVOKED_CERTIFICATE",
    73: "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
    74: "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE",
    75: "KDC_ERR_CLIENT_NAME_MISMATCH",
    76: "KDC_ERR_KDC_NAME_MISMATCH",
    90: "KDC_ERR_PREAUTH_EXPIRED",
    91: "KDC_ERR_MORE_PREAUTH_DATA_REQUIRED",
    93: "KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS",
}
#: Number of an error → its name.
ERRORS = MappingProxyType(
    {number: f"KDC_ERR_{name}" for number, name in enumerate(_KDC.split())}
    | {number: f"KRB_AP_ERR_{name}" for number, name in _AP.items()}
    | _REST
)
