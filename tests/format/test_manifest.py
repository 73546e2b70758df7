"""The manifest: its round trip, its schema, and the bytes that it rejects."""

import contextlib
import hashlib
import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import ManifestError
from wds_imagenet.format.manifest import Block, Manifest, Shard
from wds_imagenet.format.own_hash import own_sha256

SCHEMA = json.loads(resources.files("wds_imagenet.format").joinpath("manifest.schema.json").read_text())
SHA = hashlib.sha256(b"").hexdigest()
blocks = st.builds(
    Block, st.integers(1 << 20, 1 << 31), st.integers(0, 1 << 11), st.integers(0, (1 << 32) - 1)
)
parts = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._=+-]{0,20}\Z")
digests = st.binary().map(lambda data: hashlib.sha256(data).hexdigest())


@st.composite
def shards(draw: st.DrawFn) -> Shard:
    tiles = draw(st.lists(blocks, min_size=1, max_size=4))
    name = "/".join(draw(st.lists(parts, min_size=1, max_size=3)))
    size, samples = sum(b.size for b in tiles), sum(b.samples for b in tiles)
    return Shard(name, size, samples, draw(digests), tuple(tiles))


manifests = st.builds(
    Manifest,
    name=st.text(st.characters(codec="utf-8"), max_size=10),
    split=st.sampled_from(["train", "validation"]),
    suffixes=st.just(("cls", "image", "json")),
    keys_sha256=digests,
    shards=st.lists(shards(), min_size=1, max_size=4, unique_by=lambda s: s.name).map(tuple),
    classes=st.lists(st.fixed_dictionaries({"name": parts, "samples": st.just(0)})).map(tuple),
    plan=st.none() | digests,
)
SHARD = Shard("in1k-train-000000.tar", 30_720, 3, SHA, (Block(10_240, 1, 0), Block(20_480, 2, 4294967295)))
MANIFEST = Manifest("in1k", "train", ("cls", "image", "json"), SHA, (SHARD,), ({"name": "tench"},), SHA)


def sealed(value: dict[str, Any]) -> bytes:
    """Return the bytes of a manifest with the hash that its writer would have given it."""
    return json.dumps(value | {"sha256": own_sha256(value)}).encode()


def changed(**fields: Any) -> bytes:
    return sealed(json.loads(MANIFEST.to_json()) | fields)


def changed_shard(**fields: Any) -> bytes:
    value = json.loads(MANIFEST.to_json())
    value["shards"][0] |= fields
    return sealed(value)


@given(manifests)
def test_a_manifest_survives_its_own_bytes(manifest: Manifest) -> None:
    again = Manifest.from_json(manifest.to_json())
    assert again == manifest
    assert again.fingerprint == manifest.fingerprint


@settings(max_examples=50, deadline=None)
@given(manifests)
def test_a_manifest_obeys_the_schema(manifest: Manifest) -> None:
    jsonschema.validate(json.loads(manifest.to_json()), SCHEMA)


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


REFUSED_BY_BOTH = {
    "another format": changed(format="parquet"),
    "a newer version": changed(version=2),
    "no shards": changed(shards=None),
    "a fraction": changed_shard(samples=2.5),
    "a truth value": changed_shard(bytes=True),
    "no hash": changed(keys_sha256="abc"),
    "upper case": changed_shard(sha256=SHA.upper()),
    "above the folder": changed_shard(name="../in1k-train-000000.tar"),
    "absolute": changed_shard(name="/etc/passwd"),
    "a URL": changed_shard(name="s3://elsewhere/x.tar"),
    "a short block": changed_shard(blocks=[[30720, 3]]),
    "a long block": changed_shard(blocks=[[30720, 3, 0, 0]]),
    "an empty block": changed_shard(blocks=[[0, 0, 0], [30720, 3, 0]]),
    "a large checksum": changed_shard(blocks=[[30720, 3, 1 << 32]]),
    "a huge block": changed_shard(blocks=[[10**18, 3, 0]], bytes=10**18),
    "an unknown field": changed(more=1),
    "an unknown field of a shard": changed_shard(more=1),
    "a plan that is no hash": changed(plan="abc"),
    "a suffix twice": changed(suffixes=["cls", "cls"]),
    "a list": b"[]",
}
REFUSED_BY_US = {
    "twice the samples": changed(samples=6),
    "fewer bytes": changed(bytes=30719),
    "blocks that do not tile": changed_shard(blocks=[[30719, 3, 0]]),
    "samples that do not add up": changed_shard(blocks=[[30720, 2, 0]]),
    "two shards of one name": changed(shards=json.loads(changed())["shards"] * 2, samples=6, bytes=61440),
    "a name twice": MANIFEST.to_json().replace(b'"name"', b'"name":1,"name"', 1),
    "cut off": MANIFEST.to_json()[:-4],
    "no JSON": b"\xff\xfe",
}


@pytest.mark.parametrize("data", [*REFUSED_BY_BOTH.values(), *REFUSED_BY_US.values()])
def test_bytes_that_are_no_manifest_are_rejected(data: bytes) -> None:
    with pytest.raises(ManifestError, match="the manifest"):
        Manifest.from_json(data)


@pytest.mark.parametrize("data", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH)
def test_the_schema_rejects_malformed_manifests(data: bytes) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(data), SCHEMA)


@pytest.mark.parametrize("field", SCHEMA["required"])
def test_every_field_is_required(field: str) -> None:
    value = json.loads(MANIFEST.to_json())
    data = sealed({name: item for name, item in value.items() if name != field})
    if field == "sha256":
        data = json.dumps({name: item for name, item in value.items() if name != field}).encode()
    with pytest.raises(ManifestError, match=r"lacks|is not a manifest|has version"):
        Manifest.from_json(data)


def test_the_hash_is_that_of_the_sorted_compact_json_without_it() -> None:
    value = json.loads(MANIFEST.to_json())
    stated = value.pop("sha256")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == stated == MANIFEST.fingerprint


@pytest.mark.parametrize("indent", [None, 1])
def test_white_space_and_the_order_of_names_do_not_change_the_data_set(indent: int | None) -> None:
    data = json.dumps(json.loads(MANIFEST.to_json()), sort_keys=True, indent=indent).encode()
    again = Manifest.from_json(data)
    assert (again, again.fingerprint) == (MANIFEST, MANIFEST.fingerprint)


def test_every_flipped_bit_is_found() -> None:
    data = MANIFEST.to_json()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ManifestError, match="the manifest"):
            Manifest.from_json(bytes(flipped))


def test_a_changed_class_name_is_a_manifest_that_was_changed() -> None:
    data = MANIFEST.to_json().replace(b"tench", b"tenth")
    with pytest.raises(ManifestError, match="was changed after it was written: its SHA-256 is"):
        Manifest.from_json(data)


def test_the_error_for_a_newer_version_has_the_remedy() -> None:
    with pytest.raises(ManifestError, match="version 2; this release reads version 1: upgrade"):
        Manifest.from_json(changed(version=2))


@given(st.binary(max_size=200), st.integers(0, len(MANIFEST.to_json())))
def test_damaged_bytes_raise_only_manifest_errors(noise: bytes, at: int) -> None:
    data = MANIFEST.to_json()
    damaged = data[:at] + noise + data[at + len(noise) :]
    with contextlib.suppress(ManifestError):
        Manifest.from_json(damaged)
