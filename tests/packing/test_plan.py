"""The shard plan: complete, reproducible, and named by its fingerprint."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.listing_plan import Plan, plan
from wds_imagenet.packing.plan.plan_file import differences
from wds_imagenet.sources import Listing, Reference

OPTIONS = PackOptions("in1k", shard_bytes=100_000)


def listing(count: int = 50, folder: str = "/data", **changes: Any) -> Listing:
    references = [Reference(f"k{i}", f"{folder}/{i}.jpg", 0, 9000, f"{i}.jpg", i % 3) for i in range(count)]
    references[count // 2] = dataclasses.replace(references[count // 2], **changes)
    return Listing(references, tuple({"name": name} for name in "abc"))


def keys(made: Plan) -> list[str]:
    return [r.key for i in range(len(made.shard_names)) for r in made.task(i).references]


@given(st.integers(1, 200), st.integers(1, 60_000), st.booleans(), st.integers(0, 1 << 64))
def test_every_sample_is_in_one_shard(count: int, shard_bytes: int, shuffle: bool, seed: int) -> None:  # noqa: FBT001
    options = PackOptions("x", shard_bytes=shard_bytes, shuffle=shuffle, seed=seed)
    made = plan(listing(count), options)
    assert sorted(keys(made)) == sorted(f"k{i}" for i in range(count))
    assert all(made.task(i).references for i in range(len(made.shard_names)))


def test_shards_are_numbered_from_zero_without_gap() -> None:
    made = plan(listing(), PackOptions("in1k", "validation", samples_per_shard=20))
    assert made.shard_names == tuple(f"in1k-validation-{i:06d}.tar" for i in range(3))
    assert [len(made.task(i).references) for i in range(3)] == [20, 20, 10]


def test_a_shard_is_about_as_large_as_asked() -> None:
    made = plan(listing(500), OPTIONS)
    sizes = [sum(9000 + 3500 for _ in made.task(i).references) for i in range(len(made.shard_names) - 1)]
    assert sizes
    assert all(85_000 < size <= 101_000 for size in sizes)


def test_a_sample_larger_than_a_shard_has_one_of_its_own() -> None:
    made = plan(listing(3, size=1 << 27), PackOptions("x", shuffle=False, shard_bytes=1))
    assert [len(made.task(i).references) for i in range(3)] == [1, 1, 1]


def test_without_shuffle_the_order_is_the_listings() -> None:
    assert keys(plan(listing(), PackOptions("x", shuffle=False))) == [f"k{i}" for i in range(50)]


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    first, again, other = (keys(plan(listing(), PackOptions("x", seed=s))) for s in (1, 1, 2))
    assert first == again != other


def test_the_order_of_a_seed_stays_for_ever() -> None:
    """Resuming with a later release relies on this."""
    assert keys(plan(listing(12), PackOptions("x", seed=7))) == GOLDEN


GOLDEN = ["k8", "k9", "k5", "k0", "k11", "k3", "k7", "k6", "k10", "k2", "k4", "k1"]


def test_moving_the_data_set_changes_nothing() -> None:
    prints = {plan(listing(folder=at), OPTIONS).fingerprint for at in ("/data", "/mnt/x", "s3://b/in1k")}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"key": "other"},
        {"url": "/data/deeper/1.jpg"},
        {"offset": 512},
        {"size": 9001},
        {"size": None},
        {"name": "other.jpg"},
        {"label": 0},
        {"caption": ""},
        {"metadata": {"a": 1}},
    ],
)
def test_everything_that_decides_the_bytes_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert plan(listing(**change), OPTIONS).fingerprint != plan(listing(), OPTIONS).fingerprint


# A window is for streams, whose plans have it.
FIELDS = [field.name for field in dataclasses.fields(PackOptions) if field.name != "window_bytes"]


@pytest.mark.parametrize("field", FIELDS)
def test_every_option_changes_the_fingerprint_and_is_named_as_the_difference(field: str) -> None:
    other = {
        "name": "x",
        "split": "val",
        "jpeg": dataclasses.replace(OPTIONS.jpeg, short_side=256),
        "on_bad": "skip",
        "shuffle": False,
        "max_image_bytes": 1 << 20,
    }.get(field, 7)
    theirs, ours = plan(listing(), OPTIONS), plan(listing(), dataclasses.replace(OPTIONS, **{field: other}))  # type: ignore[arg-type]
    assert theirs.fingerprint != ours.fingerprint
    assert f"{field} was" in differences(theirs.to_json(), ours.to_json())


def test_other_inputs_are_named_as_the_difference() -> None:
    difference = differences(plan(listing(), OPTIONS).to_json(), plan(listing(51), OPTIONS).to_json())
    assert "samples was 50 there, is 51 now" in difference
    difference = differences(plan(listing(), OPTIONS).to_json(), plan(listing(size=1), OPTIONS).to_json())
    assert difference == "the references are not the same"


def test_a_plan_holds_no_url() -> None:
    url = "https://me:word@host/1.jpg?sig=secret"
    text = plan(Listing([Reference("k", url, 0, 1, "1.jpg")]), OPTIONS).to_json().decode()
    assert not any(secret in text for secret in ("secret", "word", "host"))
    assert json.loads(text)["samples"] == 1


def test_nothing_to_pack_is_an_error() -> None:
    with pytest.raises(SourceError, match="no images"):
        plan(Listing([]), OPTIONS)


def test_two_files_with_one_key_are_both_named() -> None:
    with pytest.raises(SourceError, match=r"'3\.jpg' and '25\.jpg' have the same key 'k3'"):
        plan(listing(key="k3"), OPTIONS)


def test_a_key_that_readers_would_cut_is_refused() -> None:
    with pytest.raises(DataError, match=r"key 'a\.b'"):
        plan(listing(key="a.b"), OPTIONS)


def test_keys_that_differ_in_case_alone_are_noted() -> None:
    made = plan(listing(key="K3"), OPTIONS)
    assert any("'k3' and 'K3'" in note for note in made.notes)


def test_a_name_that_is_not_unicode_is_an_error_that_shows_it() -> None:
    with pytest.raises(SourceError, match=r"'\\udcff\.jpg' has no JSON form"):
        plan(listing(name="\udcff.jpg"), OPTIONS)


def test_metadata_with_nan_deep_inside_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"'25\.jpg' has no JSON form"):
        plan(listing(metadata={"box": [float("nan")]}), OPTIONS)
