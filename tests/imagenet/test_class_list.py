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
        ("0\tcat\ndog", "line 2 has 1 columns, but line 1 has 2"),
        ("n01440764\ncat", r"line 2 has no WNID, but others have: 'cat'"),
        ("n01440764\nn01440764", "n01440764 is class 0 and class 1"),
        (b"cat\n\xff\xfe", "line 2 is not UTF-8"),
        ('{"cat": 1}', "entry 'cat': .*1 is in the place of 0.*begin at 1: subtract 1"),
        ('{"cat": [0]}', "'cat' is neither a label nor a WNID"),
        ('{"1": "cat"}', "1 is in the place of 0"),
        ("[1]", "entry 1 is 1, not a name"),
        ('[{"cid": 0, "wnid": "n01440764"}, {"cid": 1}]', "entry 2 .*has other fields than the first"),
        ('[{"cid": 0, "synset": []}]', r"entry 1 has \[\], which is neither a text nor a number"),
        ('[{"en": "tench", "zh": "丁鲷"}]', "it has 2 columns of names, such as 'tench', '丁鲷' in entry 1"),
        ("0\ttench\t丁鲷", "it has 2 columns of names"),
        ("0\tcat\nx\tdog\n2\tfox", "line 2 has 'x', not a number, as others have"),
        ("0,cat\ndog", "line 2 has no number or WNID before a ','"),
        ("name\ncat", "line 1, 'name', is a header and no class: remove it"),
        ('{"n02119789": "fox", "n01440764": "tench"}', "not in the order of WNIDs: give the labels, too"),
        ("1 cat\n2 dog", "1 is in the place of 0.*begin at 1: subtract 1"),
        ("[[", "classes.txt cannot be used"),
    ],
)
def test_a_malformed_list_is_refused(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "0 cat\n1 dog",
        "1: dog\n0: cat",
        "label,name\n0,cat\n1,dog",
        "name;label\ndog;1\ncat;0",
        "0,cat\n1,dog\n",
        "{0: 'cat', 1: 'dog'}",
        "['cat', 'dog']",
        "0: 'cat',\n1: 'dog'",
        '{"cat": 0, "dog": 1}',
        '[{"id": 1, "name": "dog", "zh": "狗"}, {"id": 0, "name": "cat", "zh": "猫"}]',
        "cat\ndog".encode("utf-16"),
    ],
)
def test_other_forms_of_a_list_are_read_alike(read, text):
    assert read(text).classes == ({"name": "cat"}, {"name": "dog"})


@pytest.mark.parametrize("names", [["2012 Audi", "2011 BMW", "2012 VW"], ["3", "5"], ["cat, feline", "dog"]])
def test_numbers_and_commas_within_names_stay(read, names):
    assert [info["name"] for info in read("\n".join(names)).classes] == names
