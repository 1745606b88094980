"""A wheelhouse with the real psutil of this interpreter, packed as a wheel."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from appliance.packages import deb, wheels
from appliance.packages.archive import Entry, zipped

NAME = "psutil-7.0.0-cp36-abi3-linux_x86_64.whl"


@pytest.fixture(scope="session")
def wheel() -> tuple[str, bytes]:
    """A wheel's name and bytes."""
    folder = Path(psutil.__file__).parent
    paths = [path for path in folder.rglob("*") if path.suffix in {".py", ".so"}]
    files = [Entry(f"psutil/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in paths]
    paper = [Entry("psutil-7.0.0.dist-info/LICENSE", b"BSD"), Entry("psutil-7.0.0.dist-info/RECORD", b"")]
    return NAME, zipped([*files, *paper, Entry("psutil/tests/test_one.py", b"")])


@pytest.fixture(scope="session")
def vendored(wheel: tuple[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """The files of the wheel, as packages carry them."""
    folder = tmp_path_factory.mktemp("wheels")
    (folder / wheel[0]).write_bytes(wheel[1])
    return wheels.files_of(folder, {wheel[0]: sha256(wheel[1]).hexdigest()})


@pytest.fixture(scope="session")
def built(vendored: list[Entry]) -> bytes:
    """The agent's Debian package."""
    return deb.build(vendored)


@pytest.fixture
def wheelhouse(tmp_path: Path, wheel: tuple[str, bytes]) -> Path:
    """A folder with the wheel."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / wheel[0]).write_bytes(wheel[1])
    return folder


@pytest.fixture
def wanted(wheel: tuple[str, bytes]) -> dict[str, str]:
    """What a release knows of the wheel."""
    return {wheel[0]: sha256(wheel[1]).hexdigest()}
