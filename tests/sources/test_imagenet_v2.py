"""ImageNet-V2: folders that are numbers, hashes that variants share, plain tars called .tar.gz."""

import gzip
import hashlib
import random
from pathlib import Path

import pytest

from wds_imagenet.errors import CorruptError, SourceError, UsageError
from wds_imagenet.sources import Listing, Stream, imagenet_v2

TOPS = {
    "matched-frequency": "imagenetv2-matched-frequency-format-val",
    "threshold0.7": "imagenetv2-threshold0.7-format-val",
    "top-images": "imagenetv2-top-images-format-val",
}
TOP = TOPS["matched-frequency"]


def labels(found):
    if isinstance(found, Stream):
        return {arrival.reference.key: arrival.reference.label for arrival in found.images()}
    return {reference.key: reference.label for reference in found.references}


def name(number):
    return hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="session")
def files(train_images):
    """Lay out two photos in each of the classes 0 to 12, 100 and 999, members in no order."""
    images = list(train_images.values())
    numbers = [*range(13), 100, 999]
    out = {f"{TOP}/{n}/{name(2 * n + i)}.jpeg": images[(2 * n + i) % 1000] for n in numbers for i in (0, 1)}
    return {path: out[path] for path in random.Random(6).sample(sorted(out), len(out))}


EXPECTED = {name(2 * n + i): n for n in [*range(13), 100, 999] for i in (0, 1)}


@pytest.fixture(params=["plain tar", "gzip", "folder"])
def url(request, files, make_tar, make_tree, tmp_path):
    if request.param == "folder":
        return f"{make_tree(files)}/{TOP}"
    path = tmp_path / "imagenetv2-matched-frequency.tar.gz"
    path.write_bytes(gzip.compress(make_tar(files), 1) if request.param == "gzip" else make_tar(files))
    return str(path)


def test_a_folder_is_its_number_and_not_its_place(url):
    found = imagenet_v2(url)
    assert labels(found) == EXPECTED
    assert labels(found)[name(4)] == 2  # 12 folders sort before "2"
    assert found.split == "test"


def test_every_form_has_the_photos_bytes(url, files, read_back):
    found = imagenet_v2(url)
    if isinstance(found, Listing):
        content = {reference.name: read_back(reference) for reference in found.references}
        assert [r.label for r in found.references] == sorted(r.label for r in found.references)
    else:
        content = {arrival.reference.name: arrival.whole().data for arrival in found.images()}
    assert content == {path.rsplit("/", 1)[1]: data for path, data in files.items()}


def test_the_variant_is_in_the_json_and_before_the_key_where_asked(url):
    found = imagenet_v2(url, keys="variant")
    assert labels(found) == {f"matched-frequency/{key}": label for key, label in EXPECTED.items()}
    if isinstance(found, Stream):
        assert found.fields == {"variant": "text"}
        references = [arrival.reference for arrival in found.images()]
    else:
        references = found.references
    assert {str(reference.metadata) for reference in references} == {"{'variant': 'matched-frequency'}"}


@pytest.mark.parametrize("variant", TOPS)
def test_variants_share_hashes_but_no_key_where_they_are_prefixed(make_tree, variant):
    tree = make_tree({f"{top}/7/{name(1)}.jpeg": b"x" for top in TOPS.values()})
    assert labels(imagenet_v2(f"{tree}/{TOPS[variant]}")) == {name(1): 7}
    found = imagenet_v2(tree, variant=variant, keys="variant")
    assert labels(found) == {f"{variant.replace('.', '_')}/{name(1)}": 7}
    assert "ignored 2 images of other variants" in found.notes


def test_a_subset_keeps_its_numbers(make_tree):
    tree = make_tree({f"10/{name(1)}.jpeg": b"x", f"5/{name(2)}.jpeg": b"x"})
    assert labels(imagenet_v2(tree, variant="top-images")) == {name(1): 10, name(2): 5}


def test_the_genuine_class_table_gives_names(url, photos, wnids):
    classes = imagenet_v2(url, classes=str(photos / "imagenet-v2" / "class_info.json")).classes
    assert [info["wnid"] for info in classes] == wnids
    assert {label for label, info in enumerate(classes) if info["name"].startswith("crane")} == {134, 517}
    assert classes[0] == {"name": "tench, Tinca tinca", "wnid": "n01440764"}
    listed = imagenet_v2(url, classes=str(photos / "ilsvrc2012" / "imagenet_synsets.txt")).classes
    assert [info["wnid"] for info in listed] == wnids
    assert imagenet_v2(url).classes == ()


def test_a_class_list_in_another_order_is_refused(url, photos, make_tree):
    lines = (photos / "ilsvrc2012" / "imagenet_synsets.txt").read_text().split()
    for order in (lines[::-1], lines[:-1]):
        tree = make_tree({"list.txt": "\n".join(order)}, "lists")
        with pytest.raises(SourceError, match=r"list\.txt lists \d+,?\d* classes, or not in the order"):
            imagenet_v2(url, classes=f"{tree}/list.txt")


def test_only_differing_counts_are_noted(make_tree, files, make_tar, tmp_path):
    notes = imagenet_v2(make_tree({**files, f"{TOP}/README": b"!"})).notes
    assert notes == (
        f"ignored files beside the class folders, 1 in all: {TOP}/README",
        "30 images; the variant was published with 10,000",
        "1,000 classes have not 10 images, the first is 0",
    )
    whole = {f"{TOP}/{n // 10}/{name(n)}.jpeg": b"" for n in range(10_000)}
    (tmp_path / "x.tar").write_bytes(make_tar(whole))
    assert imagenet_v2(f"{tmp_path}/x.tar").notes == ()


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        f"{TOP}/1000/{name(9)}.jpeg",
        f"{TOP}/12345678901234567890/{name(9)}.jpeg",
        f"{TOP}/-1/{name(9)}.jpeg",
        f"{TOP}/n01440764/{name(9)}.jpeg",
        f"{TOP}/{name(9)}.jpeg",
        f"{TOP}/7/cat.jpeg",
        f"{TOP}/7/{name(9)[:-1]}.jpeg",
        f"{TOP}/٣/{name(9)}.jpeg",
    ],
)
def test_a_file_that_is_none_of_the_sets_is_named(make_tar, tmp_path, path, gzipped):
    whole = make_tar({f"{TOP}/0/{name(0)}.jpeg": b"", path: b""})
    (tmp_path / "x.tar").write_bytes(gzip.compress(whole) if gzipped else whole)
    with pytest.raises(SourceError, match="is not an image of ImageNet-V2") as caught:
        labels(imagenet_v2(f"{tmp_path}/x.tar"))
    assert path in str(caught.value)


def test_one_hash_in_two_classes_is_an_error(make_tree):
    with pytest.raises(SourceError, match=rf"3/{name(1)}.* and .*4/{name(1)}.* the same key"):
        imagenet_v2(make_tree({f"{TOP}/3/{name(1)}.jpeg": b"", f"{TOP}/4/{name(1)}.jpeg": b""}))


def test_the_variant_is_never_guessed(make_tree):
    loose = make_tree({f"7/{name(1)}.jpeg": b"x"}, "loose")
    with pytest.raises(SourceError, match=r"folders of none of .* variants: give option 'variant'"):
        imagenet_v2(loose)
    several = make_tree({f"{top}/7/{name(1)}.jpeg": b"x" for top in TOPS.values()}, "several")
    with pytest.raises(SourceError, match=r"several \(matched-frequency, threshold0\.7, top-images\)"):
        imagenet_v2(several)
    with pytest.raises(SourceError, match="folders of matched-frequency, but not of top-images"):
        imagenet_v2(f"{several}/{TOP}", variant="top-images")
    with pytest.raises(UsageError, match=r"variant='b-33': ImageNet-V2 has matched-frequency, "):
        imagenet_v2(loose, variant="b-33")
    with pytest.raises(UsageError, match="option 'keys' is hash or variant, not 'name'"):
        imagenet_v2(loose, variant="top-images", keys="name")


def test_an_archive_cut_off_is_an_error(files, make_tar, tmp_path):
    whole = make_tar(files)
    for cut in (whole[: len(whole) // 2], gzip.compress(whole, 1)[: len(whole) // 2]):
        (tmp_path / "x.tar").write_bytes(cut)
        with pytest.raises(CorruptError):
            labels(imagenet_v2(f"{tmp_path}/x.tar"))


@pytest.mark.parametrize("gzipped", [False, True])
def test_all_of_it_may_lie_on_s3(s3_url, files, make_tar, photos, gzipped):
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    store.put("x.tar.gz", gzip.compress(make_tar(files), 1) if gzipped else make_tar(files))
    store.put("class_info.json", Path(photos / "imagenet-v2" / "class_info.json").read_bytes())
    found = imagenet_v2(f"{s3_url}/x.tar.gz", classes=f"{s3_url}/class_info.json")
    assert isinstance(found, Stream if gzipped else Listing)
    assert labels(found) == EXPECTED
    for path, content in files.items():
        store.put(f"tree/{path}", content)
    assert labels(imagenet_v2(f"{s3_url}/tree/{TOP}")) == EXPECTED


def test_other_files_of_a_class_folder_have_a_fault(make_tree):
    good = f"{TOP}/7/{'a' * 40}"
    listing = imagenet_v2(make_tree({f"{TOP}/0/{'b' * 40}.jpeg": b"", good: b"", f"{TOP}/7/x.txt": b""}))
    assert [(r.label, r.name, r.fault is None) for r in listing.references] == [
        (0, f"{'b' * 40}.jpeg", True),
        (None, f"{TOP}/7/x.txt", False),
        (7, "a" * 40, True),
    ]
