import json

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet import read_classes


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        path = tmp_path / "classes.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_classes(str(path))

    return write_and_read


@pytest.mark.parametrize("text", ["cat\ndog", "cat\ndog\n\n", "\ufeffcat\r\ndog\r\n", "1\tdog\n0\tcat\n"])
def test_a_line_is_a_class(read, text):
    assert read(text).classes == ({"name": "cat"}, {"name": "dog"})


@pytest.mark.parametrize("value", [["cat", "dog"], {"1": "dog", "0": "cat"}])
def test_json_is_read_by_place_or_by_label(read, value):
    assert read(json.dumps(value)).classes == ({"name": "cat"}, {"name": "dog"})


@pytest.mark.parametrize(
    "text",
    [
        "n02119789 kit fox, Vulpes macrotis\nn01440764 tench",
        "n02119789 : kit fox, Vulpes macrotis\nn01440764 : tench",
        "n02119789\tkit fox, Vulpes macrotis\nn01440764\ttench",
        '{"0": ["n02119789", "kit fox, Vulpes macrotis"], "1": ["n01440764", "tench"]}',
        '[["n02119789", "kit fox, Vulpes macrotis"], ["n01440764", "tench"]]',
    ],
)
def test_wnids_and_words_are_distinguished_and_both_find_a_class(read, text):
    listed = read(text)
    assert listed.classes[0] == {"name": "kit fox, Vulpes macrotis", "wnid": "n02119789"}
    assert (listed.find("n01440764"), listed.find("tench"), listed.find("fox")) == (1, 1, None)


def test_the_thousand_wnids_have_their_labels(ilsvrc):
    listed = read_classes(str(ilsvrc / "imagenet_synsets.txt"))
    assert (len(listed), listed.find("n01440764"), listed.find("n01751748")) == (1000, 0, 65)


def test_the_class_table_of_imagenet_v2_is_a_class_list(read, photos, ilsvrc):
    entries = json.loads((photos / "imagenet-v2" / "class_info.json").read_text())
    listed = read(json.dumps(entries[::-1]))
    assert [info["wnid"] for info in listed.classes] == (ilsvrc / "imagenet_synsets.txt").read_text().split()
    assert listed.classes[0] == {"name": "tench, Tinca tinca", "wnid": "n01440764"}
    with pytest.raises(SourceError, match="65 is in the place of 64"):
        read(json.dumps([entry for entry in entries if entry["cid"] != 64]))


def test_a_list_in_the_order_of_ilsvrc_ids_is_refused(ilsvrc):
    with pytest.raises(SourceError, match="in the order of ILSVRC2012_IDs, not of labels"):
        read_classes(str(ilsvrc / "map_clsloc.txt"))


def test_a_name_of_two_classes_is_listed_but_not_looked_up(read):
    listed = read("crane\ncat\ncrane")
    assert (len(listed), listed.find("cat")) == (3, 1)
    with pytest.raises(SourceError, match=r"'crane' is the name of several classes, \[0, 2\]"):
        listed.find("crane")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        (" \n\n", "it is empty"),
        ("[]", "it is empty"),
        ("cat\n\ndog", "line 2 is empty"),
        ("1\tcat\n2\tdog", "1 is in the place of 0"),
        ("0\tcat\n2\tdog", "2 is in the place of 1"),
        ("0\tcat\n0\tdog", "0 is in the place of 1"),
        ("0\tcat\ndog", "line 2 has no 'label<TAB>'"),
        ("n01440764\ncat", r"class 1 \('cat'\) has no WNID"),
        ("n01440764\nn01440764", "n01440764 is class 0 and class 1"),
        (b"\xff\xfe", "utf-8"),
        ('{"cat": 0}', "'cat' is not a label"),
        ('{"1": "cat"}', "1 is in the place of 0"),
        ("[1]", "class 0 is 1, neither"),
        ('[{"cid": 0, "wnid": "n01440764"}]', "is not an object with 'cid', 'wnid' and 'synset'"),
        ('[{"cid": "0", "wnid": "n01440764", "synset": ["tench"]}]', "is not an object with"),
        ('[{"cid": 0, "wnid": "tench", "synset": ["tench"]}]', "class 0 is .*, neither"),
        ("[[", "classes.txt cannot be used"),
    ],
)
def test_a_malformed_list_is_refused(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text)
