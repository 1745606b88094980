"""The agent for Windows as an MSI: a service host (C, mingw-w64), the embeddable Python, the agent, its wheels (wixl).

The Python is the zip of python.org, which the operator brings and names by its SHA-256. wixl lacks secure properties;
they are put in with msibuild.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import quoteattr

from appliance.packages import authenticode, summary
from appliance.packages.archive import EPOCH, Entry
from appliance.packages.authenticode import Signing
from appliance.packages.programs import run
from appliance.packages.sources import START, VERSION, agent_files
from appliance.packages.wheels import PackageError

SOURCES = Path(__file__).parent / "windows"
COMPILER = "x86_64-w64-mingw32-gcc"
PROGRAMS = {COMPILER: "gcc-mingw-w64-x86-64-win32", "wixl": "wixl", "msibuild": "msitools"}
"""Program → Debian package that brings it."""
HOST = "czujka-host.exe"
HOST_SOURCES = ("host.c", "home.c", "life.c", "update.c")
PYTHON = "3.11"
MAX_RUNTIME = 128 << 20
_NAMES = uuid.UUID("5f3c1a52-9f0e-4f0e-9c57-3d1d1a1f7a10")
"""Under which the numbers of products and components are made of their names."""
_SECURE = """UPDATE `Property` SET `Value` = 'SERVER;TOKEN;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED'
 WHERE `Property` = 'SecureCustomProperties'"""
"""Lets a silent installation give its properties to the part of the installer that runs as SYSTEM."""


def name_of(version: str = VERSION) -> str:
    """Return the file's name."""
    return f"czujka-agent-{version}-x64.msi"


def lacking() -> list[str]:
    """Return the Debian packages that building needs and this machine lacks."""
    return [package for program, package in PROGRAMS.items() if shutil.which(program) is None]


def runtime_files(path: Path, digest: str) -> list[Entry]:
    """Return the files of the embeddable Python; raises PackageError when it is not the one of this SHA-256."""
    try:
        data = path.read_bytes()
        if sha256(data).hexdigest() != digest.lower():
            raise PackageError(f"Plik {path} ma inną sumę SHA-256 niż podana. Pobierz go ponownie z python.org.")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if sum(one.file_size for one in members) > MAX_RUNTIME:
                raise PackageError(f"Plik {path} jest za duży na Pythona dla Windows.")
            # The file ._pth would keep PYTHONPATH from the short-lived processes of the agent.
            files = [Entry(one.filename, archive.read(one)) for one in members if not one.filename.endswith("._pth")]
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError) as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError(f"Nie można odczytać pliku {path}: {error}.") from error
    if not {f"python{PYTHON.replace('.', '')}.dll", "python.exe"} <= {one.path for one in files}:
        raise PackageError(f"Plik {path} nie jest Pythonem {PYTHON} „embeddable” dla Windows (64 bity).")
    return files


def build(
    runtime: Sequence[Entry], vendored: Sequence[Entry], version: str = VERSION, sign: Signing | None = None
) -> bytes:
    """Return the MSI; raises PackageError and OSError."""
    if missing := lacking():
        raise PackageError(f"Brakuje pakietów systemowych: sudo apt-get install -y {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="czujka-msi-") as folder:
        stage = Path(folder) / "files"
        for entry in _files(runtime, vendored, version):
            _write(stage / entry.path, entry.data)
        host(stage / HOST, sign)
        package = Path(folder) / name_of(version)
        (Path(folder) / "agent.wxs").write_text(_wxs(stage, version), "utf-8")
        run(["wixl", "-a", "x64", "-o", package.name, "agent.wxs"], Path(folder))
        run(["msibuild", package.name, "-q", _SECURE], Path(folder))
        try:
            package.write_bytes(summary.settle(package.read_bytes(), _NAMES))
        except summary.BadSummary as error:
            raise PackageError(f"Program wixl utworzył plik innego rodzaju niż znany: {error}.") from error
        if sign is not None:
            authenticode.sign(package, sign)
        return package.read_bytes()


def _files(runtime: Sequence[Entry], vendored: Sequence[Entry], version: str) -> list[Entry]:
    files = [*agent_files(), Entry("start.py", START.read_bytes()), Entry("version.txt", f"{version}\r\n".encode())]
    files.append(Entry("czujka-agent.cmd", (SOURCES / "czujka-agent.cmd").read_bytes()))
    files += [Entry(f"runtime/{one.path}", one.data) for one in runtime]
    return files + [Entry(f"vendor/{one.path}", one.data) for one in vendored]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (EPOCH, EPOCH))


def host(target: Path, sign: Signing | None) -> None:
    """Compile the service host, and sign it when there is a key; raises PackageError and OSError."""
    flags = ["-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--no-insert-timestamp"]
    run([COMPILER, *flags, "-o", str(target), *HOST_SOURCES, "-ladvapi32", "-lshell32"], SOURCES)
    if sign is not None:
        authenticode.sign(target, sign)
    os.utime(target, (EPOCH, EPOCH))


def _number(*names: str) -> str:
    return "{" + str(uuid.uuid5(_NAMES, "/".join(names))).upper() + "}"


def _wxs(stage: Path, version: str) -> str:
    paths = sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file())
    tree, references = _tree(paths)
    values = {
        "VERSION": version,
        "PRODUCT": _number("product", version).strip("{}"),
        "UPGRADE": _number("upgrade").strip("{}"),
        "SERVICE": _number("service").strip("{}"),
        "TREE": tree,
        "COMPONENTS": references,
    }
    text = (SOURCES / "agent.wxs").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _tree(paths: Sequence[str]) -> tuple[str, str]:
    """Return the folders with their files, a component each, and the references to the components."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        if path != HOST:
            folders.setdefault(str(PurePosixPath(path).parent), []).append(path)
    lines = [_folder("", ".", folders)]
    references = [f'<ComponentRef Id="{_id("c", name)}"/>' for name in sorted(folders)]
    return "\n".join(lines), "\n".join(references)


def _folder(indent: str, name: str, folders: dict[str, list[str]]) -> str:
    lines: list[str] = []
    if name in folders:
        number = _number("component", name).strip("{}")
        lines.append(f'{indent}<Component Id="{_id("c", name)}" Guid="{number}" Win64="yes">')
        for place, path in enumerate(folders[name]):
            key = ' KeyPath="yes"' if place == 0 else ""
            source, shown = quoteattr(f"files/{path}"), quoteattr(PurePosixPath(path).name)
            lines.append(f'{indent} <File Id="{_id("f", path)}" Name={shown} Source={source}{key}/>')
        lines.append(f"{indent}</Component>")
    children = sorted({child for folder in folders for child in _children(name, folder)})
    for child in children:
        lines.append(f'{indent}<Directory Id="{_id("d", child)}" Name={quoteattr(PurePosixPath(child).name)}>')
        lines.append(_folder(indent + " ", child, folders))
        lines.append(f"{indent}</Directory>")
    return "\n".join(lines)


def _children(name: str, folder: str) -> list[str]:
    """Return the folder directly under `name` on the way to `folder`, if that is below it."""
    chain = [str(one) for one in (PurePosixPath(folder), *PurePosixPath(folder).parents)]
    return [chain[chain.index(name) - 1]] if name in chain[1:] else []


def _id(kind: str, name: str) -> str:
    return f"{kind}_{sha256(name.encode()).hexdigest()[:24]}"
