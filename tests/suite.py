"""`./czujka test`: lint, types, contracts, content, tests. With arguments: pytest alone, with these arguments.

Groups that this machine cannot run (no root, no corpora) are left out, each with one line that says so; with
`CZUJKA_REQUIRE_ALL=1`, as in `.ci/run`, leaving one out is a failure.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import corpora_root

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PACKAGES = ("agent", "collector", "appliance", "rules", "dashboards", "tests")
SYSTEM = {
    "auditd": "auditd",
    "chromium": "chromium",
    "faketime": "faketime",
    "pdfinfo": "poppler-utils",
    "qpdf": "qpdf",
    "tshark": "tshark",
}
"""Program → Debian package that only the tests need."""
LIBRARIES = {"libatomic.so.1": "libatomic1"}
"""The same for libraries: the driver of the browser tests loads them."""


def main(arguments: list[str]) -> int:
    """Run the suite; return its exit code."""
    os.chdir(ROOT)
    _system_packages()
    if arguments:
        return _pytest(arguments)
    checks = (
        ("lint", [BIN / "ruff", "check", "."]),
        ("format", [BIN / "ruff", "format", "--check", "."]),
        ("types", [BIN / "mypy"]),
        ("contracts", [BIN / "lint-imports"]),
        # The two validators left out download their lists of tags at each run.
        ("rules", [BIN / "sigma", "check", "-e", "-i", "-x", "attacktag", "-x", "d3_fendtag", "rules/"]),
    )
    for name, command in checks:
        if not _check(name, [str(part) for part in command]):
            return 1
    return _pytest([])


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
    # Tests of single parts share the cores; those that own the machine (a whole box, the kernel's audit) come alone.
    parts = _run(["-q", "-n", "2", "--dist", "loadfile", "-m", " and ".join([*marks, "not alone"])])
    return _run(["-q", "-m", " and ".join([*marks, "alone"])]) or parts


def _left_out() -> list[tuple[str, str]]:
    """Return the groups that this machine cannot run, each with the line that says so."""
    groups = []
    if os.geteuid() != 0:
        groups.append(("root", "not root: tests of kernel audit and network namespaces are left out"))
    if not corpora_root().is_dir():
        groups.append(("corpora", f"no corpora in {corpora_root()}: left out; docs/corpora.md says where to get them"))
    return groups


def _run(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


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
