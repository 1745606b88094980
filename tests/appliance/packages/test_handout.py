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
TOKEN = "czujka1.code"
LOADERS = {"curl": "curl", "wget": "wget", "python3": sys.executable}
_INSTALL = """#!/bin/sh
case "$*" in *"-m 0600 /dev/stdin /var/lib/czujka-agent/token") /bin/cat >{folder}/token ;; esac
"""
_APT = """#!/bin/sh
case "$*" in "install -y "*.deb) /bin/cat "$3" >{folder}/installed ;; esac
"""
_ROOT, _PERSON = ("#!/bin/sh\necho 0\n", "#!/bin/sh\necho 1000\n")
_SUDO = """#!/bin/sh
exec {folder}/root/"$@"
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


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def run(
    folder: Path, loaders: tuple[str, ...], box: FakeBox, digest: str, *, root: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the line where only these of the programs that download are there; what it does as root is kept.

    A root has no `sudo`, and others have no other way to become one.
    """
    programs, roots = folder / "bin", folder / ("bin" if root else "root")
    programs.mkdir()
    roots.mkdir(exist_ok=True)
    for name in ("mktemp", "sha256sum", "chmod", *loaders):
        found = shutil.which(LOADERS.get(name, name))
        assert found is not None
        (programs / name).symlink_to(found)
    put(roots, "install", _INSTALL.format(folder=folder))
    put(roots, "apt-get", _APT.format(folder=folder))
    put(programs, "id", _ROOT if root else _PERSON)
    if not root:
        put(programs, "sudo", _SUDO.format(folder=folder))
    command = linux_command(f"{box.url}/v1/package/key", digest, TOKEN)
    assert "\n" not in command
    environment = {"PATH": str(programs), "TMPDIR": str(folder)}
    return subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("loaders", [("curl",), ("wget",), ("python3",), ("curl", "wget", "python3")], ids=" ".join)
def test_any_of_the_usual_programs_fetches_the_package(tmp_path: Path, box: FakeBox, loaders: tuple[str, ...]) -> None:
    done = run(tmp_path, loaders, box, sha256(PACKAGE).hexdigest())
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "installed").read_bytes() == PACKAGE
    assert (tmp_path / "token").read_text() == f"{TOKEN}\n"


def test_a_root_needs_no_sudo(tmp_path: Path, box: FakeBox) -> None:
    done = run(tmp_path, ("curl",), box, sha256(PACKAGE).hexdigest(), root=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "installed").read_bytes() == PACKAGE
    assert (tmp_path / "token").read_text() == f"{TOKEN}\n"


@pytest.mark.parametrize("root", [False, True], ids=["person", "root"])
@pytest.mark.parametrize("loaders", [("curl",), ("wget",), ("python3",), ()], ids=" ".join)
def test_another_package_or_none_is_not_installed(
    tmp_path: Path, box: FakeBox, loaders: tuple[str, ...], root: bool
) -> None:
    done = run(tmp_path, loaders, box, sha256(b"another").hexdigest(), root=root)
    assert done.returncode != 0
    assert done.stderr
    assert not (tmp_path / "installed").exists()
    assert not (tmp_path / "token").exists()
