"""A data set is read by index, by key or whole, and never wrongly."""

import gc
import hashlib
import random
import shutil
import tarfile

import pytest
import webdataset

from wds_imagenet import Dataset
from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError
from wds_imagenet.format import manifest as manifests
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.sample import make_key


def test_every_image_comes_back_byte_for_byte(photo_shards, photo_paths):
    originals = {make_key(path.name): hashlib.sha256(path.read_bytes()).digest() for path in photo_paths}
    found = {s.key: hashlib.sha256(s.image).digest() for s in Dataset.open(str(photo_shards)).samples()}
    assert found == originals


def test_samples_are_found_by_index_and_by_key(small_shards, small_paths):
    dataset = Dataset.open(str(small_shards))
    keys = list(dataset.keys())
    for index in (0, 99, 100, 499, -1):
        assert dataset[index].key == keys[index]
    for path in small_paths[::50]:
        assert dataset[path.stem].image == path.read_bytes()
    with pytest.raises(KeyError):
        dataset["k9999"]
    with pytest.raises(IndexError):
        dataset[500]


@pytest.mark.filterwarnings("ignore:unclosed file")  # webdataset leaves closing to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # which says so
def test_webdataset_and_tarfile_read_the_same_samples(photo_shards):
    ours = {(s.key, s.image, s.label) for s in Dataset.open(str(photo_shards)).samples()}
    shards = sorted(map(str, photo_shards.glob("*.tar")))
    theirs = webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)
    assert {(s["__key__"], s["jpg"], int(s["cls"])) for s in theirs} == ours
    gc.collect()
    members = {}
    for shard in shards:
        with tarfile.open(shard) as archive:
            members |= {m.name: archive.extractfile(m).read() for m in archive}
    assert {(k, members[f"{k}.jpg"], int(members[f"{k}.cls"])) for k, _, _ in ours} == ours


def test_a_folder_without_a_manifest_is_no_data_set(tmp_path):
    with pytest.raises(ManifestError, match=r"or does not exist\. For shards of another program, run"):
        Dataset.open(str(tmp_path))
    (tmp_path / manifests.MANIFEST_PATH).parent.mkdir()
    (tmp_path / manifests.MANIFEST_PATH).with_name("plan.json").write_bytes(b"{}")
    with pytest.raises(ManifestError, match=r"begun and not finished\. Run the same 'pack' again"):
        Dataset.open(str(tmp_path))


def test_a_bucket_that_is_not_there_is_no_folder_without_a_manifest(s3_url):
    with pytest.raises(NotFoundError, match="there is no such bucket"):
        Dataset.open(s3_url.replace("s3://tests", "s3://no-such-bucket"))


def test_a_manifest_of_a_newer_version_asks_for_an_upgrade(small_copy):
    path = small_copy / manifests.MANIFEST_PATH
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(ManifestError, match=r"version 2.*upgrade wds-imagenet"):
        Dataset.open(str(small_copy))


@pytest.fixture
def small_copy(tmp_path, small_shards):
    shutil.copytree(small_shards, tmp_path / "copy")
    return tmp_path / "copy"


def damage(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def shard(folder, number=2):
    return folder / f"small-train-{number:06d}.tar"


def findings(folder):
    return [finding for checked in verify_blocks(Dataset.open(str(folder))) for finding in checked.findings]


def read_all(folder):
    return list(Dataset.open(str(folder)).samples())


def test_a_whole_data_set_has_no_findings(small_shards):
    assert findings(small_shards) == []


@pytest.mark.parametrize("offset", [0, 130, 512, 1700, 20_000, 99_999, -1])
def test_one_flipped_bit_is_an_error_that_names_shard_and_offset(small_copy, offset):
    damage(shard(small_copy), offset)
    with pytest.raises(CorruptError, match=r"small-train-000002\.tar, bytes [\d,]+ to [\d,]+"):
        read_all(small_copy)
    found = findings(small_copy)
    assert found
    assert {finding.shard for finding in found} == {"small-train-000002.tar"}


def test_verify_names_the_key_of_a_damaged_image(small_copy):
    dataset = Dataset.open(str(small_copy))
    sample = next(s for s in dataset.samples() if s.key == "k0123")
    path = next(p for p in small_copy.glob("*.tar") if sample.image in p.read_bytes())
    damage(path, path.read_bytes().index(sample.image) + 300)
    assert {finding.key for finding in findings(small_copy)} == {None, "k0123"}


def notable_offsets(folder):
    """Of one shard: the first and last byte of every kind of record of its first and last block."""
    data = shard(folder).read_bytes()
    with tarfile.open(shard(folder)) as archive:
        members = archive.getmembers()
    places = {"end of archive": len(data) - 1, "first zero record": members[-1].offset_data + 512 * 2}
    for member in (*members[:3], *members[-3:]):
        content = member.offset_data
        stop = content + member.size
        places |= {
            f"{member.name} header {field}": member.offset + field for field in (0, 124, 148, 257, 511)
        }
        places |= {f"{member.name} first": content, f"{member.name} last": stop - 1}
        places |= {f"{member.name} padding": stop} if stop % 512 else {}
    draw = random.Random(0)
    return {**places, **{f"random {i}": draw.randrange(len(data)) for i in range(20)}}


def test_one_flipped_bit_anywhere_names_shard_block_and_offset(small_copy):
    dataset = Dataset.open(str(small_copy))
    blocks = [e for e in dataset.block_locations if e.shard.name == shard(small_copy).name]
    pristine = shard(small_copy).read_bytes()
    shard(small_copy).chmod(0o644)
    for number, (place, offset) in enumerate(notable_offsets(small_copy).items()):
        data = bytearray(pristine)
        data[offset] ^= 1 << number % 8
        shard(small_copy).write_bytes(data)
        block = next(e for e in blocks if e.offset <= offset < e.offset + e.block.size)
        with pytest.raises(CorruptError) as caught:
            list(Dataset.open(str(small_copy)).samples())
        assert str(caught.value).startswith(f"{small_copy}/{block}: the block's checksum is "), place
        found = findings(small_copy)
        assert {(f.shard, f.offset) for f in found} == {(block.shard.name, block.offset)}, place
        blocks_alone = [f for f in found if f.key is None]
        assert len(blocks_alone) == 1, place
        assert str(blocks_alone[0]).startswith(f"{block.shard.name}, offset {block.offset:,}: "), place


@pytest.mark.parametrize("cut", [1, 512, 10_000])
def test_a_shard_that_was_cut_is_an_error_that_names_it_and_where_it_ends(small_copy, cut):
    path = shard(small_copy)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-cut])
    size = path.stat().st_size
    with pytest.raises(CorruptError, match=rf"small-train-000002\.tar has {size:,} bytes, the manifest says"):
        read_all(small_copy)
    *blocks, whole = findings(small_copy)
    assert whole.what == f"the shard has {size:,} bytes, the manifest says {size + cut:,}"
    lost = [e for e in Dataset.open(str(small_copy)).block_locations if e.shard.name == path.name]
    lost = [e.offset for e in lost if e.offset + e.block.size > size]
    assert [f.offset for f in blocks] == lost  # one line a block that is lost, and none for the others
    assert {f.shard for f in (*blocks, whole)} == {path.name}
    assert f"ends at byte {size}" in blocks[0].what


def test_a_shard_that_was_replaced_by_another_of_the_same_size_names_its_first_block(small_copy):
    shutil.copyfile(shard(small_copy, 1), shard(small_copy, 2))
    assert shard(small_copy, 1).stat().st_size == shard(small_copy, 2).stat().st_size
    with pytest.raises(CorruptError, match=r"small-train-000002\.tar, bytes 0 to .*the shard was replaced"):
        read_all(small_copy)
    found = [f for f in findings(small_copy) if f.shard == shard(small_copy).name]
    blocks = [
        e.offset
        for e in Dataset.open(str(small_copy)).block_locations
        if e.shard.name == shard(small_copy).name
    ]
    assert [f.offset for f in found if f.key is None and f.offset is not None] == blocks


def test_a_missing_shard_is_reported_once(small_copy):
    shard(small_copy).unlink()
    with pytest.raises(NotFoundError, match=r"small-train-000002\.tar") as caught:
        read_all(small_copy)
    assert "while reading the block small-train-000002.tar, bytes 0 to" in " ".join(caught.value.__notes__)
    (found,) = findings(small_copy)
    assert (found.shard, found.offset) == ("small-train-000002.tar", None)


def test_the_reprs_of_a_data_set_and_a_sample_are_one_line(small_shards):
    dataset = Dataset.open(str(small_shards))
    assert repr(dataset) == f"Dataset('{small_shards}': 500 samples in 5 shards)"
    shown = repr(dataset["k0123"])
    assert shown.startswith("Sample('k0123': cls ")
    assert f"jpg {len(dataset['k0123'].image):,} bytes" in shown
    assert len(shown) < 120


def test_a_tar_that_is_not_in_the_manifest_is_found(small_copy):
    shutil.copyfile(shard(small_copy), shard(small_copy, 7))
    (found,) = findings(small_copy)
    assert found.shard == "small-train-000007.tar"


def test_a_list_of_keys_that_was_changed_is_found(small_copy):
    path = small_copy / manifests.KEYS_PATH
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"k0001\n", b"k0002\n"))
    with pytest.raises(CorruptError, match="not the list that was packed"):
        list(Dataset.open(str(small_copy)).keys())
    assert findings(small_copy)


def test_bytes_behind_a_shards_end_are_found(small_copy):
    path = shard(small_copy)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + bytes(512))
    assert any("100" in str(f) or "bytes" in f.what for f in findings(small_copy))
    assert {f.shard for f in findings(small_copy)} == {"small-train-000002.tar"}
