import json

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.imagenet_v2 import imagenetv2, read_class_info


@pytest.fixture(scope="module")
def class_info(photos):
    return photos / "imagenet-v2" / "class_info.json"


@pytest.fixture(scope="module")
def wnids(ilsvrc):
    return (ilsvrc / "imagenet_synsets.txt").read_text().split()


def name(number):
    return f"{number:040x}"


@pytest.fixture
def write(tmp_path):
    def to_file(value):
        path = tmp_path / "imagenetv2-b-33.json"
        path.write_text(json.dumps(value))
        return str(path)

    return to_file


def test_the_class_table_is_that_of_the_sorted_wnids(class_info, wnids):
    classes = read_class_info(str(class_info))
    assert [info["wnid"] for info in classes] == wnids
    assert classes[0]["name"] == "tench, Tinca tinca"
    labels = imagenetv2(str(class_info))
    assert (labels.classes, labels.count, labels.labelled) == (classes, 0, False)


def test_a_list_gives_the_label_and_not_the_place(class_info, wnids, write):
    images = [[name(9), wnids[10]], [name(5), wnids[2]], [name(7), wnids[100]]]
    labels = imagenetv2(write({"image_filenames": images}), class_info=str(class_info))
    assert [labels.find(name(n)).label for n in (9, 5, 7)] == [10, 2, 100]
    assert labels.find(name(8)) is None
    assert (labels.labelled, labels.count, len(labels.classes)) == (True, 3, 1000)


def test_a_whole_list_determines_the_classes(wnids, write):
    images = [[name(n), wnid] for n, wnid in enumerate(reversed(wnids))]
    assert imagenetv2(write({"image_filenames": images})).find(name(0)).label == 999


def test_the_classes_of_a_part_are_not_guessed(wnids, write):
    images = [[name(n), wnid] for n, wnid in enumerate(wnids[1:])]
    with pytest.raises(SourceError, match="images of only 999 classes: give class_info"):
        imagenetv2(write({"image_filenames": images}))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([["abc", "n01440764"]], r"entry 0: \['abc'"),
        ([[name(1), "tench"]], "entry 0"),
        ([[name(1), "n01440764"], [name(1), "n01440764"]], "entry 1: .* is listed twice"),
        ([[name(1), "n99999999"]], "of the class n99999999, which class_info.json lacks"),
        ([], "neither class_info.json nor"),
        (None, "neither class_info.json nor"),
    ],
)
def test_a_malformed_list_is_refused(images, message, class_info, write):
    with pytest.raises(SourceError, match=message):
        imagenetv2(write({"image_filenames": images}), class_info=str(class_info))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table[:-1], "has 999 classes"),
        (lambda table: table[::-1], "entry 0: "),
        (lambda table: [{**table[0], "wnid": "tench"}, *table[1:]], "entry 0: "),
        (lambda table: [{**info, "cid": info["cid"] + 1} for info in table], "entry 0: "),
        (
            lambda table: [
                {"cid": n, **{k: v for k, v in info.items() if k != "cid"}}
                for n, info in enumerate(table[::-1])
            ],
            "has 1,000 classes; .* sorted",
        ),
    ],
)
def test_a_class_table_that_is_not_the_thousand_is_refused(change, message, class_info, write):
    with pytest.raises(SourceError, match=message):
        imagenetv2(write(change(json.loads(class_info.read_text()))))
