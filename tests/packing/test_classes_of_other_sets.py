"""Two splits that are packed apart have the same labels, or a note says that they differ."""

import io
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import SourceError


@pytest.fixture
def trees(make_tree):
    def picture(number):
        file = io.BytesIO()
        Image.new("RGB", (9, 9), (number, 0, 0)).save(file, "PNG")
        return file.getvalue()

    train = {f"{name}/{n}.png": picture(n) for n, name in enumerate(("cat", "dog", "fox"))}
    val = {f"{name}/{n}.png": picture(n + 9) for n, name in enumerate(("cat", "fox"))}
    return make_tree(train, "train"), make_tree(val, "val")


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("names", [("train", "val"), ("pets-train", "pets-validation")])
def test_other_labels_beside_the_destination_are_noted(tmp_path: Path, trees, place, names):
    root = str(tmp_path) if place == "local" else f"memory://{uuid4().hex}"
    first, second = (f"{root}/out/{name}" for name in names)
    assert not any("another label" in note for note in pack("imagefolder", trees[0], dest=first).notes)
    notes = pack("imagefolder", trees[1], dest=second).notes
    wanted = f"1 class has another label in {first}, such as 'fox': 1 here, 2 there"
    assert [note.partition(";")[0] for note in notes] == [wanted]


def test_a_packed_data_set_is_a_class_list(tmp_path: Path, trees):
    pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train")
    report = pack("imagefolder", trees[1], dest=f"{tmp_path}/out/val", classes=f"{tmp_path}/out/train")
    assert not any("classes" in note for note in report.notes)
    packed = Dataset.open(f"{tmp_path}/out/val")
    assert [item["name"] for item in packed.classes] == ["cat", "dog", "fox"]
    assert sorted(sample.label for sample in packed) == [0, 2]


def test_a_class_that_the_packed_data_set_lacks_is_named(tmp_path: Path, trees):
    pack("imagefolder", trees[1], dest=f"{tmp_path}/out/val")
    with pytest.raises(SourceError, match=r"folder dog: the class 'dog' is not in .*/out/val"):
        pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train", classes=f"{tmp_path}/out/val")


def test_a_data_set_without_names_gives_no_class_list(tmp_path: Path, trees, make_tree):
    tree = make_tree({f"{n}/{n}.png": Path(trees[0], "cat/0.png").read_bytes() for n in range(2)}, "numbers")
    pack("imagefolder", tree, dest=f"{tmp_path}/out/numbers")
    with pytest.raises(SourceError, match="no names of classes, so it gives no class list"):
        pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train", classes=f"{tmp_path}/out/numbers")
