"""Gzipped archives of ILSVRC2012: known by their first bytes, read once, labelled as a listing is."""

import bz2
import gzip
import lzma
import random
from dataclasses import replace
from pathlib import Path

import pytest
from streams import arrived

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.sources import Listing, Stream, imagenet

VAL = "ILSVRC2012_val_{:08d}"
DATA = "ILSVRC/Data/CLS-LOC"


def labels(stream):
    return {arrival.reference.key: arrival.reference.label for arrival in stream.images()}


@pytest.fixture
def write(tmp_path, make_tar):
    """Return a function that writes a tar of contents by name, gzipped or not, under any name."""

    def make(files, name, *, gzipped=True):
        whole = make_tar(files)
        (tmp_path / name).write_bytes(gzip.compress(whole, 1) if gzipped else whole)
        return str(tmp_path / name)

    return make


@pytest.fixture(scope="session")
def some_train(train_images, make_tar):
    """Lay 40 photos out as the train archive."""
    names = random.Random(4).sample(sorted(train_images), 40)
    return {f"{name[:9]}.tar": make_tar({name: train_images[name]}) for name in names}


def test_a_gzipped_train_set_arrives_photo_by_photo(write, some_train, train_images, devkit, wnids):
    url = write(some_train, "ILSVRC2012_img_train.tar")
    stream = imagenet(url, devkit=devkit)
    arrivals = arrived(stream)
    assert [f"{a.reference.name[:9]}.tar" for a in arrivals] == list(some_train)
    for arrival in arrivals:
        name = arrival.reference.name
        assert arrival.data == train_images[name]
        assert (arrival.reference.key, arrival.reference.label) == (name[:-5], wnids.index(name[:9]))
    assert (stream.split, stream.labelled, len(stream.classes)) == ("train", True, 1000)
    assert arrived(stream) == arrivals


@pytest.mark.parametrize("name", ["val.tar", "val.tar.gz", "val.tgz", "val"])
def test_the_first_bytes_decide_and_not_the_suffix(write, devkit, name):
    numbers = [5, 3, 50_000, 1, 2]
    files = {f"val/{VAL.format(n)}.JPEG": b"%d" % n for n in numbers}
    plain, packed = write(files, f"p-{name}", gzipped=False), write(files, name)
    listing, stream = imagenet(plain, devkit=devkit), imagenet(packed, devkit=devkit)
    assert isinstance(listing, Listing)
    assert isinstance(stream, Stream)
    assert labels(stream) == {r.key: r.label for r in listing.references}
    assert labels(stream)["ILSVRC2012_val_00000001"] == 65
    assert [a.data for a in arrived(stream)] == [b"%d" % n for n in numbers]
    assert (stream.split, stream.classes) == (listing.split, listing.classes)


def test_the_identity_is_of_the_archive_and_the_labels_and_of_no_place(write, devkit, photos):
    first = write({f"{VAL.format(1)}_n01751748.JPEG": b"x"}, "val.tgz")
    listed = str(photos / "ilsvrc2012" / "imagenet_synsets.txt")
    one, other = imagenet(first, devkit=devkit).identity, imagenet(first, classes=listed).identity
    assert (one["file"], one["split"], one["source"]) == ("val.tgz", "val", "imagenet")
    assert one["labels_sha256"] != other["labels_sha256"]
    assert str(first) not in str(one)
    assert imagenet(first, devkit=devkit).identity == one


def test_kaggles_archive_has_all_splits_and_needs_no_devkit(write, make_tree, photos, wnids):
    url = write(
        {
            f"{DATA}/../../Annotations/{VAL.format(1)}.xml": b"<x/>",
            f"{DATA}/train/n01440764/n01440764_7.JPEG": b"train",
            f"{DATA}/val/{VAL.format(2)}.JPEG": b"two",
            f"{DATA}/val/{VAL.format(1)}.JPEG": b"one",
            f"{DATA}/test/ILSVRC2012_test_00000001.JPEG": b"test",
        },
        "imagenet_object_localization_patched2019.tar.gz",
    )
    rows = (
        f"{VAL.format(2)},{wnids[970]} 1 1 9 9 \n{VAL.format(1)},{wnids[65]} 1 1 9 9 {wnids[65]} 2 2 3 3 \n"
    )
    solution = make_tree({"s.csv": "ImageId,PredictionString\n" + rows}) + "/s.csv"
    listed = str(photos / "ilsvrc2012" / "imagenet_synsets.txt")
    options = {"classes": listed, "solution": solution}
    assert labels(imagenet(url, split="val", **options)) == {VAL.format(1): 65, VAL.format(2): 970}
    assert labels(imagenet(url, split="train", classes=listed)) == {"n01440764_7": 0}
    assert labels(imagenet(url, split="test")) == {"ILSVRC2012_test_00000001": None}
    assert not imagenet(url, split="test").labelled
    with pytest.raises(SourceError, match=r"several splits, .*val_00000002\.JPEG after train: choose one"):
        labels(imagenet(url, **options))


def test_a_stream_needs_options_that_a_listing_does_not(write):
    url = write({"n01440764_7.JPEG": b"x"}, "train.tgz")
    with pytest.raises(SourceError, match=r"known only at its end.*give the devkit.*or a class list"):
        imagenet(url)


def test_the_published_count_is_noted_before_the_end(write, devkit):
    stream = imagenet(write({"n01440764_7.JPEG": b"x"}, "train.tgz"), devkit=devkit)
    assert stream.notes[0].endswith("train was published with 1,281,167 images")
    assert stream.samples is None


@pytest.mark.parametrize(
    ("file", "split", "message"),
    [
        ("ILSVRC2012_val_00050001.JPEG", "val", "has a number that no val image has"),
        (
            "n99999999_1.JPEG",
            None,
            r"n99999999_1\.JPEG at offset .* the class n99999999 is not in the class list",
        ),
        ("n01440764/n01751748_7.JPEG", None, "class n01440764 and n01751748 at once"),
        ("ILSVRC2012_test_00000001.JPEG", "val", "there are no such images"),
    ],
)
def test_a_fault_is_raised_at_its_image(write, devkit, file, split, message):
    url = write(dict.fromkeys(["n01440764_1.JPEG", file], b"x"), "x.tgz")
    with pytest.raises(SourceError, match=message):
        labels(imagenet(url, split=split, devkit=devkit))


def test_an_archive_cut_off_is_an_error(write, some_train, devkit, tmp_path):
    whole = (tmp_path / write(some_train, "x.tgz")).read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CorruptError):
        labels(imagenet(f"{tmp_path}/cut.tgz", devkit=devkit))


def test_a_gzipped_archive_may_lie_on_s3(s3_url, write, some_train, devkit):
    from wds_imagenet.storage import open_store

    local = imagenet(write(some_train, "train.tgz"), devkit=devkit)
    url = next(local.images()).reference.url
    open_store(s3_url).put("train.tgz", Path(url).read_bytes())
    remote = imagenet(f"{s3_url}/train.tgz", devkit=devkit)
    assert remote.identity == local.identity
    for ours, theirs in zip(remote.images(), local.images(), strict=True):
        assert ours.whole().data == theirs.whole().data
        assert ours.reference == replace(theirs.reference, url=f"{s3_url}/train.tgz")


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_xz_and_bzip2_are_streamed_as_gzip_is(tmp_path, make_tar, devkit, compress):
    files = {
        "n01440764_1.JPEG": b"1",
        "n01440764/._x": b"?",
        "n01440764_2": b"2",
        "README": b"",
        "cat.jpg": b"3",
    }
    path = tmp_path / "train.tar"
    path.write_bytes(compress(make_tar(files)))
    images = arrived(imagenet(str(path), devkit=devkit))
    assert [(i.reference.key, i.reference.label, i.data) for i in images if i.reference.fault is None] == [
        ("n01440764_1", 0, b"1"),
        ("n01440764_2", 0, b"2"),
    ]
    assert [i.reference.name for i in images if i.reference.fault is not None] == ["cat.jpg"]
