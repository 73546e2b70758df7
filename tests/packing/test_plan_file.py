"""Two plans are compared entry by entry, whatever the older one holds."""

import json
from dataclasses import replace

import pytest

from wds_imagenet.errors import PlanError, SourceError
from wds_imagenet.images import rewrite
from wds_imagenet.packing.options import JpegPolicy, PackOptions
from wds_imagenet.packing.plan.plan_file import FORMAT, differences, hash_classes, option_differences

KEEP = PackOptions("x", shuffle=False)
REPAIR = replace(KEEP, on_bad="repair")
OTHER_PILLOW = (
    "pillow, which rewrites images, was '1' there, is '2' now: install pillow 1 to continue that work"
)


def plan(options=KEEP, **entries):
    return json.dumps({"format": FORMAT, "options": options.to_json(), **entries}).encode()


@pytest.mark.parametrize("value", [float("nan"), "\udcff", {1}])
def test_a_class_table_without_json_form_is_an_error(value):
    with pytest.raises(SourceError, match="the class table has no JSON form"):
        hash_classes([{"class_name": value}])


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({}, {}, "it is written in another way"),
        ({"samples": 1}, {"samples": 2}, "samples was 1 there, is 2 now"),
        ({"samples": 1}, {}, "samples was 1 there, is None now"),
        ({"classes_sha256": "a"}, {"classes_sha256": "b"}, "the classes are not the same"),
        ({"b": 1, "a": "x"}, {"b": 2, "a": "y"}, "a was 'x' there, is 'y' now; b was 1 there, is 2 now"),
        (
            {"stream": {"bytes": 1, "same": 0}},
            {"stream": {"bytes": 2, "same": 0}},
            "bytes was 1 there, is 2 now",
        ),
        ({"stream": 7}, {"stream": {"bytes": 2}}, "bytes was None there, is 2 now"),
        ({"stream": {"bytes": 2}}, {}, "stream was {'bytes': 2} there, is None now"),
        ({"labels": 7}, {"labels": []}, "labels was 7 there, is [] now"),
        ({"labels": []}, {"labels": 7}, "labels was [] there, is 7 now"),
        ({"labels": []}, {"labels": [{"name": "boxes"}]}, "the labels 'boxes' are new"),
        ({"labels": [{"name": "boxes"}]}, {"labels": []}, "the labels 'boxes' are no longer given"),
        ({"labels": [7]}, {"labels": [{"name": "boxes"}]}, "the labels 'boxes' are new"),
        (
            {"labels": [{"name": "boxes", "sha256": "a", "count": 1}]},
            {"labels": [{"name": "boxes", "sha256": "b", "count": 2}]},
            (
                "the content of the labels 'boxes' is not the same; "
                "of the labels 'boxes', count was 1 there, is 2 now"
            ),
        ),
        (
            {"labels": [{"name": "boxes", "sha256": "a", "count": 1}]},
            {"labels": [{"name": "boxes", "sha256": "a", "count": 2}]},
            "of the labels 'boxes', count was 1 there, is 2 now",
        ),
        (
            {"versions": {"pillow": "1"}},
            {"versions": {"pillow": "2"}},
            OTHER_PILLOW,
        ),
        (
            {"versions": {"rewriter": "1"}},
            {"versions": {"rewriter": "2"}},
            "rewriter, which rewrites images, was '1' there, is '2' now",
        ),
        (
            {"versions": {"pillow": "1"}},
            {},
            (
                "pillow, which rewrites images, was '1' there, is None now: install "
                "pillow 1 to continue that work"
            ),
        ),
        (
            {"versions": 7},
            {"versions": {"pillow": "2"}},
            "pillow, which rewrites images, was None there, is '2' now",
        ),
        (
            {"versions": {"a": "1", "b": "1"}},
            {"versions": {"a": "1", "b": "2"}},
            "b, which rewrites images, was '1' there, is '2' now: install b 1 to continue that work",
        ),
    ],
)
def test_each_entry_that_differs_is_named_with_both_values(old, new, text):
    assert differences(plan(**old), plan(**new)) == text


def test_options_are_named_before_the_other_entries():
    text = differences(plan(samples=1), plan(REPAIR, samples=2))
    assert text == "on_bad was 'fail' there, is 'repair' now; samples was 1 there, is 2 now"


def test_an_option_that_the_older_plan_lacks_is_none_there_or_not_compared():
    theirs = json.dumps({"format": FORMAT, "options": {}}).encode()
    assert "seed was None there, is 0 now" in differences(theirs, plan())
    assert option_differences(theirs, KEEP, ()) == ""


def test_a_long_value_is_cut():
    text = differences(plan(name="n" * 1000), plan())
    assert text == f"name was '{'n' * 199} there, is None now"


def test_an_option_that_only_the_listing_decides_is_not_compared():
    other = replace(KEEP, seed=7, samples_per_shard=3)
    text = "samples_per_shard was None there, is 3 now; seed was 0 there, is 7 now"
    assert option_differences(plan(), other, ()) == text
    assert option_differences(plan(), other, {"seed"}) == "samples_per_shard was None there, is 3 now"


def test_versions_are_compared_before_the_listing_only_if_images_may_be_rewritten(monkeypatch):
    resize = replace(KEEP, jpeg=JpegPolicy.parse("resize=8"))
    monkeypatch.setattr(rewrite, "rewriting_versions", lambda: {"pillow": "2"})
    theirs = {"versions": {"pillow": "1"}}
    assert option_differences(plan(KEEP, **theirs), KEEP, ()) == ""
    text = OTHER_PILLOW
    assert option_differences(plan(resize, **theirs), resize, ()) == text
    assert option_differences(plan(resize, versions={"pillow": "2"}), resize, ()) == ""
    text = "pillow, which rewrites images, was None there, is '2' now"
    assert option_differences(plan(resize), resize, ()) == text


NO_OPTIONS = json.dumps({"format": FORMAT}).encode()
OPTIONS_7 = json.dumps({"format": FORMAT, "options": 7}).encode()


@pytest.mark.parametrize(
    "theirs",
    [b"", b"[]", b"{}", b'{"format":"other","options":{}}', b"\xff", NO_OPTIONS, OPTIONS_7],
)
def test_bytes_that_are_no_plan_are_an_error(theirs):
    with pytest.raises(PlanError, match="the plan at the destination"):
        option_differences(theirs, KEEP, ())
    with pytest.raises(PlanError, match="the plan at the destination"):
        differences(theirs, plan())
