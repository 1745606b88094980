"""The agent's Windows side against wine's system libraries: DPAPI, private folders, facts, locks."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.wine.bed import Windows

pytestmark = pytest.mark.wine

SYSTEM = r"""
import ctypes, json, os, sys, threading
from pathlib import Path
from agent.sensors.windows.eventxml import mended
from agent.windows import clocks, dpapi, facts, power
from agent.windows import private
from agent.wire.sending import hostinfo
from agent.wire.sending.clockwatch import ClockWatch
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
watch, began = ClockWatch(), clocks.awake()
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
    "mended": mended(ctypes.wstring_at(ctypes.create_unicode_buffer("a\ud83d\u017c\U0001f600\x0f"))),
    "waited": waited, "taken": taken, "owner": owner, "own": own,
    "content": (home.folder / "a").read_bytes().decode(), "left": [p.name for p in home.folder.glob(".*")],
    "hidden": b"secret" not in secret, "back": dpapi.unprotect(secret).decode(), "refused": refused, "twice": twice,
    "free": free_bytes(home.folder), "boot": [hostinfo.boot_id(), hostinfo.boot_id()], "system": hostinfo.system(),
    "guid": facts.machine_guid(), "machine": hostinfo.machine(), "default": str(AGENT.folder),
    "power": [*power.power(), power.screen_kept_on()],
    "clocks": [clocks.awake(), clocks.since_boot()], "jump": watch.look(), "passed": clocks.awake() - began,
}))
"""


def test_the_system_does_what_the_agent_asks_of_it(windows: Windows) -> None:
    done = windows.python("-c", SYSTEM)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["mended"] == "a\u017c\U0001f600"
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
    awake, since_boot = said["clocks"]
    assert 0 < awake <= since_boot + 1
    assert said["jump"] == [0, 0]
    assert 0.3 <= said["passed"] < 60
    on_battery, charge, kept_on = said["power"]
    assert (on_battery, kept_on) == (False, False)
    assert charge is None or 0 <= charge <= 100
    assert said["default"] == r"C:\ProgramData\Czujka"


CERTIFICATES = r"""
import base64, ctypes, json, sys
from agent.inventory.windows import certstore
from agent.inventory.windows.native import CALLS
from agent.windows.dll import load
before = CALLS["own_certificates"]()
der = base64.b64decode(sys.argv[1])
crypt = load("crypt32.dll", certstore.CRYPT)
store = crypt.CertOpenStore(10, 0, None, 0x20000, "MY")
add = ctypes.windll.crypt32.CertAddEncodedCertificateToStore
add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]
added = add(store, 1, der, len(der), 4, None)
crypt.CertCloseStore(store, 0)
print(json.dumps({"before": before, "added": added, "after": CALLS["own_certificates"]()}))
"""


def test_the_machines_own_certificates_are_read_from_its_store(windows: Windows) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dziennik.gmina.example")])
    end = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(0x1234).not_valid_before(end - timedelta(days=9)).not_valid_after(end)
    der = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    done = windows.python("-c", CERTIFICATES, b64encode(der).decode())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["before"], bool(said["added"])) == ([], True)
    (one,) = said["after"]
    assert one == {
        "subject": "CN=dziennik.gmina.example", "issuer": "CN=dziennik.gmina.example", "serial": "1234",
        "not_after": int(end.timestamp()), "sha256": sha256(der).hexdigest(),
    }  # fmt: skip


FILES = r"""
import json, os, selectors, sys, time
from pathlib import Path
from agent.fim.ntfs import Ntfs
from agent.sensors import filerounds, host_sensors
from agent.sensors.windows.files import variables
look, folder = Ntfs().look, Path(r"C:\looked-at")
folder.mkdir()
(folder / "a").write_bytes(b"abc")
entry = look("C:/looked-at/a")
os.utime(folder / "a", ns=(0, entry.mtime))
touched = look("C:/looked-at/a", entry)
held = open(folder / "a", "rb")
(folder / "a").write_bytes(b"abd")
os.utime(folder / "a", ns=(0, entry.mtime))
stomped = look("C:/looked-at/a", touched)
import ctypes
ctypes.windll.kernel32.SetFileAttributesW(r"C:\looked-at\a", 0x3)
hidden = look("C:/looked-at/a")
ctypes.windll.kernel32.SetFileAttributesW(r"C:\looked-at\a", 0x80)
(folder / ("n" * 200)).mkdir()
long = "C:/looked-at/" + "n" * 200 + "/" + "m" * 100
Path("\\\\?\\" + long.replace("/", "\\")).write_bytes(b"x")
home = Path(r"C:\fim")
home.mkdir()
filerounds.PAUSE = 0.01
os.environ["CZUJKA_AGENT_SENSORS"] = "fim"
(sensor,) = host_sensors(home, "")
said = []
def until(action):
    end = time.monotonic() + 30
    while time.monotonic() < end and not any(one["event.action"] == action for one in said):
        if selector.select(0.02):
            sensor.read()
        said.extend(item.record for item in sensor.tick())
    return next((one for one in said if one["event.action"] == action), {})
sensor.open({})
selector = selectors.DefaultSelector()
selector.register(sensor.fileno(), selectors.EVENT_READ)
count = until("fim_baseline").get("fim.count", 0)
Path(r"C:\windows\system32\drivers\etc\hosts.ics").write_text("10.0.0.1 bank.example")
changed = until("file_created")
state = sensor.availability()
sensor.close()
print(json.dumps({
    "entry": entry, "gone": look("C:/looked-at/b"), "below": look("C:/looked-at/a/b"),
    "kind": look("C:/looked-at").kind,
    "same": touched.sha256 == entry.sha256, "stomped": stomped.sha256 != entry.sha256 and stomped.mtime == entry.mtime,
    "hidden": hidden.mode & 7, "long": look(long).size, "count": count, "changed": changed, "state": state,
    "variables": variables(),
}))
"""


def test_files_are_looked_at_and_a_change_of_a_watched_one_is_told(windows: Windows) -> None:
    done = windows.python("-c", FILES, timeout=90)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    mode, size, _, _, _, _, inode, digest, _, rights = said["entry"]
    assert (size, digest[:8], oct(mode)) == (3, "ba7816bf", "0o100000")
    assert inode
    assert rights.startswith("O:")
    assert (said["gone"], said["below"], said["kind"]) == (None, None, "dir")
    assert said["same"]
    assert said["stomped"], "a write time that was set back hid a change"
    assert (said["hidden"], said["long"]) == (3, 1)
    assert said["count"] > 100
    assert said["changed"]["file.path"].casefold() == r"c:\windows\system32\drivers\etc\hosts.ics"
    assert said["changed"]["fim.live"]
    assert said["variables"]["Profiles"].casefold() == r"c:\users"
