"""What label files say, joined to images by their stems, each as it is asked for. Pure."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.keys import repeated_positions
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.labels.annotation import Annotation, Labels, stem_of
from wds_imagenet.packing.plan.source_urls import plain
from wds_imagenet.util.messages import quantity

Unmatched = Literal["keep", "drop", "fail"]
"""What becomes of an image that a label file says nothing of."""


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """A label file, and how it is joined."""

    labels: Labels
    unmatched: Unmatched = "keep"
    identity: Metadata = field(default_factory=dict)
    """What it is, as JSON values without a URL: all that the plan of a stream can know of it."""

    @property
    def where(self) -> str:
        """The file, without secrets."""
        return plain(self.labels.url)

    def find(self, key: str) -> Annotation | None:
        """Return what the file says of an image; of captions, nothing where it has no text."""
        found = self.labels.find(stem_of(key))
        return None if found and self.labels.captioned and not found.caption else found


def join(listing: Listing, joins: Sequence[LabelJoin]) -> Listing:
    """Return the listing with what the label files say, later files over earlier ones.

    Guarantees that no field is lost: one that the source has as well becomes `source_…`; that labels
    come from one file or from the source, never from both; and that no two images share what is said of
    one. Costs one pass, and 16 bytes an image. Raises `SourceError` where a file says nothing of any
    image, or not of every image although it gives labels or attachments.
    """
    if not joins:
        return listing
    fields = _fields(joins)
    matched = _match(listing.references, joins, fields)
    labelled = any(item.labels.labelled for item in joins)
    notes = [*listing.notes, *matched.notes]
    notes += [f"the source's own {name!r} becomes 'source_{name}'" for name in matched.renamed]
    notes += [note for item in joins for note in item.labels.notes]
    return Listing(
        _Joined(listing.references, joins, fields, matched.places),
        _classes(joins, listing.classes, labelled=labelled),
        tuple(notes),
        listing.split,
    )


def join_stream(stream: Stream, joins: Sequence[LabelJoin]) -> Stream:
    """Return the stream with what the label files say; as `join`, but images are met only as they arrive."""
    if not joins:
        return stream
    fields = _fields(joins)
    labelled = any(item.labels.labelled for item in joins)
    drops = any(item.unmatched == "drop" for item in joins)

    def images() -> Iterator[StreamedImage]:
        for arrival in stream.images():
            found = [item.find(arrival.reference.key) for item in joins]
            missing = [item for item, one in zip(joins, found, strict=True) if one is None]
            if any(item.unmatched == "drop" for item in missing):
                continue
            for item in missing:
                _check_missing(item, 1, arrival.reference)
            yield replace(arrival, reference=_annotated(arrival.reference, joins, found, fields))

    own: dict[str, Kind] = {f"source_{n}" if n in fields else n: kind for n, kind in stream.fields.items()}
    return replace(
        stream,
        identity={**stream.identity, "labels": [dict(item.identity) for item in joins]},
        images=images,
        labelled=labelled or stream.labelled,
        fields={**own, **fields},
        captioned=stream.captioned or any(item.labels.captioned for item in joins),
        suffixes=(*stream.suffixes, *(suffix for item in joins for suffix in item.labels.suffixes)),
        classes=_classes(joins, stream.classes, labelled=labelled),
        notes=(*stream.notes, *(note for item in joins for note in item.labels.notes)),
        samples=None if drops else stream.samples,
        published=None if drops else stream.published,
    )


class _Joined(Sequence[Reference]):
    """References that are annotated as they are asked for."""

    def __init__(
        self,
        references: Sequence[Reference],
        joins: Sequence[LabelJoin],
        fields: Mapping[str, Kind],
        places: npt.NDArray[np.int64],
    ) -> None:
        self._references, self._joins, self._fields, self._places = references, joins, fields, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Reference: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Reference]: ...
    def __getitem__(self, place: int | slice) -> Reference | Sequence[Reference]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        reference = self._references[int(self._places[place])]
        found = [item.find(reference.key) for item in self._joins]
        return _annotated(reference, self._joins, found, self._fields)


@dataclass(frozen=True, slots=True)
class _Matched:
    """What a pass over all images found out."""

    places: npt.NDArray[np.int64]
    """Of the images that are kept."""
    renamed: list[str]
    notes: list[str]


def _match(
    references: Sequence[Reference], joins: Sequence[LabelJoin], fields: Mapping[str, Kind]
) -> _Matched:
    places, stems = array("q"), array("q")
    missing = [0] * len(joins)
    first: list[Reference | None] = [None] * len(joins)
    renamed: set[str] = set()
    for place, reference in enumerate(references):
        dropped = told = False
        for i, item in enumerate(joins):
            if item.find(reference.key) is not None:
                told = True
                continue
            missing[i] += 1
            first[i] = first[i] or reference
            dropped |= item.unmatched == "drop"
        if told:
            stems.append(hash(stem_of(reference.key)))
        if not dropped:
            places.append(place)
            renamed |= fields.keys() & reference.metadata.keys()
    notes = []
    for item, lacking, without in zip(joins, missing, first, strict=True):
        matched = len(references) - lacking
        if references and not matched:
            raise SourceError(
                f"{item.where} says nothing of any image here, the first of which is "
                f"{stem_of(references[0].key)!r}: is it of another split or data set?"
            )
        if without is not None:
            _check_missing(item, lacking, without)
        notes.append(_note(item, matched, lacking))
    _check_stems(references, stems)
    if references and not places:
        raise SourceError("no image is left: each lacks what one of the label files was to give")
    return _Matched(np.frombuffer(places, np.int64), sorted(renamed), notes)


def _note(item: LabelJoin, matched: int, lacking: int) -> str:
    unused = max(0, item.labels.count - matched)
    what = "are left out" if item.unmatched == "drop" else "are kept as they are"
    return (
        f"{item.where} says something of {quantity(matched, 'images')}"
        + (f"; {lacking:,} that it does not know {what}" if lacking else "")
        + (f"; {unused:,} that it knows are not here" if unused else "")
    )


def _check_missing(item: LabelJoin, lacking: int, first: Reference) -> None:
    """Refuse images without what all need."""
    gives = [*(["a label"] if item.labels.labelled else []), *map(repr, item.labels.suffixes)]
    if item.unmatched == "drop" or (item.unmatched == "keep" and not gives):
        return
    why = f"{' and '.join(gives)} must be in every sample or in none; " if gives else ""
    raise SourceError(
        f"{item.where} says nothing of {quantity(lacking, 'images')}, the first of which is {first.name!r}; "
        f"{why}mend the file, or leave those images out"
    )


def _check_stems(references: Sequence[Reference], stems: "array[int]") -> None:
    """Refuse two images that a label file cannot tell apart."""
    twice = {stems[place] for place in repeated_positions(stems)}
    if not twice:
        return
    seen: dict[str, str] = {}
    for reference in references:
        stem = stem_of(reference.key)
        if hash(stem) in twice and seen.setdefault(stem, reference.key) != reference.key:
            raise SourceError(
                f"{seen[stem]!r} and {reference.key!r} both end in {stem!r}, by which label files know "
                "images: it is not known which of the two is meant"
            )


def _fields(joins: Sequence[LabelJoin]) -> dict[str, Kind]:
    for one, other in combinations(joins, 2):
        both = sorted(one.labels.fields.keys() & other.labels.fields.keys())
        both += sorted({*one.labels.suffixes} & {*other.labels.suffixes})
        both += ["the label"] * (one.labels.labelled and other.labels.labelled)
        both += ["the caption"] * (one.labels.captioned and other.labels.captioned)
        if both:
            raise UsageError(f"{one.where} and {other.where} both give {both[0]}: leave one out")
    return {name: kind for item in joins for name, kind in item.labels.fields.items()}


def _classes(
    joins: Sequence[LabelJoin], classes: tuple[Metadata, ...], *, labelled: bool
) -> tuple[Metadata, ...]:
    """Return the class table that belongs to the labels: another numbering needs another one."""
    told = next((item.labels.classes for item in joins if item.labels.labelled), ())
    return told if labelled else classes


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
