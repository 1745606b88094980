"""What the private key is encrypted with where the system can keep such a secret for this machine alone.

On Windows it lies beside the key, protected by DPAPI; elsewhere the file's mode is what protects the key.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.wire.sending.files import write_private


def key_secret(key: Path, *, make: bool = False) -> bytes | None:
    """Return the password of a key file, None where keys are not encrypted; raises OSError.

    With `make` there is a new one where there was none: for a key that is about to be made.
    """
    if sys.platform != "win32":
        return None
    from agent.windows.dpapi import protect, unprotect  # noqa: PLC0415 (on Windows alone)

    path = key.with_name(key.name + ".secret")
    if make and not path.exists():
        write_private(path, protect(os.urandom(32).hex().encode()))
    return unprotect(path.read_bytes())
