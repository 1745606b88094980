"""Which files a Debian package owns, from dpkg's lists."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from pathlib import Path

INFO = Path("/var/lib/dpkg/info")
MAX_LIST, MAX_KEPT = 16 << 20, 4 << 20
"""Bytes of one list that are read, and of all lists that are remembered; a usual one has 10 KB."""
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,199}\Z")
_ARCHITECTURES = ("", ":amd64", ":arm64", ":i386", ":armhf")
"""How lists of packages that can be there for several architectures are named. The folder itself has thousands."""
_MERGED = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/")
"""Folders that lists may name without `/usr`, from before they were merged."""
_OF_PEOPLE = ("/home/", "/root/")


class Owners:
    """Reads lists when they are asked for and remembers the last ones."""

    def __init__(self, folder: Path = INFO) -> None:
        self._folder = folder
        self._kept: OrderedDict[Path, tuple[int, bytes]] = OrderedDict()

    def owns(self, package: str, path: str) -> bool:
        """Say whether a package, named without its architecture, installs a path; never one in a person's folder."""
        if path.startswith(_OF_PEOPLE) or "\n" in path or not _NAME.match(package):
            return False
        wanted = [os.fsencode(path)]
        if path.startswith(_MERGED):
            wanted.append(wanted[0].removeprefix(b"/usr"))
        files = [self._folder / f"{package}{architecture}.list" for architecture in _ARCHITECTURES]
        return any(b"\n%b\n" % one in text for text in map(self._text, files) for one in wanted)

    def _text(self, file: Path) -> bytes:
        """Return a list with a line end before its first and after its last line, empty when there is none."""
        try:
            written = file.stat().st_mtime_ns
            if (kept := self._kept.pop(file, None)) is None or kept[0] != written:
                with file.open("rb") as opened:
                    kept = (written, b"\n%b\n" % opened.read(MAX_LIST))
        except OSError:
            return b""
        self._kept[file] = kept
        while len(self._kept) > 1 and sum(len(text) for _, text in self._kept.values()) > MAX_KEPT:
            self._kept.popitem(last=False)
        return kept[1]
