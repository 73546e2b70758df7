"""A damaged layer on S3 is never reported as finished, and `check` repairs it.

The contract in `test_run.py` covers layers on the local disk.
"""

import json

import pytest

from wds_imagenet.errors import CorruptError
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.storage import open_store

LAYER = ".wds-imagenet/layers/captions/"
TAR = f"{LAYER}small-train-000001.tar"


@pytest.fixture
def url(s3_url):
    return s3_url


@pytest.fixture
def options(url, small_folder, tmp_path):
    """Pack a data set with a layer of captions, and return the options of the layer."""
    pack("imagefolder", str(small_folder), dest=url, name="small", samples_per_shard=20, workers=1)
    paths = sorted(small_folder.rglob("*.JPEG"))
    entries = [{"filename": p.name, "wnid": p.name[:9], "title": p.stem, "tags": []} for p in paths]
    (tmp_path / "c.json").write_text(json.dumps(entries))
    options = {"captions": str(tmp_path / "c.json"), "workers": 1}
    add_layer(url, **options)
    return options


def contents(url):
    store = open_store(url)
    return {info.path: store.read(info.path).data for info in store.list_objects()}


def flip(store):
    data = bytearray(store.read(TAR).data)
    data[700] ^= 1
    store.put(TAR, bytes(data))


def cut(store):
    store.put(TAR, store.read(TAR).data[:-1])


def remove(store):
    store.delete(TAR)


@pytest.mark.parametrize("damage", [flip, cut, remove])
def test_a_check_rebuilds_damaged_tars_byte_for_byte(url, options, damage):
    before = contents(url)
    damage(open_store(url))
    assert contents(url) != before
    assert add_layer(url, **options, check=True).resumed == 2
    assert contents(url) == before
    assert sum(1 for _ in Dataset.open(url, layers=["captions"]).samples()) == 60


@pytest.mark.parametrize("damage", [cut, remove])
def test_without_a_check_a_tar_that_is_gone_or_of_another_size_is_an_error_that_names_it(
    url, options, damage
):
    damage(open_store(url))
    folder = LAYER.rstrip("/")
    message = rf"{folder} is finished, but 1 of its 3 shards .*000001\.tar.*'add-layer' again with --check"
    with pytest.raises(CorruptError, match=message):
        add_layer(url, **options)


def test_a_check_of_a_whole_layer_changes_nothing(url, options):
    before = contents(url)
    assert add_layer(url, **options, check=True).resumed == 3
    assert contents(url) == before


def test_the_error_of_a_damaged_layer_names_the_repair(url, options):
    flip(open_store(url))
    with pytest.raises(CorruptError, match="'add-layer' again with --check, which rebuilds damaged shards"):
        list(Dataset.open(url, layers=["captions"]).samples())
    add_layer(url, **options, check=True)
    assert sum(1 for _ in Dataset.open(url, layers=["captions"]).samples()) == 60
