"""ImageNet-21K as released, its class lists, and their faults."""

import gzip
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from wds_imagenet.errors import CorruptError, SourceError, UsageError
from wds_imagenet.imagenet.synset_lists import DAMAGED_IMAGES, SYNSET_LISTS
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sources import Listing, Stream
from wds_imagenet.sources.imagenet21k import imagenet21k
from wds_imagenet.storage import open_store


@pytest.fixture(scope="session")
def lists(photos):
    """The folder of the genuine class lists."""
    return photos / "imagenet-21k"


@pytest.fixture(scope="session")
def fall11(lists):
    return str(lists / "imagenet22k_synsets.txt")


@pytest.fixture(scope="session")
def labels(fall11):
    return {wnid: label for label, wnid in enumerate(Path(fall11).read_text().split())}


@pytest.fixture(scope="session")
def images(train_images, labels):
    """40 real photos of ten synsets by the names that they were released under."""
    chosen = sorted(wnid for wnid in {name[:9] for name in train_images} if wnid in labels)[::97][:10]
    contents = itertools.cycle(train_images.values())
    return {f"{wnid}_{7 * i + 3}.JPEG": next(contents) for wnid in chosen for i in range(4)}


@pytest.fixture(scope="session")
def inner(images, make_tar):
    """The inner tars by name, in no order."""
    wnids = sorted({name[:9] for name in images}, key=lambda wnid: wnid[::-1])
    return {
        f"{wnid}.tar": make_tar({n: d for n, d in images.items() if n[:9] == wnid}, tarfile.GNU_FORMAT)
        for wnid in wnids
    }


@pytest.fixture(scope="session")
def whole(inner, make_tar):
    """fall11_whole.tar."""
    return make_tar(inner, tarfile.GNU_FORMAT)


@pytest.fixture(scope="session")
def gzipped(inner, make_tar):
    """winter21_whole.tar.gz."""
    return gzip.compress(make_tar({f"winter21_whole/{n}": d for n, d in inner.items()}), 1)


@pytest.fixture
def put(tmp_path):
    def write(data, name="archive.tar"):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def check_packed(url, images, labels, report):
    """Every image is there, under its stem, with its own bytes and label."""
    dataset = Dataset.open(url)
    assert report.samples == len(dataset) == len(images)
    for name, data in images.items():
        sample = dataset[name.partition(".")[0]]
        assert sample.image == data
        assert sample.label == labels[name[:9]]
        assert sample.json["wnid"] == name[:9]


OPTIONS = {"name": "in21k", "samples_per_shard": 6, "window_bytes": 1 << 20, "block_bytes": 300_000}


class Layouts:
    """Inherit this class, and override `at`, which writes files by path and returns their folder's URL."""

    def test_fall11_whole_is_packed_in_place(self, at, whole, images, labels, fall11):
        url, dest = at({"fall11_whole.tar": whole})
        report = pack(
            "imagenet21k",
            f"{url}/fall11_whole.tar",
            dest=dest,
            class_list="fall11",
            classes=fall11,
            **OPTIONS,
        )
        check_packed(dest, images, labels, report)

    def test_winter21_whole_is_packed_in_one_pass(self, at, gzipped, images, labels, fall11):
        url, dest = at({"winter21_whole.tar.gz": gzipped})
        report = pack("imagenet21k", f"{url}/winter21_whole.tar.gz", dest=dest, classes=fall11, **OPTIONS)
        check_packed(dest, images, labels, report)

    def test_inner_tars_in_a_folder_are_packed(self, at, inner, images, labels, fall11):
        url, dest = at({f"whole/{name}": data for name, data in inner.items()})
        report = pack("imagenet21k", f"{url}/whole", dest=dest, classes=fall11, **OPTIONS)
        check_packed(dest, images, labels, report)

    def test_class_folders_are_packed(self, at, images, labels, fall11):
        url, dest = at({f"whole/{name[:9]}/{name}": data for name, data in images.items()})
        report = pack("imagenet21k", f"{url}/whole", dest=dest, classes=fall11, **OPTIONS)
        check_packed(dest, images, labels, report)


class TestLocal(Layouts):
    @pytest.fixture
    def at(self, make_tree, tmp_path):
        return lambda files: (make_tree(files, "source"), str(tmp_path / "packed"))


class TestS3(Layouts):
    @pytest.fixture
    def at(self, s3_url):
        def write(files):
            for path, data in files.items():
                open_store(f"{s3_url}/source").put(path, data)
            return f"{s3_url}/source", f"{s3_url}/packed"

        return write


def test_a_listing_and_a_stream_have_the_same_keys_and_labels(put, whole, gzipped, fall11):
    listing = imagenet21k(put(whole), classes=fall11)
    stream = imagenet21k(put(gzipped, "a.tar.gz"), classes=fall11)
    assert isinstance(listing, Listing)
    assert isinstance(stream, Stream)
    arrived = [(a.reference.key, a.reference.label) for a in stream.images()]
    assert sorted(arrived) == [(r.key, r.label) for r in listing.references]
    assert arrived != sorted(arrived)  # a stream keeps its own order


def test_a_list_must_be_named(put, whole):
    with pytest.raises(UsageError, match=r"no class list: .*class_list"):
        imagenet21k(put(whole))
    with pytest.raises(UsageError, match="is one of fall11, winter21, google, microsoft"):
        imagenet21k(put(whole), class_list="21k")
    with pytest.raises(UsageError, match=r"others.* can be .*skip"):
        imagenet21k(put(whole), class_list="fall11", others="drop")


FILES = {
    "fall11": "imagenet22k_synsets",
    "google": "imagenet21k_goog_synsets",
    "microsoft": "imagenet22k_ms_synsets",
}


@pytest.mark.parametrize("name", SYNSET_LISTS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_must_be_the_list_that_is_named(put, whole, lists, name, file):
    url = str(lists / f"{FILES[file]}.txt")
    if name == file:
        assert len(imagenet21k(put(whole), class_list=name, classes=url).classes) == SYNSET_LISTS[name].count
        return
    with pytest.raises(
        SourceError,
        match=f"has the classes of {file}, not the {SYNSET_LISTS[name].count:,} classes of {name}",
    ):
        imagenet21k(put(whole), class_list=name, classes=url)


def test_labels_are_places_in_the_list(put, whole, lists, images):
    wnid = next(iter(images))[:9]
    label = {}
    for name, file in FILES.items():
        listed = (lists / f"{file}.txt").read_text().split()
        found = imagenet21k(put(whole), class_list=name, classes=str(lists / f"{file}.txt"))
        label[name] = next(r.label for r in found.references if r.key.startswith(wnid))
        assert listed[label[name]] == wnid
    assert len(set(label.values())) > 1  # no two are interchangeable


@pytest.mark.parametrize(
    "change", [lambda w: w[:-1], lambda w: [*w[1:], w[0]], lambda w: [*w[:-1], "n99999999"]]
)
def test_a_list_of_nearly_the_right_classes_is_refused(put, whole, fall11, change):
    wnids = change(Path(fall11).read_text().split())
    with pytest.raises(SourceError, match=r"21,840 classes|has other classes, or another order"):
        imagenet21k(put(whole), class_list="fall11", classes=put("\n".join(wnids).encode(), "list.txt"))


@pytest.fixture(scope="session")
def winter21(fall11, images, lists):
    """A list such as winter21's: 19,167 of fall11's, with all that 21K-P has of it."""
    kept = set((lists / "imagenet21k_miil_w21_synsets.txt").read_text().split()) | {n[:9] for n in images}
    wnids = Path(fall11).read_text().split()
    spare = [wnid for wnid in wnids if wnid not in kept][:2674]
    return [wnid for wnid in wnids if wnid not in set(spare)]


def test_winter21_is_recognised_by_count_order_and_anchors(put, gzipped, winter21):
    url = put(gzipped, "a.tar.gz")
    stream = imagenet21k(url, class_list="winter21", classes=put("\n".join(winter21).encode(), "list.txt"))
    assert len(stream.classes) == 19_167
    for wrong, fault in [
        (winter21[:-1], "has 19,166 classes"),
        ([*winter21[1:], winter21[0]], "is not sorted"),
        (sorted([*winter21[1:], "n04399382"]), "has other classes"),
        (["n00000001", *(w for w in winter21 if w != "n01440764")], "has other classes"),
    ]:
        with pytest.raises(SourceError, match=f"{fault}, not the 19,167 classes of winter21"):
            imagenet21k(url, class_list="winter21", classes=put("\n".join(wrong).encode(), "list.txt"))


def test_the_error_of_a_stream_without_the_file_explains_how_to_make_it(put, gzipped):
    with pytest.raises(UsageError, match=r"known only at its end: .* tar -tzf winter21_whole\.tar\.gz"):
        imagenet21k(put(gzipped), class_list="winter21")


def small_archive(path, wnids):
    """A tar of tars as large as a few headers a class."""
    head = tarfile.TarInfo("x")
    with path.open("wb") as out:
        for wnid in wnids:
            head.name, head.size = f"{wnid}_1.JPEG", 3
            content = head.tobuf() + b"abc".ljust(512, b"\0") + bytes(1024)
            head.name, head.size = f"{wnid}.tar", len(content)
            out.write(head.tobuf() + content)
        out.write(bytes(1024))
    return str(path)


def test_a_whole_listing_determines_its_classes(tmp_path, labels):
    listing = imagenet21k(small_archive(tmp_path / "a.tar", reversed(labels)), class_list="fall11")
    assert [r.label for r in listing.references] == list(range(21_841))
    assert [item["wnid"] for item in listing.classes] == list(labels)
    assert "21,841 images; the release fall11 has 14,197,122" in listing.notes
    with pytest.raises(SourceError, match="has the classes of fall11, not the 21,843 classes of google"):
        imagenet21k(str(tmp_path / "a.tar"), class_list="google")


def test_a_part_of_a_listing_does_not_determine_its_classes(put, whole):
    with pytest.raises(
        SourceError, match=r"has 10 classes, .*give that list as .*classes.* \(imagenet22k_synsets\.txt\)"
    ):
        imagenet21k(put(whole), class_list="fall11")


def read(found):
    """Return the references of a listing or stream."""
    return found.references if isinstance(found, Listing) else [a.reference for a in found.images()]


@pytest.mark.parametrize("form", ["listing", "stream"])
def test_images_of_other_classes_are_named_or_left_out(put, whole, gzipped, images, form):
    wnids = sorted({name[:9] for name in images})
    classes = put("\n".join(wnids[1:]).encode(), "list.txt")
    url = put(whole if form == "listing" else gzipped)
    with pytest.raises(SourceError, match=f"{wnids[0]}.*others.*skip"):
        read(imagenet21k(url, classes=classes))
    found = imagenet21k(url, classes=classes, others="skip")
    assert len(read(found)) == 36
    assert any("not in the" in note and (form == "stream" or "4 images" in note) for note in found.notes)


def test_names_come_from_a_file(put, whole, lists, fall11):
    lemmas = str(lists / "imagenet_synset_to_lemma.txt")
    listing = imagenet21k(put(whole), classes=fall11, names=lemmas)
    told = dict(line.split("\t") for line in Path(lemmas).read_text().splitlines())
    assert all(item["name"] == told[item["wnid"]] for item in listing.classes)
    with pytest.raises(SourceError, match="has no name for 21,840 of the classes"):
        imagenet21k(put(whole), classes=fall11, names=put(b"n00004475\torganism", "names.txt"))


def test_damaged_images_of_the_release_are_named(put, make_tar, train_images, fall11):
    names = sorted(DAMAGED_IMAGES)[:3]
    photo = next(iter(train_images.values()))
    files = {f"{stem[:9]}.tar": make_tar({f"{stem}.JPEG": photo}) for stem in names}
    listing = imagenet21k(put(make_tar(files)), classes=fall11)
    note = next(note for note in listing.notes if "known to be damaged" in note)
    assert all(stem in note for stem in names)
    stream = imagenet21k(put(gzip.compress(make_tar(files))), class_list="fall11", classes=fall11)
    note = next(note for note in stream.notes if "known to be damaged" in note)
    assert all(stem in note for stem in DAMAGED_IMAGES)
    assert len(DAMAGED_IMAGES) == 27


def test_a_file_in_another_classes_folder_is_of_that_class(put, make_tar, images, labels, fall11):
    # In the full ImageNet n00141669_6790 lies in n06470073 too.
    photo = next(iter(images.values()))
    files = {
        "n00141669.tar": make_tar({"n00141669_6790.JPEG": photo}),
        "n06470073.tar": make_tar({"n00141669_6790.JPEG": photo}),
    }
    found = imagenet21k(put(make_tar(files)), classes=fall11).references
    assert [(r.key, r.label) for r in found] == [
        ("n00141669_6790", labels["n00141669"]),
        ("n06470073/n00141669_6790", labels["n06470073"]),
    ]


def test_one_image_twice_is_an_error(put, make_tar, images, fall11):
    name, photo = next(iter(images.items()))
    files = {f"a/{name[:9]}.tar": make_tar({name: photo}), f"b/{name[:9]}.tar": make_tar({name: photo})}
    with pytest.raises(SourceError, match=f"have the same key '{name[:-5]}'"):
        imagenet21k(put(make_tar(files)), classes=fall11)


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_an_image_without_a_class_is_an_error(put, make_tar, images, fall11, form):
    url = put(form(make_tar({"photos/dog.jpg": next(iter(images.values()))})))
    with pytest.raises(SourceError, match=r"'photos/dog\.jpg' at offset .* is a WNID such as"):
        read(imagenet21k(url, classes=fall11))


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_an_archive_without_images_is_an_error_and_nothing_is_put(put, make_tar, fall11, tmp_path, form):
    url = put(form(make_tar({"readme.txt": b"x", "n00004475.tar": make_tar({})})))
    with pytest.raises(SourceError, match=r"there are no (such )?images in"):
        pack("imagenet21k", url, dest=str(tmp_path / "dest"), classes=fall11)
    assert not (tmp_path / "dest").exists()


def told(error):
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.mark.parametrize("form", [bytes, lambda data: gzip.compress(data, 1)], ids=["tar", "gzip"])
@pytest.mark.parametrize("damage", ["cut", "header", "inner header"])
def test_a_damaged_archive_is_no_smaller_data_set(put, whole, inner, fall11, tmp_path, form, damage):  # noqa: PLR0917 - pytest passes them by name
    names = list(inner)
    damaged = bytearray(whole)
    at = 512 + len(inner[names[0]]) if damage != "inner header" else 2 * 512 + len(inner[names[0]])
    if damage == "cut":
        del damaged[at + 2000 :]
    else:
        damaged[at + 2] ^= 4
    url = put(form(bytes(damaged)))
    with pytest.raises(CorruptError, match=r"offset [0-9,]+") as caught:
        pack("imagenet21k", url, dest=str(tmp_path / "dest"), classes=fall11, **OPTIONS)
    assert url in told(caught.value)
    assert any(name[:9] in told(caught.value) for name in names)
    assert not list((tmp_path / "dest").rglob("manifest.json"))


def test_a_flipped_bit_in_an_image_is_found_by_the_end(put, make_tar, inner, fall11, tmp_path):
    tar = make_tar(inner, tarfile.GNU_FORMAT)
    packed = bytearray(gzip.compress(tar, 0))  # stored, so that the bit is in an image's own bytes
    packed[len(packed) // 2] ^= 1
    with pytest.raises(CorruptError, match="gzip data is damaged"):
        pack("imagenet21k", put(packed), dest=str(tmp_path / "dest"), classes=fall11, **OPTIONS)
    assert not list((tmp_path / "dest").rglob("manifest.json"))


def hashes(folder):
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def packing(url, dest, options):
    """Return the command that packs in a process of its own."""
    call = f"pack('imagenet21k', {url!r}, dest={str(dest)!r}, **{options!r})"
    return [sys.executable, "-c", f"from wds_imagenet.packing.api import pack; {call}"]


def test_a_packer_killed_in_the_middle_is_finished_by_the_next(put, gzipped, fall11, tmp_path):
    url = put(gzipped, "winter21_whole.tar.gz")
    options = {**OPTIONS, "samples_per_shard": 2, "classes": fall11}
    pack("imagenet21k", url, dest=str(tmp_path / "expected"), **options)
    expected = hashes(tmp_path / "expected")
    unfinished = 0
    for shards in (1, 6, 12):
        dest = tmp_path / str(shards)
        with subprocess.Popen(packing(url, dest, options)) as packer:
            while len(list(dest.glob("*.tar"))) < shards and packer.poll() is None:
                time.sleep(0.001)
            os.kill(packer.pid, signal.SIGKILL)
        unfinished += not (dest / ".wds-imagenet/manifest.json").exists()
        pack("imagenet21k", url, dest=str(dest), **options)
        assert hashes(dest) == expected
    assert unfinished >= 2


def test_an_interrupted_packer_cleans_up(put, gzipped, fall11, tmp_path):
    options = {**OPTIONS, "samples_per_shard": 2, "classes": fall11}
    url = put(gzipped)
    dest = tmp_path / "dest"
    with subprocess.Popen(packing(url, dest, options)) as packer:
        while not list(dest.glob(".wds-imagenet/staging/*")) and packer.poll() is None:
            time.sleep(0.001)
        packer.terminate()
    assert packer.returncode != 0
    assert not list(dest.glob(".wds-imagenet/staging/*"))
    assert not (dest / ".wds-imagenet/manifest.json").exists()


def test_the_command_says_what_it_would_do(put, gzipped, fall11, tmp_path):
    url = put(gzipped, "winter21_whole.tar.gz")
    arguments = [url, str(tmp_path / "dest"), "--classes", fall11, "--dry-run"]
    command = [sys.executable, "-m", "wds_imagenet", "pack", "imagenet21k", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "would pack an unknown number of samples in" in done.stdout
    assert not (tmp_path / "dest").exists()
    done = subprocess.run([*command[:-1], "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["samples"] == 40


def test_every_file_of_a_synset_is_an_image_or_has_a_fault(make_tree):
    files = ["n00004475/n00004475_1.JPEG", "n00004475/n00004475_2", "n00004475/x.txt", "n00005787.tar.gz"]
    tree = make_tree(dict.fromkeys([*files, "README", "n00004475/Thumbs.db"], b"x"))
    classes = make_tree({"list.txt": "n00004475\nn00005787\n"}, "classes") + "/list.txt"
    listing = imagenet21k(tree, classes=classes)
    assert [(r.key, r.label, r.fault is None) for r in listing.references] == [
        ("n00004475/x_txt", 0, True),
        ("n00004475_1", 0, True),
        ("n00004475_2", 0, True),
        ("n00005787_tar_gz", None, False),
    ]
    note = "files that are hidden, of the system, or beside the images, 2 in all: README, n00004475/Thumbs.db"
    assert f"ignored {note}" in listing.notes
