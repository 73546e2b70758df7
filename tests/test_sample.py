"""Keys obey their rules, and file names become keys."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wds_imagenet.errors import DataError
from wds_imagenet.sample import MAX_KEY_BYTES, check_key, make_key

# The rule as docs/format.md states it.
RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*")
NAMES = st.text(min_size=1, max_size=300).filter(lambda name: name.strip("/"))
WORDS = st.text("猫犬鳥é́ßЖяआ🐈_-a", min_size=1, max_size=60)


@given(NAMES)
def test_every_name_has_a_key_that_obeys_the_rules(name):
    key = make_key(name)
    assert RULE.fullmatch(key)
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert check_key(key) == key


@given(st.from_regex(RULE, fullmatch=True).filter(lambda key: len(key) <= MAX_KEY_BYTES))
def test_a_valid_key_is_returned_unchanged(key):
    assert make_key(key) == make_key(f"{key}.JPEG") == key


@given(NAMES)
def test_the_key_of_a_key_is_the_key(name):
    assert make_key(make_key(name)) == make_key(name)


@given(WORDS, WORDS)
def test_names_beyond_ascii_stay_different(one, other):
    assume(one != other and not (one.isascii() and other.isascii()))
    assert make_key(f"{one}.jpg") != make_key(f"{other}.jpg")
    assert make_key(f"{one}/1.jpg") != make_key(f"{other}/1.jpg")


@given(st.text("ab_/", min_size=95, max_size=200), st.integers(0, 94))
def test_long_names_stay_different_wherever_they_differ(name, place):
    assume(name[place] != "/")
    other = name[:place] + "c" + name[place + 1 :]
    assert make_key(f"{name}.jpg") != make_key(f"{other}.jpg")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("n01440764_10026.JPEG", "n01440764_10026"),
        ("ILSVRC2012_val_00000001_n01751748.JPEG", "ILSVRC2012_val_00000001_n01751748"),
        ("my cat.v2.jpg", "my_cat_v2"),
        ("_hidden.png", "x_hidden"),
        ("a//b.jpg", "a/b"),
        ("a" * 94 + ".jpg", "a" * 94),
        ("猫.jpg", "x_-a810bf845a30"),  # printf 猫 | sha256sum
        ("动物/cat.jpg", "x__-7ebb07e850a4/cat"),
        ("a" * 200 + ".jpg", "a" * 81 + "-c2a908d98f5d"),
    ],
)
def test_the_key_of_a_name_never_changes(name, key):
    assert make_key(name) == key


@pytest.mark.parametrize("name", ["", "/", "//"])
def test_a_name_without_a_valid_character_has_no_key(name):
    with pytest.raises(DataError):
        make_key(name)
