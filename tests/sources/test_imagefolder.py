import os
import random
import tarfile
from pathlib import Path

import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.sample import check_key
from wds_imagenet.sources import imagefolder


def labels(listing):
    return {reference.name: reference.label for reference in listing.references}


def test_names_are_labelled_as_torchvision_labels_them(make_tree):
    folder = make_tree({"dog/1.jpg": "", "Cat/2.png": "", "ant_10/3.JPEG": "", "ant_2/4.webp": ""})
    listing = imagefolder(folder)
    # ImageFolder.find_classes: sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    assert [item["name"] for item in listing.classes] == sorted(["dog", "Cat", "ant_10", "ant_2"])
    assert labels(listing) == {"Cat/2.png": 0, "ant_10/3.JPEG": 1, "ant_2/4.webp": 2, "dog/1.jpg": 3}
    assert listing.notes == ()


def test_numbers_are_labels_and_not_places(make_tree):
    listing = imagefolder(make_tree({f"{i}/a{i}.jpeg": "" for i in range(13)}))
    assert labels(listing) == {f"{i}/a{i}.jpeg": i for i in range(13)}
    assert [reference.label for reference in listing.references] == list(range(13))


def test_a_subset_of_numbers_keeps_them(make_tree):
    assert labels(imagefolder(make_tree({"5/a.jpg": "", "10/b.jpg": ""}))) == {"5/a.jpg": 5, "10/b.jpg": 10}


def test_other_labels_of_a_subset_of_the_wnids_are_noted(make_tree, wnids):
    listing = imagefolder(make_tree({f"{wnids[65]}/a.jpg": "", f"{wnids[0]}/b.jpg": ""}))
    assert labels(listing) == {f"{wnids[0]}/b.jpg": 0, f"{wnids[65]}/a.jpg": 1}
    assert "2 WNIDs are labelled 0 to 1 in sorted order, which differs from ILSVRC's" in listing.notes[0]


def test_a_class_list_fixes_the_labels_of_a_subset(make_tree, wnids, photos):
    folder = make_tree({f"{wnids[65]}/a.jpg": "", f"{wnids[0]}/b.jpg": ""})
    listing = imagefolder(folder, classes=str(photos / "ilsvrc2012" / "imagenet_synsets.txt"))
    assert labels(listing) == {f"{wnids[0]}/b.jpg": 0, f"{wnids[65]}/a.jpg": 65}
    assert (len(listing.classes), listing.notes) == (1000, ())


def test_a_class_list_gives_names_to_numbers(make_tree):
    classes = make_tree({"names.txt": "tench\ngoldfish\nshark"}, "lists") + "/names.txt"
    listing = imagefolder(make_tree({"2/a.jpg": "", "0/b.jpg": ""}), classes=classes)
    assert labels(listing) == {"0/b.jpg": 0, "2/a.jpg": 2}
    assert listing.classes[2] == {"name": "shark"}


def test_stems_are_keys_where_they_differ_and_paths_where_not(make_tree):
    unique = imagefolder(make_tree({"a/n01_1.JPEG": "", "b/deep/n02_2.jpg": ""}, "one"))
    assert [reference.key for reference in unique.references] == ["n01_1", "n02_2"]
    repeated = imagefolder(make_tree({"a/1.jpg": "", "b/deep/1.jpg": "", "b/2.jpg": ""}, "two"))
    assert [reference.key for reference in repeated.references] == ["a/1", "b/2", "b/deep/1"]


@pytest.mark.parametrize(
    "twice", [["c/a.jpg", "c/a.png"], ["c/a b.jpg", "c/a_b.jpg"], ["c/a.b.jpg", "c/a_b.jpg"]]
)
def test_two_files_with_one_key_are_both_named(make_tree, twice):
    with pytest.raises(SourceError) as caught:
        imagefolder(make_tree(dict.fromkeys([*twice, "d/x.jpg"], "")))
    assert all(repr(name) in str(caught.value) for name in twice)


def test_references_hold_the_bytes_of_the_photos(make_tree, train_images, read_back):
    some = dict(random.Random(0).sample(sorted(train_images.items()), 40))
    listing = imagefolder(make_tree({f"{name[:9]}/{name}": content for name, content in some.items()}))
    assert {r.key + ".JPEG": read_back(r) for r in listing.references} == some


def test_an_archive_is_listed_as_the_folder_in_it(tmp_path, make_tree, make_tar, read_back):
    files = {"set/cat/1.jpg": b"one", "set/dog/2.jpg": b"two", "set/README": b"!"}
    (tmp_path / "x.tar").write_bytes(make_tar(dict(reversed(files.items()))))
    packed, plain = imagefolder(f"{tmp_path}/x.tar"), imagefolder(make_tree(files))
    assert [(r.key, r.label, r.name, r.size) for r in packed.references] == [
        (r.key, r.label, r.name, r.size) for r in plain.references
    ]
    assert [read_back(r) for r in packed.references] == [b"one", b"two"]
    assert "the classes are the folders in set/" in packed.notes


def test_a_folder_on_another_store_is_listed_the_same(make_tree):
    import fsspec

    files = {"cat/1.jpg": b"one", "dog/2.jpg": b"two"}
    for name, content in files.items():
        fsspec.filesystem("memory").pipe_file(f"/set/{name}", content)
    remote = imagefolder("memory://set")
    assert labels(remote) == labels(imagefolder(make_tree(files)))
    assert [reference.url for reference in remote.references] == [f"memory://set/{name}" for name in files]


def test_hidden_files_and_those_beside_the_classes_are_noted(make_tree):
    files = ["a/1.jpg", "b/2.gif", "a/.hidden.jpg", ".git/x.jpg", "a/@eaDir/1.jpg", "README", "list.csv"]
    listing = imagefolder(make_tree(dict.fromkeys(files, "")))
    assert labels(listing) == {"a/1.jpg": 0, "b/2.gif": 1}
    assert listing.notes == (
        "ignored hidden and system files, 3 in all: .git/x.jpg, a/.hidden.jpg, a/@eaDir/1.jpg",
        "ignored files beside the class folders, 2 in all: README, list.csv",
        "list.csv is not read; if it describes the images, 'pack table' reads it",
    )


GIF = b"GIF89a" + bytes(20)


def test_every_file_of_a_class_folder_is_an_image(make_tree):
    files = {
        "a/1.jpg": "",
        "a/1.txt": "",
        "a/2.jfif": "",
        "a/3": "",
        "b/4": GIF,
        "b/5.heic": "",
        "docs/r.md": "",
    }
    listing = imagefolder(make_tree(files))
    assert {r.key: (r.name, r.label, r.fault is None) for r in listing.references} == {
        "1": ("a/1.jpg", 0, True),
        "1_txt": ("a/1.txt", 0, True),
        "2": ("a/2.jfif", 0, True),
        "3": ("a/3", 0, True),
        "4": ("b/4", 1, True),
        "5_heic": ("b/5.heic", 1, True),
        "r_md": ("docs/r.md", None, False),
    }
    assert [item["name"] for item in listing.classes] == ["a", "b"]


@pytest.mark.parametrize("bad", ["annotations/x.json", "notes/x", "z/y/readme.md"])
def test_a_folder_without_images_is_no_class(make_tree, bad):
    tree = make_tree({"train/cat/1.jpg": "", "train/dog/2.jpg": "", bad: "text", "README": ""})
    listing = imagefolder(tree)
    assert labels(listing) == {"cat/1.jpg": 0, "dog/2.jpg": 1, bad: None}
    assert "the classes are the folders in train/" in listing.notes


def test_images_without_suffix_alone_make_classes(make_tree):
    tree = make_tree({"set/cat/1": GIF, "set/dog/2": GIF, "set/dog/3": "", "set/notes": ""})
    assert labels(imagefolder(tree)) == {"cat/1": 0, "dog/2": 1, "dog/3": 1}


def test_an_image_in_another_part_of_the_tree_is_in_a_class(make_tree):
    tree = make_tree({"a/cat/1.jpg": "", "a/dog/2.jpg": "", "b/3": GIF})
    assert labels(imagefolder(tree)) == {"a/cat/1.jpg": 0, "a/dog/2.jpg": 0, "b/3": 1}


def test_a_table_of_the_images_is_named_with_its_source(make_tree):
    for name in ("metadata.jsonl", "a/metadata.csv"):
        with pytest.raises(SourceError, match=rf"{name} describes the images .* 'pack table'"):
            imagefolder(make_tree({"a/1.jpg": "", "b/2.jpg": "", name: ""}, name.replace("/", "-")))


def test_dates_are_names_of_classes_unless_numbers_are_asked_for(make_tree):
    tree = make_tree({"20230101/a.jpg": "", "20210315/b.jpg": "", "9/c.jpg": ""})
    listing = imagefolder(tree)
    assert labels(listing) == {"9/c.jpg": 0, "20210315/b.jpg": 1, "20230101/a.jpg": 2}
    assert [item["name"] for item in listing.classes] == ["9", "20210315", "20230101"]
    assert "labelled 0 to 2 in their order; option 'numeric_classes'" in listing.notes[0]
    asked = imagefolder(tree, numeric_classes=True)
    assert labels(asked) == {"9/c.jpg": 9, "20210315/b.jpg": 20210315, "20230101/a.jpg": 20230101}


def test_numbers_without_their_folders_are_noted(make_tree):
    (note,) = imagefolder(make_tree({f"{number}/{number}.jpg": "" for number in (1, 2, 4)})).notes
    assert "2 labels of 0 to 4 have no folder, the first is 0" in note


def test_an_empty_folder_is_noted(make_tree, tmp_path):
    tree = make_tree({"x/cat/1.jpg": "", "x/fox/2.jpg": "", "x/hen/.DS_Store": ""})
    for name in ("x/dog", "x/.git"):
        (Path(tree) / name).mkdir()
    assert any("2 folders have no files and so no label, such as 'dog'" in n for n in imagefolder(tree).notes)
    for path in (".", "x"):  # as 'tar c .' writes it, and with the folder around it
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            tar.add(Path(tree) / ("x" if path == "." else ""), path)
        notes = imagefolder(str(tmp_path / "x.tar")).notes
        assert any("2 folders have no files and so no label, such as 'dog'" in note for note in notes)


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (["cat/1.jpg", "cat/2.jpg"], "all images are of one class, 'cat'"),
        (["Cat/1.jpg", "cat/2.jpg"], "the classes 'Cat' and 'cat' differ only in case"),
        (["animal/cat/1.jpg", "plant/fir/2.jpg"], "such as animal/cat/1.jpg; the outer folder is the class"),
        (["bus/1.jpg", "train/2.jpg"], "the class 'train' has the name of a split"),
    ],
)
def test_unusual_class_folders_are_noted(make_tree, files, note):
    assert any(note in one for one in imagefolder(make_tree(dict.fromkeys(files, ""))).notes)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            ["a/1.txt", "a/2.txt", "b.csv"],
            r"no images in .*: found 2 \.txt, 1 \.csv, the first is 'a/1\.txt'",
        ),
        (["images.tar"], "to read a tar archive, give the archive itself"),
        ([".a/1.jpg"], r"found 1 \.jpg, the first is '\.a/1\.jpg'"),
        (["1.jpg", "a/2.jpg"], r"1 image lies in no class folder, the first is 1\.jpg; .* 'sidecars'"),
        (["train/a/1.jpg", "val/a/1.jpg"], "train, val are splits and not classes"),
        (["x/train/1.jpg", "x/val/2.jpg"], "such as .*/tree/x/train$"),
        (["annotations/1.jpg", "train/2.jpg", "val/3.jpg"], "train, val are splits and not classes"),
        (["cat/train/1.jpg", "cat/val/2.jpg", "dog/train/3.jpg"], "arrange the folders as SPLIT/CLASS"),
        (["val/images/1.JPEG", "val/val_annotations.txt"], "one folder val/images, which is no class"),
        (["caf\u00e9/1.jpg", "cafe\u0301/2.jpg"], r"'caf.*' and 'caf.*' differ only in how"),
        (["5/a.jpg", "05/b.jpg"], "'05' and '5' are both class 5"),
        (["5/a.jpg", "cat/b.jpg"], "folder 5: the class '5' is a number, but 'cat'"),
    ],
)
def test_a_folder_of_another_shape_is_refused_with_advice(make_tree, files, message):
    with pytest.raises(SourceError, match=message):
        imagefolder(make_tree(dict.fromkeys(files, "")))


def test_long_names_and_those_of_any_script_have_keys_of_their_own(make_tree):
    names = [*(f"{letter}.jpg" for letter in "猫犬éя"), *(f"{'x' * 120}{number}.jpg" for number in range(3))]
    listing = imagefolder(make_tree({f"动物/{name}": "" for name in names}))
    assert len({check_key(reference.key) for reference in listing.references}) == len(names)
    assert {reference.name for reference in listing.references} == {f"动物/{name}" for name in names}


def test_a_missing_class_list_is_an_error(make_tree):
    with pytest.raises(UsageError, match="there is no file"):
        imagefolder(make_tree({"c/a.jpg": ""}), classes="/nowhere/classes.txt")


def test_no_input_at_all_is_a_mistake_in_the_command():
    with pytest.raises(UsageError, match="'' is not a path"):
        imagefolder("")


def test_the_folder_at_hand_and_one_with_a_slash_are_folders(make_tree, monkeypatch):
    tree = make_tree({"cat/1.jpg": "", "dog/2.jpg": ""})
    monkeypatch.chdir(tree)
    for url in (".", "./", f"{tree}/", "../tree", f"file://{tree}", "cat/.."):
        listing = imagefolder(url)
        assert labels(listing) == {"cat/1.jpg": 0, "dog/2.jpg": 1}
        assert all(Path(reference.url).is_absolute() for reference in listing.references)


def test_names_with_line_ends_and_of_either_composition_are_told_apart(make_tree):
    names = ["a/x\ny.jpg", "a/x_y.txt", "b/\u00e9.jpg", "b/e\u0301.jpg", "c\nd.csv"]
    listing = imagefolder(make_tree(dict.fromkeys(names, "")))
    assert {reference.name for reference in listing.references} == set(names[:-1])
    assert len({reference.key for reference in listing.references}) == 4
    assert any("1 in all: c\\nd.csv" in note for note in listing.notes)


def test_a_name_that_is_not_utf_8_is_a_fault(make_tree):
    tree = make_tree({"cat/1.jpg": "", "cat/2.jpg": ""})
    Path(tree, "cat/2.jpg").rename(os.fsdecode(b"%b/cat/\xff.jpg" % tree.encode()))
    listing = imagefolder(tree)
    assert [(r.name, r.fault) for r in listing.references] == [
        ("cat/1.jpg", None),
        ("cat/\\udcff.jpg", "its name is not UTF-8; rename it"),
    ]


def test_a_note_on_missing_labels_costs_nothing_for_large_numbers(make_tree):
    listing = imagefolder(make_tree({"999999999/1.jpg": "", "5/2.jpg": ""}), numeric_classes=True)
    assert "999,999,998 labels of 0 to 999999999 have no folder, the first is 0" in listing.notes[0]
