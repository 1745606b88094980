"""What a station is given: a command of one line, or a file with the package and the token inside. Pure."""

from __future__ import annotations

from hashlib import sha256

from appliance.packages.archive import Entry, zipped

DEB_NAME = "czujka-agent.deb"
_SCRIPT = """#!/bin/sh
# Czujka: instalacja agenta na tym komputerze. Plik zawiera jednorazowy kod dołączenia: nie udostępniaj go.
# sh PLIK              instaluje (jako root albo przez sudo)
# sh PLIK --extract F  tylko zapisuje paczkę w folderze F
set -eu
deb() {{ tail -n +{line} "$1" >"$2" && echo "{digest}  $2" | sha256sum -c --quiet; }}
if [ "${{1:-}}" = --extract ]; then deb "$0" "$2/{name}"; exit; fi
[ "$(id -u)" = 0 ] || exec sudo sh "$0"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
deb "$0" "$work/{name}"
install -d -m 0700 /var/lib/czujka-agent
(umask 077 && echo '{token}' >/var/lib/czujka-agent/token)
apt-get install -y "$work/{name}"
exit
"""
_FETCH = (
    "if command -v curl >/dev/null; then curl -fsSk -o $f $u; "
    "elif command -v wget >/dev/null; then wget -q --no-check-certificate -O $f $u; "
    "else python3 -c 'import ssl,sys,urllib.request as r;"
    'open(sys.argv[1],"wb").write(r.urlopen(sys.argv[2],context=ssl._create_unverified_context()).read())\' $f $u; fi'
)
"""Puts what is at `$u` into `$f` by the first of the programs that is there."""
_BATCH = """@rem Czujka - agent. Plik zawiera kod jednorazowy, nie przekazuj go dalej.
@start /wait msiexec /i "%~dp0{name}" /qb TOKEN={token}
"""


def linux_command(url: str, digest: str, token: str) -> str:
    """Return the line for a shell on Debian or Ubuntu, which need not have curl; a root's shell needs no sudo either.

    The certificate is not checked: the package is the one of the checksum, whoever sends it.
    """
    return (
        f"r=; [ $(id -u) = 0 ] || r=sudo; "
        f"f=$(mktemp --suffix=.deb) && u={url} && {_FETCH} && echo '{digest}  '$f | sha256sum -c --quiet && "
        f"$r install -d -m 0700 /var/lib/czujka-agent && "
        f"echo {token} | $r install -m 0600 /dev/stdin /var/lib/czujka-agent/token && "
        f"chmod 0644 $f && $r apt-get install -y $f"
    )


def windows_command(name: str, token: str) -> str:
    """Return the line for a command prompt of an administrator, where the MSI lies in the same folder."""
    return f"msiexec /i {name} /qn TOKEN={token}"


def linux_script(package: bytes, token: str) -> bytes:
    """Return a shell script with the package and the token inside."""
    values = {"digest": sha256(package).hexdigest(), "token": token, "name": DEB_NAME}
    line = _SCRIPT.count("\n") + 1
    return _SCRIPT.format(line=line, **values).encode() + package


def windows_zip(package: bytes, name: str, token: str) -> bytes:
    """Return a zip with the MSI and a file beside it that installs it with the token."""
    batch = _BATCH.format(name=name, token=token).replace("\n", "\r\n").encode("ascii")
    return zipped([Entry(name, package), Entry("instaluj.cmd", batch)])
