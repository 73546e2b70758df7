"""Keys made from file names, and positions of values that occur more than once."""

import posixpath
import re
from array import array
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.keys import (
    check_sorted_keys,
    first_duplicate,
    key_from_name,
    repeated_positions,
    with_unique_keys,
)
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sample import check_key

PART = st.text("abé.-_ 1", min_size=1, max_size=4).filter(lambda part: part.strip("."))
PATHS = st.lists(st.builds("{}/{}.jpg".format, PART, PART), min_size=1, max_size=9, unique=True)
PLAIN = st.text("ab1", min_size=1, max_size=2)


def keys_of(paths):
    """Return the keys of paths, made as every source makes them."""
    stems = (key_from_name(posixpath.basename(path), str) for path in paths)
    spilled = SpilledReferences(
        Reference(key, "", 0, 0, path) for key, path in zip(stems, paths, strict=True)
    )
    return [reference.key for reference in with_unique_keys(spilled, lambda position: f"<{position}>")]


@settings(deadline=None)  # each example makes a file
@given(PATHS)
def test_keys_are_legal_and_unique_or_two_files_are_named(paths):
    try:
        keys = keys_of(paths)
    except SourceError as error:
        first, second = re.findall(r"<(\d)>", str(error))
        assert first != second
    else:
        assert len({check_key(key) for key in keys}) == len(paths)


@settings(deadline=None)
@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=9, unique=True))
def test_keys_have_folders_only_where_stems_repeat(names):
    stems = [stem for _, stem in names]
    expected = stems if len(set(stems)) == len(stems) else [f"{folder}/{stem}" for folder, stem in names]
    assert keys_of([f"{folder}/{stem}.jpg" for folder, stem in names]) == expected


@given(st.lists(st.integers(-4, 4) | st.integers(-(1 << 63), (1 << 63) - 1)))
def test_the_repeated_positions_are_those_that_a_counter_finds(values):
    counts = Counter(values)
    expected = [position for position, value in enumerate(values) if counts[value] > 1]
    assert repeated_positions(array("q", values)) == expected


@given(st.lists(st.text("ab", max_size=3)))
def test_the_first_duplicate_is_the_first_text_that_came_before(texts):
    second = next((i for i, text in enumerate(texts) if text in texts[:i]), None)
    expected = None if second is None else (texts.index(texts[second]), second)
    assert first_duplicate(texts, str) == expected


@given(st.lists(st.sampled_from("abcd"), max_size=5))
def test_sorted_keys_are_unique_or_both_files_are_named(keys):
    references = [Reference(key, f"/{i}.tar", i, 1, "x.jpg") for i, key in enumerate(sorted(keys))]
    if len(set(keys)) == len(keys):
        check_sorted_keys(references)
        return
    with pytest.raises(
        SourceError, match=r"/(\d)\.tar: x\.jpg at offset \1 and /\d\.tar.* have the same key"
    ):
        check_sorted_keys(references)
