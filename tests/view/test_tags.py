"""The labels that the sources write are shown by name."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet import Dataset, pack
from wds_imagenet.sample import Sample
from wds_imagenet.view.item_reader import ItemReader
from wds_imagenet.view.single_page import single_page
from wds_imagenet.view.tags import LISTS, Tag, labels_of, tags_of

CLASSES = ({"name": "tench"}, {"name": "goldfish"})


def test_a_label_and_those_of_real_have_the_names_of_their_classes():
    found = tags_of(1, {"real_labels": [0, 1, 7]}, CLASSES)
    assert [(t.kind, t.name) for t in found] == [
        ("label", "goldfish"),
        ("real_labels", "tench"),
        ("real_labels", "goldfish"),
        ("real_labels", "7"),
    ]


def test_a_machines_label_has_its_confidence():
    entry = {"id": "/m/01yrx", "name": "Cat", "class": 3, "confidence": 0.7, "source": "machine"}
    assert tags_of(None, {"machine": [entry]}, ()) == [Tag("machine", 3, "Cat", 0.7)]


JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
ENTRY = JSON | st.dictionaries(st.sampled_from(["id", "name", "class", "confidence"]), JSON)


@given(st.dictionaries(st.sampled_from(LISTS), JSON | st.lists(ENTRY, max_size=4)))
def test_tags_of_any_json_have_names(json):
    for tag in tags_of(None, json, CLASSES):
        assert isinstance(tag.name, str)
        assert tag.label is None or type(tag.label) is int


def test_a_sample_belongs_to_its_label_or_to_the_labels_that_people_confirmed():
    seen = b'{"human_positive":[{"id":"/m/1","class":5}],"machine":[{"id":"/m/2","class":6}]}'
    assert labels_of(Sample("k", {"json": seen})) == {5}
    assert labels_of(Sample("k", {"json": seen, "cls": b"2"})) == {2}


@pytest.fixture
def open_images(tmp_path):
    """Packed Open Images: a dark and a light image, each with a label by people, one with a box."""
    (tmp_path / "validation").mkdir()
    ids = ("0001eeaf4aed83f9", "000595fe6fee6369")
    for number, name in enumerate(ids):
        Image.new("RGB", (80, 40), (200 * number,) * 3).save(tmp_path / "validation" / f"{name}.jpg")
    tables = {
        "labels": [
            ["ImageID", "Source", "LabelName", "Confidence"],
            [ids[0], "verification", "/m/01yrx", "1"],
            [ids[0], "verification", "/m/0bt9lr", "0"],
            [ids[1], "verification", "/m/0bt9lr", "1"],
        ],
        "boxes": [
            ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded"],
            [ids[0], "xclick", "/m/01yrx", "1", "0.25", "0.75", "0.5", "1.0", "1"],
        ],
        "names": [["/m/01yrx", "Cat & <b>kitten"], ["/m/0bt9lr", "Dog"]],
    }
    for name, rows in tables.items():
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        (tmp_path / f"{name}.csv").write_text(out.getvalue())
    (tmp_path / "classes.txt").write_text("/m/0bt9lr\n/m/01yrx\n")
    options = {
        "image_labels": "labels.csv",
        "boxes": "boxes.csv",
        "names": "names.csv",
        "classes": "classes.txt",
    }
    paths = {option: str(tmp_path / name) for option, name in options.items()}
    source = str(tmp_path / "validation")
    pack("open-images", source, dest=str(tmp_path / "out"), split="validation", workers=1, **paths)
    return Dataset.open(str(tmp_path / "out"))


def test_open_images_are_shown_with_labels_and_boxes_and_found_by_class(open_images, page):
    shown = page(single_page(open_images))
    assert "Cat & <b>kitten" in shown.text
    box = {"x": "20.00", "y": "20.00", "width": "40.00", "height": "20.00"}
    assert box in shown.all("rect")
    assert [one["class"] for one in shown.all("span") if "tag" in one.get("class", "")].count(
        "tag human_negative"
    ) == 1
    by_class = {label: ItemReader(open_images).find(label, 0, 9).indices for label in (0, 1)}
    keys = {label: [open_images[i].key for i in found] for label, found in by_class.items()}
    assert keys == {0: ["000595fe6fee6369"], 1: ["0001eeaf4aed83f9"]}
