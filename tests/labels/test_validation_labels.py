"""ReaL and the blacklist are joined to validation images by number."""

import json

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet import read_devkit
from wds_imagenet.labels.blacklist import blacklist
from wds_imagenet.labels.real import real


def key(number):
    return f"ILSVRC2012_val_{number:08d}"


@pytest.fixture(scope="module")
def published(photos):
    return real(str(photos / "real" / "real.json"))


@pytest.fixture
def read(tmp_path):
    def write_and_read(source, data):
        path = tmp_path / "labels"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return source(str(path))

    return write_and_read


@pytest.mark.genuine("ReaL has the devkit's label for 42,164 of the 46,837 images that it labels")
def test_the_original_label_is_among_reals_for_as_many_images_as_published(published, devkit_tar):
    kit = read_devkit(str(devkit_tar))
    found = [published.find(key(number)).metadata["real_labels"] for number in range(1, 50_001)]
    scored = [(labels, original) for labels, original in zip(found, kit.validation, strict=True) if labels]
    assert len(scored) == 46_837
    assert sum(original in labels for labels, original in scored) == 42_164


def test_any_confusion_of_ids_leaves_next_to_nothing(published, devkit_tar):
    kit = read_devkit(str(devkit_tar))
    id_less_one = [kit.classes[label].ilsvrc2012_id - 1 for label in kit.validation]
    found = [published.find(key(number)).metadata["real_labels"] for number in range(1, 50_001)]
    assert sum(wrong in labels for labels, wrong in zip(found, id_less_one, strict=True)) < 500


def test_an_empty_list_stays_an_empty_list(published):
    assert published.find(key(1)).metadata == {"real_labels": []}
    assert published.find(key(2)).metadata == {"real_labels": [970, 795]}  # the number less 1 is the place
    assert published.find(key(5)).metadata == {"real_labels": [516, 850]}
    assert published.notes == ("3,163 of 50,000 images have no ReaL label and must not be scored",)


@pytest.mark.parametrize("stem", ["ILSVRC2012_test_00000002", "n01440764_2", "2", "val_00000002"])
def test_only_validation_images_are_found(stem, published):
    assert published.find(stem) is None


def test_hugging_faces_names_are_the_same_images(published):
    assert published.find("ILSVRC2012_val_00000002_n04147183").metadata == {"real_labels": [970, 795]}
    with pytest.raises(SourceError, match="a number that no val image has"):
        published.find("ILSVRC2012_val_00050001")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({6: [1000]}, r"image 7 \(index 6\): 1000 is not a label"),
        ({6: [-1]}, "image 7 .*: -1 is not a label"),
        ({6: [True]}, "image 7 .*: True is not a label"),
        ({6: [1.0]}, "image 7 .*: 1.0 is not a label"),
        ({6: ["1"]}, "image 7 .*: '1' is not a label"),
        ({6: [3, 4, 3]}, r"image 7 .*: \[3, 4, 3\] has a label twice"),
        ({49_999: None}, "image 50,000 .*: None is not a list"),
    ],
)
def test_a_list_of_other_values_is_refused_with_the_image(change, message, read):
    value = [change.get(place, []) for place in range(50_000)]
    with pytest.raises(SourceError, match=message):
        read(real, value)


@pytest.mark.parametrize("value", [[[]] * 49_999, [[]] * 50_001, {"1": []}, [], 7])
def test_reals_list_has_fifty_thousand_entries(value, read):
    with pytest.raises(SourceError, match="not a list of 50,000 lists"):
        read(real, value)


def test_malformed_json_is_refused_with_the_file(read):
    with pytest.raises(SourceError, match="labels is not valid JSON"):
        read(real, b"[[")


NUMBERS = list(range(36, 36 + 1762 * 28, 28))


def lines(numbers, end="\n"):
    return "".join(f"{number}{end}" for number in numbers).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_the_blacklist_is_of_numbers_from_one(end, read):
    labels = read(blacklist, lines(NUMBERS, end))
    assert labels.find(key(36)).metadata == {"blacklisted": True}
    assert labels.find(key(35)).metadata == {"blacklisted": False}
    assert sum(labels.find(key(number)).metadata["blacklisted"] for number in range(1, 50_001)) == 1762
    assert labels.find("n01440764_36") is None


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([0, *NUMBERS[1:]], "line 1: b'0' is not a number from 1 to 50,000"),
        ([*NUMBERS[:-1], 50_001], "line 1,762: b'50001' is not a number"),
        ([*NUMBERS[:-1], 36], "line 1,762: 36 is listed twice"),
        ([*NUMBERS[:9], "ILSVRC2012_val_00000300", *NUMBERS[10:]], "line 10: b'ILSVRC"),
        ([*NUMBERS[:9], "", *NUMBERS[9:]], "line 10: b'' is not a number"),
        (["9" * 5000], "line 1: b'999"),
        (NUMBERS[:-1], "has 1,761 lines; the blacklist has 1,762"),
        ([], "has 0 lines"),
    ],
)
def test_a_list_that_is_not_the_blacklist_names_the_line(numbers, message, read):
    with pytest.raises(SourceError, match=message):
        read(blacklist, lines(numbers))
