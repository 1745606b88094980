"""A Linux station under a real agent as root, and a real box: files, sign-ins, rights and programs, to the alerts.

What happens to /etc happens in a mount namespace with a copy of it; audit and files are those of this kernel.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sensors import auditnetlink as netlink
from agent.sensors.auditstate import alive
from tests.agent.auditd import program as auditd_program
from tests.agent.auditd import running
from tests.e2e.box import Box, wait_for
from tests.e2e.station import Station

pytestmark = pytest.mark.root
SETUP = """
cp -a /etc "$1" && mount -t tmpfs tmpfs /etc && cp -a "$1/." /etc
mkdir -p /etc/ssh && touch /etc/ssh/sshd_config && echo ready && exec sleep 600
"""
SETTINGS = "/etc/ssh/sshd_config"
SIGN_INS = (
    ("sshd", "Accepted password for root from 203.0.113.45 port 51234 ssh2"),
    ("sshd", "PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=anna"),
    ("sudo", "anna : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/anna ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow"),
)
OF_SIGN_INS = {
    "Root Signed In over SSH",
    "SSH Connection Cut after Too Many Wrong Passwords",
    "Sudo Refused: Account or Command Not Allowed",
}
OF_FILES = {"SSH Server Settings Changed"}
OF_RIGHTS = {"Account Added to an Administrative Linux Group", "Set-User-ID Bit Given to a Program"}
OF_PROGRAMS = {"Base64-Decoded Text Piped into a Shell"}


def holder_of_audit() -> int:
    control = netlink.Control()
    try:
        return control.status().pid
    finally:
        control.close()


@pytest.fixture
def audit_is_free() -> None:
    """Another agent or daemon on this machine holds the audit: this test cannot be alone with it."""
    holder = holder_of_audit()
    if holder and alive(holder):
        pytest.skip(f"the audit of this kernel belongs to process {holder}")


class Desk(Station):
    """A station in a mount namespace of its own, with the sensors that need root."""

    def __init__(self, box: Box, folder: Path, name: str) -> None:
        super().__init__(box, folder, name)
        self.environment["CZUJKA_AGENT_SENSORS"] = "audit,fim,logfile"
        self._space = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", SETUP, "sh", str(folder / "etc")],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._space.stdout is not None
        assert self._space.stdout.readline() == b"ready\n"
        self.prefix = ["nsenter", "-t", str(self._space.pid), "-r", "-m"]

    def watches(self) -> None:
        agent_id = self.begin()
        wait_for(
            "the sensors", lambda: {"audit", "logfile", "fim"} <= {
                one["name"] for one in self.told(agent_id)["sensors"] if one["state"] != "off"
            }, 30,
        )  # fmt: skip

    def does(self, *command: str) -> None:
        """Run a program there."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr

    def signs(self) -> None:
        """Write what sshd, PAM and sudo write of sign-ins."""
        stamp = time.strftime("%b %e %H:%M:%S")
        with (self.logs / "auth.log").open("a") as log:
            log.writelines(f"{stamp} {self.name} {program}[77]: {text}\n" for program, text in SIGN_INS)

    def alerted(self) -> set[str]:
        return {alert["title"] for alert in self.box.get("alerts", limit=200)["items"]}

    def leave(self) -> None:
        self.end()
        self._space.kill()
        self._space.wait(10)
        assert self._space.stdout is not None
        self._space.stdout.close()


@pytest.fixture
def desk(box: Box, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(box, tmp_path, "desk")
    yield made
    made.leave()


@pytest.mark.usefixtures("audit_is_free")
def test_files_sign_ins_and_rights_become_alerts(desk: Desk, tmp_path: Path) -> None:
    desk.watches()
    desk.signs()
    desk.does("sh", "-c", f"echo 'PermitRootLogin yes' >> {SETTINGS}")
    desk.does("usermod", "-aG", "sudo", "nobody")
    shutil.copy("/bin/true", tmp_path / "shell")
    desk.does("chmod", "u+s", str(tmp_path / "shell"))
    wait_for("the alerts", lambda: desk.alerted() >= OF_SIGN_INS | OF_FILES | OF_RIGHTS, 30)
    told = f'event.module:czujka.fim AND file.path:"{SETTINGS}"'
    wait_for("the word of the file monitor", lambda: desk.box.get("events/count", q=told)["count"])
    assert desk.stop() == 0


@pytest.mark.usefixtures("audit_is_free")
def test_programs_become_alerts_beside_a_living_audit_daemon(desk: Desk, tmp_path: Path) -> None:
    if auditd_program() is None:
        pytest.skip("auditd is not installed")
    with running(tmp_path / "auditd", flush="none", freq=0) as daemon:
        desk.watches()
        assert not desk.alerted() & OF_PROGRAMS
        desk.does("sh", "-c", "echo aWQK | base64 -d | sh")
        wait_for("the alert", lambda: desk.alerted() >= OF_PROGRAMS, 30)
        assert holder_of_audit() == daemon
        assert desk.stop() == 0
