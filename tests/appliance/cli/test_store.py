"""`czujka store snapshot` and `restore`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner

from appliance.cli import build
from appliance.cli.exits import Exit
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make, make

__all__ = ["make"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(["store"]), ["store", *arguments])
    return result.exit_code, result.output.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_snapshot_of_a_running_box_is_restored_elsewhere(tmp_path: Path, make: Make) -> None:
    old, new, out = tmp_path / "old", tmp_path / "new", tmp_path / "out"
    with closing(EmbeddedStore(old / "store", now=lambda: NOW)) as store:
        store.append(encode([make(n) for n in range(50)]), [], 1)
        code, said = run("snapshot", "--home", str(old), "--out", str(out))
        assert code == Exit.DONE, said
        assert "zdarzenia 50, " in said
        assert "Skróty zgodne." in said
        code, said = run("restore", "--home", str(old), "--from", str(out))
        assert (code, "Zatrzymaj Czujkę" in said) == (Exit.USAGE, True)
    code, said = run("restore", "--home", str(new), "--from", str(out))
    assert code == Exit.DONE, said
    assert "Odtworzono zdarzenia: 50." in said
    with closing(EmbeddedReader(new / "store")) as reader:
        assert reader.count("") == 50
    assert run("restore", "--home", str(new), "--from", str(out))[0] == Exit.USAGE
    assert run("snapshot", "--home", str(old), "--out", str(out))[0] == Exit.USAGE


def test_a_snapshot_without_a_damaged_file_says_so(tmp_path: Path, make: Make) -> None:
    with closing(EmbeddedStore(tmp_path / "store", now=lambda: NOW)) as store:
        store.append(encode([make(1)]), [], 1)
        store.append(encode([make(2)]), [], 2)
    broken = max((tmp_path / "store").glob("*.parquet"))
    broken.write_bytes(b"PAR1")
    code, said = run("snapshot", "--home", str(tmp_path), "--out", str(tmp_path / "out"))
    assert (code, broken.name in said) == (Exit.NO, True)
