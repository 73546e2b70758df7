"""Label files are joined to the right images, once each, and no annotation is lost."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.label_join import LabelJoin, join_listing, join_stream
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.packing.plan.scan import scan
from wds_imagenet.packing.plan.schema import decide


def listing(*stems, **fields):
    return Listing([Reference(f"val/{s}", f"/in/{s}.jpg", 0, 9, f"{s}.jpg", **fields) for s in stems])


def label_file(entries, **what):
    """Return the label file `/l.json` with the annotations of the mapping, by stem."""
    return Labels("/l.json", {k: Annotation(**v) for k, v in entries.items()}.get, len(entries), **what)


def real(entries):
    return label_file({k: {"metadata": {"real": v}} for k, v in entries.items()}, fields={"real": "list"})


def test_an_image_is_known_by_the_last_part_of_its_key():
    joined = join_listing(listing("a", "b"), [LabelJoin(real({"a": [1, 2], "c": []}))])
    assert [dict(r.metadata) for r in joined.references] == [{"real": [1, 2]}, {}]
    assert joined.notes == (
        ("/l.json annotates 1 image; 1 other has no annotation; 1 annotation is of no image here"),
    )


def test_missing_fields_are_empty_in_the_json():
    joined = join_listing(listing("a", "b"), [LabelJoin(real({"a": [1]}))])
    schema = decide(scan(joined.references, 0).census, joined.classes, rewritten=False)
    assert [schema.record(r, {})["real"] for r in joined.references] == [[1], []]


def test_images_without_an_annotation_are_dropped_on_request():
    joined = join_listing(listing("a", "b", "c"), [LabelJoin(real({"a": [1], "c": []}), "drop")])
    assert [r.key for r in joined.references] == ["val/a", "val/c"]
    assert "1 other is left out" in joined.notes[0]


def test_an_image_without_an_annotation_can_be_an_error():
    with pytest.raises(SourceError, match=r"does not have 2 images, the first of which is 'b.jpg'"):
        join_listing(listing("a", "b", "c"), [LabelJoin(real({"a": [1]}), "fail")])


def test_labels_come_from_the_file_for_all_or_there_are_none():
    labels = label_file({"a": {"label": 7}, "b": {"label": 8}}, labelled=True, classes=({"name": "x"},) * 9)
    source = listing("a", "b", label=0)
    assert [r.label for r in join_listing(source, [LabelJoin(labels)]).references] == [7, 8]
    assert len(join_listing(source, [LabelJoin(labels)]).classes) == 9
    with pytest.raises(SourceError, match=r"a label must be in every sample or in none"):
        join_listing(listing("a", "b", "c", label=0), [LabelJoin(labels)])
    assert len(join_listing(listing("a", "c"), [LabelJoin(labels, "drop")]).references) == 1


def test_a_field_that_the_source_has_too_is_kept_under_another_name():
    source = listing("a", metadata={"real": "mine", "x": 1})
    joined = join_listing(source, [LabelJoin(real({"a": [3]}))])
    assert joined.references[0].metadata == {"source_real": "mine", "x": 1, "real": [3]}
    assert any("'source_real'" in note for note in joined.notes)
    with pytest.raises(SourceError, match="rename one"):
        join_listing(
            listing("a", metadata={"real": 1, "source_real": 2}), [LabelJoin(real({"a": [3]}))]
        ).references[0]


@pytest.mark.parametrize("what", [{"labelled": True}, {"captioned": True}, {"suffixes": ("a.npy",)}])
def test_two_files_that_give_the_same_are_refused(what):
    one = label_file({"a": {"label": 1, "caption": "x"}}, **what)
    with pytest.raises(UsageError, match="both give"):
        join_listing(listing("a"), [LabelJoin(one), LabelJoin(one)])


def test_a_file_without_any_of_the_images_is_refused():
    with pytest.raises(SourceError, match=r"has none of the images here.*'a'"):
        join_listing(listing("a", "b"), [LabelJoin(real({"c": [1]}))])


def test_two_images_that_a_file_cannot_tell_apart_are_an_error():
    twins = [Reference(f"{folder}/1", f"/{folder}/1.jpg", 0, 9, "1.jpg") for folder in ("cat", "dog")]
    with pytest.raises(SourceError, match=r"'cat/1' and 'dog/1' both end in '1'"):
        join_listing(Listing(twins), [LabelJoin(real({"1": [0]}))])
    other = Reference("dog/2", "/2.jpg", 0, 9, "2.jpg")
    assert len(join_listing(Listing([*twins, other]), [LabelJoin(real({"2": [0]}))]).references) == 3


def test_an_empty_caption_is_none():
    captions = label_file({"a": {"caption": "hi"}, "b": {"caption": None}}, captioned=True)
    joined = join_listing(listing("a", "b"), [LabelJoin(captions, "drop")])
    assert [(r.key, r.caption) for r in joined.references] == [("val/a", "hi")]
    assert [r.caption for r in join_listing(listing("a", "b"), [LabelJoin(captions)]).references] == [
        "hi",
        None,
    ]


def test_an_attachment_that_only_some_have_is_refused_with_the_first_that_lacks_it():
    maps = label_file({"a": {"attachments": (Attachment("m.npy", "/m", 0, 4),)}}, suffixes=("m.npy",))
    with pytest.raises(SourceError, match=r"'b\.jpg'; 'm\.npy' must be in every sample"):
        join_listing(listing("a", "b"), [LabelJoin(maps)])


def test_references_are_annotated_on_access_and_not_kept():
    asked = []

    def find(stem):
        asked.append(stem)
        return Annotation(metadata={"real": [1]})

    joined = join_listing(listing(*"abcdef"), [LabelJoin(Labels("/l", find, 6, fields={"real": "list"}))])
    asked.clear()
    assert joined.references[2].key == "val/c"
    assert [r.key for r in joined.references[-2:]] == ["val/e", "val/f"]
    assert asked == ["c", "e", "f"]


def test_only_other_annotations_change_the_plan():
    def fingerprint(entries):
        return plan(join_listing(listing("a", "b"), [LabelJoin(real(entries))]), PackOptions("x")).fingerprint

    assert fingerprint({"a": [1]}) == fingerprint({"a": [1], "elsewhere": [5]})
    assert fingerprint({"a": [1]}) != fingerprint({"a": [2]})


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40), min_size=1))
def test_images_are_kept_if_the_file_annotates_them(known, there):
    source = listing(*(f"i{n}" for n in sorted(there)))
    labels = real({f"i{n}": [n] for n in known})
    if not known & there:
        with pytest.raises(SourceError):
            join_listing(source, [LabelJoin(labels, "drop")])
        return
    joined = join_listing(source, [LabelJoin(labels, "drop")])
    assert [r.key for r in joined.references] == [f"val/i{n}" for n in sorted(known & there)]
    assert all(r.metadata == {"real": [int(r.key[5:])]} for r in joined.references)


class TestStreams:
    """A stream is joined image by image."""

    def stream(self, **fields):
        arrivals = [StreamedImage(r, b"x") for r in listing("a", "b").references]
        return Stream(
            {"files": [["x.tar.gz", 5]]}, lambda: iter(arrivals), labelled=False, samples=2, **fields
        )

    def test_streamed_images_get_their_annotations(self):
        joined = join_stream(self.stream(), [LabelJoin(real({"a": [1]}), identity={"name": "real"})])
        assert [dict(a.reference.metadata) for a in joined.images()] == [{"real": [1]}, {}]
        assert dict(joined.fields) == {"real": "list"}
        assert joined.identity["labels"] == [{"name": "real"}]
        assert joined.samples == 2

    def test_streamed_images_without_an_annotation_are_dropped(self):
        joined = join_stream(self.stream(), [LabelJoin(real({"b": [1]}), "drop")])
        assert [a.reference.key for a in joined.images()] == ["val/b"]
        assert joined.samples is None

    def test_a_streamed_image_without_a_label_is_an_error_at_its_turn(self):
        labels = label_file({"a": {"label": 3}}, labelled=True)
        arrivals = join_stream(self.stream(), [LabelJoin(labels)]).images()
        assert next(arrivals).reference.label == 3
        with pytest.raises(SourceError, match=r"does not have 1 image, the first of which is 'b\.jpg'"):
            next(arrivals)

    def test_fields_of_the_stream_are_renamed_before_the_first_image(self):
        joined = join_stream(self.stream(fields={"real": "text"}), [LabelJoin(real({"a": [1]}))])
        assert dict(joined.fields) == {"source_real": "text", "real": "list"}


def test_without_label_files_nothing_changes():
    source = listing("a")
    assert join_listing(source, []) is source
    assert dataclasses.is_dataclass(source)
