"""The kernel's records, as a 6.18 kernel really sent them, to one event."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sensors.auditevents import MAX_LATE, MAX_LINES, MAX_PENDING, Completion, Grouping, Unseen
from agent.sensors.auditrecords import (
    MAX_ARG,
    MAX_ARGS,
    MAX_COMMAND,
    Line,
    arguments,
    merge,
    parse_line,
    parse_lines,
    serial_of,
    stamp,
)
from agent.sensors.processes import Process, Processes, Users
from agent.wire.envelope import encode_record
from agent.wire.sending.sensor import Reading

STAMP = b"audit(1795306202.426:9): "
SYSCALL = (
    b"arch=c000003e syscall=59 success=yes exit=0 a0=555b23538c00 a1=555b2353b1c0 a2=555b2353b1e8 a3=8 items=2 "
    b"ppid=10002 pid=10006 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "
    b'ses=4294967295 comm="true" exe="/usr/bin/true" key="czujka"'
)
EXEC = [
    (1300, STAMP + SYSCALL),
    (1309, STAMP + b'argc=3 a0="/bin/true" a1=612062 a2=7A61C5BCC3B3C582C487'),
    (1307, STAMP + b'cwd="/tmp"'),
    (
        1302,
        STAMP + b'item=0 name="/bin/true" inode=247849 dev=fe:00 mode=0100755 ouid=0 ogid=0 nametype=NORMAL cap_fp=0',
    ),
    (1302, STAMP + b'item=1 name="lib/ld.so" inode=325835 nametype=NORMAL'),
    (1327, STAMP + b"proctitle=2F62696E2F7472756500612062"),
]


def lines(raw: list[tuple[int, bytes]]) -> list[Line]:
    return [line for kind, data in raw if (line := parse_line(kind, data)) is not None]


def test_a_program_start() -> None:
    record = merge(lines(EXEC))
    assert record is not None
    assert record["audit.type"] == "EXECVE"
    assert record["@timestamp"] == 1795306202426000
    assert record["audit.serial"] == 9
    assert record["process.args"] == ["/bin/true", "a b", "zażółć"]
    assert record["process.command_line"] == "/bin/true a b zażółć"
    assert (record["process.pid"], record["process.parent.pid"]) == (10006, 10002)
    assert record["process.executable"] == "/usr/bin/true"
    assert record["process.working_directory"] == "/tmp"
    assert record["file.path"] == ["/bin/true", "/tmp/lib/ld.so"]
    assert record["audit.syscall"] == "execve"
    assert record["audit.success"] is True
    assert record["user.id"] == "0"
    assert record["audit.key"] == "czujka"
    assert "audit.auid" not in record
    assert "audit.tty" not in record
    assert "audit.syscall.a0" not in record


def test_a_call_that_starts_no_program_keeps_its_registers() -> None:
    record = merge(lines([EXEC[0]]))
    assert record is not None
    assert record["audit.type"] == "SYSCALL"
    assert record["audit.syscall.a3"] == "8"


CONNECT = STAMP + (
    b"arch=c000003e syscall=42 success=no exit=-115 a0=3 a1=7ffd a2=10 a3=0 items=0 ppid=1 pid=9 auid=1000 uid=0 gid=0 "
    b'euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4 comm="nc" exe="/usr/bin/nc" '
    b"key=637A756A6B615F6E6574016E6574776F726B5F636F6E6E6563745F34"
)


@pytest.mark.parametrize(
    ("address", "destination"),
    [
        (b"02000050C00002010000000000000000", ("192.0.2.1", 80)),
        (b"0A0001BB0000000020010DB800000000000000000000000100000000", ("2001:db8::1", 443)),
        (b"0A0001BB0000000000000000000000000000FFFFC000020100000000", ("192.0.2.1", 443)),
        (b"01002F6465762F6C6F6700", None),
        (b"0200", None),
        (b"0A0001BB00", None),
        (b"02000050C0000201000000000000000", None),
        (b"?", None),
    ],
)
def test_a_connection_has_its_destination(address: bytes, destination: tuple[str, int] | None) -> None:
    record = merge(lines([(1300, CONNECT), (1306, STAMP + b"saddr=" + address)]))
    assert record is not None
    found = (record["destination.ip"], record["destination.port"]) if "destination.ip" in record else None
    assert found == destination
    assert record["audit.key"] == "czujka_net,network_connect_4"


def test_what_was_typed_at_a_terminal_is_left_out() -> None:
    for kind in (1319, 1124):
        record = merge(lines([(kind, STAMP + b'pid=9 uid=0 auid=1000 ses=4 comm="bash" data=68756E746572320D')]))
        assert record is not None
        assert "hunter2" not in str(record)
        assert "audit.data" not in record


def test_the_records_of_an_event_share_their_stamp() -> None:
    assert parse_lines(EXEC) == lines(EXEC)
    other = (1302, EXEC[3][1].replace(b":9)", b":10)"))
    odd = (1302, STAMP.rstrip() + b"name=x")
    for raw in ([EXEC[0], other, EXEC[4]], [odd, EXEC[0], odd], [(1300, b"no stamp"), *EXEC], []):
        assert parse_lines(raw) == lines(raw)


def test_a_log_in_of_user_space() -> None:
    text = (
        b"audit(1364481363.243:24287): pid=6280 uid=1000 auid=500 ses=1 "
        b'msg=\'op=PAM:authentication acct="root" exe="/usr/bin/su" hostname=? addr=10.1.2.3 '
        b"terminal=pts/0 res=failed'\0"
    )
    record = merge(lines([(1100, text)]))
    assert record is not None
    assert record["audit.type"] == "USER_AUTH"
    assert record["audit.acct"] == "root"
    assert record["audit.res"] == "failed"
    assert record["source.address"] == "10.1.2.3"
    assert record["audit.auid"] == "500"
    assert record["process.executable"] == "/usr/bin/su"


def test_an_unknown_kind_is_still_named() -> None:
    record = merge(lines([(1999, STAMP + b"x=1")]))
    assert record is not None
    assert record["audit.type"] == "UNKNOWN[1999]"
    assert record["audit.x"] == "1"


def test_a_long_argument_arrives_in_parts() -> None:
    part = b"78" * 3000
    raw = [
        (1309, STAMP + b'argc=2 a0="/bin/x" a1_len=12000 a1[0]=' + part),
        (1309, STAMP + b" a1[1]=" + part),
        (1309, STAMP + b" a1[2]=" + part),
    ]
    args, cut = arguments(lines(raw))
    assert args == ["/bin/x", "x" * MAX_ARG]
    assert cut
    args, cut = arguments(lines(raw[:2]))
    assert args == ["/bin/x", "x" * 6000]
    assert not cut


def test_many_arguments_are_bounded() -> None:
    many = b" ".join(b'a%d="y"' % number for number in range(MAX_ARGS + 50))
    args, cut = arguments(lines([(1309, STAMP + many)]))
    assert len(args) == MAX_ARGS
    assert cut
    wide = [(1309, STAMP + b"a%d=" % number + b"79" * 4000) for number in range(20)]
    args, cut = arguments(lines(wide))
    assert sum(map(len, args)) == MAX_COMMAND
    assert cut


def test_a_secret_is_replaced() -> None:
    raw = [(1300, STAMP + SYSCALL), (1309, STAMP + b'argc=2 a0="tool" a1="--password=Tajne1"')]
    record = merge(lines(raw))
    assert record is not None
    assert "Tajne1" not in json.dumps(record)


def test_invalid_utf8_stays_visible() -> None:
    args, _ = arguments(lines([(1309, STAMP + b'a0="x" a1=FF0041')]))
    assert args[1] == "\\xff\0A"


@pytest.mark.parametrize("data", [b"", b"audit(", b"audit(1:2): x=1", b"\0" * 64, b"audit(1.000:)", b"x" * 9000])
def test_what_has_no_stamp_is_nothing(data: bytes) -> None:
    assert parse_line(1300, data) is None


@given(st.lists(st.tuples(st.integers(1000, 2500), st.binary(max_size=300)), max_size=8))
def test_any_bytes_give_a_record_or_nothing(raw: list[tuple[int, bytes]]) -> None:
    record = merge(lines([(kind, STAMP + data) for kind, data in raw]))
    if record is not None:
        assert json.loads(encode_record(record))["event.module"] == "linux.audit"
        assert len(record) <= 80


@given(st.binary(max_size=200))
def test_any_bytes_have_a_stamp_or_none(data: bytes) -> None:
    assert stamp(data) == b"" or data.startswith(b"audit(")


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


@given(st.lists(FIELD, min_size=1, max_size=20))
def test_arguments_survive_the_kernels_form(args: list[str]) -> None:
    text = b"argc=%d" % len(args)
    for number, arg in enumerate(args):
        data = arg.encode()
        plain = all(0x21 <= byte < 0x7F and byte != 0x22 for byte in data)
        text += b" a%d=" % number + (b'"' + data + b'"' if plain else data.hex().upper().encode())
    assert arguments(lines([(1309, STAMP + text)])) == (args, False)


def test_records_of_two_events_may_mix() -> None:
    grouping = Grouping()
    other = [(kind, data.replace(b":9)", b":10)")) for kind, data in EXEC]
    for pair in zip(EXEC, other, strict=True):
        for kind, data in pair:
            assert grouping.feed(kind, data, 0.0) is None
    assert grouping.feed(1320, b"audit(1795306202.426:10): ", 0.0) == other
    assert grouping.feed(1320, STAMP, 0.0) == EXEC
    assert grouping.feed(1320, STAMP, 0.0) is None


def test_an_event_without_end_expires() -> None:
    grouping = Grouping()
    grouping.feed(*EXEC[0], now=1.0)
    assert grouping.expire(2.0) == []
    assert grouping.expire(3.0) == [[EXEC[0]]]
    assert len(grouping) == 0


def test_an_event_whose_records_come_slowly_is_not_cut() -> None:
    """Beside a daemon that is slow to take its copy, the kernel waits up to half a second for each record."""
    grouping = Grouping()
    for number, (kind, data) in enumerate(EXEC):
        assert grouping.feed(kind, data, number * 1.5) is None
        assert grouping.expire(number * 1.5 + 1.4) == []
    assert grouping.feed(1320, STAMP, len(EXEC) * 1.5) == EXEC


def test_what_comes_of_an_event_that_was_given_up_is_told_and_no_second_event() -> None:
    grouping = Grouping()
    grouping.feed(*EXEC[0], now=1.0)
    assert grouping.expire(3.0) == [[EXEC[0]]]
    for kind, data in EXEC[1:]:
        assert grouping.feed(kind, data, 4.0) is None
    assert grouping.feed(1320, STAMP, 4.0) is None
    assert (len(grouping), grouping.expire(9.0), grouping.dropped) == (0, [], 1)
    for number in range(MAX_LATE + 5):
        grouping.feed(1300, b"audit(1.000:%d): x=1" % number, 10.0)
        grouping.expire(20.0)
    assert len(grouping.late) == MAX_LATE


def test_open_events_and_their_records_are_bounded() -> None:
    grouping = Grouping()
    for number in range(MAX_PENDING + 5):
        grouping.feed(1300, b"audit(1.000:%d): x=1" % number, 0.0)
    assert len(grouping) == MAX_PENDING
    assert grouping.dropped == 5
    for _ in range(MAX_LINES * 2):
        grouping.feed(1309, STAMP + b"a0=1", 0.0)
    found = grouping.feed(1320, STAMP, 0.0)
    assert found is not None
    assert len(found) == MAX_LINES


def completed(raw: list[tuple[int, bytes]], own_pid: int = 1, quiet: int = 0) -> Reading | None:
    processes = Processes()
    processes.add(10002, Process("/usr/sbin/apache2", "apache2 -k start", 1))
    completion = Completion("boot", own_pid, processes, Users())
    completion.quiet_until = quiet
    return completion.reading(raw)


def test_parent_and_user_are_named() -> None:
    reading = completed(EXEC)
    assert reading is not None
    assert reading.record is not None
    assert reading.record["process.parent.executable"] == "/usr/sbin/apache2"
    assert reading.record["process.parent.command_line"] == "apache2 -k start"
    assert reading.record["user.name"] == "root"
    again = completed(EXEC)
    assert again is not None
    assert again.record is not None
    assert again.record["event.id"] == reading.record["event.id"]


def test_the_agents_own_children_are_not_reported() -> None:
    assert completed(EXEC, own_pid=10002) is None


def test_own_changes_of_the_settings_are_not_reported_but_others_are() -> None:
    change = [(1305, STAMP + b"op=set audit_enabled=0 old=1 auid=0 ses=3 res=1")]
    assert completed(change, quiet=1795306202426000) is None
    reading = completed(change)
    assert reading is not None
    assert reading.record is not None
    assert reading.record["audit.type"] == "CONFIG_CHANGE"


def test_events_whose_serials_never_came_are_counted_once() -> None:
    unseen = Unseen()
    assert unseen.fresh() == 0
    for serial in (10, 11, 15, 13, 9):  # 9 was under way before, 13 comes late
        unseen.saw(serial)
    assert (unseen.fresh(), unseen.fresh()) == (2, 0)
    unseen.saw(12)
    unseen.saw(16)
    assert unseen.fresh() == 0
    unseen.saw(19)
    assert unseen.fresh() == 1
    unseen.saw(3)
    unseen.saw(3_000_000_000)
    unseen.saw(5)
    unseen.saw(7)
    assert unseen.fresh() == 1


@pytest.mark.parametrize(
    ("name", "serial"), [(b"1.000:7", 7), (b"1.000:", 0), (b"", 0), (b"1:x", 0), (b"1:" + b"9" * 30, 0)]
)
def test_the_serial_of_a_stamp(name: bytes, serial: int) -> None:
    assert serial_of(name) == serial
