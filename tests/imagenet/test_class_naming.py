import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.class_naming import label_classes

CATS_DOGS = ClassList("list.txt", ({"name": "dog"}, {"name": "cat"}))


def name(names, listed=None):
    return label_classes(names, listed, lambda name: f"folder {name}")


@given(st.sets(st.integers(0, 999_999_999)))
def test_numbers_are_their_own_labels_whatever_is_missing(numbers):
    assert name(map(str, numbers)).labels == {str(number): number for number in numbers}


@given(st.sets(st.text("abcXYZé_ ", min_size=1), min_size=1))
def test_names_are_numbered_in_code_point_order(names):
    naming = name(names)
    assert [naming.labels[item] for item in sorted(names)] == list(range(len(names)))
    assert [item["name"] for item in naming.classes] == sorted(names)


def test_a_list_decides_and_is_not_asked_for_more():
    naming = name(["cat"], CATS_DOGS)
    assert (naming.labels, naming.classes) == ({"cat": 1}, CATS_DOGS.classes)
    assert name(["1", "0"], CATS_DOGS).labels == {"0": 0, "1": 1}


def test_a_number_in_a_class_list_is_a_name():
    listed = ClassList("list.txt", ({"name": "1984"}, {"name": "7"}))
    assert name(["7", "1984"], listed).labels == {"7": 1, "1984": 0}


def test_minus_one_is_no_label():
    assert name(["-1", "3"]).labels == {"-1": None, "3": 3}


def test_fewer_than_a_thousand_wnids_are_noted():
    wnids = [f"n{i:08d}" for i in range(1000)]
    assert name(wnids).notes == ()
    assert "which differs from ILSVRC's labels" in name(wnids[:999]).notes[0]
    assert name(["cat", "dog"]).notes == ()


@pytest.mark.parametrize(
    ("names", "listed", "message"),
    [
        (["cat", "bird"], CATS_DOGS, "folder bird: the class 'bird' is not in list.txt"),
        (["2"], CATS_DOGS, "neither as a name nor as a label from 0 to 1"),
        (["cat", "1"], CATS_DOGS, "folder 1: the class '1' is not in list.txt"),
        (["cat", "1"], None, r"the class '1' is a number, but 'cat' \(folder cat\) is not"),
        (["-2"], None, "folder -2: -2 is not a label"),
        (["1234567890"], None, "1234567890 is not a label"),
        (["9" * 5000], None, "9 is not a label"),
    ],
)
def test_nothing_is_guessed(names, listed, message):
    with pytest.raises(SourceError, match=message):
        name(names, listed)
