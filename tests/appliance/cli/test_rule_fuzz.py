"""Damaged rule files through every command that reads rules: a located answer, never a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from appliance.cli import build
from appliance.detect.selftest import SIGMA, events_file, events_folder
from tests.appliance.cli.test_detect import FLAT

COMMANDS = build(["rules", "detect"])
FILES = sorted(SIGMA.rglob("*.yml"))
TEXTS = [file.read_bytes() for file in FILES]
#: Pieces that mean something to YAML, to Sigma or to those who read them.
PIECES = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r", b"\n---\n", b"\n...\n", b": ", b"- ", b"{", b"}", b"["),
    *(b"&a ", b"*a", b"!!python/object:os.system ", b"!!binary ", b"<<: ", b"? ", b"|", b">", b"'", b'"', b"%", b"#"),
    *(b"|re", b"|cidr", b"|base64offset|contains", b"|windash", b"|all", b"|exists", b"|fieldref", b"|expand", b"|gt"),
    *(b"not ", b"1 of them", b"all of x*", b"(" * 50, b")" * 50, b" and " * 20, b"null", b"~", b"1e999", b"0x"),
    *(b"2024-13-45", b"(?<!a)b", b"(a*)*b", b"\\", b"\xe2\x80\xae", b"\xc4\xb0", b"\xf0\x9f\x92\xa9", b"\xed\xa0\x80"),
    *(b"correlation:", b"filter:", b"detection:", b"condition:", b"logsource:", b"title:", b"id:", b"level:", b"]"),
    *(b"9" * 400, b"-.inf"),
]
LOCATED = re.compile(r"^(?P<file>[^\n]*?):(?P<line>\d+): \S")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real rule with a few cuts, doublings, flips, foreign pieces, or halves of two rules."""
    text = bytearray(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        match draw(st.integers(0, 5)):
            case 0:
                del text[start:end]
            case 1:
                text[start:start] = text[start:end]
            case 2:
                text[start:end] = draw(st.binary(max_size=12))
            case 3:
                text[start:start] = draw(st.sampled_from(PIECES))
            case 4:
                other = draw(st.sampled_from(TEXTS))
                text[start:] = other[draw(st.integers(0, len(other))) :]
            case _:
                lines = text.split(b"\n")
                lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
                text = bytearray(b"\n".join(lines))
    return bytes(text)


@contextmanager
def written(text: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rules" / "rule.yml"
        file.parent.mkdir()
        file.write_bytes(text)
        event = orjson.dumps(FLAT)
        for name in ("rule.match.ndjson", "rule.miss.ndjson", "events.ndjson"):
            (Path(folder) / "rules" / name).write_bytes(event)
        yield file


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No box, and one cache for all that one test writes: the rules that ship are compiled once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CZUJKA_HOME", str(tmp_path / "no-home"))


def run(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(COMMANDS, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 1, 2), done.output
    assert "Traceback" not in done.output
    return done


def located(text: str, file: Path, length: int) -> int:
    """Every line is located in the file, or in the events beside it; return their number."""
    for line in text.splitlines():
        found = LOCATED.match(line)
        assert found, line
        assert Path(found["file"]).parent == file.parent
        assert 1 <= int(found["line"]) <= length + 1, line
    return len(text.splitlines())


FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(damaged())
@example(b"")
@example(b"\xff\xfet\x00i\x00")
@example(b"title: x\n" + b"[" * 3000)
@example(b"a: &a [x]\nb: *a\n")
@example(b"---\n" * 2000)
def test_check_lint_and_test_answer_with_places(text: bytes) -> None:
    lines = text.count(b"\n") + text.count(b"\r") + 1
    with written(text) as file:
        checked = run("rules", "check", file)
        found = located(checked.stdout, file, lines)
        assert found > 0 or checked.exit_code == 0 or "reguły: 0;" in checked.stderr
        linted = run("rules", "lint", file)
        located(linted.stdout, file, lines)
        assert " R01: " in linted.stdout or found == 0
        located(run("rules", "test", file).stdout, file, lines)


@FUZZ
@given(damaged())
def test_detect_tells_what_is_wrong_and_goes_on(text: bytes) -> None:
    with written(text) as file:
        done = run("detect", "--rules", file, file.parent / "events.ndjson")
        for line in done.stdout.splitlines():
            assert orjson.loads(line)["index"] == 0
        assert done.exit_code == 0 or "Nie ma ani jednej reguły" in done.stderr


def test_one_damaged_file_costs_the_others_nothing() -> None:
    with written(TEXTS[0][:50] + b"\x00" + TEXTS[0][50:]) as file:
        good = file.with_name("good.yml")
        good.write_bytes(TEXTS[1])
        for kind in ("match", "miss"):
            events = events_file(events_folder(FILES[1]), kind).read_bytes()
            good.with_name(f"good.{kind}.ndjson").write_bytes(events)
        done = run("rules", "test", "--all", file.parent)
        assert done.exit_code == 1
        assert f"{good}:1: zgodna: " in done.stdout
