"""Data sets to read: the real photos, and small ones where many runs are needed."""

import io

import pytest
from PIL import Image

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.sample import make_key


def listing_of(paths):
    """List image files, labelled by their place."""
    return Listing(
        [Reference(make_key(p.name), str(p), 0, p.stat().st_size, p.name, i) for i, p in enumerate(paths)]
    )


@pytest.fixture(scope="session")
def photo_paths(photos):
    return sorted((photos / "imagenet-sample").glob("*.JPEG"))


@pytest.fixture(scope="session")
def photo_shards(tmp_path_factory, photo_paths):
    """Pack the 1000 photos in 7 shards with some 430 blocks, as a path."""
    folder = tmp_path_factory.mktemp("photos")
    options = PackOptions("photos", shard_bytes=16 << 20, block_bytes=256 << 10)
    pack_listing(listing_of(photo_paths), str(folder), options, workers=1)
    return folder


@pytest.fixture(scope="session")
def small_paths(tmp_path_factory):
    """500 JPEGs of 16 × 16 pixels, each of a grey of its own."""
    folder = tmp_path_factory.mktemp("small-images")
    for i in range(500):
        out = io.BytesIO()
        Image.new("RGB", (16, 16), (i % 250, i // 250 * 100, 7)).save(out, "JPEG")
        (folder / f"k{i:04d}.jpg").write_bytes(out.getvalue())
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def small_shards(tmp_path_factory, small_paths):
    """Pack the small images in 5 shards with some 85 blocks, as a path."""
    folder = tmp_path_factory.mktemp("small")
    options = PackOptions("small", samples_per_shard=100, block_bytes=16 << 10)
    pack_listing(listing_of(small_paths), str(folder), options, workers=1)
    return folder


@pytest.fixture
def some_bad(tmp_path, small_paths):
    """Return a function that packs 100 images, of which some have a header, an end, and nothing between."""

    def pack_bad(keys):
        folder = tmp_path / "images"
        folder.mkdir()
        for path in small_paths[:100]:
            data = path.read_bytes()
            if path.stem in keys:
                data = data[: data.index(b"\xff\xda") + 14] + b"\xff\xd9"
            (folder / path.name).write_bytes(data)
        shards = tmp_path / "shards"
        pack_listing(listing_of(sorted(folder.iterdir())), str(shards), PackOptions("small"), workers=1)
        return shards

    return pack_bad


@pytest.fixture
def one_bad(some_bad):
    """Pack 100 images, of which that of the key k0007 cannot be decoded."""
    return some_bad({"k0007"})
