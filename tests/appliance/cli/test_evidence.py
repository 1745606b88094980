"""`czujka verify` and `czujka evidence` on a state folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.wire.event import event_id
from appliance.cli import build
from appliance.cli.exits import Exit
from appliance.clock import now, rfc3339
from appliance.evidence.keys import key_file
from appliance.evidence.verify import PackCheck
from appliance.home import Home
from appliance.store import EmbeddedStore
from appliance.store.shape import encode


@pytest.fixture
def fingerprint(home: Home) -> str:
    """The key of a box with one sealed segment."""
    store = EmbeddedStore(home.store)
    store.append(encode([{"event.id": event_id(n), "@timestamp": now() + n} for n in range(10)]), [], 0)
    store.close()
    code, text = run("evidence", "seal", "--home", str(home.root))
    assert code == 0
    return text.splitlines()[-1].partition(": ")[2]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build([arguments[0]]), list(arguments))
    return done.exit_code, done.output


def test_a_sound_box_is_right_and_a_flipped_bit_is_named(home: Home, fingerprint: str) -> None:
    ask = ("verify", "--home", str(home.root))
    for more in ((), ("--events",), ("--key", fingerprint)):
        code, text = run(*ask, *more)
        assert (code, text.splitlines()[-1].partition(":")[0]) == (0, "ZGODNE"), text
    code, text = run(*ask, "--key", "0" * 64)
    assert (code, "to nie ta Czujka" in text) == (Exit.NO, True)
    path = home.store / "0000000001.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    code, text = run(*ask)
    assert code == Exit.NO
    assert "segment 3 (0000000001.parquet): plik zmieniono: skrót nie zgadza się z wpisem" in text
    assert text.splitlines()[-1] == "NIEZGODNE: 1"


def test_there_is_nothing_to_check_before_the_first_start(home: Home) -> None:
    code, text = run("verify", "--home", str(home.root))
    assert (code, "Nie ma jeszcze łańcucha" in text) == (Exit.USAGE, True)


def test_a_chain_that_is_no_database_is_said_in_one_line(home: Home, fingerprint: str) -> None:
    for path in home.root.glob("evidence.db*"):
        path.write_bytes(b"x" * 5000)
    code, text = run("verify", "--home", str(home.root))
    assert (code, len(text.splitlines()), "nie da się odczytać" in text) == (Exit.NO, 1, True)


def test_a_pack_is_written_whole_and_for_its_owner_alone(home: Home, fingerprint: str, tmp_path: Path) -> None:
    out = tmp_path / "paczka.zip"
    code, text = run("evidence", "export", "--home", str(home.root), "--from", rfc3339(0), "--out", str(out))
    assert (code, "Zdarzenia: 10" in text) == (0, True), text
    assert out.stat().st_mode & 0o777 == 0o600
    assert PackCheck(zipfile.ZipFile(out), fingerprint.replace(" ", ""), []).run() == []
    code, text = run("evidence", "export", "--home", str(home.root), "--case", "5", "--out", str(tmp_path / "b.zip"))
    assert (code, text.strip()) == (Exit.NO, "Nie ma alertu nr 5.")
    assert sorted(path.name for path in tmp_path.glob("*.zip*")) == ["paczka.zip"]
    assert run("evidence", "export", "--home", str(home.root), "--out", str(out))[0] == Exit.USAGE


def test_a_pack_without_a_damaged_segment_says_so_and_ends_with_1(home: Home, fingerprint: str, tmp_path: Path) -> None:
    out = tmp_path / "paczka.zip"
    (home.store / "0000000001.parquet").unlink()
    command = ["evidence", "export", "--home", str(home.root), "--from", rfc3339(0), "--out", str(out)]
    done = CliRunner().invoke(build(["evidence"]), command)
    assert (done.exit_code, "Zdarzenia: 0" in done.stdout) == (Exit.NO, True)
    head, segment = done.stderr.splitlines()
    assert head == "Paczka nie jest pełna. Uszkodzone pliki: 1, zdarzenia w nich: 10."
    assert segment.startswith("Segment 0000000001.parquet (wpis 3): zdarzenia: 10, od ")
    assert segment.endswith("; nie ma go w folderze.")
    check = PackCheck(zipfile.ZipFile(out), fingerprint.replace(" ", ""), [])
    assert check.run() == []
    assert [one.rows for one in check.lacking] == [10]


def test_an_anchor_for_a_stick_and_a_new_key(home: Home, fingerprint: str, tmp_path: Path) -> None:
    assert run("evidence", "anchor", "--home", str(home.root), "--out", str(tmp_path))[0] == 0
    (anchor,) = tmp_path.glob("czujka-kotwica-*.json")
    assert run("verify", "--home", str(home.root), "--anchor", str(anchor))[0] == 0
    code, text = run("evidence", "rotate", "--home", str(home.root))
    assert code == 0
    assert fingerprint not in text
    for key in (fingerprint, text.strip().partition(": ")[2]):
        assert run("verify", "--home", str(home.root), "--anchor", str(anchor), "--key", key)[0] == 0
    key_file(home).unlink()
    assert run("evidence", "seal", "--home", str(home.root))[0] == Exit.NO


def test_events_in_a_cluster_are_said_to_be_sealed_by_the_hour(home: Home, tmp_path: Path) -> None:
    home.config.write_text('[store]\nkind = "elasticsearch"\n[store.elasticsearch]\nhosts = ["http://127.0.0.1:9"]\n')
    out = tmp_path / "paczka.zip"
    at = ("--home", str(home.root))
    for code, text in (run("evidence", "seal", *at), run("verify", *at)):
        assert (code, "Zdarzenia są w klastrze. Plomba obejmuje sumę zdarzeń z każdej godziny" in text) == (0, True), (
            text
        )
    code, text = run("evidence", "export", *at, "--from", rfc3339(0), "--out", str(out))
    assert (code, out.exists()) == (Exit.NO, False)
    assert "Nie można odczytać zdarzeń z klastra" in text
