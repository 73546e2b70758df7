"""Kaggle's edition: labels in CSVs whose rows are in random order and end in a space."""

import random

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.kaggle_csv import read_solution
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
    assert f"the labels are also, or only, told by {edition}/LOC_val_solution.csv" in listing.notes
    assert any("49,995 rows of" in note for note in listing.notes)


def test_classes_of_train_come_from_the_mapping_that_lies_there(edition, wnids):
    listing = imagenet(edition, split="train")
    assert [reference.label for reference in listing.references] == [64, 65, 66]
    assert listing.classes[65]["wnid"] == wnids[65]
    assert by_key(imagenet(edition, split="test")) == {"ILSVRC2012_test_00000001": None}


def test_both_may_be_named_where_they_lie_elsewhere(make_tree, mapping, solution, validation_labels):
    texts = make_tree({"m.txt": mapping.replace(" ", "\t", 1), "s.csv": solution}, "texts")
    tree = make_tree({f"{VAL.format(n)}.JPEG": b"x" for n in (1, 2)})
    with pytest.raises(SourceError, match="nothing tells the classes"):
        imagenet(tree)
    listing = imagenet(tree, classes=f"{texts}/m.txt", solution=f"{texts}/s.csv")
    assert by_key(listing) == {VAL.format(n): validation_labels[n] for n in (1, 2)}


def test_devkit_and_solution_must_agree(edition, devkit, solution, make_tree, wnids):
    assert by_key(imagenet(edition, split="val", devkit=devkit)) == by_key(imagenet(edition, split="val"))
    other = solution.replace(f"{VAL.format(17)},n", f"{VAL.format(17)},n01440764 1 2 3 4 n")
    lines = [HEADER, *(f"{VAL.format(n)},{wnids[0]} 1 1 2 2 \n" for n in (1, 2, 3, 17, 50_000))]
    wrong = make_tree({"s.csv": "".join(lines), "t.csv": other}, "wrong")
    with pytest.raises(
        SourceError, match=r"00000001\.JPEG.*devkit says n01751748, label 65, but .*s\.csv says"
    ):
        imagenet(edition, split="val", devkit=devkit, solution=f"{wrong}/s.csv")
    with pytest.raises(SourceError, match=r"t\.csv, line \d.*has boxes of several classes: n01440764, n\d+"):
        imagenet(edition, split="val", solution=f"{wrong}/t.csv")


def test_a_class_folder_that_contradicts_the_solution_is_refused(make_tree, mapping, solution):
    texts = {"LOC_synset_mapping.txt": mapping, "LOC_val_solution.csv": solution}
    good = make_tree({**texts, f"{DATA}/val/n01751748/{VAL.format(1)}.JPEG": b"x"}, "good")
    assert by_key(imagenet(good)) == {VAL.format(1): 65}
    bad = make_tree({**texts, f"{DATA}/val/n01440764/{VAL.format(1)}.JPEG": b"x"}, "bad")
    with pytest.raises(SourceError, match=r"says n01440764, label 0, but .*LOC_val_solution\.csv says"):
        imagenet(bad)


def test_an_image_without_row_is_an_error_and_a_row_without_image_is_not(make_tree, mapping, wnids):
    texts = {"LOC_synset_mapping.txt": mapping}
    texts["LOC_val_solution.csv"] = f"{HEADER}{VAL.format(1)},{wnids[65]} 1 1 2 2 \n"
    tree = make_tree({**texts, f"{VAL.format(1)}.JPEG": b"x", f"{VAL.format(2)}.JPEG": b"x"})
    with pytest.raises(SourceError, match=r"00000002\.JPEG at offset 0 has no class .*has no row for it"):
        imagenet(tree)


@pytest.mark.parametrize(
    "text",
    [
        "ImageId,PredictionString\n{row}",
        "\ufeffImageId,PredictionString\r\n{row}\r\n",
        'PredictionString,More,ImageId\n"n01751748 1 1 2 2",,{id}\n',
        "ImageId,PredictionString\n{id}_n01751748,n01751748 1.5 1 2 2",
    ],
)
def test_columns_go_by_name_and_line_ends_do_not_matter(make_tree, text):
    row = f"{VAL.format(1)},n01751748 1 1 2 2 n01751748 3 3 4 4 "
    folder = make_tree({"s.csv": text.format(row=row, id=VAL.format(1))})
    assert read_solution(f"{folder}/s.csv", {}).wnids == {VAL.format(1): "n01751748"}


ROW = f"{VAL.format(1)},n01751748 1 1 2 2 \n"
GOOD = f"{HEADER}{VAL.format(2)},n01751748 1 1 2 2 \n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ImageId,Label\n" + ROW, r"s\.csv, line 1: its header is 'ImageId,Label', not ImageId,Pred"),
        (ROW, r"s\.csv, line 1: its header is 'ILSVRC2012_val_00000001,"),
        ((HEADER + ROW).replace(",", ";"), "line 1: its header is 'ImageId;PredictionString'"),
        ("", "line 1: its header is ''"),
        (HEADER, "lists no images"),
        (GOOD + ROW + "\n" + ROW, "line 5: ILSVRC2012_val_00000001 is listed twice"),
        (GOOD + ROW.replace("_00000001", "_00050001"), "line 3: .* has a number that no val image has"),
        (GOOD + ROW.replace("_00000001", "_1"), "line 3: 'ILSVRC2012_val_1' is not an image of ILSVRC2012"),
        (GOOD + ROW.replace("n01751748", "490"), "line 3: '490' is not a WNID"),
        (GOOD + ROW.replace("2 2 ", "2 nan"), "line 3: 'nan' is not a number of pixels"),
        (GOOD + ROW.replace("2 2 ", "2"), "line 3: 4 values, but each box has five"),
        (GOOD + ROW.replace("2 2 ", "2 " + "9" * 30), "line 3: '9+' is not a number of pixels"),
        (GOOD + f"{VAL.format(1)},\n", "line 3: 0 values"),
        (GOOD + ROW.replace("2 2 ", "2 2 n01440764 1 1 2 2"), "line 3: .* has boxes of several classes"),
        (GOOD + "n01440764_7,n01751748 1 1 2 2\n", "line 3: .* class n01440764 and n01751748 at once"),
        (GOOD + f'{VAL.format(1)},"n01751748', "line 3 is not valid CSV"),
        (GOOD + f"{VAL.format(1)}\n", "line 3: it has 1 cells, not 2"),
        ((HEADER + ROW).encode("utf-16"), "line 1 is not UTF-8"),
        (GOOD.encode() + b"\xff,x", "line 3 is not UTF-8"),
    ],
)
def test_a_solution_that_cannot_be_meant_names_its_line(make_tree, text, says):
    with pytest.raises(SourceError, match=says):
        read_solution(f"{make_tree({'s.csv': text})}/s.csv", {})


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
