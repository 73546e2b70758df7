"""Foreign shards are indexed unchanged, or refused with a reason."""

import io
import shutil
import tarfile

import pytest
import webdataset

from wds_imagenet import Dataset
from wds_imagenet.errors import CorruptError, DataError, ExistsError, ManifestError, SourceError
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.indexing.index import index
from wds_imagenet.reading.findings.blocks import verify_blocks


def run(folder, **options):
    return index(str(folder), name="theirs", **options).manifest


def write(path, members):
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_webdatasets_own_shards_are_read_like_ours(tmp_path, small_paths):
    with webdataset.ShardWriter(str(tmp_path / "%04d.tar"), maxcount=40, verbose=0) as writer:
        for number, path in enumerate(small_paths[:100]):
            sample = {"__key__": f"a/{path.stem}", "jpg": path.read_bytes(), "cls": number}
            writer.write({**sample, "json": {"n": number}})
    before = {path: path.read_bytes() for path in tmp_path.glob("*.tar")}
    run(tmp_path, block_bytes=8 << 10)
    dataset = Dataset.open(str(tmp_path))
    assert [
        finding for checked in verify_blocks(dataset, max_pixels=MAX_PIXELS) for finding in checked.findings
    ] == []
    assert [(s.key, s.label, s.json) for s in dataset.samples()] == [
        (f"a/{path.stem}", n, {"n": n}) for n, path in enumerate(small_paths[:100])
    ]
    assert {path: path.read_bytes() for path in tmp_path.glob("*.tar")} == before


def test_a_finished_data_set_is_left_alone(tmp_path, small_shards):
    shutil.copytree(small_shards, tmp_path / "copy")
    with pytest.raises(ExistsError, match="not touched"):
        run(tmp_path / "copy")
    assert [f for c in verify_blocks(Dataset.open(str(tmp_path / "copy"))) for f in c.findings] == []


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ([("a.jpg", b"x"), ("b.jpg", b"x"), ("a.jpg", b"y")], SourceError, "'a' is in"),
        ([("a.jpg", b"x"), ("a.jpg", b"y")], SourceError, "two members 'jpg'"),
        ([("a.txt", b"x")], SourceError, "no image"),
        ([("a\nb.jpg", b"x")], SourceError, "line break"),
        ([(".jpg", b"x")], SourceError, "no samples to index"),
    ],
)
def test_shards_that_would_be_read_wrongly_are_refused(tmp_path, members, error, message):
    write(tmp_path / "x.tar", members)
    with pytest.raises(error, match=message):
        run(tmp_path)
    assert not (tmp_path / ".wds-imagenet" / "manifest.json").exists()


def test_a_shard_whose_end_is_missing_or_that_is_compressed_is_refused(tmp_path, small_shards):
    data = next(small_shards.glob("*.tar")).read_bytes()
    (tmp_path / "x.tar").write_bytes(data[:30_000])
    with pytest.raises(CorruptError, match=r"offset [0-9,]+"):
        run(tmp_path)
    (tmp_path / "x.tar").write_bytes(b"\x1f\x8b" + data)
    with pytest.raises(DataError, match="gunzip"):
        run(tmp_path)


def test_a_name_that_no_manifest_can_hold_is_refused_before_anything_is_read(tmp_path):
    write(tmp_path / "my\tshard.tar", [("a.jpg", b"x")])
    with pytest.raises(ManifestError, match=r"my\\tshard"):
        run(tmp_path)
