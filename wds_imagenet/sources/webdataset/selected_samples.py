"""The selected samples of shards, each made into a reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.reference import Attachment, Metadata, Reference
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.sample import IMAGE_SUFFIXES, check_key, make_key
from wds_imagenet.sources.webdataset.selection import LabelMap, Selection
from wds_imagenet.sources.webdataset.shard_listing import SMALL, ShardSample, read_shard
from wds_imagenet.util.messages import quantity

MEASURED: Final = frozenset({"filename", "width", "height", "format", "sha256"})
"""Fields that this packer measures for every image, and measures anew. JSON with all of them is its own."""
_NO_METADATA: Final[Metadata] = {}


@dataclass(slots=True)
class SelectedSamples:
    """Reads the selected samples of all shards, and counts the others."""

    selection: Selection
    label_map: LabelMap
    class_fields: frozenset[str]
    """Fields that the packer adds to the JSON from the class table."""
    left_out: frozenset[str]
    """Suffixes of members to ignore."""
    gzipped: bool = False
    """True if any of the shards is gzipped."""
    taken: int = 0
    passed: int = 0
    """The number of samples that are not selected."""
    renamed: int = 0
    """The number of keys that changed."""
    suffixes: tuple[str, ...] = ()
    """The suffixes of the attachments, the same in every sample."""
    missing: set[str] = field(default_factory=set)
    """Selected keys that no shard has so far."""

    def read(
        self, parts: Sequence[SplitFile], kept: frozenset[str] = SMALL
    ) -> Iterator[tuple[ShardSample, Reference]]:
        """Yield the selected samples, in the order of the shards."""
        self.missing = set(self.selection.keys or ())
        for part in parts:
            for sample in read_shard(part, self.left_out, kept):
                reference = self._reference(sample)
                self.gzipped |= sample.gzipped
                self.passed += reference is None
                self.taken += reference is not None
                if reference is not None:
                    yield sample, reference

    def notes(self) -> Iterator[str]:
        """Yield a note for each count that is not zero."""
        if self.passed:
            yield f"{self.passed:,} of {self.taken + self.passed:,} samples were not selected"
        if self.missing:
            first = min(self.missing)
            keys = quantity(len(self.missing), "keys")
            yield f"{keys} of {self.selection.url} in no shard, such as {first!r}"
        if self.renamed:
            yield f"{self.renamed:,} keys had characters that some readers reject; these became '_'"

    def _reference(self, sample: ShardSample) -> Reference | None:
        record = sample.json()
        text, where = _label(sample, record)
        if not self.selection.takes(sample.key, text, where):
            return None
        self.missing.discard(sample.key)
        image = sample.image
        name = image.name.rpartition("/")[2]
        if record.keys() >= MEASURED:
            name = record["filename"] if isinstance(record["filename"], str) else name
            record = {n: v for n, v in record.items() if n not in MEASURED and n not in self.class_fields}
        elif "label" in record and str(record["label"]) == text:
            del record["label"]
        return Reference(
            key=self._key(sample),
            url=sample.url,
            offset=image.offset,
            size=image.size,
            name=name,
            label=None if text is None else self.label_map.label(text, lambda: where),
            caption=sample.text("txt"),
            metadata=record or _NO_METADATA,
            attachments=self._attachments(sample),
        )

    def _key(self, sample: ShardSample) -> str:
        try:
            return check_key(sample.key)
        except DataError:
            self.renamed += 1
        try:
            return make_key(sample.key.removeprefix("./").lstrip("/"))
        except DataError as error:
            error.add_note(f"made from {sample.where(next(iter(sample.members)))}")
            raise

    def _attachments(self, sample: ShardSample) -> tuple[Attachment, ...]:
        suffixes = sorted(sample.members.keys() - SMALL - IMAGE_SUFFIXES)
        if not self.taken:
            self.suffixes = tuple(suffixes)
        for suffix in set(suffixes) ^ set(self.suffixes):
            first = next(iter(sample.members))
            raise SourceError(
                f"{sample.where(first)}: of {sample.key!r} and the samples before it only some have a member "
                f"{suffix!r}: leave that suffix out, as option 'leave_out'"
            )
        members = [(suffix, sample.members[suffix]) for suffix in suffixes]
        return tuple(Attachment(suffix, sample.url, m.offset, m.size) for suffix, m in members)


def _label(sample: ShardSample, record: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the text of a sample's label, and its location."""
    text = sample.text("cls")
    if text is not None:
        if not text.strip():
            raise SourceError(f"{sample.where('cls')} is empty: it must hold a label")
        return text.strip(), sample.where("cls")
    label = record.get("label")
    where = sample.where("json" if "json" in sample.members else next(iter(sample.members)))
    return (str(label) if type(label) in {int, str} else None), where
