"""Image files among the listed files, and the count of ignored files."""

import pytest

from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.image_files import IgnoredFiles, suffix_of, visible_files


def test_visible_files_are_yielded_and_the_others_counted():
    ignored = IgnoredFiles()
    paths = ["b/1.JPG", "a/t.txt", "__MACOSX/a/2.PNG", "a/.x.jpg", "a/Thumbs.db", "a/none"]
    files = visible_files([ListedFile(path, "url", 3, 4) for path in paths], ignored)
    assert [(file.name, file.url, file.offset, file.size) for file in files] == [
        ("b/1.JPG", "url", 3, 4),
        ("a/t.txt", "url", 3, 4),
        ("a/none", "url", 3, 4),
    ]
    assert ignored.notes("files") == ["ignored files, 3 in all: __MACOSX/a/2.PNG, a/.x.jpg, a/Thumbs.db"]


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a/b.JPEG", "jpeg"), ("a.d/b", ""), ("a.tar.gz", "gz"), (".bashrc", ""), (".a.txt", "txt"), ("a.", "")],
)
def test_a_suffix_is_the_text_after_the_last_dot(path, suffix):
    assert suffix_of(path) == suffix
