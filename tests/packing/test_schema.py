"""Every sample has the same set of metadata fields."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.json_types import gap_note
from wds_imagenet.packing.plan.scan import scan
from wds_imagenet.packing.plan.schema import MEASURED, ORIGINAL, Schema
from wds_imagenet.packing.plan.schema import decide as decide_schema
from wds_imagenet.sources import Listing, Reference

FOUND = dict.fromkeys(MEASURED, 1)
values = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)
metadata = st.dictionaries(st.sampled_from(["a", "b", "width", "label"]), values, max_size=4)


def decide(listing: Listing, *, rewritten: bool) -> Schema:
    census = scan(listing.references, len(listing.classes)).census
    return decide_schema(census, listing.classes, rewritten=rewritten)


def schema_of(
    *items: dict[str, Any], labels: list[int | None] | None = None
) -> tuple[Schema, list[Reference]]:
    references = [
        Reference(f"k{i}", f"/x/{i}.jpg", 0, 1, f"{i}.jpg", labels[i] if labels else None, None, item)
        for i, item in enumerate(items)
    ]
    return decide(Listing(references), rewritten=False), references


def packed(*items: dict[str, Any]) -> list[Any]:
    """Return the field `a` of each record."""
    schema, references = schema_of(*items)
    return [schema.record(reference, FOUND)["a"] for reference in references]


@given(st.lists(metadata, min_size=1, max_size=6))
def test_every_sample_has_the_same_fields_of_the_same_types(items: list[dict[str, Any]]) -> None:
    schema, references = schema_of(*items)
    records = [schema.record(reference, FOUND) for reference in references]
    assert {tuple(record) for record in records} == {tuple(records[0])}
    for name in records[0]:
        assert len({type(record[name]) for record in records}) == 1
        assert records[0][name] is not None


@given(st.lists(metadata, min_size=1, max_size=6))
def test_every_record_is_json(items: list[dict[str, Any]]) -> None:
    schema, references = schema_of(*items)
    for reference in references:
        json.dumps(schema.record(reference, FOUND), allow_nan=False)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([{"a": "x"}, {}], ["x", ""]),
        ([{"a": [1]}, {"a": None}], [[1], []]),
        ([{"a": {"b": 1}}, {}], [{"b": 1}, {}]),
        ([{"a": 1}, {"a": 2}], [1, 2]),
        ([{"a": 1}, {"a": 2.5}], [1.0, 2.5]),
        ([{"a": 2**53 + 1}, {"a": 0}], [2**53 + 1, 0]),
        ([{"a": 2**53 + 1}, {"a": 2.5}], ["9007199254740993", "2.5"]),
        ([{"a": 2**60}, {"a": 2.5}], [float(2**60), 2.5]),
        ([{"a": 10**400}, {"a": 2.5}], [str(10**400), "2.5"]),
        ([{"a": 1}, {}], ["1", ""]),
        ([{"a": True}, {"a": None}], ["true", ""]),
        ([{"a": True}, {"a": 1}], ["true", "1"]),
        ([{"a": 1}, {"a": "x"}], ["1", "x"]),
        ([{"a": [1, "ß"]}, {"a": "x"}], ['[1,"ß"]', "x"]),
        ([{"a": 1.5}, {"a": float("nan")}], ["1.5", "NaN"]),
        ([{"a": None}, {"b": 1}], ["", ""]),
    ],
)
def test_gaps_and_mixtures_become_one_type(given_: list[dict[str, Any]], expected: list[Any]) -> None:
    found = packed(*given_)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def test_the_fields_come_in_a_fixed_order() -> None:
    listing = Listing(
        [Reference("k", "/x", 0, 1, "x.jpg", 0, None, {"zebra": 1, "apple": 2})],
        ({"name": "tench", "wnid": "n01440764"},),
    )
    record = decide(listing, rewritten=True).record(listing.references[0], FOUND | dict.fromkeys(ORIGINAL, 1))
    assert list(record) == ["label", "class_name", "wnid", *MEASURED, *ORIGINAL, "apple", "zebra"]


def test_a_field_that_the_packer_has_is_kept_under_another_name() -> None:
    schema, references = schema_of({"width": 640, "apple": 1})
    record = schema.record(references[0], FOUND)
    assert record["source_width"] == 640
    assert record["width"] == FOUND["width"]


def test_two_fields_that_would_have_one_name_are_refused() -> None:
    with pytest.raises(SourceError, match="rename one"):
        schema_of({"width": 640, "source_width": 1})


def test_some_samples_without_label_are_refused() -> None:
    with pytest.raises(SourceError, match=r"1\.jpg.* has no label \(and so 1 of 2 images\)"):
        schema_of({}, {}, labels=[3, None])


@pytest.mark.parametrize("label", [-1, 1])
def test_a_label_that_the_class_table_lacks_is_refused(label: int) -> None:
    with pytest.raises(SourceError, match="the class table has 0 to 0"):
        decide(Listing([Reference("k", "/x", 0, 1, "x", label)], ({"name": "a"},)), rewritten=False)


def test_classes_with_different_fields_are_refused() -> None:
    listing = Listing([Reference("k", "/x", 0, 1, "x", 0)], ({"name": "a"}, {"name": "b", "wnid": "n"}))
    with pytest.raises(SourceError, match="class 1"):
        decide(listing, rewritten=False)


def test_a_value_beyond_json_is_refused() -> None:
    with pytest.raises(SourceError, match="a set, which JSON cannot hold"):
        schema_of({"a": {1}})


def test_a_member_that_no_sample_has_is_left_out() -> None:
    bare, _ = schema_of({})
    assert bare.suffixes == ("image", "json")
    full = decide(Listing([Reference("k", "/x", 0, 1, "x", 0, "a fish")]), rewritten=False)
    assert full.suffixes == ("cls", "image", "json", "txt")


@pytest.mark.parametrize(
    ("items", "note"),
    [
        (
            [1, "two", True],
            "the values of 'a' become text, because they have several types: boolean, integer, text",
        ),
        (
            [2**53 + 1, 0.5, 1],
            "the values of 'a' become text, because they have several types: integer, large integer, number",
        ),
        ([True, None], "the booleans of 'a' become text, because 1 sample has none"),
        ([1, None], gap_note("a", "1 sample has none")),
        ([2**53 + 1, 1, None], gap_note("a", "1 sample has none")),
    ],
)
def test_values_that_become_text_are_noted(items: list[Any], note: str) -> None:
    schema, _ = schema_of(*({"a": item} for item in items))
    assert schema.notes == (note,)


@pytest.mark.parametrize("items", [["x", None], [1, 2.5], [1, 2**53 + 1], [None, None], [[1], None]])
def test_values_that_keep_their_type_are_not_noted(items: list[Any]) -> None:
    schema, _ = schema_of(*({"a": item} for item in items))
    assert schema.notes == ()
