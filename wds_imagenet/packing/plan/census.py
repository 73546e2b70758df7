"""The labels, captions, metadata types and attachments of all references, counted one by one. Pure."""

from dataclasses import dataclass, field

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.json_types import KindCounts, count_kinds
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.plan.attachments import SuffixCheck
from wds_imagenet.packing.plan.source_urls import describe


@dataclass(slots=True)
class Census:
    """Counts from which the schema of a listing follows."""

    classes: int
    """Classes in the class table; 0 without one."""
    samples: int = 0
    captioned: bool = False
    """True if any sample has a caption."""
    rotates: bool = False
    """True if any image is to be rotated."""
    kinds: KindCounts = field(default_factory=dict)
    """For each metadata field, the samples that have it as each JSON type."""
    attachments: SuffixCheck = field(default_factory=SuffixCheck)
    _unlabelled: int = 0
    _first_unlabelled: Reference | None = None
    _first_wrong: Reference | None = None
    """The first reference with a label that the class table lacks."""

    def add(self, reference: Reference) -> None:
        """Count one reference. Raises `SourceError` as `SuffixCheck` does, and for values JSON has not."""
        label = reference.label
        self.samples += 1
        self._unlabelled += label is None
        if label is None:
            self._first_unlabelled = self._first_unlabelled or reference
        elif self._first_wrong is None and not 0 <= label < (self.classes or label + 1):
            self._first_wrong = reference
        self.captioned = self.captioned or reference.caption is not None
        self.rotates = self.rotates or bool(reference.rotation)
        if reference.metadata:
            count_kinds(self.kinds, reference.metadata)
        self.attachments.add(reference)

    def check_labels(self, *, partly_labelled: bool = False) -> bool:
        """Return True if samples have labels, False if none has.

        Args:
            partly_labelled: whether some samples may have no label.

        Raises:
            SourceError: only some samples have labels, or the class table lacks one.
        """
        wrong, lacking = self._first_wrong, self._first_unlabelled
        if self._unlabelled == self.samples:
            return False
        if lacking is not None and not partly_labelled:
            raise SourceError(
                f"{describe(lacking)} has no label (and so {self._unlabelled:,} of {self.samples:,} "
                "images), but others have: label all or none; option without_label='keep' packs such images "
                "with the label -1, and option without_label='drop' leaves them out"
            )
        if wrong is not None:
            known = f"the class table has 0 to {self.classes - 1}" if self.classes else "labels begin at 0"
            raise SourceError(f"{describe(wrong)} has the label {wrong.label}, but {known}")
        return True
