"""Counts of ignored members, and of members that look like labels and are not read as such, as notes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.samples import is_metadata
from wds_imagenet.format.tar import Member, ReadAt
from wds_imagenet.inputs.image_files import IgnoredFiles
from wds_imagenet.inputs.shards.content import Content, ShardSample
from wds_imagenet.inputs.shards.member_rules import MemberRules
from wds_imagenet.shown import shown_name
from wds_imagenet.util.messages import quantity

_LABEL_WORDS: Final = frozenset(
    {"annotation", "category", "class", "classes", "classid", "classlabel", "cls", "id", "inx", "idx"}
    | {"index", "label", "labels", "target", "y"}
)
_IMAGE_STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")


@dataclass(slots=True)
class MemberNotes:
    """Notes on the members of all shards of an input."""

    rules: MemberRules
    hidden: IgnoredFiles = field(default_factory=IgnoredFiles)
    """Hidden and system files, and metadata of WebDataset."""
    unnamed: IgnoredFiles = field(default_factory=IgnoredFiles)
    """Members without suffix."""
    labelled: int = 0
    other_labels: int = 0
    """Samples whose JSON has a label that is no number or text, such as a list."""
    similar: Counter[str] = field(default_factory=Counter)
    """The number of members by suffix, or JSON fields, that look like labels."""

    def ignores(self, member: Member, read: ReadAt) -> bool:
        """Return True for a member that belongs to no sample, and count it."""
        if is_ignored(member.name) or is_metadata(member.name):
            self.hidden.add(member.name)
            return True
        if self.rules.split(member.name)[1]:
            return False
        if bytes(read(member.offset, min(4, member.size))).startswith(_IMAGE_STARTS):
            return False
        self.unnamed.add(member.name)
        return True

    def add(self, sample: ShardSample, content: Content) -> None:
        """Count the labels of a sample."""
        self.labelled += content.label_text is not None
        self.other_labels += content.other_label
        if content.label_text is None:
            self.similar.update(f"member {suffix!r}" for suffix in sample.members if _is_similar(suffix))
            self.similar.update(f"JSON field {name!r}" for name in content.record if self._is_other(name))

    def _is_other(self, field_name: str) -> bool:
        """Return True for a JSON field that looks like a label and is not the one that was read."""
        return _is_similar(field_name) and field_name != self.rules.label_field

    def update(self, other: "MemberNotes") -> None:
        """Add the counts of another shard."""
        self.hidden.update(other.hidden)
        self.unnamed.update(other.unnamed)
        self.labelled += other.labelled
        self.other_labels += other.other_labels
        self.similar.update(other.similar)

    def notes(self) -> Iterator[str]:
        """Yield a note for each count that is not zero."""
        yield from self.hidden.notes("hidden and system members")
        yield from self.unnamed.notes("members without suffix")
        if self.other_labels:
            yield (
                f"{quantity(self.other_labels, 'samples have')} a JSON field {self.rules.label_field!r} that "
                "is no label, such as a list: it stays metadata"
            )
        if self.similar and not self.labelled:
            found, count = max(self.similar.items(), key=lambda item: (item[1], item[0]))
            option = "label_suffix" if found.startswith("member") else "label_field"
            yield (
                f"no sample has a label (member {self.rules.label_suffix!r}, or JSON field "
                f"{self.rules.label_field!r}); {quantity(count, 'samples have')} the {shown_name(found)}: if "
                f"that is the label, pack the shards with option {option!r}"
            )


def _is_similar(name: str) -> bool:
    return not _LABEL_WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower()))
