"""Any change of a manifest's JSON gives the same data set or a `ManifestError`, whoever sealed it again."""

import copy
import hashlib
import json
import pickle
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.cli.inspect import describe
from wds_imagenet.errors import ManifestError, UsageError
from wds_imagenet.format.blocks import checksum_blocks
from wds_imagenet.format.info_files import companion_files
from wds_imagenet.format.layers import (
    LayerPlan,
    check_layer,
    layer_folder,
    layer_names,
    merge_classes,
    unfinished_layers,
)
from wds_imagenet.format.manifest import MAX_BLOCK_BYTES, MAX_BLOCK_SAMPLES, Block, Manifest, Shard
from wds_imagenet.format.own_hash import own_sha256
from wds_imagenet.reading.fetch_blocks import block_locations
from wds_imagenet.util import strict_json
from wds_imagenet.view.dataset_info import make_dataset_info

SHA = "0123456789abcdef" * 4
SHARDS = tuple(
    Shard(f"in1k-train-{i:06d}.tar", 30_720, 12, SHA, (Block(10_240, 4, 7), Block(20_480, 8, 4294967295)))
    for i in range(2)
)
CLASSES = ({"name": "tench", "samples": 20, "wnid": "n01440764"}, {"name": "goldfish", "samples": 4})
MANIFEST = Manifest("in1k", "train", ("cls", "image", "json"), SHA, SHARDS, CLASSES, SHA)
VALUE = json.loads(MANIFEST.to_json())
PLAN = LayerPlan("l", MANIFEST.fingerprint, ("json",), {"x": "integer"}, SHA, SHA)

absurd = st.sampled_from(
    [
        0,
        -1,
        1,
        511,
        1 << 31,
        1 << 32,
        (1 << 31) + 1,
        10**18,
        (1 << 63) - 1,
        1 << 63,
        1 << 64,
        10**40,
        10**4000,
    ]
)
scalars = (
    absurd
    | st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(["../x.tar", "/x.tar", "x\x1b[2J.tar", "in1k-train-000000.tar", SHA.upper(), "cls"])
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each container with each of its names or indices."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for at in value if isinstance(value, dict) else range(len(value)):
            found += [(value, at), *places(value[at])]
    return found


@st.composite
def changed(draw: st.DrawFn, original: Any) -> Any:
    """Change one to three places of a JSON value: replace, remove, repeat or add."""
    value = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        container, at = draw(st.sampled_from(places(value)))
        kind = draw(st.sampled_from(["replace", "replace", "remove", "repeat", "add"]))
        if kind == "replace":
            container[at] = draw(values)
        elif kind == "remove":
            del container[at]
        elif isinstance(container, list):
            container.insert(at, copy.deepcopy(container[at]) if kind == "repeat" else draw(values))
        else:
            container[draw(st.text(max_size=4))] = draw(values)
        if not value:
            break
    return value


def sealed(value: dict[str, Any]) -> bytes:
    return json.dumps(value | {"sha256": own_sha256(value)}).encode()


@settings(deadline=None)
@given(changed(VALUE))
def test_a_change_that_keeps_the_hash_gives_the_same_data_set_or_an_error(value: Any) -> None:
    try:
        assert Manifest.from_json(json.dumps(value).encode()) == MANIFEST
    except ManifestError as error:
        assert "the manifest" in str(error)  # noqa: PT017 - most changes raise, some change nothing


@settings(max_examples=100, deadline=None)
@given(changed(VALUE))
def test_a_change_under_a_new_hash_gives_a_usable_manifest_or_an_error(value: dict[str, Any]) -> None:
    try:
        manifest = Manifest.from_json(sealed(value))
    except ManifestError:
        return
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert sum(location.block.size for location in block_locations(manifest)) == manifest.size < 1 << 63
    assert companion_files(manifest)
    describe("url", manifest, manifest.classes)
    make_dataset_info("url", manifest, manifest.classes, (), ()).classes.search("tench")


@settings(max_examples=50, deadline=None)
@given(changed(VALUE), changed(json.loads(PLAN.to_json())))
def test_a_change_of_a_layer_gives_a_usable_layer_or_an_error(layer: Any, plan: Any) -> None:
    try:
        planned = LayerPlan.from_json(json.dumps(plan, separators=(",", ":"), ensure_ascii=False).encode())
        assert LayerPlan.from_json(planned.to_json()) == planned
        found = Manifest.from_json(sealed(layer | {"plan": planned.fingerprint}))
        check_layer(MANIFEST, found, planned)
        merge_classes(MANIFEST.classes, found)
    except ManifestError:
        return


@pytest.mark.parametrize("size", [MAX_BLOCK_BYTES + 1, 10**18, 1 << 63, 10**400])
def test_a_block_has_at_most_two_gibibytes(size: int) -> None:
    with pytest.raises(ManifestError, match="block bytes"):
        Block(size, 1, 0)
    assert Block(MAX_BLOCK_BYTES, MAX_BLOCK_SAMPLES, 0)


@pytest.mark.parametrize(("size", "samples"), [(511, 1), (1 << 20, 2049), (1 << 30, MAX_BLOCK_SAMPLES + 1)])
def test_a_block_has_no_more_samples_than_headers(size: int, samples: int) -> None:
    with pytest.raises(ManifestError, match="block samples"):
        Block(size, samples, 0)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"plan": "no hash"}, "plan"),
        ({"suffixes": ["cls", "cls"]}, "suffixes"),
        ({"classes": [{"name": ["tench"]}]}, "name of a class"),
        ({"classes": [{"samples": -1}]}, "samples of a class"),
        ({"classes": [{"samples": 25}]}, "samples of a class"),
        ({"classes": [{"samples": 20}, {"samples": 20}]}, "samples of all classes"),
    ],
)
def test_values_that_no_writer_writes_are_rejected(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ManifestError, match=f"the manifest's {fault} cannot be"):
        Manifest.from_json(sealed(VALUE | fields))


def layer_of(**fields: Any) -> tuple[Manifest, LayerPlan]:
    """Return a layer of captions that fits `MANIFEST`, with some fields changed, and its plan."""
    classes = tuple(fields.get("classes", ()))
    digest = hashlib.sha256(strict_json.dumps(fields.get("planned_classes", classes))).hexdigest()
    plan = LayerPlan("l", fields.get("base", MANIFEST.fingerprint), ("txt",), {}, SHA, digest)
    stated = fields.get("plan", plan.fingerprint)
    return Manifest("in1k", "train", ("txt",), SHA, fields.get("shards", SHARDS), classes, stated), plan


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"plan": SHA}, "does not belong to its plan"),
        ({"base": SHA}, "was made for another data set"),
        ({"planned_classes": [{"name_zh": "x"}]}, "has other classes than its plan"),
        ({"shards": SHARDS[:1]}, "has other blocks than its data set"),
    ],
)
def test_a_layer_that_does_not_fit_its_data_set_is_an_error(fields: dict[str, Any], message: str) -> None:
    check_layer(MANIFEST, *layer_of())
    with pytest.raises(ManifestError, match=message):
        check_layer(MANIFEST, *layer_of(**fields))


def test_the_class_tables_of_data_set_and_layer_are_merged() -> None:
    names = ({"name_zh": "a"}, {"name_zh": "b"})
    more = Manifest("in1k", "train", (), SHA, (), names, SHA)
    labels = Manifest("in1k", "train", ("cls",), SHA, SHARDS, names, SHA)
    assert merge_classes(CLASSES, labels) == names
    assert merge_classes((), more) == names
    assert merge_classes(CLASSES, layer_of()[0]) == CLASSES
    assert merge_classes(CLASSES, more)[1] == {"name": "goldfish", "samples": 4, "name_zh": "b"}
    with pytest.raises(ManifestError, match="it has 2 classes, but the data set 1"):
        merge_classes(CLASSES[:1], more)


def test_a_plan_of_another_version_or_of_a_data_set_is_an_error() -> None:
    data = PLAN.to_json()
    for changed_plan in (
        data.replace(b'"version":1', b'"version":2'),
        data.replace(b"-layer", b"-plan"),
        b"[]",
    ):
        with pytest.raises(ManifestError, match="the layer's plan"):
            LayerPlan.from_json(changed_plan)
    with pytest.raises(ManifestError, match="was changed after it was written"):
        LayerPlan.from_json(data + b" ")


def test_a_layer_lies_in_a_folder_of_its_name() -> None:
    assert layer_folder("real") == ".wds-imagenet/layers/real/"
    with pytest.raises(UsageError, match="cannot name a layer"):
        layer_folder("../real")
    paths = [".wds-imagenet/layers/b/manifest.json", ".wds-imagenet/layers/a/manifest.json", "x.tar"]
    paths += [".wds-imagenet/layers/c/plan.json", ".wds-imagenet/layers/.d/manifest.json"]
    assert layer_names(paths) == ["a", "b"]
    paths += [".wds-imagenet/layers/x y/s.tar", ".wds-imagenet/layers/e/receipts/s.tar.json"]
    assert unfinished_layers(paths) == ["c", "e", "x y"]


def test_a_pickled_manifest_is_equal() -> None:
    assert pickle.loads(pickle.dumps(MANIFEST)) == MANIFEST


def test_blocks_have_the_checksum_of_their_bytes() -> None:
    data = bytes(range(256)) * 8
    blocks = checksum_blocks(lambda start, stop: data[start:stop], [(0, 1024, 1), (1024, 2048, 2)])
    assert blocks == (Block(1024, 1, zlib.crc32(data[:1024])), Block(1024, 2, zlib.crc32(data[1024:])))
