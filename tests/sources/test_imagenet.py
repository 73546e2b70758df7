import random
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from wds_imagenet.errors import CorruptError, SourceError, UsageError
from wds_imagenet.sources import imagenet

FORMATS = {"gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT}
VAL = "ILSVRC2012_val_{:08d}.JPEG"


def by_key(listing):
    return {reference.key: reference.label for reference in listing.references}


@pytest.fixture(scope="session", params=FORMATS)
def train_tar(request, tmp_path_factory, train_images, make_tar):
    """Lay the 1000 photos out as ILSVRC2012_img_train.tar, its members in no order."""
    form = FORMATS[request.param]
    inner = {f"{name[:9]}.tar": make_tar({name: content}, form) for name, content in train_images.items()}
    names = random.Random(1).sample(sorted(inner), len(inner))
    path = tmp_path_factory.mktemp("train") / "ILSVRC2012_img_train.tar"
    path.write_bytes(make_tar({name: inner[name] for name in names}, form))
    return path


def test_the_nested_train_tar_is_read_in_place(train_tar, devkit, train_images, wnids, read_back):
    listing = imagenet(str(train_tar), devkit=devkit)
    assert [reference.name for reference in listing.references] == sorted(train_images)
    assert {reference.url for reference in listing.references} == {str(train_tar)}
    for reference in listing.references:
        assert read_back(reference) == train_images[reference.name]
        assert reference.label == wnids.index(reference.name[:9])


def test_classes_have_words_wnid_and_id(photo_tree, devkit):
    classes = imagenet(photo_tree, devkit=devkit).classes
    assert classes[0] == {"name": "tench, Tinca tinca", "wnid": "n01440764", "ilsvrc2012_id": 449}
    assert classes[65] == {"name": "sea snake", "wnid": "n01751748", "ilsvrc2012_id": 490}
    assert len(classes) == 1000


@pytest.fixture(scope="session")
def photo_tree(tmp_path_factory, train_images):
    """Lay the photos out as the train tar extracted, in class folders."""
    folder = tmp_path_factory.mktemp("tree")
    for name, content in train_images.items():
        (folder / name[:9]).mkdir()
        (folder / name[:9] / name).write_bytes(content[:100])
    return str(folder)


def test_all_thousand_classes_need_no_devkit(photo_tree, wnids):
    listing = imagenet(photo_tree)
    assert [reference.label for reference in listing.references] == list(range(1000))
    assert listing.classes[65] == {"name": "n01751748", "wnid": "n01751748"}
    assert listing.classes[0]["wnid"] == wnids[0]


def test_counts_that_differ_from_the_published_ones_are_noted(photo_tree, devkit):
    notes = imagenet(photo_tree, devkit=devkit).notes
    assert "1,000 images; ILSVRC2012's train was published with 1,281,167" in notes
    assert "1,000 classes differ from the devkit's count: n01440764 has 1 of 1,300, n01443537" in notes[1]


def test_fewer_classes_are_not_guessed(make_tree, devkit, photos):
    folder = make_tree({"train/n01751748/n01751748_7.JPEG": b"x", "train/n01440764/n01440764_3.JPEG": b"x"})
    with pytest.raises(SourceError, match=r"2 of the 1,000 classes, .*give the devkit"):
        imagenet(folder)
    expected = {"n01440764_3": 0, "n01751748_7": 65}
    assert by_key(imagenet(folder, devkit=devkit)) == expected
    assert by_key(imagenet(folder, classes=str(photos / "ilsvrc2012" / "imagenet_synsets.txt"))) == expected


@pytest.mark.parametrize(
    "path",
    [
        "n01751748/n01751748_7.JPEG",
        "ILSVRC/Data/CLS-LOC/train/n01751748/n01751748_7.JPEG",
        "train/n01751748/n01751748_7_n01751748.JPEG",
        "flat/n01751748_7.jpeg",
    ],
)
def test_a_training_image_is_known_wherever_it_lies(make_tree, devkit, path):
    assert by_key(imagenet(make_tree({path: b"x"}), devkit=devkit)) == {"n01751748_7": 65}


def test_inner_tars_in_a_folder_are_read_in_place(make_tree, make_tar, devkit, read_back):
    inner = make_tar({"n01751748_7.JPEG": b"seven", "n01751748_70.JPEG": b"seventy"})
    listing = imagenet(make_tree({"train/n01751748.tar": inner, "train/notes.tar": b"no"}), devkit=devkit)
    assert [read_back(reference) for reference in listing.references] == [b"seven", b"seventy"]
    assert "ignored files beside the images, 1 in all: train/notes.tar" in listing.notes


@pytest.fixture(scope="session")
def truth(photos):
    """Return the label of each validation image by number, made from the devkit's text files alone."""
    with tarfile.open(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz") as archive:
        name = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
        identities = archive.extractfile(name).read().split()
    lines = (photos / "ilsvrc2012" / "map_clsloc.txt").read_text().splitlines()
    ordered = sorted(line.split()[0] for line in lines)
    label_of = {line.split()[1].encode(): ordered.index(line.split()[0]) for line in lines}
    return {number: label_of[identity] for number, identity in enumerate(identities, 1)}


@pytest.fixture(scope="session")
def val_tar(tmp_path_factory, make_tar):
    """Lay 400 validation images out in no order, number 17 missing, all below `val/`."""
    numbers = [n for n in range(1, 402) if n != 17]
    random.Random(2).shuffle(numbers)
    path = tmp_path_factory.mktemp("val") / "ILSVRC2012_img_val.tar"
    path.write_bytes(make_tar({f"val/{VAL.format(n)}": b"%d" % n for n in numbers}))
    return str(path)


def test_validation_labels_are_joined_by_number(val_tar, devkit, truth, read_back):
    listing = imagenet(val_tar, devkit=devkit)
    assert by_key(listing) == {VAL.format(n)[:-5]: truth[n] for n in range(1, 402) if n != 17}
    assert listing.split == "validation"
    assert by_key(listing)["ILSVRC2012_val_00000001"] == 65
    assert [read_back(r) for r in listing.references] == [b"%d" % n for n in range(1, 402) if n != 17]
    assert listing.notes == (
        "400 images; ILSVRC2012's val was published with 50,000",
        "49,600 numbers are missing, the first is 00000017",
    )


def test_a_whole_val_has_the_published_count_and_each_label_fifty_times(make_tar, tmp_path, devkit):
    (tmp_path / "val.tar").write_bytes(make_tar({VAL.format(n): b"" for n in range(1, 50_001)}))
    listing = imagenet(f"{tmp_path}/val.tar", devkit=devkit)
    assert listing.notes == ()
    assert set(Counter(reference.label for reference in listing.references).values()) == {50}


@pytest.mark.parametrize(
    "name", ["{file}.JPEG", "val/{file}.JPEG", "x/{wnid}/{file}.JPEG", "{file}_{wnid}.JPEG", "{file}.jpg"]
)
def test_validation_images_are_known_wherever_they_lie(make_tree, devkit, truth, wnids, name):
    files = {VAL.format(n)[:-5]: n for n in (1, 2, 3, 40_000)}
    tree = make_tree({name.format(file=f, wnid=wnids[truth[n]]): b"x" for f, n in files.items()})
    assert by_key(imagenet(tree, devkit=devkit)) == {f: truth[n] for f, n in files.items()}


def test_class_folders_and_a_class_list_do_without_the_devkit(make_tree, photos):
    tree = make_tree({f"val/n01751748/{VAL.format(1)}": b"x"})
    listed = str(photos / "ilsvrc2012" / "imagenet_synsets.txt")
    assert by_key(imagenet(tree, classes=listed)) == {VAL.format(1)[:-5]: 65}


def test_the_error_for_a_flat_val_without_devkit_asks_for_it(val_tar, photos):
    with pytest.raises(SourceError, match=r"give the devkit \(ILSVRC2012_devkit_t12\.tar\.gz\)"):
        imagenet(val_tar)
    with pytest.raises(SourceError, match="has no class in its name or folder: give the devkit"):
        imagenet(val_tar, classes=str(photos / "ilsvrc2012" / "imagenet_synsets.txt"))


def test_a_folder_that_contradicts_the_ground_truth_is_refused(make_tree, devkit):
    tree = make_tree({f"val/n01440764/{VAL.format(1)}": b"x"})
    with pytest.raises(SourceError, match="has n01440764, label 0, but the devkit has n01751748, label 65"):
        imagenet(tree, devkit=devkit)


@pytest.mark.parametrize("name", ["ILSVRC2012_test_00000001.JPEG", "test/ILSVRC2012_test_0100000.JPEG"])
def test_test_images_have_no_label(tmp_path, make_tar, devkit, name):
    (tmp_path / "x.tar").write_bytes(make_tar({name: b"x"}))
    listing = imagenet(f"{tmp_path}/x.tar", devkit=devkit)
    assert list(by_key(listing).values()) == [None]
    assert listing.classes == ()


def test_one_split_is_chosen_out_of_several(make_tree, devkit):
    paths = ["train/n01751748/n01751748_7.JPEG", f"val/{VAL.format(1)}", "test/ILSVRC2012_test_00000001.JPEG"]
    tree = make_tree(dict.fromkeys(paths, b"x"))
    with pytest.raises(
        SourceError, match=r"has images of several splits \(1 of test, 1 of train, 1 of val\)"
    ):
        imagenet(tree, devkit=devkit)
    assert by_key(imagenet(tree, split="val", devkit=devkit)) == {"ILSVRC2012_val_00000001": 65}
    assert by_key(imagenet(tree, split="test")) == {"ILSVRC2012_test_00000001": None}
    listing = imagenet(tree, split="train", devkit=devkit)
    assert by_key(listing) == {"n01751748_7": 65}
    assert any("several splits (1 of" in note for note in listing.notes)


def test_images_of_other_sets_have_a_fault(make_tree, devkit):
    files = ["n01440764_1.JPEG", "cat.jpg", "Annotations/n01440764_1.xml", ".DS_Store", "._n01440764_1.JPEG"]
    files += ["README", "n01440764/notes.md"]
    listing = imagenet(make_tree(dict.fromkeys(files, b"x")), devkit=devkit)
    assert {r.name: (r.label, r.fault) for r in listing.references} == {
        "n01440764_1.JPEG": (0, None),
        "cat.jpg": (None, "its name is not that of an image of ILSVRC2012"),
        "n01440764/notes.md": (None, "its name is not that of an image of ILSVRC2012"),
    }
    assert listing.notes[:2] == (
        "ignored hidden and system files, 2 in all: .DS_Store, ._n01440764_1.JPEG",
        "ignored files beside the images, 2 in all: Annotations/n01440764_1.xml, README",
    )


@pytest.mark.parametrize(
    "name", ["n01440764_7", "n01440764_7.jfif", "n01440764_7.JPE", "n01440764/n01440764_7"]
)
def test_an_image_is_known_by_its_stem_whatever_its_suffix(make_tree, devkit, name):
    assert by_key(imagenet(make_tree({name: b"x"} | {"n01440764_1.JPEG": b"x"}), devkit=devkit)) == {
        "n01440764_1": 0,
        "n01440764_7": 0,
    }


@pytest.mark.parametrize("suffix", ["tar.gz", "tgz", "tar.xz", "tar.bz2", "tar.zst", "zip", "7z", "rar"])
@pytest.mark.parametrize("outer", ["tar", "folder"])
def test_a_class_in_a_compressed_archive_has_a_fault(make_tree, make_tar, devkit, suffix, outer):
    files = {"n01440764.tar": make_tar({"n01440764_1.JPEG": b"1"}), f"n01443537.{suffix}": b"?"}
    tree = make_tree(files if outer == "folder" else {"train.tar": make_tar(files)})
    listing = imagenet(tree if outer == "folder" else f"{tree}/train.tar", devkit=devkit)
    assert [(r.name, r.fault is None) for r in listing.references] == [
        ("n01440764_1.JPEG", True),
        (f"n01443537.{suffix}", False),
    ]
    assert "unpack it" in listing.references[1].fault


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a/cat.jpg"], r"no images of ILSVRC2012 in .*: found 1 \.jpg"),
        (["ILSVRC2012_img_train.tar"], "give the archive itself"),
        (["n01440764/n01751748_7.JPEG"], "is of the class n01440764 and n01751748 at once"),
        (["n01440764_7_n01751748.JPEG"], "is of the class n01440764 and n01751748 at once"),
        (["ILSVRC2012_val_00050001.JPEG"], "a number that no val image has"),
        (["ILSVRC2012_val_00000000.JPEG"], "a number that no val image has"),
        (["n99999999_7.JPEG"], "the class n99999999 is not in the class list"),
        (["a/n01440764_7.JPEG", "b/n01440764_7.JPEG"], "have the same key 'n01440764_7'"),
        (["n01440764_7.JPEG", "n01440764_7_n01440764.JPEG"], "have the same key 'n01440764_7'"),
    ],
)
def test_images_of_uncertain_label_are_refused(make_tree, devkit, files, message):
    with pytest.raises(SourceError, match=message):
        imagenet(make_tree(dict.fromkeys(files, b"x")), devkit=devkit)


def test_contradictory_options_are_refused(make_tree, devkit):
    tree = make_tree({"n01440764_7.JPEG": b"x", "names.txt": "tench\ngoldfish"})
    with pytest.raises(UsageError, match="'training': ILSVRC2012 has the splits train, val, test"):
        imagenet(tree, split="training")
    with pytest.raises(UsageError, match="give either"):
        imagenet(tree, devkit=devkit, classes=devkit)
    with pytest.raises(SourceError, match=r"names\.txt has no WNIDs"):
        imagenet(tree, classes=f"{tree}/names.txt")
    with pytest.raises(SourceError, match=r"no images of ILSVRC2012's val in .*: found 1 of train"):
        imagenet(tree, split="validation", devkit=devkit)


def test_a_class_list_in_another_order_is_followed_and_noted(make_tree):
    tree = make_tree({"n01440764_7.JPEG": b"x", "list.txt": "n01751748\nn01440764"})
    listing = imagenet(tree, classes=f"{tree}/list.txt")
    assert by_key(listing) == {"n01440764_7": 1}
    assert any("whose order is not that of ILSVRC's" in note for note in listing.notes)


def test_a_train_tar_that_ends_early_is_an_error(train_tar, tmp_path, devkit):
    whole = train_tar.read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CorruptError, match="past") as caught:
        imagenet(f"{tmp_path}/cut.tar", devkit=devkit)
    assert f"in the tar archive {tmp_path}/cut.tar, after the member 'n" in caught.value.__notes__[-1]


def test_all_of_it_may_lie_on_s3(s3_url, devkit, make_tar):
    from wds_imagenet.storage import open_store

    names = ["n01440764/n01440764_1.JPEG", "n01751748/n01751748_7.JPEG"]
    store = open_store(s3_url)
    store.put("devkit.tgz", Path(devkit).read_bytes())
    inner = {f"{name[:9]}.tar": make_tar({name[10:]: name.encode() * 9999}) for name in names}
    store.put("train.tar", make_tar(inner))
    listing = imagenet(f"{s3_url}/train.tar", devkit=f"{s3_url}/devkit.tgz")
    assert by_key(listing) == {"n01440764_1": 0, "n01751748_7": 65}
    for name, reference in zip(names, listing.references, strict=True):
        stop = reference.offset + reference.size
        assert store.read("train.tar", reference.offset, stop).data == name.encode() * 9999
        store.put(f"tree/{name}", b"x")
    assert by_key(imagenet(f"{s3_url}/tree", devkit=f"{s3_url}/devkit.tgz")) == by_key(listing)


def test_files_of_macos_are_passed_over_in_nested_tars(tmp_path, make_tar, devkit, read_back):
    inner = make_tar({"._n01440764_1.JPEG": b"?", ".DS_Store": b"?", "n01440764_1.JPEG": b"one"})
    outer = {"._n01440764.tar": b"no tar", "n01440764.tar": inner, ".DS_Store": b"?", "__MACOSX/x.tar": b"?"}
    (tmp_path / "train.tar").write_bytes(make_tar(outer))
    listing = imagenet(f"{tmp_path}/train.tar", devkit=devkit)
    assert {r.key: read_back(r) for r in listing.references} == {"n01440764_1": b"one"}
    assert listing.notes[0].startswith("ignored hidden and system files, 5 in all: ")


def test_a_tar_in_an_inner_tar_has_a_fault(tmp_path, make_tar, devkit):
    deep = make_tar({"n01443537_1.JPEG": b"lost?"})
    (tmp_path / "train.tar").write_bytes(
        make_tar({"train.tar": make_tar({"n01443537.tar": deep, "n01440764_1.JPEG": b"1"})})
    )
    listing = imagenet(f"{tmp_path}/train.tar", devkit=devkit)
    assert [(r.name, r.fault is None) for r in listing.references] == [
        ("n01440764_1.JPEG", True),
        ("train/n01443537.tar", False),
    ]
