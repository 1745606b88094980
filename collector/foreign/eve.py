"""Suricata's EVE (Suricata 7 and 8, user guide, "Eve JSON Format") as Zeek's logs.

What EVE does not know is not there: `orig_bytes`, as its flows count whole packets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from collector.foreign.entries import MAX_VALUES, Ends, Raw, at, entry
from collector.foreign.evefields import FIELDS, SERVICES, VERSIONS
from collector.heads.head import Entry

MAX_WAITING = 20_000
"""Questions that wait for their answers, so that both become one log; the oldest is told as unanswered."""
PATIENCE = 30_000_000
"""Microseconds that a question waits."""
_RST, _FIN, _SYN = 4, 1, 2
_SERVERS = frozenset({"OFFER", "ACK"})

Fields = dict[str, Any]


class Eve:
    """Reads the events of one Suricata."""

    def __init__(self, _file: str = "") -> None:
        self._asked: dict[tuple[object, object], tuple[int, Entry]] = {}

    def read(self, raw: Raw) -> list[Entry]:
        """Return the logs of one event, none for kinds that have no log; raises ValueError."""
        kind, moment = raw.get("event_type"), at(raw.get("timestamp"))
        if kind == "dns":
            return self._dns(raw, moment)
        makers = _MAKERS.get(kind, ()) if isinstance(kind, str) else ()
        body = raw.get(str(kind))
        if not makers or not isinstance(body, Mapping):
            return []
        found = [(path, make(body, raw)) for path, make in makers]
        return [_entry(path, raw, moment, fields) for path, fields in found if fields is not None]

    def waited(self, now: int) -> list[Entry]:
        """Return the questions that nobody has answered by now (microseconds)."""
        found = []
        while self._asked:
            key = next(iter(self._asked))
            if now - self._asked[key][0] < PATIENCE and len(self._asked) <= MAX_WAITING:
                break
            found.append(self._asked.pop(key)[1])
        return found

    def _dns(self, raw: Raw, moment: int) -> list[Entry]:
        body = raw.get("dns")
        if not isinstance(body, Mapping):
            return []
        key = raw.get("flow_id"), body.get("id")
        one = _entry("dns", raw, moment, _dns(body))
        if body.get("type") in {"query", "request"}:
            self._asked.setdefault(key, (moment, one))
            return self.waited(moment) if len(self._asked) > MAX_WAITING else []
        asked = self._asked.pop(key, None)
        if asked is None:
            return [one]
        fields = {**asked[1].log.fields, **one.log.fields, "rtt": (moment - asked[0]) / 1e6}
        return [_entry("dns", raw, asked[0], fields)]


def _entry(path: str, raw: Raw, moment: int, fields: Fields) -> Entry:
    transport = str(raw.get("proto", "")).lower()
    common: Fields = {"proto": transport} if path in {"conn", "dns"} else {}
    ends = Ends(
        str(raw.get("src_ip", "")), raw.get("src_port"), str(raw.get("dest_ip", "")), raw.get("dest_port"), transport
    )
    for name in ("community_id", "vlan"):
        if name in raw:
            one = raw[name]
            common[name] = one[0] if isinstance(one, list) and one else one
    made = entry(path, moment, f"S{raw.get('flow_id', '')}", ends, {**fields, **common})
    if made.flow is None:
        raise ValueError("no addresses")
    return made


def _listed(kind: str) -> Callable[[Raw, Raw], Fields]:
    """Return what takes the fields of a kind by the table, those that are there."""

    def make(body: Raw, _raw: Raw) -> Fields:
        found = {ours: one for theirs, ours in FIELDS[kind] if (one := _at(body, theirs)) is not None}
        return {name: one for name, one in found.items() if one != ""}

    return make


def _at(body: Raw, path: str) -> Any:
    found: Any = body
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def _dns(body: Raw) -> Fields:
    queries = body.get("queries")
    asked = queries[0] if isinstance(queries, list) and queries and isinstance(queries[0], Mapping) else body
    fields = _listed("dns")(body, body)
    if isinstance(name := asked.get("rrname"), str):
        fields |= {"query": name.rstrip(".").lower() or ".", "qtype_name": str(asked.get("rrtype", ""))}
    answers, grouped = body.get("answers"), body.get("grouped")
    if isinstance(answers, list):
        told = [one for one in answers[:MAX_VALUES] if isinstance(one, Mapping) and isinstance(one.get("rdata"), str)]
        fields |= {"answers": [one["rdata"] for one in told], "TTLs": [one.get("ttl", 0) for one in told]}
    elif isinstance(grouped, Mapping):
        fields["answers"] = [one for group in grouped.values() if isinstance(group, list) for one in group]
    return fields


def _http(body: Raw, raw: Raw) -> Fields:
    fields = _listed("http")(body, raw)
    if str(fields.get("status_code", "")).isdigit():
        fields["status_code"] = int(fields["status_code"])
    if isinstance(shown := fields.pop("resp_mime_types", None), str):
        fields["resp_mime_types"] = [shown.partition(";")[0].strip().lower()]
    if isinstance(version := fields.get("version"), str):
        fields["version"] = version.removeprefix("HTTP/")
    return fields


def _tls(body: Raw, raw: Raw) -> Fields:
    fields = _listed("tls")(body, raw)
    version = fields.get("version")
    if isinstance(version, str):
        fields["version"] = VERSIONS.get(version, version)
    return fields


def _quic(body: Raw, raw: Raw) -> Fields | None:
    """Return what a client's hello says; Suricata also tells of packets that bring none."""
    fields = _listed("quic")(body, raw)
    return fields if fields.keys() & {"server_name", "ja3", "ja4"} else None


def _certificate(body: Raw, raw: Raw) -> Fields | None:
    """Return the owner's certificate in Zeek's form: a serial number without colons and leading zeros."""
    if not isinstance(serial := body.get("serial"), str):
        return None
    fields = _listed("x509")(body, raw)
    fields["certificate.serial"] = serial.replace(":", "").upper().lstrip("0") or "0"
    if isinstance(fields.get("sha1"), str):
        fields["sha1"] = fields["sha1"].replace(":", "").lower()
    for name in ("certificate.not_valid_before", "certificate.not_valid_after"):
        if name in fields:
            fields[name] = at(f"{fields[name]}+00:00") / 1e6
    return {**fields, "host_cert": True}


def _flow(body: Raw, raw: Raw) -> Fields:
    fields = _listed("flow")(body, raw)
    fields["duration"] = (at(body.get("end")) - at(body.get("start"))) / 1e6
    service = raw.get("app_proto")
    if isinstance(service, str) and service not in {"failed", "unknown"}:
        fields["service"] = SERVICES.get(service, service)
    if (state := _state(raw, fields)) is not None:
        fields["conn_state"] = state
    return fields


def _state(raw: Raw, fields: Fields) -> str | None:
    """Return Zeek's name of how a flow went, from the flags that each side has sent."""
    both = bool(fields.get("resp_pkts"))
    if raw.get("proto") == "UDP":
        return "SF" if both else "S0"
    tcp = raw.get("tcp")
    if not isinstance(tcp, Mapping):
        return None
    orig, resp = (int(str(tcp.get(name, "0")), 16) for name in ("tcp_flags_ts", "tcp_flags_tc"))
    if resp & _RST:
        return "RSTR" if resp & _SYN else "REJ"
    if orig & _RST:
        return "RSTO" if both else "RSTOS0"
    if not both:
        return "S0"
    return "SF" if orig & resp & _FIN else "S1"


def _file(body: Raw, _raw: Raw) -> Fields | None:
    if not str(body.get("command", "")).endswith("_CREATE") or not isinstance(body.get("filename"), str):
        return None
    return {"action": "SMB::FILE_OPEN", "name": body["filename"], "size": body.get("size")}


def _mapping(body: Raw, _raw: Raw) -> Fields | None:
    if not isinstance(body.get("share"), str):
        return None
    return {
        "path": body["share"],
        "share_type": {"FILE": "DISK"}.get(str(body.get("share_type")), body.get("share_type")),
    }


def _ntlm(body: Raw, _raw: Raw) -> Fields | None:
    told = body.get("ntlmssp")
    if not isinstance(told, Mapping):
        return None
    names = {"username": told.get("user"), "domainname": told.get("domain"), "hostname": told.get("host")}
    return {**names, "success": body.get("status") == "STATUS_SUCCESS", "status": body.get("status")}


def _kerberos(body: Raw, raw: Raw) -> Fields | None:
    kind = str(body.get("msg_type", ""))
    if kind not in {"KRB_AS_REP", "KRB_TGS_REP", "KRB_ERROR"}:
        return None
    asked = str(body.get("failed_request") or kind)
    fields = _listed("krb5")(body, raw)
    if isinstance(fields.get("client"), str) and isinstance(body.get("realm"), str):
        fields["client"] += f"/{body['realm']}"
    return {**fields, "request_type": "TGS" if "TGS" in asked else "AS", "success": kind != "KRB_ERROR"}


def _ssh(body: Raw, raw: Raw) -> Fields:
    fields = _listed("ssh")(body, raw)
    for side in ("client", "server"):
        if isinstance(_at(body, f"{side}.software_version"), str):
            fields[side] = f"SSH-{_at(body, f'{side}.proto_version')}-{_at(body, f'{side}.software_version')}"
    return fields


def _ftp(body: Raw, raw: Raw) -> Fields:
    fields = _listed("ftp")(body, raw)
    codes = body.get("completion_code")
    if isinstance(codes, list) and codes and str(codes[-1]).isdigit():
        fields["reply_code"] = int(codes[-1])
    return fields


def _dhcp(body: Raw, raw: Raw) -> Fields:
    fields = {**_listed("dhcp")(body, raw), "msg_types": [str(body.get("dhcp_type", "")).upper()]}
    if _SERVERS.intersection(fields["msg_types"]) and raw.get("src_port") == 67:
        # EVE does not tell which server a message names; it is whoever sent it.
        fields["server_addr"] = raw.get("src_ip")
    return fields


def _alert(body: Raw, raw: Raw) -> Fields:
    ends = {"src": raw.get("src_ip"), "dst": raw.get("dest_ip"), "p": raw.get("dest_port")}
    return {"note": "Suricata::Alert", **_listed("alert")(body, raw), **ends}


_MAKERS: dict[str, tuple[tuple[str, Callable[[Raw, Raw], Fields | None]], ...]] = {
    "flow": (("conn", _flow),),
    "http": (("http", _http),),
    "tls": (("ssl", _tls), ("x509", _certificate)),
    "quic": (("ssl", _quic),),
    "smb": (("smb_files", _file), ("smb_mapping", _mapping), ("ntlm", _ntlm)),
    "krb5": (("kerberos", _kerberos),),
    "ssh": (("ssh", _ssh),),
    "ftp": (("ftp", _ftp),),
    "smtp": (("smtp", _listed("smtp")),),
    "sip": (("sip", _listed("sip")),),
    "dhcp": (("dhcp", _dhcp),),
    "alert": (("notice", _alert),),
}
