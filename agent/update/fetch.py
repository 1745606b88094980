"""Fetches a version from the box, checks it, and puts it on trial; the running one stays until that has proved itself.

Order: the signed statement, its checks, the package in pieces, its checksum, a folder of its own, the state. Whatever
breaks off leaves the state as it was.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import logging
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from agent import __version__
from agent.update import files
from agent.update.state import installed, offered
from agent.wire.envelope import UPDATE_PATH
from agent.wire.sending.home import AgentHome
from agent.wire.transport import Box, RetryLater
from agent.wire.update import MAX_PACKAGE, PIECE, BadManifest, Manifest, later, parse, place

LOG = logging.getLogger(__name__)
MAX_UNPACKED = 64 << 20
MAX_FILES = 2000
CLOCKS = 86_400_000_000
"""Microseconds by which this clock may be behind the box's when it says from which moment on a version is for all."""
_OWN_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class NoUpdate(Exception):
    """The version that was offered is not taken; says why."""


def take(box: Box, home: AgentHome, version: str) -> bool:
    """Put a version on trial; True when the agent should now start anew. Raises RetryLater and Permanent."""
    state = installed(files.load(home.folder), __version__)
    if state.pending or version == state.failed or not later(version, __version__):
        return False
    try:
        manifest = _manifest(box, home, version)
        package = _package(box, manifest)
        unpack(package, manifest, files.versions(home.folder), keep={__version__, state.current})
        files.save(home.folder, offered(state, version))
    except (NoUpdate, BadManifest) as refusal:
        LOG.warning("update_refused version=%s reason=%s", version, refusal)
        return False
    except OSError as error:
        raise RetryLater(f"the update cannot be kept: {error}") from error
    LOG.info("update_on_trial version=%s", version)
    return True


def _manifest(box: Box, home: AgentHome, version: str) -> Manifest:
    answer = box.post_json(UPDATE_PATH, {"version": version})
    manifest, identity = parse(answer.get("statement")), home.identity()
    if identity is None or place(identity.agent_id, manifest.version) >= manifest.ring:
        raise NoUpdate("not for this station yet")
    if manifest.version != version:
        raise NoUpdate("the statement is about another version")
    if manifest.not_before > time.time_ns() // 1000 + CLOCKS:
        raise NoUpdate("its time has not come")
    if not _signed(home, answer):
        raise NoUpdate("not signed by this box")
    return manifest


def _signed(home: AgentHome, answer: Mapping[str, Any]) -> bool:
    from agent.wire.sending.enrolment import EnrolmentFailed, helper  # noqa: PLC0415 (only for an update)

    request = json.dumps({name: answer.get(name) for name in ("statement", "signature", "key", "key_signature")})
    try:
        return helper(["verify-update", str(home.ca)], request.encode()).get("valid") is True
    except EnrolmentFailed as error:
        raise NoUpdate(f"the signature cannot be checked: {error}") from error


def _package(box: Box, manifest: Manifest) -> bytes:
    parts = bytearray()
    while len(parts) < manifest.size:
        answer = box.post_json(UPDATE_PATH, {"version": manifest.version, "from": len(parts)})
        part = _piece(answer.get("data"))
        if not part or len(part) > PIECE:
            raise RetryLater("a piece of the update is missing")
        parts += part
    if len(parts) != manifest.size or sha256(parts).hexdigest() != manifest.sha256:
        raise NoUpdate("the package is not the one of the statement")
    return bytes(parts)


def _piece(data: object) -> bytes:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except binascii.Error:
        return b""


def unpack(package: bytes, manifest: Manifest, folder: Path, keep: set[str]) -> None:
    """Unpack into the version's folder, which appears whole; versions that nothing would go back to are removed."""
    assert manifest.size <= MAX_PACKAGE
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in keep:
            shutil.rmtree(old)
    draft = folder / f".{manifest.version}"
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            for member in _members(archive):
                target = draft / member.filename
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError) as error:
        raise NoUpdate(f"the package cannot be read: {error}") from error
    found = _OWN_VERSION.search(_text(draft / "agent" / "__init__.py"))
    if found is None or found[1] != manifest.version:
        raise NoUpdate("the package has another version inside")
    if hasattr(os, "sync"):
        os.sync()
    draft.rename(folder / manifest.version)


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_FILES or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise NoUpdate("the package is too large")
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if parts[:1] != ("agent",) or ".." in parts or "\\" in member.filename or member.is_dir():
            raise NoUpdate("the package has a file that is not the agent's")
    return members


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""
