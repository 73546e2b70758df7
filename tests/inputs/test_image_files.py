import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, is_hidden, suffix_of
from wds_imagenet.inputs.keys import key_from_name, with_unique_keys
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sample import check_key

PART = st.text("abé.-_ 1", min_size=1, max_size=4).filter(lambda part: part.strip("."))
PATHS = st.lists(st.builds("{}/{}.jpg".format, PART, PART), min_size=1, max_size=9, unique=True)


def keys_of(paths):
    """Return the keys that paths get, as every source makes them."""
    stems = (key_from_name(posixpath.basename(path), str) for path in paths)
    spool = SpilledReferences(Reference(key, "", 0, 0, path) for key, path in zip(stems, paths, strict=True))
    return [reference.key for reference in with_unique_keys(spool, lambda place: f"<{place}>")]


@given(PATHS)
def test_keys_are_legal_and_unique_or_two_files_are_named(paths):
    try:
        keys = keys_of(paths)
    except SourceError as error:
        first, second = re.findall(r"<(\d)>", str(error))
        assert first != second
    else:
        assert len({check_key(key) for key in keys}) == len(paths)


@given(PATHS)
def test_keys_have_folders_only_where_stems_repeat(paths):
    stems = [re.sub("[^A-Za-z0-9_-]", "_", posixpath.basename(path)[:-4]) for path in paths]
    plain = all(stem[0].isalnum() and path.isascii() for stem, path in zip(stems, paths, strict=True))
    if len(set(stems)) == len(paths) and plain:
        assert keys_of(paths) == stems


def test_images_are_told_from_hidden_and_other_files_which_are_counted():
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
def test_a_suffix_is_what_follows_the_last_dot(path, suffix):
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
