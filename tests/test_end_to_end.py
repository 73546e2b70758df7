"""ImageNet as released, by one command's worth of Python, to every kind of store and back."""

import hashlib
import io
import tarfile

import pytest
import torch

from wds_imagenet import Dataset, Loader, RandomResizedCrop, pack
from wds_imagenet.reading.findings.blocks import verify_blocks


@pytest.fixture(scope="module")
def released(tmp_path_factory, photos):
    """The photos as a nested train tar, with the genuine devkit: its path, the devkit's, every image."""
    devkit = photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"
    images = {}
    outer_path = tmp_path_factory.mktemp("released") / "ILSVRC2012_img_train.tar"
    with tarfile.open(outer_path, "w") as outer:
        for number, path in enumerate(sorted((photos / "imagenet-sample").glob("*.JPEG"))):
            wnid = path.name.partition("_")[0]
            name, data = f"{wnid}_{number + 10}.JPEG", path.read_bytes()
            images[name.removesuffix(".JPEG")] = data
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as archive:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            member = tarfile.TarInfo(f"{wnid}.tar")
            member.size = len(inner.getvalue())
            outer.addfile(member, io.BytesIO(inner.getvalue()))
    return outer_path, devkit, images


@pytest.fixture(scope="module")
def wnids(photos):
    return (photos / "ilsvrc2012" / "imagenet_synsets.txt").read_text().split()


def pack_to(dest, released):
    archive, devkit, _ = released
    sizes = {"shard_bytes": 32 << 20, "block_bytes": 1 << 20}
    return pack("imagenet", str(archive), dest=dest, devkit=str(devkit), name="in1k", **sizes)


@pytest.fixture(scope="module")
def local_digests(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    pack_to(str(folder), released)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.tar")}


@pytest.fixture(params=["file", "memory", "s3", "s3 by fsspec"])
def packed(request, tmp_path, released):
    """The data set on each kind of store: its URL and the store's options."""
    options = {}
    if request.param.startswith("s3"):
        url = request.getfixturevalue("s3_url")
    else:
        url = f"file://{tmp_path}/in1k" if request.param == "file" else f"memory://{tmp_path.name}/in1k"
    pack_to(url, released)
    if request.param == "s3 by fsspec":
        options = {"engine": "fsspec"}
    return url, options


def test_every_photo_arrives_byte_for_byte_with_its_label(packed, released, wnids, local_digests):
    url, options = packed
    dataset = Dataset.open(url, storage_options=options)
    images = released[2]
    assert {shard.name: shard.sha256 for shard in dataset.manifest.shards} == local_digests
    assert [finding for checked in verify_blocks(dataset) for finding in checked.findings] == []
    seen = {}
    for sample in dataset.samples():
        assert sample.key not in seen
        seen[sample.key] = sample.image
        assert sample.label == wnids.index(sample.key.partition("_")[0])
        assert sample.json["wnid"] == wnids[sample.label]
        assert sample.json["filename"] == f"{sample.key}.JPEG"
    assert seen == images
    assert dataset[next(key for key in images if key.startswith("n01440764"))].label == 0
    assert dataset[next(key for key in images if key.startswith("n01751748"))].label == 65


def test_batches_come_from_every_kind_of_store(packed, released):
    url, options = packed
    loader = Loader(url, RandomResizedCrop(32), 128, threads=2, storage_options=options)
    keys = []
    for batch in loader:
        assert batch.images.dtype == torch.uint8
        keys += [key for key in batch.keys if key]
    assert sorted(keys) == sorted(released[2])
    assert loader.stats().blocks <= 2 * len(loader.dataset.block_locations)
