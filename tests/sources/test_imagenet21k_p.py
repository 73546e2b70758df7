"""ImageNet-21K-P: the genuine class lists, photos in the released layout, small classes kept out."""

import gzip
import io
import random
from collections import OrderedDict
from pathlib import Path

import pytest

from wds_imagenet.errors import CorruptError, DataError, SourceError, UsageError
from wds_imagenet.imagenet.releases_21k_p import ABSENT_CLASSES, RELEASES
from wds_imagenet.sources import Listing, Stream, imagenet21k_p

TOP = "imagenet21k_resized"
SMALL = "n99999998"


def by_key(found):
    if isinstance(found, Stream):
        return {arrival.reference.key: arrival.reference.label for arrival in found.images()}
    return {reference.key: reference.label for reference in found.references}


@pytest.fixture(scope="session")
def lists(photos):
    """Return the genuine class list of each release, as a file."""
    return {name: str(photos / "imagenet-21k" / release.file) for name, release in RELEASES.items()}


@pytest.fixture(scope="session")
def winter21(lists):
    return Path(lists["winter21"]).read_text().split()


@pytest.fixture(scope="session")
def files(train_images, winter21):
    """Lay 60 photos out as released, in no order, with small classes between."""
    known = set(winter21)
    names = random.Random(7).sample([name for name in train_images if name[:9] in known], 60)
    out = {f"{TOP}/imagenet21k_train/{name[:9]}/{name}": train_images[name] for name in names[:40]}
    out |= {f"{TOP}/imagenet21k_val/{name[:9]}/{name}": train_images[name] for name in names[40:]}
    out |= {f"{TOP}/imagenet21k_small_classes/{SMALL}/{SMALL}_{i}.JPEG": b"small" for i in range(5)}
    return {path: out[path] for path in random.Random(5).sample(sorted(out), len(out))}


def expected(files, winter21, split):
    names = [path.rsplit("/", 1)[1] for path in files if f"/imagenet21k_{split}/" in path]
    return {name[:-5]: winter21.index(name[:9]) for name in names}


@pytest.fixture
def pack_tar(make_tar, tmp_path):
    """Return a function that writes contents by name as a tar, gzipped or not, and returns its path."""

    def pack(files, gzipped):
        whole = make_tar(files)
        (tmp_path / "x.tar").write_bytes(gzip.compress(whole, 1) if gzipped else whole)
        return f"{tmp_path}/x.tar"

    return pack


@pytest.fixture(params=["plain tar", "gzip", "folder"])
def url(request, files, make_tar, make_tree, tmp_path):
    if request.param == "folder":
        return make_tree(files)
    whole = make_tar(files)
    path = tmp_path / "imagenet21k_resized.tar.gz"  # whatever it is
    path.write_bytes(gzip.compress(whole, 1) if request.param == "gzip" else whole)
    return str(path)


@pytest.mark.parametrize("split", ["train", "val"])
def test_labels_are_places_in_the_named_release(url, files, winter21, lists, split):
    found = imagenet21k_p(url, split=split, release="winter21", classes=lists["winter21"])
    assert by_key(found) == expected(files, winter21, split)
    assert found.split == {"train": "train", "val": "validation"}[split]
    assert [info["wnid"] for info in found.classes] == winter21
    assert not any(key.startswith(SMALL) for key in by_key(found))


def test_every_form_has_the_photos_bytes(url, files, lists, read_back):
    found = imagenet21k_p(url, split="val", release="winter21", classes=lists["winter21"])
    if isinstance(found, Listing):
        content = {reference.name: read_back(reference) for reference in found.references}
    else:
        content = {arrival.reference.name: arrival.whole().data for arrival in found.images()}
    assert content == {path.rsplit("/", 1)[1]: data for path, data in files.items() if "_val/" in path}


def test_the_same_folder_has_another_label_in_the_other_release(make_tree, lists):
    tree = make_tree({f"val/{wnid}/{wnid}_1.JPEG": b"" for wnid in ("n00005787", "n15102894")})
    for release, last in (("winter21", 10_449), ("fall11", 11_220)):
        found = imagenet21k_p(tree, release=release, classes=lists[release])
        assert by_key(found) == {"n00005787_1": 0, "n15102894_1": last}


def test_counts_that_differ_and_ignored_files_are_noted(make_tree, files, lists):
    tree = make_tree({**files, f"{TOP}/README": b"!", f"{TOP}/._x.JPEG": b"!"})
    notes = imagenet21k_p(tree, split="train", release="winter21", classes=lists["winter21"]).notes
    assert notes == (
        f"ignored hidden and system files, 1 in all: {TOP}/._x.JPEG",
        f"ignored files beside the class folders, 1 in all: {TOP}/README",
        "40 images; winter21's train was published with 11,060,223",
        "40 of 10,450 classes have images",
        "ignored 20 images of val",
        "ignored 5 images of small_classes",
        f"9 classes of ILSVRC2012 are not among winter21's: {', '.join(ABSENT_CLASSES)}",
    )


def test_the_absent_classes_are_those_of_the_genuine_lists(lists, wnids):
    for url in lists.values():
        assert tuple(sorted(set(wnids) - set(Path(url).read_text().split()))) == ABSENT_CLASSES


@pytest.fixture(scope="session")
def every_class(winter21, make_tar, tmp_path_factory):
    """Lay one empty image of each of the 10,450 classes out, and a small class."""
    files = {f"imagenet21k_train/{wnid}/{wnid}_1.JPEG": b"" for wnid in reversed(winter21)}
    path = tmp_path_factory.mktemp("all") / "x.tar"
    path.write_bytes(make_tar({**files, f"imagenet21k_small_classes/{SMALL}/{SMALL}_1.JPEG": b""}))
    return str(path)


def test_the_folders_serve_as_class_list_where_their_hash_is_the_releases(every_class, winter21):
    listing = imagenet21k_p(every_class, release="winter21")
    assert [reference.label for reference in listing.references] == list(range(10_450))
    assert [reference.key[:9] for reference in listing.references] == winter21
    assert listing.classes[7] == {"name": winter21[7], "wnid": winter21[7]}


def test_folders_of_another_release_or_some_of_them_do_not_serve(every_class, make_tree, files):
    with pytest.raises(SourceError, match=r"its folders has the classes of winter21, not the 11,221"):
        imagenet21k_p(every_class, release="fall11")
    with pytest.raises(
        SourceError, match=r"has 20 classes, not the 10,450 classes of winter21: give its class"
    ):
        imagenet21k_p(make_tree(files), split="val", release="winter21")


def test_a_count_that_fits_is_not_enough(make_tar, winter21, tmp_path, make_tree):
    others = [*winter21[:-1], SMALL]
    tree = make_tree({"list.txt": "\n".join(others), "unsorted.txt": "\n".join(winter21[::-1])}, "lists")
    (tmp_path / "x.tar").write_bytes(make_tar({f"train/{w}/{w}_1.JPEG": b"" for w in others}))
    message = "has other classes, or another order, not the 10,450 classes of winter21"
    for options in ({}, {"classes": f"{tree}/list.txt"}, {"classes": f"{tree}/unsorted.txt"}):
        with pytest.raises(SourceError, match=message):
            imagenet21k_p(f"{tmp_path}/x.tar", release="winter21", **options)


def test_the_release_is_never_guessed(every_class, lists):
    for release in (None, "winter", "10450"):
        with pytest.raises(UsageError, match="give option 'release', one of winter21, fall11"):
            imagenet21k_p(every_class, release=release, classes=lists["winter21"])
    with pytest.raises(SourceError, match=r"w21_synsets\.txt has the classes of winter21, not the 11,221"):
        imagenet21k_p(every_class, release="fall11", classes=lists["winter21"])


@pytest.mark.parametrize("inside", [TOP, f"{TOP}/imagenet21k_val", f"{TOP}/imagenet21k_val/"])
def test_the_folder_of_a_split_may_be_given_itself(make_tree, files, winter21, lists, inside):
    tree = f"{make_tree(files)}/{inside}"
    found = imagenet21k_p(tree, split="validation", release="winter21", classes=lists["winter21"])
    assert by_key(found) == expected(files, winter21, "val")


def test_one_split_is_chosen_and_small_classes_are_none(make_tree, files, lists):
    tree = make_tree(files)
    options = {"release": "winter21", "classes": lists["winter21"]}
    with pytest.raises(
        SourceError, match=r"several splits \(40 images of train, 20 images of val, 5 images of"
    ):
        imagenet21k_p(tree, **options)
    with pytest.raises(UsageError, match=r"split='small_classes': .* has the splits train and val"):
        imagenet21k_p(tree, split="small_classes", **options)
    with pytest.raises(SourceError, match=r"no images of ImageNet-21K-P in .*: 5 images of small_classes"):
        imagenet21k_p(f"{tree}/{TOP}/imagenet21k_small_classes", **options)


def test_a_gzipped_archive_needs_split_and_class_list(files, pack_tar, lists):
    url = pack_tar(files, gzipped=True)
    for options in ({"split": "train"}, {"classes": lists["winter21"]}):
        with pytest.raises(UsageError, match=r"only at its end: give option 'split' .*miil_w21_synsets\.txt"):
            imagenet21k_p(url, release="winter21", **options)


def test_a_name_of_another_class_than_its_folder_has_the_folders_label(make_tree, lists, winter21):
    one, other = winter21[3], winter21[9]
    tree = make_tree({f"train/{one}/{other}_1.JPEG": b"", f"train/{other}/{other}_1.JPEG": b""})
    found = imagenet21k_p(tree, release="winter21", classes=lists["winter21"])
    assert by_key(found) == {f"{one}/{other}_1": 3, f"{other}_1": 9}


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            f"imagenet21k_train/{SMALL}/a.JPEG",
            "'imagenet21k_train/n99999998/a.JPEG' at offset .* not among the 10",
        ),
        ("imagenet21k_train/a.JPEG", r"lies in no class folder of imagenet21k_train, imagenet21k_val or"),
        ("other/n01440764/a.JPEG", "lies in no class folder"),
        ("imagenet21k_train/n01440764/deep/a.JPEG", "lies in no class folder"),
        ("imagenet21k_train/0/a.JPEG", "lies in no class folder"),
    ],
)
def test_an_image_outside_of_the_folders_is_named(pack_tar, lists, path, message, gzipped):
    url = pack_tar({"imagenet21k_train/n01440764/n01440764_1.JPEG": b"", path: b""}, gzipped)
    with pytest.raises(DataError, match=message) as caught:
        by_key(imagenet21k_p(url, split="train", release="winter21", classes=lists["winter21"]))
    assert path in str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))


def test_two_files_with_one_key_are_both_named(make_tree, lists):
    paths = ["a/train/n01440764/n01440764_1.JPEG", "b/train/n01440764/n01440764_1.jpg"]
    with pytest.raises(SourceError, match=r"n01440764_1\.JPEG at .* and .*n01440764_1\.jpg at .* same key"):
        imagenet21k_p(make_tree(dict.fromkeys(paths, b"")), release="winter21", classes=lists["winter21"])


def test_an_archive_cut_off_is_an_error(files, make_tar, tmp_path, lists):
    whole = make_tar(files)
    for cut in (whole[: len(whole) // 2], gzip.compress(whole, 1)[: len(whole) // 2]):
        (tmp_path / "x.tar").write_bytes(cut)
        with pytest.raises(CorruptError):
            by_key(
                imagenet21k_p(f"{tmp_path}/x.tar", split="val", release="winter21", classes=lists["winter21"])
            )


@pytest.fixture
def tree_file(winter21, tmp_path):
    """Lay out a semantic tree of the genuine classes: each below the one at half its label."""
    torch = pytest.importorskip("torch")

    def path(label):
        return [label, *(path(label // 2) if label else [])]

    out = io.BytesIO()
    names = OrderedDict((wnid, f"name of {wnid}") for wnid in winter21)
    torch.save({"class_tree_list": [path(i) for i in range(10_450)], "class_description": names}, out)
    (tmp_path / "imagenet21k_miil_tree.pth").write_bytes(out.getvalue())
    return f"{tmp_path}/imagenet21k_miil_tree.pth"


def test_the_semantic_tree_gives_names_and_parents(every_class, tree_file, winter21):
    classes = imagenet21k_p(every_class, release="winter21", tree=tree_file).classes
    assert classes[10] == {"name": f"name of {winter21[10]}", "wnid": winter21[10], "parents": [5, 2, 1, 0]}
    assert classes[0]["parents"] == []


def test_the_tree_of_another_release_is_refused(make_tree, files, lists, tree_file):
    options = {"split": "val", "release": "fall11", "classes": lists["fall11"]}
    with pytest.raises(SourceError, match=r"tree\.pth is not the semantic tree of these 11,221 classes"):
        imagenet21k_p(make_tree(files), tree=tree_file, **options)


@pytest.mark.parametrize("gzipped", [False, True])
def test_all_of_it_may_lie_on_s3(s3_url, files, pack_tar, lists, gzipped):
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    local = pack_tar(files, gzipped)
    store.put("x.tar", Path(local).read_bytes())
    store.put("list.txt", Path(lists["winter21"]).read_bytes())
    options = {"split": "val", "release": "winter21"}
    found = imagenet21k_p(f"{s3_url}/x.tar", classes=f"{s3_url}/list.txt", **options)
    assert isinstance(found, Stream if gzipped else Listing)
    assert by_key(found) == by_key(imagenet21k_p(local, classes=lists["winter21"], **options))
