"""Packing shards again loses nothing and records nothing twice."""

import io
import tarfile
from pathlib import Path

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sources import Listing, Reference, webdataset


@pytest.fixture(scope="module")
def packed(tmp_path_factory, photo_files, list_images):
    """Twenty photos with class table, captions and metadata, in three shards."""
    folder = tmp_path_factory.mktemp("packed")
    listing = list_images(photo_files[:20], caption="ein Bild", metadata={"license": "CC", "n": 3})
    pack_listing(listing, str(folder), PackOptions("in1k", "validation", samples_per_shard=8), workers=1)
    return folder


def members(folder):
    return {s.key: {n: bytes(m) for n, m in s.members.items()} for s in Dataset.open(str(folder)).samples()}


def manifest(folder):
    return Manifest.from_json((Path(folder) / MANIFEST_PATH).read_bytes())


def test_packing_packed_shards_again_changes_no_sample(packed, tmp_path):
    report = pack("webdataset", str(packed), dest=str(tmp_path), workers=1, samples_per_shard=5, shuffle=True)
    assert (report.samples, report.shards) == (20, 4)
    assert members(tmp_path) == members(packed)
    assert manifest(tmp_path).classes == manifest(packed).classes
    assert manifest(tmp_path).split == "validation"


def test_a_resized_copy_records_nothing_twice(packed, tmp_path):
    pack("webdataset", str(packed), dest=str(tmp_path), workers=1, jpeg="resize=64")
    names = {name for sample in Dataset.open(str(tmp_path)).samples() for name in sample.json}
    assert not [name for name in names if name.startswith("source_")]


def test_a_shard_taken_from_its_data_set_is_still_ours(packed, tmp_path):
    shard = next(packed.glob("*.tar"))
    (tmp_path / shard.name).write_bytes(shard.read_bytes())
    (reference, *_) = webdataset(str(tmp_path)).references
    assert reference.metadata.keys() == {"class_name", "wnid", "license", "n"}
    assert reference.name.endswith(".JPEG")


def test_a_data_set_that_lost_a_shard_is_refused(packed, tmp_path):
    for path in (*sorted(packed.glob("*.tar"))[:2], packed / MANIFEST_PATH):
        copy = tmp_path / path.relative_to(packed)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    with pytest.raises(SourceError, match=r"lacks 1 shards of its manifest, the first is .*000002\.tar"):
        webdataset(str(tmp_path))
    (tmp_path / "in1k-validation-000001.tar").write_bytes(b"short")
    with pytest.raises(SourceError, match=r"000001\.tar has 5 bytes, but its manifest records"):
        webdataset(str(tmp_path))


def test_gzipped_shards_are_packed_again_with_all_their_members(packed, tmp_path):
    def add(sample, archive):
        for name, content in (
            ("jpg", sample.image),
            ("cls", b"%d" % sample.label),
            ("seg.bin", sample.key.encode()),
        ):
            info = tarfile.TarInfo(f"{sample.key}.{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

    with tarfile.open(tmp_path / "in.tar.gz", "w:gz") as archive:
        for sample in Dataset.open(str(packed)).samples():
            add(sample, archive)
    pack("webdataset", f"{tmp_path}/in.tar.gz", dest=f"{tmp_path}/out", samples_per_shard=8, shuffle=True)
    found = members(tmp_path / "out")
    assert {key: sample["seg.bin"] for key, sample in found.items()} == {
        key: key.encode() for key in members(packed)
    }
    assert {key: sample["jpg"] for key, sample in found.items()} == {
        key: sample["jpg"] for key, sample in members(packed).items()
    }


def test_spilled_references_are_planned_like_a_list():
    references = [
        Reference(f"k{i}", f"/d/{i % 3}.tar", i, i or None, f"{i}é.jpg", i % 5, "c" * i, {"a": i, "b": [i]})
        for i in range(1000)
    ]
    listed, spooled = (
        plan(Listing(r), PackOptions("x")) for r in (references, SpilledReferences(references))
    )
    assert listed.to_json() == spooled.to_json()
    assert listed.task(0) == spooled.task(0)


def test_parquet_is_packed_as_its_images_were_in_a_folder(tmp_path, photo_files):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    column = [{"bytes": p.read_bytes(), "path": f"{p.stem}.JPEG"} for p in photo_files[:30]]
    table = pa.table({"image": column, "label": list(range(30)), "n": list(range(30))})
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in" / "validation-00000-of-00001.parquet", row_group_size=7)
    pack("huggingface", str(tmp_path / "in"), dest=str(tmp_path / "out"), samples_per_shard=8)
    there = {s.key: (s.image, s.label, s.json["n"]) for s in Dataset.open(str(tmp_path / "out")).samples()}
    assert there == {p.stem: (p.read_bytes(), i, i) for i, p in enumerate(photo_files[:30])}
    assert manifest(tmp_path / "out").split == "validation"
