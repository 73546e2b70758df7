"""A damaged data set is never reported as finished, and `check` repairs it.

The contract in `test_run.py` covers missing, short and flipped shards on the local disk.
"""

import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from wds_imagenet import Dataset
from wds_imagenet.errors import CorruptError, PlanError, SourceError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.storage import Store, open_store

OPTIONS: dict[str, Any] = {"name": "small", "samples_per_shard": 20, "workers": 1}
SHARD = "small-train-000001.tar"
Damage = Callable[[Store], None]


@pytest.fixture(params=["local", "s3"])
def dest(request: pytest.FixtureRequest, tmp_path: Path, small_folder: Path) -> Iterator[str]:
    url = str(tmp_path / "dest") if request.param == "local" else request.getfixturevalue("s3_url")
    pack("imagefolder", str(small_folder), dest=url, **OPTIONS)
    yield url


def contents(url: str) -> dict[str, bytes]:
    store = open_store(url)
    return {info.path: store.read(info.path).data for info in store.list_objects()}


def flip(store: Store) -> None:
    data = bytearray(store.read(SHARD).data)
    data[3000] ^= 1
    store.put(SHARD, bytes(data))


def cut(store: Store) -> None:
    store.put(SHARD, store.read(SHARD).data[:-1])


def remove(store: Store) -> None:
    store.delete(SHARD)


def replace(store: Store) -> None:
    store.put(SHARD, store.read("small-train-000000.tar").data)


def lose_receipt(store: Store) -> None:
    store.delete(f".wds-imagenet/receipts/{SHARD}.json")
    remove(store)


def lose_keys(store: Store) -> None:
    store.put(".wds-imagenet/keys.txt", b"nothing\n")


@pytest.mark.parametrize(
    ("dest", "damage"),
    [*product(["local", "s3"], [replace, lose_receipt, lose_keys]), *product(["s3"], [flip, cut, remove])],
    indirect=["dest"],
)
def test_a_check_rebuilds_damaged_files_byte_for_byte(dest: str, small_folder: Path, damage: Damage) -> None:
    before = contents(dest)
    damage(open_store(dest))
    assert contents(dest) != before
    report = pack("imagefolder", str(small_folder), dest=dest, check=True, **OPTIONS)
    assert contents(dest) == before
    assert report.resumed == (3 if damage is lose_keys else 2)
    assert [finding for checked in verify_blocks(Dataset.open(dest)) for finding in checked.findings] == []


@pytest.mark.parametrize("dest", ["s3"], indirect=True)
@pytest.mark.parametrize("damage", [cut, remove])
def test_without_a_check_a_shard_that_is_gone_or_of_another_size_is_an_error_that_names_it(
    dest: str, small_folder: Path, damage: Damage
) -> None:
    damage(open_store(dest))
    with pytest.raises(CorruptError, match=rf"1 of its 3 shards.*{SHARD}.*again with --check"):
        pack("imagefolder", str(small_folder), dest=dest, **OPTIONS)


@pytest.mark.parametrize("dest", ["s3"], indirect=True)
def test_a_check_of_a_whole_data_set_changes_nothing(dest: str, small_folder: Path) -> None:
    before = contents(dest)
    assert pack("imagefolder", str(small_folder), dest=dest, check=True, **OPTIONS).resumed == 3
    assert contents(dest) == before


def test_a_check_of_an_unfinished_data_set_rebuilds_a_damaged_shard(dest: str, small_folder: Path) -> None:
    before = contents(dest)
    store = open_store(dest)
    store.delete(".wds-imagenet/manifest.json")
    flip(store)
    assert pack("imagefolder", str(small_folder), dest=dest, check=True, **OPTIONS).resumed == 2
    assert contents(dest) == before


def test_a_source_that_changed_does_not_repair(dest: str, small_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "source"
    shutil.copytree(small_folder, copy)
    remove(open_store(dest))
    damaged = contents(dest)
    for path in copy.rglob("*.JPEG"):  # of the same size, so that it is the same plan
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
    with pytest.raises((SourceError, PlanError)):
        pack("imagefolder", str(copy), dest=dest, check=True, **OPTIONS)
    assert contents(dest) == damaged
