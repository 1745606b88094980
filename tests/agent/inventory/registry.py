"""A registry in memory with the functions of `winreg` that the reader uses, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Tree = dict[str, Any]
"""A key: names to values, and to further keys where the value is a dict."""


class FakeRegistry:
    """Holds a tree for each hive; keys named in `denied` may not be opened."""

    HKEY_LOCAL_MACHINE = "HKLM"
    HKEY_USERS = "HKU"

    def __init__(self, hives: dict[str, Tree], denied: frozenset[str] = frozenset()) -> None:
        self._hives, self._denied = hives, denied

    @contextmanager
    def OpenKey(self, parent: Any, path: str, _reserved: int, access: int) -> Iterator[Tree]:
        assert access & 0x0100, "the 64-bit view"
        key = self._hives[parent] if isinstance(parent, str) else parent
        for part in path.split("\\"):
            if part in self._denied:
                raise PermissionError(13, "Odmowa dostępu")
            if not isinstance(key.get(part), dict):
                raise FileNotFoundError(2, "Nie można odnaleźć określonego pliku")
            key = key[part]
        yield key

    def EnumKey(self, key: Any, number: int) -> str:
        tree = self._hives[key] if isinstance(key, str) else key
        return self._nth([name for name, value in tree.items() if isinstance(value, dict)], number)

    def EnumValue(self, key: Tree, number: int) -> tuple[str, Any, int]:
        name = self._nth([name for name, value in key.items() if not isinstance(value, dict)], number)
        return name, key[name], 1

    @staticmethod
    def _nth(names: list[str], number: int) -> str:
        if number >= len(names):
            raise OSError(22, "Brak dostępnych dalszych danych")
        return names[number]
