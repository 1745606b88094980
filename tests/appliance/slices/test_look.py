"""What tshark makes of a flow: the real program, in its confinement, on good and on hostile captures."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from appliance.home import CHECKOUT
from appliance.slices import dissect
from appliance.slices.confine import NO_SANDBOX, OPEN_FILES, OUTPUT, RIGHTS_ALONE
from appliance.slices.dissect import NOTABLE, ROWS, TEXT, VALUES, told
from appliance.slices.look import Summary, Unseen, look, standing
from tests.collector.packets import pcap

ENDS: dict[str, Any] = {"src": "10.0.0.1", "dst": "10.0.0.2"}
MAC = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other tests of this process have used its computing time, and may have taken away the loop that pyshark takes."""
    monkeypatch.setattr(dissect, "BUDGET", time.process_time() + dissect.BUDGET)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    gc.collect()  # what pyshark left open is closed with the loop
    asyncio.set_event_loop(None)
    loop.close()


def ftp(*lines: bytes) -> list[bytes]:
    found, seq = [], 1
    for line in lines:
        found.append(bytes(MAC / IP(**ENDS) / TCP(sport=40000, dport=21, flags="PA", seq=seq) / Raw(line + b"\r\n")))
        seq += len(line) + 2
    return found


def http(line: bytes) -> bytes:
    head = b"GET /" + line + b" HTTP/1.1\r\nHost: urzad.example\r\nUser-Agent: proba/1\r\n\r\n"
    return bytes(MAC / IP(**ENDS) / TCP(sport=40000, dport=80, flags="PA", seq=1) / Raw(head))


FRAMES = [
    bytes(MAC / IP(**ENDS) / UDP(sport=5000, dport=53) / DNS(id=7, qd=DNSQR(qname="urzad.example"))),
    bytes(MAC / IP(**ENDS) / TCP(sport=40000, dport=445, flags="S")),
    http(b"wejscie?login=ania&haslo=Tajne123&x=1"),
    *ftp(b"USER ania", b"PASS Tajne123"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flow.pcap"
    path.write_bytes(pcap(FRAMES))
    return path


def test_packets_protocols_fields_and_lines_are_told_without_passwords(file: Path) -> None:
    found = look(file)
    assert (found.packets, found.bytes, found.broken, found.more) == (5, sum(map(len, FRAMES)), False, False)
    assert (found.first, found.last) == (1_790_000_000_000_000, 1_790_000_004_000_028)
    assert dict(found.protocols)["ip"] == 5
    fields = {name: values for name, values, _ in found.fields}
    assert fields["dns.qry.name"] == ["urzad.example"]
    assert fields["http.host"] == ["urzad.example"]
    assert fields["ftp.request.command"] == ["USER", "PASS"]
    assert any("connection" in text.lower() for _, text, _ in found.warnings)
    assert [row[0] for row in found.rows] == ["1", "2", "3", "4", "5"]
    assert found.rows[4][2:5] == ("10.0.0.1", "10.0.0.2", "FTP")
    assert "urzad.example" in found.rows[0][6]
    whole = found.model_dump_json()
    assert "Tajne123" not in whole
    assert "haslo=***" in whole


def test_passwords_under_any_name_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "flow.pcap"
    address = b"wejscie?user%5Bpassword%5D=Tajne123&psw=Tajne123&loginpas=Tajne123&x=1"
    path.write_bytes(pcap([http(address), *ftp(b"USER ania", b"ACCT Tajne123", b"SITE PSWD Tajne123 Tajne123")]))
    whole = look(path).model_dump_json()
    assert "Tajne123" not in whole
    assert "user%5Bpassword%5D=***&psw=***&loginpas=***&x=1" in whole


def test_a_cut_file_is_told_up_to_the_cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])
    found = look(file)
    assert (found.packets, found.broken) == (4, True)


@pytest.mark.parametrize("content", [b"", b"\x0a\x0d\x0d\x0a", bytes(1000), pcap([b"", b"\xff" * 60])])
def test_what_is_no_traffic_has_a_clear_answer(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    found = look(file)
    assert found.packets <= 2
    assert {name for name, _, _ in found.fields} <= {"data.len"}


@settings(max_examples=5)
@given(st.lists(st.tuples(st.integers(24, 2000), st.integers(0, 255)), min_size=1, max_size=30))
def test_damage_ends_in_a_summary_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, hits: list[tuple[int, int]]
) -> None:
    content = bytearray(pcap(FRAMES))
    for place, value in hits:
        content[24 + place % (len(content) - 24)] = value
    path = tmp_path_factory.mktemp("hurt") / "flow.pcap"
    path.write_bytes(content)
    reason, packets = "", 0
    try:
        packets = look(path).packets
    except Unseen as error:
        reason = error.reason
    assert reason in {"", "unreadable"}
    assert packets <= len(FRAMES)


def test_only_the_first_packets_are_looked_at(file: Path) -> None:
    file.write_bytes(pcap([FRAMES[1]] * 510))
    found = look(file)
    assert (found.packets, found.more, len(found.rows)) == (500, True, 100)


def test_a_look_that_takes_too_long_ends_with_all_its_processes(file: Path) -> None:
    with pytest.raises(Unseen) as error:
        look(file, seconds=0.05)
    assert error.value.reason == "slow"
    assert not [one for one in psutil.Process().children(recursive=True) if "dissect" in " ".join(one.cmdline())]


def test_a_machine_without_tshark_is_said(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unseen) as error:
        look(file)
    assert error.value.reason == "no_tshark"


ATTEMPTS = """
confine()
found = {}
try:
    socket.create_connection(("127.0.0.1", %d), 2)
    found["network"] = True
except OSError:
    found["network"] = False
try:
    os.setuid(0)
    found["root"] = True
except OSError:
    found["root"] = False
try:
    bytearray(3 << 30)
    found["memory"] = True
except MemoryError:
    found["memory"] = False
try:
    open(%r, "rb")
    found["secret"] = True
except OSError:
    found["secret"] = False
try:
    open(%r, "a").write("y")
    found["written"] = True
except OSError:
    found["written"] = False
print(json.dumps(found), flush=True)
open("big", "wb").write(bytes(4 << 20))
"""


ANYBODY = 4242
AS_USER = (
    "import os, sys; user = %d; os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)\n"
)
"""The interpreter may lie where only root may begin it."""


def ran(program: str, folder: str = "/", *, check: bool = False) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.defpath, "HOME": folder, "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=check, timeout=60)


@pytest.mark.root
@pytest.mark.parametrize("user", [0, ANYBODY])
def test_the_confined_process_has_no_network_rights_memory_or_files(user: int) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder) / "secret"
        secret.write_text("x")
        secret.chmod(0o600)
        for place in (folder, secret):
            os.chown(place, user, user)
        imports = "import encodings.idna, json, socket; from appliance.slices.confine import confine\n"
        program = imports + AS_USER % user + ATTEMPTS % (server.getsockname()[1], str(secret), str(secret))
        done = ran(program, folder)
        assert json.loads(done.stdout) == dict.fromkeys(("network", "root", "memory", "secret", "written"), False)
        assert done.returncode != 0
        assert sorted(place.name for place in Path(folder).iterdir()) == ["secret"]


@pytest.mark.root
def test_an_ordinary_user_reads_packets_too(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "flow.pcapng"
        copy.write_bytes(file.read_bytes())
        Path(folder).chmod(0o755)
        program = f"from appliance.slices import dissect\n{AS_USER % ANYBODY}sys.exit(dissect.main([{str(copy)!r}]))"
        done = ran(program, folder, check=True)
    mine, other = Summary.model_validate_json(done.stdout), look(file)
    assert (mine.packets, mine.rows, mine.fields) == (5, other.rows, other.fields)


WHOLE, LANDLOCK, NAMESPACES = "pass", "module.restrict = lambda files: False", "module._unshared = lambda flags: False"


@pytest.mark.root
@pytest.mark.parametrize(
    ("missing", "root", "user"),
    [
        (WHOLE, 0, 0),
        (LANDLOCK, RIGHTS_ALONE, OPEN_FILES),
        (NAMESPACES, NO_SANDBOX, NO_SANDBOX),
        (f"{LANDLOCK}; {NAMESPACES}", NO_SANDBOX, OPEN_FILES),
    ],
)
def test_what_the_system_lacks_is_said_to_root_and_to_a_user(missing: str, root: int, user: int) -> None:
    program = f"from appliance.slices import confine as module; {missing}\n%ssys.exit(module.main())"
    assert [ran(program % (AS_USER % one)).returncode for one in (0, ANYBODY)] == [root, user]


def test_the_box_knows_what_its_confinement_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert standing() == ""
    start = subprocess.Popen
    for code, word in ((NO_SANDBOX, "no_sandbox"), (OPEN_FILES, "open_files"), (RIGHTS_ALONE, "rights_alone")):

        def other(_command: Sequence[str], code: int = code, **how: Any) -> subprocess.Popen[bytes]:
            return start([sys.executable, "-c", f"import sys; sys.exit({code})"], **how)

        monkeypatch.setattr(subprocess, "Popen", other)
        assert standing() == word
    monkeypatch.setattr(subprocess, "Popen", lambda _command, **how: start([sys.executable, "-c", "1 / 0"], **how))
    with pytest.raises(Unseen):
        standing()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert standing() == ""


@pytest.mark.parametrize(
    "change",
    [{"packets": -1}, {"rows": [["1"] * 6]}, {"rows": [["1"] * 7] * 101}, {"protocols": [["x" * 201, 1]]}, {"more": []},
     {"html": "<script>"}, {"fields": [["a", ["b"] * 6, 0]]}, {"first": "now"}],
)  # fmt: skip
def test_what_comes_back_is_not_believed(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"packets": 1, "bytes": 60, "first": None, "last": None, "more": False, "broken": False}
    good |= {"protocols": [["ip", 1]], "fields": [["dns.a", ["10.0.0.1"], 0]], "warnings": [], "rows": [["1"] * 7]}
    assert Summary.model_validate_json(json.dumps(good)).packets == 1
    with pytest.raises(ValidationError):
        Summary.model_validate_json(json.dumps({**good, **change}))


@pytest.mark.parametrize(
    "program", [["-c", "import sys; sys.exit(3)"], ["-c", "print('{}')"], ["-c", "print('[' * 9**5)"]]
)
def test_strange_answers_have_their_reason(file: Path, program: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def other(_command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
        return start([sys.executable, *program], **how)

    monkeypatch.setattr(subprocess, "Popen", other)
    with pytest.raises(Unseen) as error:
        look(file)
    assert error.value.reason == ("no_sandbox" if "exit(3)" in program[1] else "unreadable")


def test_the_summary_fits_its_bounds_whatever_the_packets_say(tmp_path: Path) -> None:
    names = [DNSQR(qname=f"{'a' * 60}.{number}.{'b' * 60}.{'c' * 60}.example") for number in range(100)]
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap([bytes(MAC / IP(**ENDS) / UDP(sport=5000, dport=53) / DNS(qd=name)) for name in names]))
    made = told(str(path))
    assert len(json.dumps(made)) < 1 << 19
    assert Summary.model_validate_json(json.dumps(made)).fields[0][2] == 95


def test_a_file_that_takes_much_computing_is_told_as_far_as_it_went(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dissect, "BUDGET", 0.0)
    made = told(str(file))
    assert (made["packets"], made["more"], len(made["rows"])) == (0, True, 5)


def test_the_longest_summary_fits_into_what_the_process_may_write() -> None:
    text = "\U0001f600" * TEXT
    longest = {
        "protocols": [[text, 1 << 40]] * 30, "fields": [[name, [text] * VALUES, 1 << 40] for name in NOTABLE],
        "warnings": [[text, text, 1 << 40]] * 20, "rows": [[text] * 7] * ROWS,
        "packets": 1 << 40, "bytes": 1 << 40, "first": 1 << 62, "last": 1 << 62, "more": True, "broken": True,
    }  # fmt: skip
    written = json.dumps(longest, ensure_ascii=False).encode()
    assert len(written) < OUTPUT
    assert Summary.model_validate_json(written).rows[-1][-1] == text
