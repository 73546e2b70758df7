"""Image files among the listed files, and the count of ignored files."""

import pytest

from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, is_hidden, suffix_of
from wds_imagenet.inputs.tar_listing import ListedFile


def test_images_are_yielded_and_hidden_and_other_files_are_counted():
    others, hidden = IgnoredFiles(), IgnoredFiles()
    paths = ["b/1.jpg", "a/2.PNG", "a/.x.jpg", "a/t.txt", "B/1.gif", "__MACOSX/a/2.PNG"]
    images = image_references([ListedFile(path, "url", 3, 4) for path in paths], others, hidden)
    assert [(image.name, image.offset, image.size) for image in images] == [
        (path, 3, 4) for path in ("b/1.jpg", "a/2.PNG", "B/1.gif")
    ]
    assert others.notes("others") == ["ignored others, 1 in all: a/t.txt"]
    assert hidden.notes("hidden files") == ["ignored hidden files, 2 in all: __MACOSX/a/2.PNG, a/.x.jpg"]


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a/b.JPEG", "jpeg"), ("a.d/b", ""), ("a.tar.gz", "gz"), (".bashrc", ""), (".a.txt", "txt"), ("a.", "")],
)
def test_a_suffix_is_the_text_after_the_last_dot(path, suffix):
    assert suffix_of(path) == suffix


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("a/b.jpg", False),
        ("a/.b.jpg", True),
        (".a/b.jpg", True),
        ("a/__MACOSX/b", True),
        ("a.b/c", False),
        ("../b", False),
    ],
)
def test_a_file_in_a_hidden_folder_is_hidden(path, hidden):
    assert is_hidden(path) is hidden
