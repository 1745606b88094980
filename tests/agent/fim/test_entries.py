"""What two looks at a file say."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fim.entries import Change, Entry, compare

FILE = Entry(stat.S_IFREG | 0o644, 5, 0, 0, 10, 10, 7, "aa")
FOLDER = Entry(stat.S_IFDIR | 0o755, 0, 0, 0, 10, 10, 8)
LINK = Entry(stat.S_IFLNK | 0o777, 5, 0, 0, 10, 10, 9, target="/a")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, None, None),
        (None, FILE, Change("file_created")),
        (FILE, None, Change("file_deleted")),
        (FILE, FILE, None),
        (FILE, FILE._replace(sha256="bb"), Change("file_modified", ("content",))),
        (FILE, FILE._replace(mtime=11, ctime=11), None),
        (FILE, FILE._replace(inode=8, ctime=11), None),
        (FILE, FILE._replace(sha256="", mtime=11), Change("file_modified", ("content",))),
        (FILE, FILE._replace(sha256="", size=6), Change("file_modified", ("content",))),
        (FILE, FILE._replace(sha256=""), None),
        (FILE, FILE._replace(mode=stat.S_IFREG | 0o4755), Change("file_attributes", ("mode",))),
        (FILE, FILE._replace(uid=5, gid=6), Change("file_attributes", ("owner", "group"))),
        (FILE, FILE._replace(sha256="bb", uid=5), Change("file_modified", ("content", "owner"))),
        (FILE, FOLDER, Change("file_modified", ("type",))),
        (FOLDER, FOLDER._replace(mtime=99), None),
        (LINK, LINK._replace(target="/b"), Change("file_modified", ("content",))),
    ],
)
def test_what_became_of_a_file(before: Entry | None, after: Entry | None, change: Change | None) -> None:
    assert compare(before, after) == change


@given(st.builds(Entry, *[st.integers(0, 0o177777), *[st.integers(0, 9)] * 6], st.sampled_from(["", "aa", "bb"])))
def test_a_file_is_like_itself_and_a_change_has_a_way_back(entry: Entry) -> None:
    assert compare(entry, entry) is None
    there, back = compare(FILE, entry), compare(entry, FILE)
    assert (there is None) == (back is None)
