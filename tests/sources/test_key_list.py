import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.sources.webdataset.key_list import KeyList


@pytest.mark.parametrize(
    ("line", "key"),
    [
        *(("a_1", "a_1"), ("a_1.JPEG", "a_1"), ("a_1.jpeg", "x/a_1"), ("train/n1/a_1.JPEG", "n1/a_1")),
        *(
            ("train/n1/a_1.JPEG", "a_1"),
            ("/data/a_1.jpg 7", "a_1"),
            ("n1/a_1.png\tn1", "n1/a_1"),
            ("a.b", "a.b"),
        ),
    ],
)
def test_a_line_stands_for_a_key(line, key):
    listed = KeyList(["", f" {line}\r", "other"], "keys.txt")
    assert listed.has(key)
    assert not listed.has("a_2")
    assert listed.missing() == ["other"]


def test_a_path_selects_no_key_of_another_folder():
    listed = KeyList(["a/1.jpg"], "keys.txt")
    assert [key for key in ("a/1", "b/1", "1b", "a/1/2") if listed.has(key)] == ["a/1"]


def test_ambiguous_lines_are_refused():
    with pytest.raises(
        SourceError, match=r"keys\.txt: several lines end with the key '1': remove all but one"
    ):
        KeyList(["a/1.jpg", "b/1.jpg"], "keys.txt").has("1")
    listed = KeyList(["1.jpg"], "keys.txt")
    assert listed.has("a/1")
    with pytest.raises(SourceError, match=r"'1\.jpg' stands for 'a/1' and 'b/1': write whole keys"):
        listed.has("b/1")
    with pytest.raises(SourceError, match=r"keys\.txt lists no keys"):
        KeyList([" ", ""], "keys.txt")


@given(st.lists(st.text(min_size=1), min_size=1), st.text())
def test_any_lines_and_keys_give_an_answer_or_our_error(lines, key):
    try:
        listed = KeyList(lines, "keys.txt")
        assert listed.has(key) in {True, False}
    except SourceError:
        return
    assert all(line in {one.strip() for one in lines} for line in listed.missing())


@given(st.sets(st.from_regex(r"[a-z0-9]+(/[a-z0-9]+)?", fullmatch=True), min_size=1))
def test_whole_keys_select_themselves(keys):
    listed = KeyList(keys, "keys.txt")
    assert all(listed.has(key) for key in keys)
    assert listed.missing() == []
