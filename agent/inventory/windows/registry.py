"""Reads keys of the Windows registry through the module `winreg`, or one that stands for it, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.inventory.raw import Raw, Registry

HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKU": "HKEY_USERS"}
MAX_KEYS = 5000
"""Subkeys of one key that are read."""
MAX_BINARY = 256
"""Bytes of a binary value that are kept, as hex."""
_NO_MORE = 259
_WANT_64 = 0x0100
_READ = 0x20019


class RegistryReader:
    """Keys by paths like `HKLM\\SOFTWARE\\…`, in the 64-bit view; `HKU\\*\\…` is that of every loaded profile."""

    def __init__(self, winreg: Any) -> None:
        """Read through `winreg`."""
        self._winreg = winreg

    def __call__(self, source: Registry) -> Raw:
        """Return a key's values and subkeys as deep as asked."""
        hive, _, path = source.path.partition("\\")
        root = getattr(self._winreg, HIVES[hive])
        try:
            if path.startswith("*\\"):
                return Raw({"values": {}, "keys": self._of_each(root, path[2:], source.depth)})
            with self._open(root, path) as key:
                return Raw(self._content(key, source.depth))
        except FileNotFoundError:
            return Raw(None, "absent")
        except PermissionError:
            return Raw(None, "denied")
        except OSError:
            return Raw(None, "failed")

    def _open(self, parent: Any, path: str) -> Any:
        return self._winreg.OpenKey(parent, path, 0, _READ | _WANT_64)

    def _of_each(self, root: Any, path: str, depth: int) -> dict[str, Any]:
        """Read one path below every key of a hive, as far as it is there: the loaded profiles of people."""
        found = {}
        for name in self._names(root):
            try:
                with self._open(root, f"{name}\\{path}") as key:
                    found[name] = self._content(key, depth)
            except OSError:
                continue
        return found

    def _content(self, key: Any, depth: int) -> dict[str, Any]:
        content: dict[str, Any] = {"values": {name: _plain(data) for name, data, _ in self._values(key)}}
        if depth:
            content["keys"] = {}
            for name in self._names(key):
                try:
                    with self._open(key, name) as sub:
                        content["keys"][name] = self._content(sub, depth - 1)
                except OSError:
                    continue  # a key that is another's alone, or has just gone
        return content

    def _values(self, key: Any) -> Iterator[tuple[str, Any, int]]:
        for number in range(MAX_KEYS):
            try:
                yield self._winreg.EnumValue(key, number)
            except OSError as error:
                if getattr(error, "winerror", None) not in {None, _NO_MORE}:
                    raise
                return

    def _names(self, key: Any) -> Iterator[str]:
        for number in range(MAX_KEYS):
            try:
                yield self._winreg.EnumKey(key, number)
            except OSError:
                return


def _plain(data: Any) -> Any:
    return data[:MAX_BINARY].hex() if isinstance(data, bytes) else data
