"""The short way for a program's start gives what the general way gives, or nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sensors.auditrecords import MAX_ARG, MAX_ARGS, Raw, merge, parse_lines
from agent.sensors.auditstarts import usual_start

STAMP = b"audit(1795306202.426:9): "


def started(call: str, command: str = 'argc=1 a0="/bin/x"', *others: tuple[int, str]) -> list[Raw]:
    """Return an event's records as the kernel sends them: its system call, its command, and others."""
    texts = [(1300, call), (1309, command), *(others or [(1307, 'cwd="/tmp"')])]
    return [(kind, STAMP + text.encode("utf-8", "surrogateescape")) for kind, text in texts]


def call(tail: str = 'comm="x" exe="/usr/bin/x" key="czujka"', ids: str = "0", tty: str = "(none)") -> str:
    return (
        f"arch=c000003e syscall=59 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 ppid=1 pid=2 auid={ids} uid={ids} "
        f"gid=0 euid={ids} suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty={tty} ses={ids} {tail}"
    )


PATH = 'item=0 name="/bin/x" inode=7 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0'
WORD = st.text("abcdefXYZ0123456789_", min_size=1, max_size=12)
QUOTED = WORD.map(lambda text: f'"/{text}"')
HEXED = st.text(min_size=1, max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass").hex().upper())
STRING = st.one_of(QUOTED, HEXED, st.just("(null)"))
NUMBER = st.one_of(st.integers(0, 4294967295), st.just(4294967295))


@given(
    st.tuples(*[NUMBER] * 5), st.one_of(WORD, st.just("(none)")), STRING, st.one_of(QUOTED, HEXED),
    st.one_of(st.just(""), WORD.map(lambda text: f" subj={text}")),
    st.sampled_from(["c000003e", "c00000b7", "40000003", "dead"]), STRING,
    st.lists(st.one_of(QUOTED, HEXED, st.just('"--password=Tajne1"')), max_size=5), STRING,
    st.lists(st.tuples(STRING, st.sampled_from(["NORMAL", "PARENT"]), st.booleans()), max_size=3),
)  # fmt: skip
def test_the_usual_start_reads_as_in_the_general_way(
    ids: tuple[int, ...], tty: str, comm: str, exe: str, subject: str, arch: str, key: str, args: list[str], cwd: str,
    paths: list[tuple[str, str, bool]],
) -> None:  # fmt: skip
    text = (
        f"arch={arch} syscall=59 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 ppid={ids[0]} pid={ids[1]} "
        f"auid={ids[2]} uid={ids[3]} gid=0 euid={ids[3]} suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty={tty} ses={ids[4]} "
        f"comm={comm} exe={exe}{subject} key={key}"
    )
    command = f"argc={len(args)}" + "".join(f" a{number}={arg}" for number, arg in enumerate(args))
    others = [(1307, f"cwd={cwd}")]
    for number, (name, nametype, labelled) in enumerate(paths):
        label = " obj=system_u:object_r:bin_t:s0" if labelled else ""
        where = f"inode=7 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00{label}"
        others.append((1302, f"item={number} name={name} {where} nametype={nametype} cap_fp=0"))
    raw = started(text, command, *others, (1327, "proctitle=2F62696E"))
    usual = usual_start(raw)
    assert usual == merge(parse_lines(raw)) or (usual is None and "(null)" in (comm, cwd, key, *(p[0] for p in paths)))


def test_what_the_kernel_really_sends_goes_the_short_way() -> None:
    raw = started(call(), 'argc=2 a0="/bin/x" a1=612062', (1307, 'cwd="/tmp"'), (1302, PATH), (1302, PATH))
    record = usual_start(raw)
    assert record is not None
    assert record == merge(parse_lines(raw))
    assert record["process.args"] == ["/bin/x", "a b"]
    assert record["file.path"] == ["/bin/x", "/bin/x"]
    assert record["audit.nametype"] == ["NORMAL", "NORMAL"]


def test_a_secret_is_replaced() -> None:
    record = usual_start(started(call(), 'argc=2 a0="tool" a1="--password=Tajne1"'))
    assert record is not None
    assert "Tajne1" not in json.dumps(record)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        started(call())[:1],
        started(call())[1:],
        started(call())[:2],
        [(1300, b"no stamp"), *started(call())[1:]],
        started(call("extra=1")),
        started(call(), "argc=1 a0_len=9000 a0[0]=78"),
        started(call(), "argc=1 a0=" + "7" * (MAX_ARG + 1)),
        started(call(), "argc=600" + "".join(f' a{number}="y"' for number in range(MAX_ARGS + 1))),
        started(call(), 'argc=1 a0="x"\ncwd="/else"'),
        started(call(), 'argc=1 a0="x"', (1307, 'cwd="/tmp"'), (1309, 'a1="y"')),
        started(call(), 'argc=1 a0="x"', (1307, 'cwd="/tmp"'), (1302, "item=0 name=? nametype=NORMAL")),
        started(call(), 'argc=1 a0="x"', (1307, 'cwd="/tmp"'), *[(1302, PATH)] * 17),
    ],
)
def test_any_other_wording_is_left_to_the_general_way(raw: list[Raw]) -> None:
    assert usual_start(raw) is None


@given(st.lists(st.tuples(st.sampled_from([1300, 1302, 1307, 1309, 1327]), st.binary(max_size=300)), max_size=8))
def test_any_bytes_give_what_the_general_way_gives_or_nothing(raw: list[Raw]) -> None:
    stamped = [(kind, STAMP + data) for kind, data in raw]
    assert usual_start(stamped) in (None, merge(parse_lines(stamped)))
