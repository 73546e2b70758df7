"""`verify` reports every fault of a data set, and `index` makes one of any shards."""

import shutil

import pytest

from wds_imagenet import Dataset, Loader, ResizeCenterCrop
from wds_imagenet.errors import ExistsError, SourceError, UsageError
from wds_imagenet.indexing.index import index
from wds_imagenet.reading.verify import verify


@pytest.fixture
def small_copy(small_shards, tmp_path):
    return shutil.copytree(small_shards, tmp_path / "copy")


def test_an_intact_data_set_is_ok(small_shards):
    seen = []
    report = verify(small_shards, deep=True, threads=2, on_progress=seen.append)
    assert report.ok
    assert report.findings == ()
    assert report.url == str(small_shards)
    assert report.samples == report.expected_samples == 500
    assert report.bytes == report.expected_bytes == sum(p.stat().st_size for p in small_shards.glob("*.tar"))
    assert [one.bytes for one in seen] == sorted(one.bytes for one in seen)
    assert (seen[-1].bytes, seen[-1].samples) == (report.bytes, report.samples)
    assert {one.total_bytes for one in seen} == {report.expected_bytes}


def test_an_open_data_set_is_verified_too(small_shards):
    assert verify(Dataset.open(str(small_shards))).ok


def test_threads_are_a_whole_number(small_shards):
    with pytest.raises(UsageError, match="threads is at least 1"):
        verify(small_shards, threads=0)
    with pytest.raises(UsageError, match="threads is a whole number"):
        index(str(small_shards), threads="2")


def test_shards_are_indexed_by_their_folder_or_one_by_one(small_copy):
    shutil.rmtree(small_copy / ".wds-imagenet")
    seen = []
    report = index(str(small_copy), split="train", on_progress=seen.append)
    assert (report.url, report.samples, report.shards) == (str(small_copy), 500, 5)
    assert report.bytes == seen[-1].bytes == seen[-1].total_bytes
    assert (report.manifest.name, report.manifest.split) == ("copy", "train")
    with Loader(report.url, ResizeCenterCrop(8, 8), 100) as loader:
        assert sum(int(batch.mask.sum()) for batch in loader) == 500
    with pytest.raises(ExistsError, match="has a manifest already"):
        index(str(small_copy))
    shutil.rmtree(small_copy / ".wds-imagenet")
    tars = sorted(map(str, small_copy.glob("*.tar")))
    assert index(tars[:2]).samples == 200
    assert verify(small_copy).samples == 200


def test_shards_are_below_the_folder_of_the_manifest(small_copy, tmp_path):
    with pytest.raises(UsageError, match=r"is neither in .* nor in the folder above"):
        index(str(small_copy), out=str(tmp_path / "elsewhere" / "deeper"))
    with pytest.raises(UsageError, match="at least one URL"):
        index([])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="there is nothing in"):
        index(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="there is nothing at"):
        index(str(tmp_path / "missing"))
    report = index(str(small_copy), out=str(tmp_path), name="around")
    assert report.manifest.shards[0].name.startswith("copy/small-train-")


def test_a_deep_verification_decodes_images_of_at_most_max_pixels(small_shards):
    dataset = Dataset.open(str(small_shards))
    largest = max(sample.json["width"] * sample.json["height"] for sample in dataset)
    assert verify(small_shards, deep=True, max_pixels=largest).ok
    assert verify(small_shards, max_pixels=1).ok
    findings = verify(small_shards, deep=True, max_pixels=largest - 1).findings
    assert findings
    assert all("option 'max_pixels'" in finding.what for finding in findings)
