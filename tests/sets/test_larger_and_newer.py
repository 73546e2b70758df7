"""ImageNet-21K, 21K-P and V2 as they were released: packed, verified, read back."""

import hashlib

import pytest

FALL11 = "imagenet-21k/imagenet22k_synsets.txt"
RELEASES = {
    "winter21": "imagenet-21k/imagenet21k_miil_w21_synsets.txt",
    "fall11": "imagenet-21k/imagenet21k_miil_synsets.txt",
}
TOP = "imagenet21k_resized"


@pytest.fixture(scope="session")
def whole(world, known):
    """Images of the whole ImageNet by key, with their places in fall11's list."""
    places = {wnid: place for place, wnid in enumerate(world.lines(FALL11))}
    listed = [(wnid, data) for wnid, data in world.photos if wnid in places][:9]
    return {
        f"{wnid}_{100 - i}": known(data, places[wnid], {"wnid": wnid})
        for i, (wnid, data) in enumerate(listed)
    }


def inner(world, whole, folder=""):
    return {
        f"{folder}{key[:9]}.tar": world.tar({f"{key}.JPEG": sample.data}) for key, sample in whole.items()
    }


@pytest.mark.parametrize("form", ["fall11_whole.tar", "inner tars", "extracted"])
def test_fall11(packs, world, whole, form):
    files = {"synsets.txt": world.read(FALL11)}
    if form == "fall11_whole.tar":
        files["in/fall11_whole.tar"] = world.tar(inner(world, whole))
    elif form == "inner tars":
        files |= inner(world, whole, "in/")
    else:
        files |= {f"in/{key[:9]}/{key}.JPEG": sample.data for key, sample in whole.items()}
    input_ = "in/fall11_whole.tar" if form == "fall11_whole.tar" else "in"
    packs("imagenet21k", files, [input_], whole, class_list="fall11", classes="@synsets.txt")


def test_winter21_is_packed_in_one_pass_with_a_windowed_shuffle(packs, world, whole, known):
    """No list of winter21 was released by itself, so this one is made of 19,167 of fall11's."""
    wanted = {*world.lines(RELEASES["winter21"]), *(key[:9] for key in whole)}
    absent = {"n02666196", "n04399382"}
    spare = [wnid for wnid in world.lines(FALL11) if wnid not in wanted | absent]
    listed = sorted([*wanted, *spare[: 19_167 - len(wanted)]])
    expected = {key: known(s.data, listed.index(key[:9]), s.json) for key, s in whole.items()}
    files = {"winter21_whole.tar.gz": world.gz(inner(world, whole, "winter21_whole/"))}
    files["list.txt"] = "\n".join(listed) + "\n"
    report = packs(
        "imagenet21k", files, ["winter21_whole.tar.gz"], expected, classes="@list.txt", window_bytes=1 << 16
    )
    assert not any("were published" in note for note in report.notes)


@pytest.mark.parametrize("form", ["gzipped", "plain", "extracted"])
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("split", ["train", "val"])
def test_21k_p_without_its_small_classes(packs, world, known, form, release, split):  # noqa: PLR0917 - pytest's
    places = {wnid: place for place, wnid in enumerate(world.lines(RELEASES[release]))}
    listed = [(wnid, data) for wnid, data in world.photos if wnid in places][:9]
    images = {f"imagenet21k_small_classes/n00005787/n00005787_{i}.JPEG": listed[0][1] for i in range(3)}
    expected = {}
    for i, (wnid, data) in enumerate(listed):
        of = "val" if i % 3 == 0 else "train"
        images[f"imagenet21k_{of}/{wnid}/{wnid}_{i}.JPEG"] = data
        if of == split:
            expected[f"{wnid}_{i}"] = known(data, places[wnid], {"wnid": wnid})
    images = {f"{TOP}/{path}": data for path, data in images.items()}
    files = {"list.txt": world.read(RELEASES[release])}
    if form == "extracted":
        files |= images
    else:
        files[f"{TOP}.tar.gz"] = (world.gz if form == "gzipped" else world.tar)(images)
    report = packs("imagenet21k-p", files, [TOP if form == "extracted" else f"{TOP}.tar.gz"], expected,
                   split=split, release=release, classes="@list.txt")  # fmt: skip
    assert any("images" in note and "published" in note for note in report.notes)


@pytest.mark.parametrize("variant", ["matched-frequency", "threshold0.7", "top-images"])
@pytest.mark.parametrize("form", ["plain", "gzipped", "extracted"])
def test_imagenet_v2(packs, world, known, variant, form):
    """Its `.tar.gz` is none; and sorted as text, class 10 comes before class 2."""
    labels = [0, 1, 2, 10, 11, 12, 100, 101, 999, 9, 8]
    images, expected = {}, {}
    for label, (_, data) in zip(labels, world.photos, strict=False):
        name = hashlib.sha1(f"{variant}{label}".encode(), usedforsecurity=False).hexdigest()
        images[f"imagenetv2-{variant}-format-val/{label}/{name}.jpeg"] = data
        expected[name] = known(data, label, {"variant": variant, "wnid": world.wnids[label]})
    files = {"class_info.json": world.read("imagenet-v2/class_info.json")}
    if form == "extracted":
        files |= images
    else:
        files[f"imagenetv2-{variant}.tar.gz"] = (world.gz if form == "gzipped" else world.tar)(images)
    top = f"imagenetv2-{variant}" + ("-format-val" if form == "extracted" else ".tar.gz")
    packs("imagenet-v2", files, [top], expected, classes="@class_info.json")
