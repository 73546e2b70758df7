"""The options of packing: accepted and rejected values."""

from dataclasses import MISSING, fields
from inspect import signature

import numpy as np
import pytest

from wds_imagenet import index
from wds_imagenet.errors import UsageError
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.label_files import LabelOptions
from wds_imagenet.packing.options import JpegPolicy, PackOptions
from wds_imagenet.packing.source_keywords import SourceOptions
from wds_imagenet.sources import SOURCES, options_of
from wds_imagenet.util import strict_json


@pytest.mark.parametrize("text", ["keep", "resize=256:q90", "resize=1:q1", "resize=65500:q100"])
def test_a_jpeg_policy_survives_its_text_form(text: str) -> None:
    assert str(JpegPolicy.parse(text)) == text


def test_the_default_quality_of_a_resized_jpeg_is_90() -> None:
    assert JpegPolicy.parse("resize=256") == JpegPolicy(256, 90)


@pytest.mark.parametrize("text", ["", "resize", "resize=0", "resize=256:q0", "resize=256:q101", "resize=-1"])
def test_an_unknown_jpeg_policy_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        JpegPolicy.parse(text)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", ".hidden", "größe", "a--b", "x" * 101])
def test_a_name_that_no_shard_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name"):
        PackOptions(name)


@pytest.mark.parametrize("field", ["shard_bytes", "block_bytes", "samples_per_shard"])
def test_sizes_are_at_least_one(field: str) -> None:
    with pytest.raises(UsageError, match=field):
        PackOptions("x", **{field: 0})  # type: ignore[arg-type]


def test_an_unknown_policy_for_bad_images_is_refused() -> None:
    with pytest.raises(UsageError, match="fail, skip, repair"):
        PackOptions("x", on_bad="ignore")  # type: ignore[arg-type]


def test_by_default_only_training_splits_are_shuffled() -> None:
    assert PackOptions("x", split="train").shuffled
    assert not PackOptions("x", split="validation").shuffled
    assert PackOptions("x", split="validation", shuffle=True).shuffled
    assert not PackOptions("x", split="train", shuffle=False).shuffled


@pytest.mark.parametrize(
    ("dest", "name"),
    [
        ("s3://bucket/in1k/train", "in1k"),
        ("s3://bucket", "bucket"),
        ("/data/my set/", "my_set"),
        ("train", "train"),
        ("memory://", "data"),
    ],
)
def test_a_destination_names_the_data_set(dest: str, name: str) -> None:
    assert default_name(dest, "train") == name
    assert PackOptions(default_name(dest, "train")).name == name


def test_the_options_of_all_sources_are_keyword_arguments_of_pack() -> None:
    types = {"text": str, "flag": bool, "size": int}
    options = {o.name: types[o.kind] for source in SOURCES.values() for o in options_of(source)}
    del options["split"]
    assert SourceOptions.__annotations__ == {name: options[name] for name in sorted(options)}


def test_pack_shows_every_option_that_decides_the_bytes_with_its_default() -> None:
    shown = {name: p.default for name, p in signature(pack).parameters.items()}
    for kind in (PackOptions, LabelOptions):
        for field in fields(kind):
            simple = field.default is not MISSING and field.name not in {"split", "shard_bytes"}
            assert shown[field.name] == field.default if simple else field.name in shown


def test_a_block_is_at_most_one_gibibyte() -> None:
    PackOptions("x", block_bytes=1 << 30)
    with pytest.raises(UsageError, match="'block_bytes' must be at most 1GiB"):
        PackOptions("x", block_bytes=(1 << 30) + 1)
    with pytest.raises(UsageError, match="block_bytes is at most 1 GiB"):
        index("anywhere", block_bytes=1 << 31)


def test_whole_numbers_of_numpy_give_the_plan_of_python_s() -> None:
    numbers = {"seed": 3, "shard_bytes": 1 << 20, "block_bytes": 4096, "max_pixels": 10}
    ours = PackOptions("x", **{name: np.int64(value) for name, value in numbers.items()})
    assert strict_json.dumps(ours.to_json()) == strict_json.dumps(PackOptions("x", **numbers).to_json())
