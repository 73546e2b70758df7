"""One field set for the JSON of every sample: the same names, the same types, no nulls.

Readers such as Hugging Face's fix the types by the first few samples and then fail, or silently drop
fields, where a later sample differs. So the types are decided from all samples before the first byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.json_types import KindCounts, as_kind, common_kind, count_kinds
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.plan.attachments import attached_suffixes, check_suffixes
from wds_imagenet.packing.plan.source_urls import describe

MEASURED: Final = ("filename", "width", "height", "format", "sha256")
"""What the packer finds out about every image."""
ORIGINAL: Final = ("original_width", "original_height", "original_sha256")
"""The same of the bytes that were released, where the options allow other bytes to be stored."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the source's metadata."""

    source: str
    """What the source calls it."""
    name: str
    """What the JSON calls it: the same, but with `source_` before it where the packer has that name."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Schema:
    """What the samples of one data set have."""

    labelled: bool
    captioned: bool
    classes: tuple[Mapping[str, Any], ...]
    """By class index, what is merged into the JSON of samples that have one label."""
    fields: tuple[Field, ...]
    attachments: tuple[str, ...] = ()
    """The suffixes of further members."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The members of each sample, in their order."""
        own = ("cls",) * self.labelled + ("image", "json") + ("txt",) * self.captioned
        return own + self.attachments

    def record(self, reference: Reference, measured: Mapping[str, Any]) -> dict[str, Any]:
        """Return one sample's JSON object; `measured` has the values of `MEASURED` and `ORIGINAL`."""
        record: dict[str, Any] = {}
        if self.labelled:
            record["label"] = reference.label
            if self.classes and reference.label is not None:
                record.update(self.classes[reference.label])
        record.update(measured)
        for item in self.fields:
            record[item.name] = as_kind(reference.metadata.get(item.source), item.kind)
        return record


def decide(listing: Listing, *, rewritten: bool) -> Schema:
    """Return the schema of a listing. Costs one pass over it.

    A text, list or object that some samples lack is empty there; numbers with gaps and values of
    mixed types become text throughout; whole numbers among fractions become fractions. Raises
    `SourceError` where only some samples have a label, or one that the class table lacks, or an attachment.
    """
    census = _Census(len(listing.classes))
    attachments = attached_suffixes(census.watch(listing.references))
    labelled = census.check_labels()
    classes = _class_records(listing.classes)
    taken = _taken(classes, labelled=labelled, rewritten=rewritten)
    return Schema(
        labelled=labelled,
        captioned=census.captioned,
        classes=classes,
        fields=_fields(census.kinds, census.samples, taken),
        attachments=attachments,
    )


def declare(stream: Stream, *, rewritten: bool) -> Schema:
    """Return the schema that a stream declares. Raises `SourceError` where it contradicts itself."""
    classes = _class_records(stream.classes)
    taken = _taken(classes, labelled=stream.labelled, rewritten=rewritten)
    fields = tuple(_renamed(name, stream.fields[name], taken) for name in sorted(stream.fields))
    _check_names(fields, taken)
    suffixes = check_suffixes(stream.suffixes, "the stream")
    return Schema(stream.labelled, stream.captioned, classes, fields, suffixes)


def _taken(classes: Sequence[Metadata], *, labelled: bool, rewritten: bool) -> set[str]:
    """Return the names that the packer and the class table have taken."""
    taken = {*MEASURED, *(ORIGINAL if rewritten else ())}
    return taken | {"label", *(classes[0] if classes else ())} if labelled else taken


@dataclass(slots=True)
class _Census:
    """What one pass over the references tells; a second one would read them from disk again."""

    classes: int
    """How many the table has."""
    samples: int = 0
    unlabelled: int = 0
    wrong: Reference | None = None
    """The first without a label, or with one that there is not."""
    captioned: bool = False
    kinds: KindCounts = field(default_factory=dict)

    def watch(self, references: Iterable[Reference]) -> Iterator[Reference]:
        """Pass the references through, and take down what they have."""
        for reference in references:
            label = reference.label
            self.samples += 1
            self.unlabelled += label is None
            if self.wrong is None and (label is None or not 0 <= label < (self.classes or label + 1)):
                self.wrong = reference
            self.captioned = self.captioned or reference.caption is not None
            count_kinds(self.kinds, reference.metadata)
            yield reference

    def check_labels(self) -> bool:
        """Return whether all have labels, False if none has; else raise `SourceError`."""
        if self.unlabelled == self.samples:
            return False
        if self.wrong is not None and self.wrong.label is None:
            raise SourceError(
                f"{describe(self.wrong)} has no label (and so {self.unlabelled:,} of {self.samples:,} "
                "images), but others have: label all or none"
            )
        if self.wrong is not None:
            known = f"the class table has 0 to {self.classes - 1}" if self.classes else "labels begin at 0"
            raise SourceError(f"{describe(self.wrong)} has the label {self.wrong.label}, but {known}")
        return True


def _class_records(classes: Sequence[Metadata]) -> tuple[Mapping[str, Any], ...]:
    for label, item in enumerate(classes):
        if item.keys() != classes[0].keys():
            raise SourceError(
                f"class {label} has the fields {sorted(item)}, class 0 has {sorted(classes[0])}"
            )
    # The packer's own names keep their meaning: a class table's `width` is not the image's.
    taken = {"label", *MEASURED, *ORIGINAL}
    renamed = [{_class_name(name): value for name, value in item.items()} for item in classes]
    kinds: KindCounts = {}
    for record in renamed:
        count_kinds(kinds, record)
    fields = _fields(kinds, len(renamed), taken, sort=False)
    return tuple(
        {item.name: as_kind(record.get(item.source), item.kind) for item in fields} for record in renamed
    )


def _class_name(name: str) -> str:
    return "class_name" if name == "name" else name


def _fields(kinds: KindCounts, samples: int, taken: set[str], *, sort: bool = True) -> tuple[Field, ...]:
    fields = tuple(
        _renamed(name, common_kind(kinds[name], samples), taken)
        for name in (sorted(kinds) if sort else kinds)
    )
    _check_names(fields, taken)
    return fields


def _renamed(name: str, kind: Kind, taken: set[str]) -> Field:
    return Field(name, f"source_{name}" if name in taken else name, kind)


def _check_names(fields: Iterable[Field], taken: set[str]) -> None:
    names = set(taken)
    for item in fields:
        if item.name in names:
            raise SourceError(f"the metadata has {item.source!r} and {item.name!r}: rename one")
        names.add(item.name)
