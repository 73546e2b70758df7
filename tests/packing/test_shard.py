"""One shard's bytes, against `tarfile`, `webdataset` and the block cutter of the format."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from webdataset.tariterators import group_by_keys, tar_file_expander

from wds_imagenet.errors import CorruptError, ImageError, SourceError
from wds_imagenet.format.blocks import cut_blocks
from wds_imagenet.format.tar import archive_end, member_header
from wds_imagenet.packing.build import shard as shard_module
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import Recipe, build_shard
from wds_imagenet.packing.build.shard_file import BlockContent, ShardFile
from wds_imagenet.packing.options import OnBad, PackOptions
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.sources import Listing, Reference

# The smallest JPEG that has all its parts.
DOT = bytes.fromhex(
    "ffd8ffc0000b080001000101011100ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    "ffda0008010100003f00d2cf20ffd9"
)


def build(
    listing: Listing, path: Path, images: list[bytes] | None = None, **options: Any
) -> tuple[Receipt, bytes]:
    """Build the first shard of a listing."""
    made = plan(listing, PackOptions("x", **{"shuffle": False, **options}))
    task = made.task(0)
    found = images or [Path(r.url).read_bytes() for r in task.references]
    receipt = build_shard(task, Recipe(made.fingerprint, made.options, made.schema), found, path)
    return receipt, path.read_bytes()


@pytest.fixture(scope="module")
def fifty(list_images: Callable[..., Listing], photo_files: list[Path]) -> Listing:
    """Fifty real photos, one with a caption."""
    listing = list_images(photo_files[:50])
    listing.references[7] = replace(listing.references[7], caption="a größe 🐟")  # type: ignore[index]
    return listing


@pytest.fixture(scope="module")
def built(fifty: Listing, tmp_path_factory: pytest.TempPathFactory) -> tuple[Receipt, bytes]:
    return build(fifty, tmp_path_factory.mktemp("shard") / "x.tar", block_bytes=300_000)


def test_tarfile_reads_every_member_in_order(fifty: Listing, built: tuple[Receipt, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(built[1])) as archive:
        members = archive.getmembers()
        images = [archive.extractfile(m).read() for m in members if m.name.endswith(".jpg")]  # type: ignore[union-attr]
    expected = [f"{r.key}.{suffix}" for r in fifty.references for suffix in ("cls", "jpg", "json", "txt")]
    assert [m.name for m in members] == expected
    assert images == [Path(r.url).read_bytes() for r in fifty.references]
    assert {(m.mode, m.mtime, m.uid, m.gid, m.uname, m.type) for m in members} == {(0o444, 0, 0, 0, "", b"0")}


def test_webdataset_reads_every_sample(fifty: Listing, built: tuple[Receipt, bytes]) -> None:
    files = tar_file_expander([{"url": "x.tar", "stream": io.BytesIO(built[1])}])
    samples = list(group_by_keys(files))
    assert [s["__key__"] for s in samples] == [r.key for r in fifty.references]
    assert [s["jpg"] for s in samples] == [Path(r.url).read_bytes() for r in fifty.references]
    assert [int(s["cls"]) for s in samples] == [r.label for r in fifty.references]
    assert [s["txt"].decode() for s in samples] == [r.caption or "" for r in fifty.references]
    records = [json.loads(s["json"]) for s in samples]
    assert len({tuple(record) for record in records}) == 1
    assert [r["sha256"] for r in records] == [hashlib.sha256(s["jpg"]).hexdigest() for s in samples]
    assert records[8] | {"sha256": ""} == {
        "label": 1,
        "class_name": "class 1",
        "wnid": "n00000001",
        "filename": fifty.references[8].name,
        "width": records[8]["width"],
        "height": records[8]["height"],
        "format": "jpg",
        "sha256": "",
    }


def test_the_receipt_describes_the_file(fifty: Listing, built: tuple[Receipt, bytes]) -> None:
    receipt, data = built
    assert receipt.shard.sha256 == hashlib.sha256(data).hexdigest()
    assert receipt.shard.size == len(data)
    assert receipt.keys == tuple(r.key for r in fifty.references)
    assert sum(receipt.labels.values()) == receipt.shard.samples == 50
    assert Receipt.from_json(receipt.to_json()) == receipt


@pytest.mark.parametrize("block_bytes", [1, 100_000, 300_000, 2 << 20, 1 << 30])
def test_blocks_are_cut_as_the_format_says(fifty: Listing, tmp_path: Path, block_bytes: int) -> None:
    receipt, data = build(fifty, tmp_path / "x.tar", block_bytes=block_bytes)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        ends = [m.offset_data + -(-m.size // 512) * 512 for m in archive if m.name.endswith(".txt")]
    expected = list(cut_blocks(ends, len(data), block_bytes))
    assert [(b.size, b.samples) for b in receipt.shard.blocks] == [(b - a, n) for a, b, n in expected]
    assert [b.crc32 for b in receipt.shard.blocks] == [zlib.crc32(data[a:b]) for a, b, _ in expected]


def test_the_bytes_stay_from_release_to_release(tmp_path: Path) -> None:
    """Resuming with a later release relies on this."""
    reference = Reference("k", "/k.JPEG", 0, None, "k.JPEG", 0, "a dot", {"note": "ß"})
    _, data = build(Listing([reference], ({"name": "dot"},)), tmp_path / "x.tar", [DOT])
    assert hashlib.sha256(data).hexdigest()[:16] == "e6bf3dc76e75dbae"


def bad_third(fifty: Listing) -> list[bytes]:
    images = [Path(r.url).read_bytes() for r in fifty.references]
    images[2] = images[2][:5000]
    return images


def test_a_bad_image_ends_the_shard_and_is_named(fifty: Listing, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"{fifty.references[2].url}: .*; option on_bad='skip'"):
        build(fifty, tmp_path / "x.tar", bad_third(fifty))


@pytest.mark.parametrize(
    ("change", "repaired"),
    [
        (lambda data: data[:-2], True),
        (lambda data: data[: len(data) // 2], False),
        (lambda _: b"\0\0\0\x18ftypheic" + bytes(200), False),
        (lambda _: b"", False),
    ],
)
def test_repair_is_advised_only_where_it_helps(fifty: Listing, tmp_path: Path, change, repaired) -> None:
    images = [Path(r.url).read_bytes() for r in fifty.references]
    images[2] = change(images[2])
    with pytest.raises(ImageError) as caught:
        build(fifty, tmp_path / "x.tar", images)
    assert ("option on_bad='repair' repairs it" in str(caught.value)) is repaired


def test_a_bad_image_in_an_archive_is_named_with_member_and_offset(fifty: Listing, tmp_path: Path) -> None:
    listing = replace(fifty, references=[replace(r, offset=512) for r in fifty.references])
    with pytest.raises(ImageError, match=r"member 'n\d+_\w+\.JPEG' at offset 512: "):
        build(listing, tmp_path / "x.tar", bad_third(fifty))


def test_a_bad_image_is_left_out_with_a_remark(fifty: Listing, tmp_path: Path) -> None:
    receipt, data = build(fifty, tmp_path / "x.tar", bad_third(fifty), on_bad="skip")
    assert receipt.shard.samples == 49
    assert [(r.key, r.action) for r in receipt.remarks] == [(fifty.references[2].key, "skipped")]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert len(archive.getnames()) == 4 * 49


@pytest.mark.parametrize("policy", ["skip", "repair"])
def test_good_images_make_no_remarks(fifty: Listing, tmp_path: Path, policy: OnBad) -> None:
    receipt, _ = build(fifty, tmp_path / "x.tar", on_bad=policy)
    assert receipt.remarks == ()


def test_a_shard_of_which_nothing_is_left_is_an_error(fifty: Listing, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none of the 50 images planned"):
        build(fifty, tmp_path / "x.tar", [b"no image"] * 50, on_bad="skip")


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize("value", ["x" * (1 << 20), nested(70)], ids=["too large", "too deep"])
def test_json_that_our_reader_would_refuse_is_refused(
    fifty: Listing, tmp_path: Path, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wds_imagenet.packing.build.shard.MAX_JSON_BYTES", 1 << 20)
    listing = replace(fifty, references=[replace(r, metadata={"a": value}) for r in fifty.references])
    with pytest.raises(SourceError, match="its metadata cannot be packed"):
        build(listing, tmp_path / "x.tar")


def test_a_file_that_gives_back_other_bytes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    draft = BlockContent([member_header("k.cls", 0), archive_end(512)], ["k"], last=True)
    message = "block 0: the file system does not return"
    with (
        path.open("wb") as writer,
        Path("/dev/null").open("rb", buffering=0) as reader,
        pytest.raises(CorruptError, match=message),
    ):
        ShardFile(writer, reader).add(draft)


@pytest.mark.parametrize(
    "content",
    [
        BlockContent([member_header("k.cls", 0), archive_end(512)], ["other"], last=True),
        BlockContent([member_header("k.cls", 0)], ["k", "l"], last=False),
        BlockContent([member_header("k.cls", 0)], ["k"], last=True),
        BlockContent([member_header("k.cls", 3)], ["k"], last=False),
    ],
)
def test_a_malformed_block_is_an_error(tmp_path: Path, content: BlockContent) -> None:
    with ShardFile.create(tmp_path / "x.tar") as file, pytest.raises(CorruptError):
        file.add(content)


def test_a_block_ends_with_its_last_possible_sample(
    fifty: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "MAX_BLOCK_SAMPLES", 20)
    receipt, _ = build(fifty, tmp_path / "x.tar", block_bytes=1 << 30)
    assert [block.samples for block in receipt.shard.blocks] == [20, 20, 10]
