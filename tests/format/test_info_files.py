"""The files that other readers look for beside the shards."""

import json
from dataclasses import replace

import braceexpand
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.format.info_files import companion_files
from wds_imagenet.format.manifest import Block, Manifest, Shard

SHA = "0" * 64


def manifest(samples: list[int], split: str = "train") -> Manifest:
    shards = (
        Shard(f"in1k-{split}-{i:06d}.tar", 10_240, n, SHA, (Block(10_240, n, 0),))
        for i, n in enumerate(samples)
    )
    return Manifest("in1k", split, ("cls", "image", "json"), SHA, tuple(shards))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_every_shard_is_listed_with_its_length(samples: list[int]) -> None:
    files = companion_files(manifest(samples))
    info = json.loads(files["_info.json"])["splits"]["train"]
    assert json.loads(files["sizes.json"]) == dict(zip(info["filenames"], samples, strict=True))
    assert info["shard_lengths"] == samples
    assert info["num_samples"] == sum(samples)


def test_the_readme_names_the_files_of_the_split() -> None:
    readme = companion_files(manifest([3, 4], "validation"))["README.md"].decode()
    front = readme.split("---\n")[1]
    assert 'path: "in1k-validation-*.tar"' in front
    assert "split: validation" in front
    assert "in1k-validation-{000000..000001}.tar" in readme


@pytest.mark.parametrize("numbers", [[0], [0, 1, 2], [1, 2], [0, 2], [0, 1, 3, 5, 6, 7], [4]])
def test_the_readme_s_braces_expand_to_the_shards_also_with_gaps(numbers: list[int]) -> None:
    whole = manifest([1] * 8)
    some = replace(whole, shards=tuple(whole.shards[number] for number in numbers))
    readme = companion_files(some)["README.md"].decode()
    braces = readme.split('`WebDataset("')[1].split('"')[0]
    assert list(braceexpand.braceexpand(braces)) == [shard.name for shard in some.shards]


def test_the_same_manifest_gives_the_same_bytes() -> None:
    assert companion_files(manifest([1, 2])) == companion_files(manifest([1, 2]))
