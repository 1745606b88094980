"""The table of audit rules, the kernel's form of it, and what is left out of what it brings."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest

from agent.sensors import auditrules
from agent.sensors.auditcalls import CALLS, numbers, syscall_name
from agent.sensors.auditevents import Completion
from agent.sensors.auditrepeats import MAX_KNOWN, WINDOW, Repeats, within_host
from agent.sensors.processes import Processes, Users
from agent.wire.event import Record


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("etc/cron.d", "root", "elsewhere", "proc"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "root/.ssh").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "proc/sysrq-trigger").touch()
    return tmp_path


def strings(rule: bytes) -> bytes:
    return rule[1040:]


def test_only_what_is_there_has_a_rule_and_links_are_not_followed(root: Path) -> None:
    watched = [strings(rule) for rule in auditrules.rules("x86_64", "6.1.0", root) if b"czujka_files" in rule]
    assert watched == [b"/etcczujka_files", b"/proc/sysrq-triggerczujka_files"]


def test_every_call_pays_for_every_rule_so_that_there_are_few(root: Path) -> None:
    assert len(auditrules.rules("x86_64", "6.1.0", root)) <= 20


@pytest.mark.parametrize(
    ("path", "is_watched"),
    [
        ("/etc/passwd", True),
        ("/etc/passwd-", False),
        ("/etc/cron.d", True),
        ("/etc/cron.d/x", True),
        ("/etc/cron.dx", False),
        ("/etc/cups/x", False),
        ("/etc/cups/../passwd", True),
        ("/proc/self/" + "root/etc/cups/x", True),
        ("/root/.ssh/x", True),
        ("x", True),
    ],
)
def test_of_what_the_kernel_reports_only_paths_that_surely_are_others_are_left_out(path: str, is_watched: bool) -> None:
    assert auditrules.watched(path) is is_watched


def test_program_starts_come_first_for_both_word_sizes(root: Path) -> None:
    rules = auditrules.rules("aarch64", "6.1.0", root)
    assert [strings(rule) for rule in rules[: auditrules.required("aarch64")]] == [b"czujka", b"czujka"]
    assert auditrules.rules("riscv64", "6.1.0", root) == []
    assert auditrules.required("riscv64") == 0


@pytest.mark.parametrize(("release", "field"), [("5.2.0", 202), ("5.3.0-1-amd64", 113), ("6.18.44-fc", 113)])
def test_older_kernels_tell_connections_by_the_length_of_the_address(release: str, field: int, root: Path) -> None:
    rules = [rule for rule in auditrules.rules("x86_64", release, root) if b"czujka_net" in rule]
    assert len(rules) == 4
    assert {int.from_bytes(rule[12 + 256 + 4 : 12 + 256 + 8], "little") for rule in rules} == {field}


def test_own_rules_are_known_by_their_first_key_alone(root: Path) -> None:
    assert all(map(auditrules.is_ours, auditrules.rules("x86_64", "6.1.0", root)))
    for key in ("admin", "czujka2", "admin\x01czujka"):
        assert not auditrules.is_ours(auditrules.pack((59,), ((210, 0x40000000, key),)))
    assert not auditrules.is_ours(auditrules.pack((59,), ((11, 0x40000000, 1),)))
    assert not auditrules.is_ours(b"short")


def test_netlinks_padding_is_no_part_of_a_rule(root: Path) -> None:
    rule = auditrules.rules("x86_64", "6.1.0", root)[0]
    assert auditrules.trimmed(rule + b"\0\0") == rule
    assert auditrules.trimmed(b"short") == b"short"


def test_every_watch_says_why_and_no_folder_is_named_twice() -> None:
    for table in (auditrules.FILES, auditrules.FOLDERS):
        assert all(path.startswith("/") and why and not path.endswith("/") for path, why in table.items())
    assert not any(file.startswith(f"{folder}/") for file in auditrules.FILES for folder in auditrules.FOLDERS)
    assert all(any(f"{folder}/".startswith(f"{tree}/") for tree in auditrules.TREES) for folder in auditrules.FOLDERS)


def test_calls_have_names_and_numbers() -> None:
    assert numbers("x86_64", ("memfd_create", "chown32")) == (319,)
    assert numbers("arm", ("connect",)) == (283,)
    assert syscall_name("aarch64", "117") == "ptrace"
    assert syscall_name("x86_64", "9999") == "9999"
    assert syscall_name("x86_64", "x" * 50) == "x" * 32
    assert all(re.fullmatch(r"[a-z0-9_]+", name) and any(row) for name, row in CALLS.items())


def call(name: str, at: int = 0, **fields: str | int) -> Record:
    key = "czujka_net,network_connect_4" if name == "connect" else "czujka_calls"
    values = {name.replace("__", "."): value for name, value in fields.items()}
    return {
        "audit.type": "SYSCALL",
        "audit.key": key,
        "audit.syscall": name,
        "@timestamp": at,
        "process.pid": 7,
        **values,
    }


def connect(ip: str, port: int = 443, at: int = 0) -> Record:
    return call("connect", at, destination__ip=ip, destination__port=port)


def test_the_same_of_one_process_within_a_minute_is_told_once() -> None:
    repeats = Repeats()
    assert [repeats.skip(connect("192.0.2.1", at=at)) for at in (0, WINDOW - 1, WINDOW)] == [False, True, False]
    assert not repeats.skip(connect("192.0.2.1", 80))
    assert not repeats.skip(connect("192.0.2.2"))
    assert not repeats.skip({**connect("192.0.2.1"), "process.pid": 8})
    assert not repeats.skip(call("ptrace", audit__syscall__a1="64"))
    assert not repeats.skip(call("ptrace", audit__syscall__a1="65"))
    assert repeats.skip(call("ptrace", audit__syscall__a1="65"))


def test_a_clock_set_back_hides_nothing() -> None:
    repeats = Repeats()
    assert not repeats.skip(connect("192.0.2.1", at=WINDOW))
    assert not repeats.skip(connect("192.0.2.1", at=0))


def raw_connect(saddr: str, key: str = "czujka_net\x01network_connect_4") -> list[tuple[int, bytes]]:
    written = f'"{key}"' if key.isalnum() else key.encode().hex().upper()
    return [(1300, b"syscall=42 key=" + written.encode()), (1306, b"saddr=" + saddr.encode())]


@pytest.mark.parametrize(
    ("ip", "within"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("0.0.0.0", True), ("::1", True), ("::", True),
        ("::ffff:127.0.0.1", True), ("::ffff:0.0.0.0", True), ("192.0.2.1", False), ("1.127.0.0", False),
        ("::2", False), ("::ffff:192.0.2.1", False), ("2001:db8::1", False), ("::7f00:1", False),
    ],
)  # fmt: skip
def test_connections_within_the_host_are_left_out(ip: str, within: bool) -> None:
    for port in (443, 0):
        saddr = sockaddr(ip, port)
        assert within_host(raw_connect(saddr)) is (within or port == 0)
        assert not within_host(raw_connect(saddr, "admin"))


@pytest.mark.parametrize("saddr", ["0100", "01002F6465762F6C6F6700", "0200", "0A0001BB00", "?", ""])
def test_what_has_no_address_of_another_host_is_left_out_of_our_own_rules_only(saddr: str) -> None:
    assert within_host(raw_connect(saddr))
    assert within_host(raw_connect(saddr)[:1])
    assert not within_host(raw_connect(saddr, "admin"))


def test_a_connection_within_the_host_gives_no_reading() -> None:
    completion = Completion("boot", 1, Processes(), Users())
    stamp = b"audit(1795306202.426:9): "
    for ip, told in (("127.0.0.1", False), ("192.0.2.1", True)):
        raw = [(kind, stamp + data) for kind, data in raw_connect(sockaddr(ip, 80))]
        assert (completion.reading(raw) is not None) is told


def sockaddr(ip: str, port: int) -> str:
    """Return the address as the kernel's record writes it."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    flow = bytes(4) if family == socket.AF_INET6 else b""
    data = family.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big") + flow + socket.inet_pton(family, ip)
    return data.hex().upper() + "00000000"


def test_rare_calls_and_files_are_told_each_time() -> None:
    repeats = Repeats()
    written: Record = {**call("openat"), "audit.key": "czujka_files", "file.path": ["/etc/", "/etc/passwd"]}
    for record in (call("finit_module"), call("mknodat"), written, {**call("fchmod"), "audit.key": "czujka_files"}):
        assert not repeats.skip(record)
        assert not repeats.skip(record)


def test_files_that_nobody_watches_are_left_out() -> None:
    record: Record = {**call("openat"), "audit.key": "czujka_files", "file.path": ["/etc/", "/etc/ld.so.cache~"]}
    assert Repeats().skip(record)
    assert not Repeats().skip({**record, "audit.key": "admin"})


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats()
    for port in range(1, MAX_KNOWN + 2):
        assert not repeats.skip(connect("192.0.2.1", port))
    assert not repeats.skip(connect("192.0.2.1", 1))
    assert repeats.skip(connect("192.0.2.1", MAX_KNOWN))
