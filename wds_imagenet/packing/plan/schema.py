"""One field set for the JSON of every sample: the same names, the same types, no nulls.

Readers such as Hugging Face's take the types from the first few samples. They fail, or silently drop
fields, if a later sample differs. So the types are decided from all samples before the first byte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.json_types import KindCounts, as_kind, common_kind, count_kinds, gap_note, merged
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.plan.attachments import check_suffixes
from wds_imagenet.packing.plan.census import Census
from wds_imagenet.util.messages import quantity

MEASURED: Final = ("filename", "width", "height", "format", "sha256")
"""JSON fields that the packer measures on every image."""
NO_LABEL: Final = -1
"""The label that is written for a sample without one, among samples that have one."""
ORIGINAL: Final = ("original_width", "original_height", "original_sha256")
"""The same fields of the released bytes, present if the options allow other bytes to be stored."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the source's metadata."""

    source: str
    """Its name in the source."""
    name: str
    """Its name in the JSON: the same, or with `source_` before it if the packer uses that name."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Schema:
    """The members and JSON fields of every sample of one data set."""

    labelled: bool
    captioned: bool
    classes: tuple[Mapping[str, Any], ...]
    """By class index, the fields that are merged into the JSON of samples with one label."""
    fields: tuple[Field, ...]
    attachments: tuple[str, ...] = ()
    """The suffixes of further members."""
    gaps: tuple[str, ...] = ()
    """A note for each field whose values become text."""

    partly_labelled: bool = False
    """True if samples without a label have the label -1."""

    @property
    def _no_class(self) -> Mapping[str, Any]:
        """The class fields of a sample without a label: empty, and -1 for numbers."""
        return {
            name: {str: "", bool: False, list: [], tuple: [], dict: {}}.get(type(value), NO_LABEL)
            for name, value in self.classes[0].items()
        }

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The members of each sample, in their order."""
        own = ("cls",) * self.labelled + ("image", "json") + ("txt",) * self.captioned
        return own + self.attachments

    @property
    def layer_suffixes(self) -> tuple[str, ...]:
        """The members of each sample of a layer, in their order: no image, and JSON only with content."""
        has_json = self.labelled or bool(self.fields)
        own = ("cls",) * self.labelled + ("json",) * has_json + ("txt",) * self.captioned
        return own + self.attachments

    @property
    def notes(self) -> tuple[str, ...]:
        """A note for each metadata field that has another name or type in the JSON."""
        renamed = (
            f"the metadata field {item.source!r} becomes {item.name!r} in the JSON"
            for item in self.fields
            if item.name != item.source
        )
        return (*renamed, *self.gaps)

    def record(self, reference: Reference, measured: Mapping[str, Any]) -> dict[str, Any]:
        """Return one sample's JSON object; `measured` has the values of `MEASURED` and `ORIGINAL`."""
        record: dict[str, Any] = {}
        if self.labelled:
            record["label"] = NO_LABEL if reference.label is None else reference.label
            if self.classes:
                record.update(self._no_class if reference.label is None else self.classes[reference.label])
        record.update(measured)
        for item in self.fields:
            record[item.name] = as_kind(reference.metadata.get(item.source), item.kind)
        return record


def decide(
    census: Census, classes: Sequence[Metadata], *, rewritten: bool, partly_labelled: bool = False
) -> Schema:
    """Return the schema of a listing, given the census of its references.

    A text, list or object that some samples lack is empty in these samples. Numbers with gaps and values
    of mixed types become text in every sample. Integers become fractions if any sample has a fraction, or
    text if a fraction cannot hold one of them.

    Args:
        census: counts over all references.
        classes: the class table; empty without one.
        rewritten: whether the JSON also has the fields `ORIGINAL`.
        partly_labelled: whether samples may lack a label that others have.

    Raises:
        SourceError: only some samples have a label, a label is not in the class table, or two fields
            would have one name.
    """
    labelled = census.check_labels(partly_labelled=partly_labelled)
    records = _class_records(classes)
    taken = _taken(records, labelled=labelled, rewritten=rewritten)
    return Schema(
        labelled=labelled,
        captioned=census.captioned,
        classes=records,
        fields=_fields(census.kinds, census.samples, taken),
        attachments=census.attachments.suffixes,
        gaps=tuple(_gaps(census.kinds, census.samples)),
        partly_labelled=partly_labelled,
    )


def _gaps(kinds: KindCounts, samples: int) -> Iterator[str]:
    """Yield a note for each field whose values become text, though they are not all texts."""
    for name, counts in sorted(kinds.items()):
        found = {kind for kind in counts if kind is not None}
        if found <= {"text"} or common_kind(counts, samples) != "text":
            continue
        lacking = quantity(samples - sum(counts.values()) + counts.get(None, 0), "samples have none")
        if merged(found) in ({"integer"}, {"number"}):
            yield gap_note(name, lacking)
        elif found == {"boolean"}:
            yield f"the booleans of {name!r} become text, because {lacking}"
        else:
            types = ", ".join(sorted(found))
            yield f"the values of {name!r} become text, because they have several types: {types}"


def declare(stream: Stream, *, rewritten: bool) -> Schema:
    """Return the schema that a stream declares. Raises `SourceError` if it contradicts itself."""
    classes = _class_records(stream.classes)
    taken = _taken(classes, labelled=stream.labelled, rewritten=rewritten)
    fields = tuple(_renamed(name, stream.fields[name], taken) for name in sorted(stream.fields))
    _check_names(fields, taken)
    suffixes = check_suffixes(stream.suffixes, "the stream")
    return Schema(
        stream.labelled, stream.captioned, classes, fields, suffixes, partly_labelled=stream.partly_labelled
    )


def _taken(classes: Sequence[Metadata], *, labelled: bool, rewritten: bool) -> set[str]:
    """Return the names that the packer and the class table use."""
    taken = {*MEASURED, *(ORIGINAL if rewritten else ())}
    return taken | {"label", *(classes[0] if classes else ())} if labelled else taken


def _class_records(classes: Sequence[Metadata]) -> tuple[Mapping[str, Any], ...]:
    for label, item in enumerate(classes):
        if item.keys() != classes[0].keys():
            raise SourceError(
                f"class {label} has the fields {sorted(item)}, class 0 has {sorted(classes[0])}: give all "
                "classes the same fields"
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
