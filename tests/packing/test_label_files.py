"""A label file extends the class table: equal fields stay, different ones are refused."""

import json

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import read_devkit
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.packing.label_files import LabelOptions, open_labels


@pytest.fixture(scope="session")
def listing(photos):
    """The classes as the source `imagenet` has them from the devkit."""
    kit = read_devkit(str(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"))
    return Listing((), tuple({"name": i.words, "wnid": i.wnid} for i in kit.classes))


def annotated(listing, url):
    return open_labels(LabelOptions(labels={"imagenetv2": str(url)}), {}).annotate_listing(listing)


def test_a_class_table_adds_fields_and_may_repeat_equal_ones(listing, photos):
    url = photos / "imagenet-v2" / "class_info.json"
    glosses = [entry["gloss"] for entry in json.loads(url.read_text())]
    found = annotated(listing, url).classes
    assert [item["gloss"] for item in found] == glosses
    assert [(item["name"], item["wnid"]) for item in found] == [
        (item["name"], item["wnid"]) for item in listing.classes
    ]


def test_a_contradicting_class_table_is_refused(listing, photos, tmp_path):
    entries = json.loads((photos / "imagenet-v2" / "class_info.json").read_text())
    entries[7]["synset"] = ["hen"]
    (tmp_path / "c.json").write_text(json.dumps(entries))
    with pytest.raises(SourceError, match=r"c\.json gives class 7 the name 'hen', but it has 'cock' already"):
        annotated(listing, tmp_path / "c.json")
