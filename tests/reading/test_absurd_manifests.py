"""Absurd numbers in a manifest, under a right hash: readers raise a `DataError`, and take no memory."""

import copy
import json
import shutil

import pytest
from click.testing import CliRunner
from layered_set import pack_layered, seal

from wds_imagenet import Dataset, Loader, Predictions, ResizeCenterCrop, evaluate, verify
from wds_imagenet.cli.commands import commands
from wds_imagenet.errors import CorruptError, DataError, ManifestError
from wds_imagenet.format.manifest import MAX_BLOCK_BYTES
from wds_imagenet.reading import buffers

MANIFEST = ".wds-imagenet/manifest.json"
KEYS = ".wds-imagenet/keys.txt"


@pytest.fixture(scope="module")
def layered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layered")
    pack_layered(folder, str(folder / "out"))
    return folder / "out"


@pytest.fixture
def small(layered, tmp_path):
    return shutil.copytree(layered, tmp_path / "copy")


def change(file, change_value):
    value = json.loads(file.read_bytes())
    change_value(value)
    file.write_bytes(seal(value))


def huge_block(value):
    value["shards"][0]["blocks"][0][0] = 10**18


def huge_shard(value):
    shard = value["shards"][0]
    shard["blocks"][0][0] = value["bytes"] = shard["bytes"] = 10**18


def sum_beyond_int64(value):
    for shard in value["shards"]:
        shard["bytes"] = shard["blocks"][0][0] = 1 << 62
    value["bytes"] = 3 << 62


def many_samples(value):
    value["shards"][0]["blocks"][0][1] = value["shards"][0]["samples"] = value["samples"] = 10**12


def long_crc(value):
    value["shards"][0]["blocks"][0][2] = 1 << 40


def disagreeing_sum(value):
    value["shards"][0]["bytes"] += 512


def duplicate_shard(value):
    value["shards"][1] = copy.deepcopy(value["shards"][0])


def name_outside(value):
    value["shards"][0]["name"] = "../../etc/passwd"


def negative_count(value):
    value["classes"] = [{"name": "tench", "samples": -5}]


ABSURD = [
    huge_block,
    huge_shard,
    sum_beyond_int64,
    many_samples,
    long_crc,
    disagreeing_sum,
    duplicate_shard,
    name_outside,
    negative_count,
]
COMMANDS = [
    ["verify"],
    ["view", "--html", "page.html"],
    ["cat", "#0"],
    ["info"],
    ["ls"],
    ["bench"],
    ["pack", "webdataset", "SOURCE", "elsewhere"],
]


@pytest.mark.parametrize("absurd", ABSURD, ids=lambda function: function.__name__)
def test_every_command_reports_a_damaged_manifest(absurd, small, tmp_path, monkeypatch):
    change(small / MANIFEST, absurd)
    monkeypatch.chdir(tmp_path)
    for command, *options in COMMANDS:
        if "SOURCE" in options:
            arguments = [str(small) if item == "SOURCE" else item for item in options]
        else:
            arguments = [str(small), *options]
        result = CliRunner().invoke(commands, [command, *arguments], standalone_mode=False)
        assert isinstance(result.exception, ManifestError), (command, result.exception, result.output)
    with pytest.raises(ManifestError):
        Loader(str(small), ResizeCenterCrop(8, 8), 4)
    with pytest.raises(ManifestError):
        evaluate(Predictions.of_logits([[1.0, 0.0]], ["k"]), {"dataset": str(small)})


@pytest.mark.parametrize("absurd", ABSURD, ids=lambda function: function.__name__)
def test_a_damaged_manifest_of_a_layer_is_an_error(absurd, small):
    change(small / ".wds-imagenet/layers/captions/manifest.json", absurd)
    with pytest.raises(ManifestError):
        Dataset.open(str(small), layers=["captions"])


@pytest.fixture
def large_block(small):
    """A data set whose manifest states a block of 2 GiB in a shard of 20 kB."""

    def enlarge(value):
        shard = value["shards"][0]
        samples = sum(block[1] for block in shard["blocks"])
        value["bytes"] += MAX_BLOCK_BYTES - shard["bytes"]
        shard["bytes"] = MAX_BLOCK_BYTES
        shard["blocks"] = [[MAX_BLOCK_BYTES, samples, 0]]

    change(small / MANIFEST, enlarge)
    return small


def test_a_block_larger_than_its_shard_takes_no_memory(large_block, monkeypatch):
    taken = []
    take = buffers.Buffers.take
    monkeypatch.setattr(buffers.Buffers, "take", lambda own, size: taken.append(size) or take(own, size))
    dataset = Dataset.open(str(large_block))
    with pytest.raises(CorruptError, match="has 20,480 bytes, the manifest says 2,147,483,648"):
        dataset[0]
    assert not verify(dataset, layers=()).ok
    with Loader(dataset, ResizeCenterCrop(8, 8), 3) as loader, pytest.raises(CorruptError):
        list(loader)
    assert max(taken) < 1 << 20


def set_keys(small, data):
    import hashlib

    (small / KEYS).write_bytes(data)
    change(small / MANIFEST, lambda value: value.update(keys_sha256=hashlib.sha256(data).hexdigest()))


def test_keys_that_are_no_text_are_an_error(small):
    set_keys(small, b"\xff\n" * 9)
    with pytest.raises(CorruptError, match=r"keys\.txt is not UTF-8"):
        list(Dataset.open(str(small)).keys())
    assert not verify(str(small), layers=()).ok


def test_one_long_key_does_not_widen_the_array_of_all(small, little_memory, monkeypatch):
    from wds_imagenet.reading import dataset

    monkeypatch.setattr(dataset, "_SMALL", 0)
    set_keys(small, b"".join(b"%d\n" % i for i in range(8)) + b"k" * 1_000_000 + b"\n")
    with little_memory(6 << 20):
        opened = Dataset.open(str(small))
        assert [opened.index_of(key) for key in ("0", "7", "k" * 1_000_000)] == [0, 7, 8]
        with pytest.raises(KeyError):
            opened.index_of("nothing")


@pytest.mark.parametrize("key", ["\udcff", "#²", "#" + "9" * 5000, "\0"])
def test_a_key_that_no_data_set_has_is_not_found(key, layered):
    result = CliRunner().invoke(commands, ["cat", str(layered), key], standalone_mode=False)
    assert "has no sample" in str(result.exception)


def test_a_hostile_layer_plan_is_an_error(small):
    from wds_imagenet.format.layers import LayerPlan

    folder = small / ".wds-imagenet/layers/names"
    plan = json.loads((folder / "plan.json").read_bytes())
    for field, wrong in [("base", 7), ("suffixes", "json"), ("fields", []), ("labels", [7]), ("name", None)]:
        data = json.dumps(plan | {field: wrong}, separators=(",", ":"), ensure_ascii=False).encode()
        with pytest.raises(DataError):
            LayerPlan.from_json(data)
