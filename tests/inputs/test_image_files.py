"""Image files among the listed files, and the count of ignored files."""

import pytest

from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, suffix_of


def test_images_are_yielded_and_hidden_and_other_files_are_counted():
    others, hidden = IgnoredFiles(), IgnoredFiles()
    paths = ["b/1.jpg", "a/2.PNG", "a/.x.jpg", "a/t.txt", "B/1.gif", "__MACOSX/a/2.PNG"]
    images = image_references([ListedFile(path, "url", 3, 4) for path in paths], others, hidden)
    assert [(image.name, image.offset, image.size) for image in images] == [
        (path, 3, 4) for path in ("b/1.jpg", "a/2.PNG", "B/1.gif")
    ]
    assert others.notes("others") == ["ignored others, 1 in all: a/t.txt"]
    assert hidden.notes("hidden and system files") == [
        "ignored hidden and system files, 2 in all: __MACOSX/a/2.PNG, a/.x.jpg"
    ]


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a/b.JPEG", "jpeg"), ("a.d/b", ""), ("a.tar.gz", "gz"), (".bashrc", ""), (".a.txt", "txt"), ("a.", "")],
)
def test_a_suffix_is_the_text_after_the_last_dot(path, suffix):
    assert suffix_of(path) == suffix
