"""The one rule for ignored files."""

import re
from pathlib import Path

import pytest

from wds_imagenet.format import ignored_files
from wds_imagenet.format.ignored_files import is_ignored


@pytest.mark.parametrize(
    "path",
    [
        ".DS_Store",
        "a/._b.jpg",
        ".git/x.jpg",
        "a/.b/c.jpg",
        "__MACOSX/a.jpg",
        "Thumbs.db",
        "a/thumbs.DB",
        "@eaDir/a.jpg",
        "a/@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg",
        "lost+found/x",
        "$RECYCLE.BIN/a.jpg",
        "a/Icon\r",
        "...jpg",
        "./.x",
    ],
)
def test_hidden_and_system_files_are_ignored(path):
    assert is_ignored(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a.jpg",
        "./a.jpg",
        "../a.jpg",
        "a/./b",
        "a..b/c.",
        "Thumbs.db.jpg",
        "my@eaDir/a.jpg",
        "icon.png",
        "a/desktop.ini.txt",
    ],
)
def test_other_files_are_not_ignored(path):
    assert not is_ignored(path)


def test_the_walk_in_c_has_the_same_names():
    source = Path(ignored_files.__file__).with_name("native").joinpath("walk.c").read_text()
    listed = re.search(r"SYSTEM\[\] = \{(.*?)\};", source, re.DOTALL)[1]
    names = {name.replace("\\r", "\r") for name in re.findall(r'"(.*?)"', listed)}
    assert names == {*ignored_files._SYSTEM, "paxheaders"}  # before a dot and a number
