"""Class names added after packing: a layer without tars, on disk and on S3."""

import hashlib
import json
from pathlib import Path

import pytest

from wds_imagenet import Dataset
from wds_imagenet.errors import ManifestError, PlanError, SourceError
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.reading.findings.blocks import verify_layer_blocks
from wds_imagenet.storage import open_store

LAYERS = ".wds-imagenet/layers"
COUNT = 12


@pytest.fixture(params=["local", "s3"])
def url(request, tmp_path):
    return str(tmp_path / "data") if request.param == "local" else request.getfixturevalue("s3_url")


@pytest.fixture
def pack_at(photo_files):
    """Return a function that packs photos of the validation set, of a thousand classes or of none."""

    def packed(url, classes=1000):
        references = [
            Reference(f"ILSVRC2012_val_{i + 1:08d}", str(path), 0, path.stat().st_size, path.name, i)
            for i, path in enumerate(photo_files[:COUNT])
        ]
        table = tuple({"name": f"class {i}", "wnid": f"n{i:08d}"} for i in range(classes))
        options = PackOptions("d", samples_per_shard=5, block_bytes=200_000)
        pack_listing(Listing(references, table), url, options, workers=1)
        return url

    return packed


@pytest.fixture
def names(photos):
    """The names in two languages, as published."""
    return {language: str(photos / "class-names" / f"{language}.json") for language in ("cn", "jp")}


def read(url):
    store = open_store(url)
    return {info.path: hashlib.sha256(store.read(info.path).data).digest() for info in store.list_objects()}


def test_names_make_a_layer_without_tars_and_touch_nothing(pack_at, url, names):
    before = read(pack_at(url))
    report = add_layer(url, class_names={"cn": names["cn"]}, layer="chinese")
    after = read(url)
    assert set(after) - set(before) == {f"{LAYERS}/chinese/{name}.json" for name in ("manifest", "plan")}
    assert before == {path: after[path] for path in before}
    assert (report.classes, report.suffixes, report.shards) == (("name_cn",), (), 0)
    add_layer(url, class_names={"cn": names["cn"]}, layer="chinese", check=True)
    assert read(url) == after


def test_a_reader_of_the_layer_sees_the_names_and_the_same_samples(pack_at, url, names):
    add_layer(pack_at(url), class_names=names)
    add_layer(url, class_names={"jp": names["jp"]}, layer="japanese")
    known = {language: json.loads(Path(path).read_bytes())["imagenet1k"] for language, path in names.items()}
    plain, chinese = Dataset.open(url), Dataset.open(url, layers=["japanese", "names-cn-names-jp"])
    for label, (item, more) in enumerate(zip(plain.classes, chinese.classes, strict=True)):
        assert "name_cn" not in item
        assert more == {**item, "name_jp": known["jp"][label], "name_cn": known["cn"][label]}
    pairs = zip(plain.samples(), chinese.samples(), strict=True)
    assert sum(one == other for one, other in pairs) == COUNT
    assert chinese.suffixes == plain.suffixes


def test_names_go_with_fields_of_samples_in_one_layer(pack_at, url, names, photos):
    pack_at(url)
    truth = photos / "real" / "real.json"
    report = add_layer(url, labels={"real": str(truth)}, class_names={"cn": names["cn"]}, workers=1)
    assert (report.suffixes, report.classes, report.shards) == (("json",), ("name_cn",), 3)
    dataset = Dataset.open(url, layers=["real"])
    assert dataset.classes[0]["name"] == "class 0"
    assert "鲷" in dataset.classes[0]["name_cn"]
    real = json.loads(truth.read_bytes())
    for sample in dataset.samples():
        assert sample.json["real_labels"] == real[int(sample.key[-8:]) - 1]


def test_names_of_another_number_of_classes_are_refused_and_leave_nothing(pack_at, tmp_path, names):
    url = pack_at(str(tmp_path / "few"), classes=20)
    before = read(url)
    with pytest.raises(SourceError, match=r"has 1,000 classes, but the class table of the images has 20"):
        add_layer(url, class_names=names)
    assert read(url) == before


def test_a_data_set_without_a_class_table_gets_one_with_a_note(pack_at, tmp_path, photos):
    url = pack_at(str(tmp_path / "none"), classes=0)
    table = {"imagenetv2": str(photos / "imagenet-v2" / "class_info.json")}
    report = add_layer(url, labels=table)
    assert "no class table, so the numbering of the files' classes is not checked" in report.notes[-1]
    assert Dataset.open(url).classes == ()
    assert Dataset.open(url, layers=["imagenetv2"]).classes[65]["wnid"] == "n01751748"


def test_other_names_are_another_layer(pack_at, tmp_path, names):
    url = pack_at(str(tmp_path / "data"))
    add_layer(url, class_names={"zh": names["cn"]}, layer="l")
    with pytest.raises(PlanError, match="another plan: its classes"):
        add_layer(url, class_names={"zh": names["jp"]}, layer="l")


def test_a_changed_name_is_found_when_the_layer_is_opened(pack_at, tmp_path, names):
    url = pack_at(str(tmp_path / "data"))
    add_layer(url, class_names={"zh": names["cn"]}, layer="l")
    (layer,) = Dataset.open(url, layers=["l"]).layers
    assert list(verify_layer_blocks(Dataset.open(url), layer)) == []
    file = tmp_path / "data" / LAYERS / "l" / "manifest.json"
    data = file.read_bytes()
    assert not Manifest.from_json(data).shards
    file.chmod(0o644)
    file.write_bytes(data.replace("丁".encode(), "七".encode(), 1))
    with pytest.raises(ManifestError, match="was changed after it was written"):
        Dataset.open(url, layers=["l"])


def test_a_manifest_without_shards_is_no_data_set(pack_at, tmp_path, names):
    url = pack_at(str(tmp_path / "data"))
    add_layer(url, class_names={"zh": names["cn"]}, layer="l")
    folder = tmp_path / "other" / ".wds-imagenet"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes((tmp_path / "data" / LAYERS / "l" / "manifest.json").read_bytes())
    with pytest.raises(ManifestError, match="its manifest lists no shards"):
        Dataset.open(str(tmp_path / "other"))


def test_the_devkit_of_the_source_serves_names_in_the_order_of_ids(photo_files, photos, devkit_tar, tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG").write_bytes(photo_files[0].read_bytes())
    listed = photos / "class-names" / "imagenet_2012_challenge_label_chinese_map.pbtxt"
    out = str(tmp_path / "out")
    pack(
        "imagenet",
        str(tmp_path / "val"),
        dest=out,
        devkit=str(devkit_tar),
        class_names={"zh": str(listed)},
        workers=1,
    )
    classes = Dataset.open(out).classes
    assert (classes[0]["name_zh"], classes[278]["name_zh"]) == ("丁桂鱼", "狐狸")
