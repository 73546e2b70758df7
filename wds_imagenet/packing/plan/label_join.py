"""The annotations of label files, joined to images by the stem of their keys. Pure."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.keys import repeated_positions
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.labels.annotation import Annotation, Labels, stem_of
from wds_imagenet.packing.plan.computed_references import ComputedReferences
from wds_imagenet.packing.plan.source_urls import plain
from wds_imagenet.util.messages import quantity

Unmatched = Literal["keep", "drop", "fail"]
"""The treatment of an image that a label file does not have."""


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """A label file, and the treatment of images that it does not have."""

    labels: Labels
    unmatched: Unmatched | None = None
    """None keeps an image, unless the file gives labels."""
    identity: Metadata = field(default_factory=dict)
    """The file's name, count, size and hash as JSON values, without a URL: its part of a stream's plan."""

    @property
    def file(self) -> str:
        """The file's URL, without secrets."""
        return plain(self.labels.url)

    def find(self, key: str) -> Annotation | None:
        """Return the annotation of an image; of a file of captions, None for an empty caption."""
        found = self.labels.find(stem_of(key))
        return None if found and self.labels.captioned and not found.caption else found


def join_listing(listing: Listing, joins: Sequence[LabelJoin]) -> Listing:
    """Return the listing with the annotations of label files, later files over earlier ones.

    No field is lost: if source and file have a field of one name, the source's becomes `source_…`. Labels
    come from one file or from the source, never from both. No two images share an annotation. Costs one
    iteration over the listing, and 16 bytes an image.

    Raises:
        SourceError: a file has none of the images; or it gives labels or attachments, but not to all
            images that are kept.
    """
    if not joins:
        return listing
    fields = _fields(joins)
    matched = _match(listing.references, joins, fields)
    labelled = any(item.labels.labelled for item in joins)
    notes = [*listing.notes, *matched.notes]
    notes += [f"the source's own {name!r} becomes 'source_{name}'" for name in matched.renamed]
    notes += [note for item in joins for note in item.labels.notes]

    def compute(index: int) -> Reference:
        reference = listing.references[matched.kept[index]]
        return _annotated(reference, joins, [item.find(reference.key) for item in joins], fields)

    return Listing(
        ComputedReferences(len(matched.kept), compute),
        _classes(joins, listing.classes, labelled=labelled),
        tuple(notes),
        listing.split,
    )


def join_stream(stream: Stream, joins: Sequence[LabelJoin]) -> Stream:
    """Return the stream with the annotations of label files; as `join_listing`, but image by image."""
    if not joins:
        return stream
    fields = _fields(joins)
    labelled = any(item.labels.labelled for item in joins)
    drops = any(item.unmatched == "drop" for item in joins)

    def images() -> Iterator[StreamedImage]:
        for image in stream.images():
            if image.reference.fault is not None:
                yield image
                continue
            found = [item.find(image.reference.key) for item in joins]
            missing = [item for item, annotation in zip(joins, found, strict=True) if annotation is None]
            if any(item.unmatched == "drop" for item in missing):
                continue
            for item in missing:
                _check_missing(item, 1, image.reference)
            yield replace(image, reference=_annotated(image.reference, joins, found, fields))

    own: dict[str, Kind] = {f"source_{n}" if n in fields else n: kind for n, kind in stream.fields.items()}
    return replace(
        stream,
        identity={**stream.identity, "labels": [dict(item.identity) for item in joins]},
        images=images,
        labelled=labelled or stream.labelled,
        unlabelled=None if labelled else stream.unlabelled,
        fields={**own, **fields},
        captioned=stream.captioned or any(item.labels.captioned for item in joins),
        suffixes=(*stream.suffixes, *(suffix for item in joins for suffix in item.labels.suffixes)),
        classes=_classes(joins, stream.classes, labelled=labelled),
        notes=(*stream.notes, *(note for item in joins for note in item.labels.notes)),
        samples=None if drops else stream.samples,
        published=None if drops else stream.published,
    )


@dataclass(frozen=True, slots=True)
class _Matched:
    """The result of one iteration over all images."""

    kept: "array[int]"
    """Indices of the images that are kept."""
    renamed: list[str]
    notes: list[str]


def _match(
    references: Sequence[Reference], joins: Sequence[LabelJoin], fields: Mapping[str, Kind]
) -> _Matched:
    kept, stems = array("q"), array("q")
    missing = [0] * len(joins)
    first: list[Reference | None] = [None] * len(joins)
    renamed: set[str] = set()
    for index, reference in enumerate(references):
        if reference.fault is not None:
            kept.append(index)
            continue
        dropped = annotated = False
        for i, item in enumerate(joins):
            if item.find(reference.key) is not None:
                annotated = True
                continue
            missing[i] += 1
            first[i] = first[i] or reference
            dropped |= item.unmatched == "drop"
        if annotated:
            stems.append(hash(stem_of(reference.key)))
        if not dropped:
            kept.append(index)
            renamed |= fields.keys() & reference.metadata.keys()
    notes = []
    for item, lacking, without in zip(joins, missing, first, strict=True):
        matched = len(references) - lacking
        if references and not matched:
            raise SourceError(
                f"{item.file} has none of the images here, the first of which is "
                f"{stem_of(references[0].key)!r}: give the file of this split and data set"
            )
        if without is not None:
            _check_missing(item, lacking, without)
        notes.append(_note(item, matched, lacking))
    _check_stems(references, stems)
    if references and not kept:
        raise SourceError("no image is left: each is missing from a label file, and such images are dropped")
    return _Matched(kept, sorted(renamed), notes)


def _note(item: LabelJoin, matched: int, lacking: int) -> str:
    unused = max(0, item.labels.count - matched)
    others = "others are left out" if item.unmatched == "drop" else "others have no annotation"
    return (
        f"{item.file} annotates {quantity(matched, 'images')}"
        + (f"; {quantity(lacking, others)}" if lacking else "")
        + (f"; {quantity(unused, 'annotations are of no image here')}" if unused else "")
    )


def _check_missing(item: LabelJoin, lacking: int, first: Reference) -> None:
    """Raise `SourceError` if all images need the file's annotations, and some have none."""
    labels = item.labels.labelled and item.unmatched != "keep"  # then packed with the label -1
    gives = [*(["a label"] if labels else []), *map(repr, item.labels.suffixes)]
    if item.unmatched == "drop" or (item.unmatched != "fail" and not gives):
        return
    why = f"{' and '.join(gives)} must be in every sample or in none; " if gives else ""
    raise SourceError(
        f"{item.file} does not have {quantity(lacking, 'images')}, the first of which is {first.name!r}; "
        f"{why}mend the file, or leave those images out"
    )


def _check_stems(references: Sequence[Reference], stems: "array[int]") -> None:
    """Raise `SourceError` if two images that a label file has share a stem."""
    shared = {stems[index] for index in repeated_positions(stems)}
    if not shared:
        return
    seen: dict[str, str] = {}
    for reference in references:
        stem = stem_of(reference.key)
        if hash(stem) in shared and seen.setdefault(stem, reference.key) != reference.key:
            raise SourceError(
                f"{seen[stem]!r} and {reference.key!r} both end in {stem!r}, by which label files identify "
                "images: rename one, so that the annotation belongs to one image"
            )


def _fields(joins: Sequence[LabelJoin]) -> dict[str, Kind]:
    for one, other in combinations(joins, 2):
        both = sorted(one.labels.fields.keys() & other.labels.fields.keys())
        both += sorted({*one.labels.suffixes} & {*other.labels.suffixes})
        both += ["the label"] * (one.labels.labelled and other.labels.labelled)
        both += ["the caption"] * (one.labels.captioned and other.labels.captioned)
        if both:
            raise UsageError(f"{one.file} and {other.file} both give {both[0]}: leave one out")
    return {name: kind for item in joins for name, kind in item.labels.fields.items()}


def _classes(
    joins: Sequence[LabelJoin], classes: tuple[Metadata, ...], *, labelled: bool
) -> tuple[Metadata, ...]:
    """Return the class table of the labels: labels from a file need the file's table."""
    table = next((item.labels.classes for item in joins if item.labels.labelled), ())
    return table if labelled else classes


def _annotated(
    reference: Reference,
    joins: Sequence[LabelJoin],
    found: Sequence[Annotation | None],
    fields: Mapping[str, Kind],
) -> Reference:
    label, caption, attachments = reference.label, reference.caption, reference.attachments
    metadata = {f"source_{n}" if n in fields else n: value for n, value in reference.metadata.items()}
    if len(metadata) != len(reference.metadata):
        twice = sorted(name for name in fields if f"source_{name}" in reference.metadata)
        raise SourceError(f"{reference.name!r} has both {twice[0]!r} and 'source_{twice[0]}': rename one")
    for item, annotation in zip(joins, found, strict=True):
        if item.labels.labelled:
            label = annotation.label if annotation else None
        if annotation is None:
            continue
        caption = caption if annotation.caption is None else annotation.caption
        metadata |= annotation.metadata
        attachments += annotation.attachments
    return replace(reference, label=label, caption=caption, metadata=metadata, attachments=attachments)
