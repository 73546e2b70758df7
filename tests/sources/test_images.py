import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.sample import check_key
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.images import choose_keys, is_hidden, pick_images, suffix_of

PART = st.text("abé.-_ 1", min_size=1, max_size=4).filter(lambda part: part.strip("."))
PATHS = st.lists(st.builds("{}/{}.jpg".format, PART, PART), min_size=1, max_size=9, unique=True)


@given(PATHS)
def test_keys_are_legal_and_unique_or_two_files_are_named(paths):
    try:
        keys = choose_keys(paths, lambda i: f"<{i}>")
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
        assert choose_keys(paths, str) == stems


@given(st.permutations(["b/1.jpg", "a/2.PNG", "a/10.jpg", "a/.x.jpg", "a/t.txt", "B/1.gif"]))
def test_images_come_in_code_point_order_however_they_were_listed(paths):
    images, others, notes = pick_images([File(path, "url", 0, 0) for path in paths], "url")
    assert [image.path for image in images] == ["B/1.gif", "a/10.jpg", "a/2.PNG", "b/1.jpg"]
    assert [other.path for other in others] == ["a/t.txt"]
    assert notes == ["passed over hidden files, 1 in all: a/.x.jpg"]


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a/b.JPEG", "jpeg"), ("a.d/b", ""), ("a.tar.gz", "gz"), (".bashrc", ""), (".a.txt", "txt"), ("a.", "")],
)
def test_a_suffix_is_what_follows_the_last_dot(path, suffix):
    assert suffix_of(path) == suffix


@pytest.mark.parametrize(
    ("path", "hidden"),
    [("a/b.jpg", False), ("a/.b.jpg", True), (".a/b.jpg", True), ("a/__MACOSX/b", True), ("a.b/c", False)],
)
def test_a_file_in_a_hidden_folder_is_hidden(path, hidden):
    assert is_hidden(path) is hidden
