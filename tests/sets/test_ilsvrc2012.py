"""ILSVRC2012 in every form in which it was released or is passed on: packed, verified, read back."""

import io

import numpy as np
import pytest
import scipy.io

DEVKIT = "ilsvrc2012/ILSVRC2012_devkit_t12.tar.gz"
KIT = {"devkit": "@ILSVRC2012_devkit_t12.tar.gz"}
CLSLOC = "ILSVRC/Data/CLS-LOC"
NUMBERS = (50_000, 1, 17, 36, 2, 49_999, 1234)  # as they may lie in the tar: in no order


@pytest.fixture(scope="session")
def train(world, known):
    """Released names → (label, bytes); two images of one class."""
    named = [(wnid, f"{wnid}_{10026 + 7 * i}", data) for i, (wnid, data) in enumerate(world.photos[:9])]
    named.append((named[0][0], f"{named[0][0]}_9", world.photos[9][1]))
    return {
        key: known(data, world.wnids.index(wnid), {"wnid": wnid, "filename": f"{key}.JPEG"})
        for wnid, key, data in named
    }


@pytest.fixture(scope="session")
def val(world, known):
    """The key of each validation image, with its label from the devkit."""
    found = {}
    for number, (_, data) in zip(NUMBERS, world.photos, strict=False):
        wnid = world.truth[number - 1]
        found[f"ILSVRC2012_val_{number:08d}"] = known(data, world.wnids.index(wnid), {"wnid": wnid})
    return found


@pytest.fixture
def kit(world):
    return {"ILSVRC2012_devkit_t12.tar.gz": world.read(DEVKIT)}


def by_class(train):
    wnids = dict.fromkeys(sorted((key[:9] for key in train), reverse=True))
    return {w: {f"{k}.JPEG": s.data for k, s in train.items() if k[:9] == w} for w in wnids}


def inner(world, train):
    return {f"{wnid}.tar": world.tar(files) for wnid, files in by_class(train).items()}


def test_train_is_a_tar_of_tars(packs, world, kit, train):
    files = {**kit, "ILSVRC2012_img_train.tar": world.tar(inner(world, train))}
    packs("imagenet", files, ["ILSVRC2012_img_train.tar"], train, **KIT)


def test_train_may_be_gzipped_whatever_it_is_called(packs, world, kit, train):
    files = {**kit, "ILSVRC2012_img_train.tar": world.gz(inner(world, train))}
    report = packs("imagenet", files, ["ILSVRC2012_img_train.tar"], train, **KIT)
    assert "the stream has 10 images, where 1,281,167 were published" in report.notes


def test_train_may_be_extracted_once(packs, world, kit, train):
    files = {**kit, **{f"train/{name}": data for name, data in inner(world, train).items()}}
    packs("imagenet", files, ["train"], train, **KIT)


def test_train_may_be_extracted_to_class_folders(packs, kit, train):
    files = {f"train/{key[:9]}/{key}.JPEG": sample.data for key, sample in train.items()}
    packs("imagenet", {**kit, **files}, ["train"], train, **KIT)


def test_hugging_faces_train_is_several_archives_of_renamed_files(packs, world, kit, train):
    names = {f"{key}_{key[:9]}.JPEG": sample.data for key, sample in train.items()}
    names = dict(sorted(names.items(), key=lambda item: item[0][::-1]))
    files = {**kit}
    for part in range(3):
        files[f"data/train_images_{part}.tar.gz"] = world.gz(dict(list(names.items())[part::3]))
    expected = {
        key: type(s)(s.data, s.label, {**s.json, "filename": f"{key}_{key[:9]}.JPEG"})
        for key, s in train.items()
    }
    packs("imagenet", files, [f"data/train_images_{part}.tar.gz" for part in range(3)], expected, **KIT)


@pytest.mark.parametrize("form", ["plain", "gzipped", "in a folder", "extracted"])
def test_val_is_labelled_by_number_and_not_by_place(packs, world, kit, val, form):
    folder = "val/" if form == "in a folder" else ""
    images = {f"{folder}{key}.JPEG": sample.data for key, sample in val.items()}
    files = {
        **kit,
        **({f"val/{n}": d for n, d in images.items()} if form == "extracted" else {}),
        **({} if form == "extracted" else {"v.tar": (world.gz if form == "gzipped" else world.tar)(images)}),
    }
    packs("imagenet", files, ["val" if form == "extracted" else "v.tar"], val, **KIT)


@pytest.mark.parametrize("listed", ["devkit", "class list"])
def test_val_may_be_sorted_into_class_folders(packs, world, kit, val, listed):
    files = {f"val/{sample.json['wnid']}/{key}.JPEG": sample.data for key, sample in val.items()}
    files |= {**kit, "synsets.txt": world.read("ilsvrc2012/imagenet_synsets.txt")}
    packs("imagenet", files, ["val"], val, **(KIT if listed == "devkit" else {"classes": "@synsets.txt"}))


def test_hugging_faces_val_has_the_class_at_the_end_of_names(packs, world, val):
    images = {f"{key}_{sample.json['wnid']}.JPEG": sample.data for key, sample in val.items()}
    listed = world.read("ilsvrc2012/imagenet_synsets.txt")
    files = {"val_images.tar.gz": world.gz(images), "synsets.txt": listed}
    packs("imagenet", files, ["val_images.tar.gz"], val, classes="@synsets.txt")


@pytest.mark.parametrize("prefix", ["", "test/"])
def test_the_images_of_test_have_no_label(packs, world, known, prefix):
    expected = {f"ILSVRC2012_test_{i:08d}": known(d) for i, (_, d) in enumerate(world.photos[:6], 1)}
    archive = world.tar({f"{prefix}{key}.JPEG": sample.data for key, sample in expected.items()})
    packs("imagenet", {"ILSVRC2012_img_test_v10102019.tar": archive}, ["ILSVRC2012_img_test_v10102019.tar"],
          expected)  # fmt: skip


def mat(world, name):
    """Return a later year's meta_clsloc.mat, as scipy writes it: a row of structs, without children."""
    fields = [name, "WNID", "name", "description", "num_train_images"]
    rows = [line.split() for line in world.read("ilsvrc2012/map_clsloc.txt").decode().splitlines()]
    synsets = np.zeros((1, len(rows)), [(field, object) for field in fields])
    for place, (wnid, number, word) in enumerate(rows):
        synsets[0, place] = (np.uint16(number), wnid, word, f"a {word}", np.uint16(1300))
    out = io.BytesIO()
    scipy.io.savemat(out, {"synsets": synsets})
    return out.getvalue()


@pytest.mark.parametrize("year", [2013, 2015, 2017])
@pytest.mark.parametrize("file", ["meta_clsloc.mat", "map_clsloc.txt"])
def test_devkits_of_later_years_label_the_same(packs, world, val, year, file):
    rows = [line.split() for line in world.read("ilsvrc2012/map_clsloc.txt").decode().splitlines()]
    ids = {wnid: number for wnid, number, _ in rows}
    data = {
        f"ILSVRC{year}_clsloc_validation_ground_truth.txt": "\n".join(ids[w] for w in world.truth).encode(),
        "map_clsloc.txt": world.read("ilsvrc2012/map_clsloc.txt"),
    }
    if file == "meta_clsloc.mat":
        data = {**data, file: mat(world, "ILSVRC2013_ID" if year == 2013 else f"ILSVRC{year}_CLSLOC_ID")}
    devkit = world.gz({f"ILSVRC/devkit/data/{name}": content for name, content in data.items()})
    images = world.tar({f"{key}.JPEG": sample.data for key, sample in val.items()})
    files = {"v.tar": images, "kit.tar.gz": devkit}
    packs("imagenet", files, ["v.tar"], val, devkit="@kit.tar.gz")


@pytest.fixture
def kaggle(world, train, val):
    """Kaggle's tree, whose rows come in any order and end with a space."""
    mapping = "".join(f"{wnid} name {i}, other\n" for i, wnid in enumerate(world.wnids))
    rows = [f"{key},{s.json['wnid']} 1 2 30 40 {s.json['wnid']} 5 5 9 9 \n" for key, s in val.items()]
    return {
        "LOC_synset_mapping.txt": mapping,
        "LOC_val_solution.csv": "ImageId,PredictionString\n" + "".join(rows[::-1]),
        **{f"{CLSLOC}/train/{key[:9]}/{key}.JPEG": sample.data for key, sample in train.items()},
        **{f"{CLSLOC}/val/{key}.JPEG": sample.data for key, sample in val.items()},
        f"{CLSLOC}/test/ILSVRC2012_test_00000001.JPEG": world.photos[0][1],
        "ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml": "<annotation/>",
        "ILSVRC/ImageSets/CLS-LOC/val.txt": "ILSVRC2012_val_00000001 1\n",
    }


@pytest.mark.parametrize("folder", ["", "ILSVRC", CLSLOC])
def test_kaggles_folder_needs_no_devkit(packs, kaggle, val, folder):
    packs("imagenet", kaggle, [folder], val, split="val")


def test_the_train_set_of_kaggles_folder_is_labelled_by_its_mapping(packs, kaggle, train):
    packs("imagenet", kaggle, ["ILSVRC"], train, split="train")
