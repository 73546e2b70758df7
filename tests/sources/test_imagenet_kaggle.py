"""Kaggle's edition: labels in CSVs whose rows are in random order and end in a space."""

import random

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.sources import imagenet

VAL = "ILSVRC2012_val_{:08d}"
DATA = "ILSVRC/Data/CLS-LOC"
HEADER = "ImageId,PredictionString\n"


def by_key(listing):
    return {reference.key: reference.label for reference in listing.references}


@pytest.fixture(scope="session")
def validation_labels(devkit):
    """Return the label of each validation image by number."""
    from wds_imagenet.imagenet import read_devkit

    return dict(enumerate(read_devkit(devkit).validation, 1))


@pytest.fixture(scope="session")
def mapping(photos):
    """Return LOC_synset_mapping.txt, its names made of the devkit's."""
    lines = (photos / "ilsvrc2012" / "map_clsloc.txt").read_text().split("\n")[:1000]
    return "\n".join(sorted(f"{line.split()[0]} {line.split()[2]}, and more" for line in lines)) + "\n"


@pytest.fixture(scope="session")
def solution(validation_labels, wnids):
    """Return LOC_val_solution.csv as Kaggle has it: all 50,000 rows in random order, one to three boxes."""
    draw = random.Random(3)
    rows = [
        f"{VAL.format(n)},{f'{wnids[label]} 111 108 441 193 ' * draw.randint(1, 3)}\n"
        for n, label in validation_labels.items()
    ]
    draw.shuffle(rows)
    return HEADER + "".join(rows)


@pytest.fixture
def edition(make_tree, mapping, solution, train_images):
    """Lay out Kaggle's folder with some images; the photos' names are those of train, val and test."""
    photo = next(iter(train_images.values()))
    images = {f"{DATA}/val/{VAL.format(n)}.JPEG": photo for n in (1, 2, 3, 17, 50_000)}
    images |= {f"{DATA}/train/{name[:9]}/{name}": b"x" for name in list(train_images)[64:67]}
    images |= {f"{DATA}/test/ILSVRC2012_test_00000001.JPEG": b"x"}
    texts = {"LOC_synset_mapping.txt": mapping, "LOC_val_solution.csv": solution}
    texts |= {"ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml": "<annotation/>"}
    return make_tree({**images, **texts})


@pytest.mark.parametrize("inside", ["", "/ILSVRC", "/ILSVRC/", f"/{DATA}", f"/{DATA}/val"])
def test_labels_of_val_come_from_the_solution_that_lies_there(edition, validation_labels, inside):
    listing = imagenet(edition + inside, split="val")
    assert by_key(listing) == {VAL.format(n): validation_labels[n] for n in (1, 2, 3, 17, 50_000)}
    assert by_key(listing)["ILSVRC2012_val_00000001"] == 65
    assert listing.classes[0] == {"name": "tench, and more", "wnid": "n01440764"}
    assert f"the labels were read from {edition}/LOC_val_solution.csv" in listing.notes
    assert any("49,995 rows of" in note for note in listing.notes)


def test_classes_of_train_come_from_the_mapping_that_lies_there(edition, wnids):
    listing = imagenet(edition, split="train")
    assert [reference.label for reference in listing.references] == [64, 65, 66]
    assert listing.classes[65]["wnid"] == wnids[65]
    assert by_key(imagenet(edition, split="test")) == {"ILSVRC2012_test_00000001": None}


def test_both_may_be_named_where_they_lie_elsewhere(make_tree, mapping, solution, validation_labels):
    texts = make_tree({"m.txt": mapping.replace(" ", "\t", 1), "s.csv": solution}, "texts")
    tree = make_tree({f"{VAL.format(n)}.JPEG": b"x" for n in (1, 2)})
    with pytest.raises(SourceError, match="no name and no folder records the classes"):
        imagenet(tree)
    listing = imagenet(tree, classes=f"{texts}/m.txt", solution=f"{texts}/s.csv")
    assert by_key(listing) == {VAL.format(n): validation_labels[n] for n in (1, 2)}


def test_devkit_and_solution_must_agree(edition, devkit, solution, make_tree, wnids):
    assert by_key(imagenet(edition, split="val", devkit=devkit)) == by_key(imagenet(edition, split="val"))
    other = solution.replace(f"{VAL.format(17)},n", f"{VAL.format(17)},n01440764 1 2 3 4 n")
    lines = [HEADER, *(f"{VAL.format(n)},{wnids[0]} 1 1 2 2 \n" for n in (1, 2, 3, 17, 50_000))]
    wrong = make_tree({"s.csv": "".join(lines), "t.csv": other}, "wrong")
    with pytest.raises(
        SourceError, match=r"00000001\.JPEG.*devkit has n01751748, label 65, but .*s\.csv has"
    ):
        imagenet(edition, split="val", devkit=devkit, solution=f"{wrong}/s.csv")
    with pytest.raises(SourceError, match=r"t\.csv, line \d.*has boxes of several classes: n01440764, n\d+"):
        imagenet(edition, split="val", solution=f"{wrong}/t.csv")


def test_a_class_folder_that_contradicts_the_solution_is_refused(make_tree, mapping, solution):
    texts = {"LOC_synset_mapping.txt": mapping, "LOC_val_solution.csv": solution}
    good = make_tree({**texts, f"{DATA}/val/n01751748/{VAL.format(1)}.JPEG": b"x"}, "good")
    assert by_key(imagenet(good)) == {VAL.format(1): 65}
    bad = make_tree({**texts, f"{DATA}/val/n01440764/{VAL.format(1)}.JPEG": b"x"}, "bad")
    with pytest.raises(SourceError, match=r"has n01440764, label 0, but .*LOC_val_solution\.csv has"):
        imagenet(bad)


def test_an_image_without_row_is_an_error_and_a_row_without_image_is_not(make_tree, mapping, wnids):
    texts = {"LOC_synset_mapping.txt": mapping}
    texts["LOC_val_solution.csv"] = f"{HEADER}{VAL.format(1)},{wnids[65]} 1 1 2 2 \n"
    tree = make_tree({**texts, f"{VAL.format(1)}.JPEG": b"x", f"{VAL.format(2)}.JPEG": b"x"})
    with pytest.raises(SourceError, match=r"00000002\.JPEG at offset 0 has no class .*has no row for it"):
        imagenet(tree)


@pytest.mark.parametrize("change", [lambda lines: lines[:-1], lambda lines: lines[::-1]])
def test_a_mapping_of_other_classes_is_refused(make_tree, mapping, change):
    lines = "\n".join(change(mapping.splitlines()))
    tree = make_tree({"LOC_synset_mapping.txt": lines, f"{VAL.format(1)}.JPEG": b"x"})
    with pytest.raises(SourceError, match=r"LOC_synset_mapping\.txt is not Kaggle's"):
        imagenet(tree)


def test_all_of_it_may_lie_on_s3(s3_url, mapping, solution, validation_labels):
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    store.put("LOC_synset_mapping.txt", mapping.encode())
    store.put("LOC_val_solution.csv", solution.encode())
    store.put(f"{DATA}/val/{VAL.format(9)}.JPEG", b"x")
    for inside in ("", "/ILSVRC"):
        assert by_key(imagenet(s3_url + inside)) == {VAL.format(9): validation_labels[9]}
