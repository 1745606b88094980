"""The agent's Windows side against wine's system libraries: DPAPI, private folders, facts, locks."""

from __future__ import annotations

import json

import pytest

from tests.wine.bed import Windows

pytestmark = pytest.mark.wine

SYSTEM = r"""
import json, os, sys, threading
from pathlib import Path
from agent.windows import dpapi, facts
from agent.windows import private
from agent.wire.sending import hostinfo
from agent.wire.sending.files import free_bytes, write_private
from agent.wire.sending.home import AGENT, AgentHome, InUse
home = AgentHome(Path(r"C:\czujka-system"))
home.create()
write_private(home.folder / "a", b"one")
write_private(home.folder / "a", b"two")
folder = Path(r"C:\\squatted")
folder.mkdir()
private.own_account, own = lambda: "S-1-5-21-1-2-3-500", private.own_account()
private.TRUSTED, trusted = frozenset({"S-1-5-18"}), private.TRUSTED
private.make_private(folder)
(folder / "agent.key").write_text("known")
try:
    private.make_private(folder)
    taken = True
except PermissionError as error:
    taken = str(error)
owner = private.owner_of(folder)
secret = dpapi.protect(b"secret")
try:
    dpapi.unprotect(b"no blob")
    refused = False
except OSError:
    refused = True
with open(home.folder / "a", "rb") as reading:
    threading.Timer(0.3, reading.close).start()
    write_private(home.folder / "a", b"three")
    waited = reading.closed
lock = home.lock()
try:
    home.lock()
    twice = True
except InUse:
    twice = False
os.close(lock)
os.close(home.lock())
print(json.dumps({
    "waited": waited, "taken": taken, "owner": owner, "own": own,
    "content": (home.folder / "a").read_bytes().decode(), "left": [p.name for p in home.folder.glob(".*")],
    "hidden": b"secret" not in secret, "back": dpapi.unprotect(secret).decode(), "refused": refused, "twice": twice,
    "free": free_bytes(home.folder), "boot": [hostinfo.boot_id(), hostinfo.boot_id()], "system": hostinfo.system(),
    "guid": facts.machine_guid(), "machine": hostinfo.machine(), "default": str(AGENT.folder),
}))
"""


def test_the_system_does_what_the_agent_asks_of_it(windows: Windows) -> None:
    done = windows.python("-c", SYSTEM)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["content"], said["left"], said["twice"]) == ("three", [], False)
    assert "is not empty" in str(said["taken"])
    assert said["owner"].startswith("S-1-5-")
    assert said["own"].startswith("S-1-5-")
    assert said["waited"], "a file that is open was replaced at once"
    assert (said["hidden"], said["back"], said["refused"]) == (True, "secret", True)
    assert said["free"] > 0
    assert said["boot"][0] == said["boot"][1]
    assert len(said["boot"][0]) == 32
    assert said["system"].startswith(("Windows ", "Microsoft Windows "))
    assert len(said["guid"]) == 36
    assert len(said["machine"]) == 64
    assert said["default"] == r"C:\ProgramData\Czujka"
