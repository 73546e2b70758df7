"""The selected samples of shards, each made into a reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.label_range import far_labels_note
from wds_imagenet.inputs.reference import Attachment, Metadata, Reference
from wds_imagenet.inputs.shards.content import Content, Fault, ShardSample, content_of
from wds_imagenet.inputs.shards.member_notes import MemberNotes
from wds_imagenet.inputs.shards.shard_reader import read_shard
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.sample import IMAGE_SUFFIXES, check_key, label_of, make_key
from wds_imagenet.sources.webdataset.selection import LabelMap, Selection
from wds_imagenet.sources.webdataset.shard_keys import shard_prefixes
from wds_imagenet.util.messages import quantity

MEASURED: Final = frozenset({"filename", "width", "height", "format", "sha256"})
"""Fields that this packer measures for every image, and measures anew. JSON with all of them is its own."""
_NO_METADATA: Final[Metadata] = {}
_MOST_LABELS: Final = 1 << 16


@dataclass(slots=True)
class SelectedSamples:
    """Reads the selected samples of all shards, and counts the others."""

    selection: Selection
    label_map: LabelMap
    class_fields: frozenset[str]
    """Fields that the packer adds to the JSON from the class table."""
    members: MemberNotes
    """The rules of members, and counts of ignored ones."""
    keys_by_shard: bool = False
    """True if the name of the shard is in front of each key."""
    compressed: bool = False
    """True if any of the shards is compressed."""
    taken: int = 0
    """The number of selected samples that can be used."""
    faulty: int = 0
    passed: int = 0
    """The number of samples that are not selected."""
    renamed: int = 0
    """The number of keys that changed."""
    labels: set[int] = field(default_factory=set)
    """The labels of selected samples, up to `_MOST_LABELS`."""
    suffixes: tuple[str, ...] = ()
    """The suffixes of the attachments, the same in every sample."""

    def read(self, parts: Sequence[SplitFile]) -> Iterator[Reference]:
        """Yield the selected samples, in the order of the shards. Those with a fault are selected by key."""
        prefixes = shard_prefixes(parts) if self.keys_by_shard else [""] * len(parts)
        for part, prefix in zip(parts, prefixes, strict=True):
            for sample in read_shard(part, self.members):
                self.compressed |= sample.compressed
                reference = self._reference(sample, prefix)
                if reference is None:
                    self.passed += 1
                    continue
                self.faulty += reference.fault is not None
                self.taken += reference.fault is None
                if reference.label is not None and len(self.labels) < _MOST_LABELS:
                    self.labels.add(reference.label)
                yield reference

    def notes(self) -> Iterator[str]:
        """Yield a note for each count that is not zero."""
        if self.passed:
            samples = self.taken + self.faulty + self.passed
            yield f"{self.passed:,} of {samples:,} samples were not selected"
        yield from self.selection.notes()
        if self.renamed:
            renamed = quantity(self.renamed, "keys")
            yield f"{renamed} had characters that some readers reject; these became '_'"
        if not (self.label_map.classes or self.label_map.old_classes):
            yield from far_labels_note(self.labels)
        yield from self.members.notes()

    def _reference(self, sample: ShardSample, prefix: str) -> Reference | None:
        if not self.selection.has_key(sample.key):
            return None
        content = content_of(sample)
        if isinstance(content, Fault):
            return self._faulty(sample, content)
        where = sample.where(content.labelled_by)
        number = None if content.label is None else str(content.label)
        if not self.selection.has_label(number, lambda: self._class_names(content), where):
            return None
        self.members.add(sample, content)
        record = self._record(content)
        name = content.image.name.rpartition("/")[2]
        if content.record.keys() >= MEASURED and isinstance(content.record["filename"], str):
            name = content.record["filename"]
        return Reference(
            key=self._key(sample, prefix),
            url=sample.url,
            offset=content.image.offset,
            size=content.image.size,
            name=name,
            label=self.label_map.label(content.label_text, content.label, lambda: where),
            caption=content.caption,
            metadata=record or _NO_METADATA,
            attachments=self._attachments(sample, content),
        )

    def _class_names(self, content: Content) -> Iterator[str]:
        """Yield the names of a sample's class: in its label, its JSON, and the class tables."""
        yield from (
            content.record[n] for n in ("wnid", "class_name") if isinstance(content.record.get(n), str)
        )
        if isinstance(content.label, str):
            yield content.label
        elif content.label is not None:
            listed = self.label_map.listed
            for table in (self.label_map.old_classes, () if listed is None else listed.classes):
                known = table[content.label] if 0 <= content.label < len(table) else {}
                yield from (str(known[name]) for name in ("name", "wnid") if name in known)

    def _record(self, content: Content) -> dict[str, Any]:
        """Return the metadata: the JSON without the fields that the packer makes anew."""
        record = content.record
        if record.keys() >= MEASURED:
            return {n: v for n, v in record.items() if n not in MEASURED and n not in self.class_fields}
        name = self.members.rules.label_field
        if name in record and content.label is not None and label_of(record[name]) == content.label:
            return {n: value for n, value in record.items() if n != name}
        return record

    @staticmethod
    def _faulty(sample: ShardSample, fault: Fault) -> Reference:
        member = fault.member
        return Reference(
            sample.key,
            sample.url,
            member.offset,
            member.size,
            member.name,
            metadata=_NO_METADATA,
            fault=str(fault),
        )

    def _key(self, sample: ShardSample, prefix: str) -> str:
        key = prefix + sample.key
        try:
            return check_key(key)
        except DataError:
            self.renamed += 1
        try:
            return make_key(f"{key.removeprefix('./').lstrip('/')}.x")  # a key may have dots of its own
        except DataError as error:
            error.add_note(f"made from {sample.where()}")
            raise

    def _attachments(self, sample: ShardSample, content: Content) -> tuple[Attachment, ...]:
        rules = self.members.rules
        image = rules.split(content.image.name)[1]
        attached = sample.members.keys() - rules.small - {image, ""}
        names = {suffix: f"other.{suffix}" if suffix in IMAGE_SUFFIXES else suffix for suffix in attached}
        suffixes = tuple(sorted(names.values()))
        if not self.taken:
            self.suffixes = suffixes
        for suffix in set(suffixes) ^ set(self.suffixes):
            raise SourceError(
                f"{sample.where()}: of {sample.key!r} and the samples before it only some have a member "
                f"{suffix!r}: leave that suffix out, as option 'leave_out'"
            )
        members = [(names[suffix], sample.members[suffix]) for suffix in sorted(attached)]
        return tuple(Attachment(suffix, sample.url, m.offset, m.size) for suffix, m in members)
