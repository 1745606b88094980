"""Files and outputs that are not what they should be: bounded, fast, and nobody's file hides another's."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inventory import certificates, extensions, files
from agent.inventory.linux import accounts, disks, machine, packages, sudoers, updates
from agent.inventory.linux.autoruns import _crontab
from agent.inventory.raw import File
from agent.inventory.section import bounded
from tests.agent.inventory.facts import raws

_LINES = st.text(st.sampled_from("a: =.\n\t\\#@*ż(),ALLNOPASSWD:[]-0123"), max_size=200)
_PARSERS: list[Callable[[str], Iterable[object]]] = [
    packages.dpkg,
    updates.apt,
    lambda text: updates.dnf(text, frozenset()),
    sudoers.grants,
    lambda text: _crontab("/etc/crontab", text, None),
    lambda text: accounts.passwords(text).items(),
    lambda text: machine.release(text).items(),
    certificates.from_pem,
    lambda text: extensions.firefox({"/home/ż/x": text}),
]


@given(_LINES, st.sampled_from(_PARSERS))
def test_no_text_breaks_a_parser(text: str, parser: Callable[[str], Iterable[object]]) -> None:
    list(parser(text))


@pytest.mark.parametrize("parser", _PARSERS, ids=range(len(_PARSERS)))
@pytest.mark.parametrize(
    "piece", [" ", "a.", "(", "Inst a [", "-----BEGIN CERTIFICATE-----\n ", "ALL=(", "Package: a\n"]
)
def test_no_long_text_takes_long(parser: Callable[[str], Iterable[object]], piece: str) -> None:
    began = time.process_time()
    list(parser(piece * (60_000 // len(piece))))
    assert time.process_time() - began < 1.0


def test_one_persons_broken_profile_hides_nobody_elses() -> None:
    good = json.dumps({"addons": [{"id": "a@x", "type": "extension", "version": "1"}]})
    texts = {"/home/ż1/e": "[" * 100_000, "/home/ż2/e": '{"addons": [5, {"type": "extension"}]}', "/home/ż3/e": good}
    found = bounded(extensions.firefox(texts))
    assert "Firefox:ż3:a@x" in found


def test_a_deep_tree_of_disks_is_walked_to_a_bound() -> None:
    device: dict[str, object] = {"name": "x", "type": "part"}
    for _ in range(100):
        device = {"name": "x", "type": "part", "children": [device]}
    printed = {"code": 0, "out": json.dumps({"blockdevices": [device]})}
    assert len(list(disks.volumes(raws(disks.SOURCES, {"lsblk": printed})))) == disks.MAX_DEPTH + 1


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert files.read_file(File(str(tmp_path / "pipe"))).problem == "absent"
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    assert files.read_file(File(str(tmp_path / "pipe"))).value == ""
