"""One way to the system's libraries: functions with their types declared, failures as OSError.

Fakes stand in for a library in the tests on Linux: whatever takes a `Library` takes any object with such functions.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Library = Any
"""A loaded library, or an object with the same functions."""
Signatures = Mapping[str, tuple[Any, Sequence[Any]]]
"""Function name to (type of the result, types of the arguments)."""


def load(name: str, signatures: Signatures) -> Library:
    """Return a library of the system folder with the named functions declared; raises OSError off Windows.

    The library keeps the error code of each call for `last_error`.
    """
    if sys.platform != "win32":
        raise OSError(f"{name} is a library of Windows")
    # Only from the system's own folder: never a file that somebody put beside the program.
    library = ctypes.WinDLL(name, use_last_error=True, winmode=0x00000800)  # LOAD_LIBRARY_SEARCH_SYSTEM32
    for function, (result, arguments) in signatures.items():
        declared = getattr(library, function)
        declared.restype = result
        declared.argtypes = list(arguments)
    return library


def last_error() -> int:
    """Return the Windows error code of this thread's last call, 0 off Windows."""
    if sys.platform == "win32":
        return ctypes.get_last_error()
    return 0


def failed(what: str, code: int | None = None) -> OSError:
    """Return the error of a call that failed, with the system's code."""
    number = last_error() if code is None else code
    return OSError(number, f"{what}: Windows error {number}")
