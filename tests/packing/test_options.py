"""What may be chosen, and what is refused."""

import pytest

from wds_imagenet.errors import UsageError
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.packing.options import JpegPolicy, PackOptions


@pytest.mark.parametrize("text", ["keep", "resize=256:q90", "resize=1:q1", "resize=65500:q100"])
def test_a_jpeg_policy_survives_its_own_words(text: str) -> None:
    assert str(JpegPolicy.parse(text)) == text


def test_the_quality_of_a_resized_jpeg_is_ninety_unless_it_is_said() -> None:
    assert JpegPolicy.parse("resize=256") == JpegPolicy(256, 90)


@pytest.mark.parametrize("text", ["", "resize", "resize=0", "resize=256:q0", "resize=256:q101", "resize=-1"])
def test_what_is_no_jpeg_policy_is_refused(text: str) -> None:
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


def test_only_training_splits_are_shuffled_unless_it_is_said() -> None:
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
