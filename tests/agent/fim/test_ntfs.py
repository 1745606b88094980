"""What Windows says of a file, as an entry. The calls themselves are tried under wine."""

from __future__ import annotations

import pytest

from agent.fim.ntfs import Facts, Ntfs, bounded, entry_of, extended

FILE = Facts(0x20, 0, 7, 100, 200, 1 << 63)
SYMLINK, JUNCTION, CLOUD = 0xA000000C, 0xA0000003, 0x9000001A


@pytest.mark.parametrize(
    ("attributes", "tag", "kind"),
    [
        (0x20, 0, "file"),
        (0x10, 0, "dir"),
        (0x40, 0, "device"),
        (0x400, SYMLINK, "symlink"),
        (0x410, JUNCTION, "symlink"),
        (0x420, CLOUD, "file"),
        (0x410, CLOUD, "dir"),
    ],
)
def test_a_link_is_told_from_a_file_that_is_only_kept_elsewhere(attributes: int, tag: int, kind: str) -> None:
    entry = entry_of(FILE._replace(attributes=attributes, tag=tag))
    assert (entry.kind, entry.size) == (kind, 7 if kind == "file" else 0)


def test_marks_of_backup_are_no_change_and_those_that_hide_are() -> None:
    plain = entry_of(FILE)
    assert (plain.mtime, plain.ctime, plain.inode) == (100, 200, 1 << 63)
    assert entry_of(FILE._replace(attributes=0x2020)) == plain
    assert entry_of(FILE._replace(attributes=0x22)).mode != plain.mode


def test_paths_are_given_to_windows_as_they_are_and_long_rights_are_bounded() -> None:
    assert extended("C:/a/b. ") == r"\\?\C:\a\b. "
    assert bounded("O:BA") == "O:BA"
    assert bounded("x" * 1025) == bounded("x" * 1025) != bounded("x" * 1026)
    assert len(bounded("x" * 1025)) < 100


def test_elsewhere_it_says_so() -> None:
    with pytest.raises(OSError, match="kernel32 is a library of Windows"):
        Ntfs()
