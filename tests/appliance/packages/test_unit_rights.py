"""What the units' capabilities are enough for: reading the rules of the firewall asks the kernel for CAP_NET_ADMIN."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from appliance.packages import deb

pytestmark = pytest.mark.root
#: A dump of nf_tables' tables, as `nft list` begins; prints the error's number of the kernel's answer, 0 for none.
ASK = """
import socket, struct
GET_TABLES, DUMP = 10 << 8 | 1, 0x301
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as kernel:
    kernel.send(struct.pack("=IHHIIBBH", 20, GET_TABLES, DUMP, 1, 0, 0, 0, 0))
    answer = kernel.recv(65536)
kind = struct.unpack_from("=H", answer, 4)[0]
print(-struct.unpack_from("=i", answer, 16)[0] if kind == 2 else 0)
"""


def under(unit: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program as root with a unit's capabilities and no others, in a network of its own."""
    found = re.search(r"^CapabilityBoundingSet=(.+)$", deb.units()[unit], re.MULTILINE)
    assert found
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in found[1].split())
    confined = ["unshare", "--net", "setpriv", "--bounding-set", f"-all,{kept}", "--inh-caps", "-all", "--no-new-privs"]
    return subprocess.run([*confined, *command], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("unit", [deb.UNIT, deb.FIM_UNIT])
def test_the_units_may_read_the_rules_of_the_firewall(unit: str) -> None:
    done = under(unit, sys.executable, "-I", "-c", ASK)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr
    if shutil.which("nft", path="/usr/sbin:/usr/bin"):
        listed = under(unit, "nft", "--json", "list", "ruleset")
        assert listed.returncode == 0, listed.stderr


def test_without_the_capability_the_kernel_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    units = {name: text.replace(" CAP_NET_ADMIN", "") for name, text in deb.units().items()}
    monkeypatch.setattr(deb, "units", lambda: units)
    assert under(deb.UNIT, sys.executable, "-I", "-c", ASK).stdout.strip() == "1"
