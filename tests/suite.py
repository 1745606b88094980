"""`./czujka test`: lint, types, contracts, content, tests. With arguments: pytest alone, with these arguments.

Groups that this machine cannot run (no root, no corpora) are left out, each with one line that says so; with
`CZUJKA_REQUIRE_ALL=1`, as in `.ci/run`, leaving one out is a failure.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import corpora_root
from tests.nodes.engines import ENGINES
from tests.nodes.install import is_fetched
from tests.wine import install as wine

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTEST = (sys.executable, "-m", "pytest")
SLOWEST = ("--durations=20", "--durations-min=5")
"""Say at the end which tests took longest: the whole check has a limit of time."""
PACKAGES = ("agent", "collector", "appliance", "rules", "dashboards", "tests")
SYSTEM = {
    "auditd": "auditd",
    "chromium": "chromium",
    "curl": "curl",
    "faketime": "faketime",
    "ip": "iproute2",
    "losetup": "mount",
    "mkfs.ext4": "e2fsprogs",
    "msibuild": "msitools",
    "mvn": "maven",
    "openssl": "openssl",
    "osslsigncode": "osslsigncode",
    "pdfinfo": "poppler-utils",
    "qpdf": "qpdf",
    "systemd-analyze": "systemd",
    "tshark": "tshark",
    "wget": "wget",
    "wine": "wine",
    "wixl": "wixl",
    "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64-win32",
}
"""Program → Debian package that only the tests need."""
FETCH_SECONDS = 900.0
LIBRARIES = {"libatomic.so.1": "libatomic1", "libzstd.so.1": "libzstd1"}
"""The same for libraries: the driver of the browser tests and the search nodes load them."""


def main(arguments: list[str]) -> int:
    """Run the suite; return its exit code."""
    os.chdir(ROOT)
    _system_packages()
    if arguments:
        return _pytest(arguments)
    # The search nodes take minutes to fetch on a new machine; the checks take as long.
    fetching = [subprocess.Popen([sys.executable, "-m", name]) for name in ("tests.nodes", "tests.wine.install")]
    checks = (
        ("lint", [BIN / "ruff", "check", "."]),
        ("format", [BIN / "ruff", "format", "--check", "."]),
        ("contracts", [BIN / "lint-imports"]),
        # The two validators left out download their lists of tags at each run.
        ("rules", [BIN / "sigma", "check", "-e", "-i", "-x", "attacktag", "-x", "d3_fendtag", "rules/"]),
    )
    with ThreadPoolExecutor(1) as beside:
        # A minute of one core, told as soon as it is known; pytest's closing line stays the last one when all is well.
        types = beside.submit(_check, "types", [str(BIN / "mypy")])
        for name, command in checks:
            if not _check(name, [str(part) for part in command]):
                for child in fetching:
                    child.terminate()
                return 1
        for child in fetching:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(FETCH_SECONDS)
        code = _pytest([])
        if not types.result():
            print("types: FAILED, as said above", flush=True)
        return code or int(not types.result())


def _check(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", flush=True)
    return done.returncode == 0


def _pytest(arguments: list[str]) -> int:
    left_out = _left_out()
    for _, reason in left_out:
        print(reason, flush=True)
    if left_out and os.environ.get("CZUJKA_REQUIRE_ALL"):
        return 1
    marks = [f"not {mark}" for mark, _ in left_out]
    if arguments:
        select = ["-m", " and ".join(marks)] if marks and "-m" not in arguments else []
        return _run([*select, *arguments])
    return _whole(marks)


def _whole(marks: list[str]) -> int:
    """Run everything: what there is one of (the kernel's audit, search nodes, wine) in one process, the rest beside."""
    singles = [mark for mark in ("root", "nodes", "wine") if f"not {mark}" not in marks]
    rest = [
        "-q",
        *SLOWEST,
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "-m",
        " and ".join([*marks, "not root", "not nodes", "not wine"]),
    ]
    if not singles:
        return _run(rest)
    with tempfile.TemporaryFile() as said:
        select = " and ".join([*marks, f"({' or '.join(singles)})"])
        beside = subprocess.Popen([*PYTEST, "-q", *SLOWEST, "-m", select], stdout=said, stderr=subprocess.STDOUT)
        code = _run(rest)
        code = beside.wait() or code
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    return code


def _left_out() -> list[tuple[str, str]]:
    """Return the groups that this machine cannot run, each with the line that says so."""
    groups = []
    if os.geteuid() != 0:
        groups.append(("root", "not root: tests of kernel audit and network namespaces are left out"))
    if not corpora_root().is_dir():
        groups.append(("corpora", f"no corpora in {corpora_root()}: left out; docs/corpora.md says where to get them"))
    if not all(map(is_fetched, ENGINES.values())):
        groups.append(("nodes", "no search nodes: left out; python -m tests.nodes fetches them"))
    if not wine.is_fetched():
        groups.append(("wine", "no wine: left out; apt-get install wine and python -m tests.wine.install bring it"))
    return groups


def _run(arguments: list[str]) -> int:
    return subprocess.run([*PYTEST, *arguments], check=False).returncode


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _system_packages() -> None:
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = sorted(
        {package for program, package in SYSTEM.items() if not shutil.which(program, path=search)}
        | {package for library, package in LIBRARIES.items() if not _loads(library)}
    )
    if not missing:
        return
    if os.geteuid() != 0:
        print(f"Missing for the tests: sudo apt-get install -y {' '.join(missing)}", flush=True)
        sys.exit(69)
    print(f"Installing for the tests: {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
