"""A receipt of which a bit was flipped is no receipt: its shard is built again."""

import json
import random
from dataclasses import replace

import pytest
from three_kinds import OPTIONS, SHARDS, objects

from wds_imagenet.errors import DataError, ManifestError
from wds_imagenet.format.manifest import Block, Shard
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.build.receipt import Receipt, Remark
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.storage import open_store

PLACES = ["", "layers/names/"]


def receipt():
    blocks = (Block(4096, 1, 7), Block(6144, 2, 0xFFFFFFFF))
    shard = Shard("small-train-000000.tar", 10240, 3, "5e" * 32, blocks)
    remarks = (Remark("c", "ç.JPEG", "repaired", "3 bytes after the end cut off"),)
    return Receipt("a7" * 32, shard, ("a", "b", "c"), {0: 1, 999: 2}, remarks)


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_receipt_is_read_as_it_was_written():
    assert Receipt.from_json(receipt().to_json()) == receipt()


def test_every_flipped_bit_of_a_receipt_is_found():
    data = receipt().to_json()
    for bit in range(8 * len(data)):
        with pytest.raises(ManifestError):
            Receipt.from_json(flipped(data, bit))


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[]", b"null", b'{"format":"other"}', b"\xff"])
def test_other_bytes_are_no_receipt(damaged):
    with pytest.raises(DataError, match="receipt"):
        Receipt.from_json(damaged)


def test_a_receipt_with_a_right_hash_and_another_number_of_keys_is_none():
    with pytest.raises(ManifestError):
        Receipt.from_json(replace(receipt(), keys=("a", "b")).to_json())


@pytest.fixture(scope="module")
def pack(small, tmp_path_factory):
    """Return a function that packs a data set and adds a layer of class names."""
    names = tmp_path_factory.mktemp("names") / "captions.json"
    entries = [{"filename": r.name, "wnid": r.name[:9], "title": r.key, "tags": []} for r in small.references]
    names.write_text(json.dumps(entries))

    def packed(url):
        pack_listing(small, url, OPTIONS, workers=1)
        add_layer(url, captions=str(names), layer="names", workers=1)

    return packed


@pytest.fixture(scope="module")
def finished(pack):
    pack("memory://receipts-finished")
    return objects("memory://receipts-finished")


@pytest.mark.parametrize("place", PLACES, ids=["data set", "layer"])
@pytest.mark.parametrize("seed", range(4))
def test_a_run_with_a_flipped_bit_in_a_receipt_is_continued_to_the_same_bytes(pack, finished, place, seed):
    draw = random.Random(seed)
    url = f"memory://receipts-{seed}-{len(place)}"
    store = open_store(url)
    for path, data in finished.items():
        store.put(path, data)
    store.delete(f".wds-imagenet/{place}manifest.json")
    path = f".wds-imagenet/{place}receipts/{draw.choice(SHARDS)}.json"
    store.put(path, flipped(finished[path], draw.randrange(8 * len(finished[path]))))
    pack(url)
    assert objects(url) == finished
