"""The line that installs an agent on Linux, run with one way to download at a time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.packages.handout import linux_command
from tests.agent.box import FakeBox, Handler

PACKAGE = b"!<arch>\nthe package\0\nwith bytes" * 1000
LOADERS = {"curl": "curl", "wget": "wget", "python3": sys.executable}
_SUDO = """#!/bin/sh
case "$*" in
*/dev/stdin*) /bin/cat >{folder}/token ;;
"apt-get install -y "*.deb) /bin/cat "$4" >{folder}/installed ;;
esac
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path / "box")

    def serve(handler: Handler, path: str) -> bool:
        if path == "/v1/package/key":
            handler.reply(200, PACKAGE)
        return path == "/v1/package/key"

    made.fault = serve
    yield made
    made.down()


def run(folder: Path, loaders: tuple[str, ...], box: FakeBox, digest: str) -> subprocess.CompletedProcess[str]:
    """Run the line where only these of the programs that download are there, and `sudo` keeps what it is given."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("mktemp", "sha256sum", "chmod", *loaders):
        found = shutil.which(LOADERS.get(name, name))
        assert found is not None
        (programs / name).symlink_to(found)
    (programs / "sudo").write_text(_SUDO.format(folder=folder))
    (programs / "sudo").chmod(0o755)
    command = linux_command(f"{box.url}/v1/package/key", digest, "czujka1.code")
    assert "\n" not in command
    environment = {"PATH": str(programs), "TMPDIR": str(folder)}
    return subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("loaders", [("curl",), ("wget",), ("python3",), ("curl", "wget", "python3")], ids=" ".join)
def test_any_of_the_usual_programs_fetches_the_package(tmp_path: Path, box: FakeBox, loaders: tuple[str, ...]) -> None:
    done = run(tmp_path, loaders, box, sha256(PACKAGE).hexdigest())
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "installed").read_bytes() == PACKAGE
    assert (tmp_path / "token").read_text() == "czujka1.code\n"


@pytest.mark.parametrize("loaders", [("curl",), ("wget",), ("python3",), ()], ids=" ".join)
def test_another_package_or_none_is_not_installed(tmp_path: Path, box: FakeBox, loaders: tuple[str, ...]) -> None:
    done = run(tmp_path, loaders, box, sha256(b"another").hexdigest())
    assert done.returncode != 0
    assert done.stderr
    assert not (tmp_path / "installed").exists()
    assert not (tmp_path / "token").exists()
