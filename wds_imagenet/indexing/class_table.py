"""The class table of an indexed data set, from the labels and class names in its samples. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.inputs.label_range import far_labels_note

_ALWAYS: Final = 1 << 16
_MAX_CLASSES: Final = 1 << 20
_MOST_GAPS: Final = 16


@dataclass(slots=True)
class ClassCounts:
    """The samples of each label, and the class name that the JSON of its samples gives."""

    samples: Counter[int] = field(default_factory=Counter)
    names: dict[int, str | None] = field(default_factory=dict)
    """By label; None if samples of one label have different names."""

    def add(self, label: int | None, name: object) -> None:
        """Count a sample."""
        if label is None:
            return
        self.samples[label] += 1
        text = name if isinstance(name, str) and name else None
        if self.names.setdefault(label, text) != text:
            self.names[label] = None

    def update(self, other: "ClassCounts") -> None:
        """Add the counts of another shard."""
        self.samples.update(other.samples)
        for label, name in other.names.items():
            if self.names.setdefault(label, name) != name:
                self.names[label] = None

    def notes(self, samples: int) -> Iterator[str]:
        """Yield a note on labels that are missing, and one on labels that are too far apart.

        Args:
            samples: the number of all samples.
        """
        unlabelled = samples - self.samples.total()
        if 0 < unlabelled < samples:
            yield f"{unlabelled:,} of {samples:,} samples have no label; batches have -100 in its place"
        yield from far_labels_note(self.samples)

    def table(self) -> tuple[Mapping[str, Any], ...]:
        """Return the class table; empty if the labels are no class indices: too large, or too far apart.

        Memory grows with the highest label only if at least one in 16 labels up to it has samples.
        """
        highest = max(self.samples, default=-1)
        sparse = highest >= _ALWAYS and highest >= _MOST_GAPS * len(self.samples)
        if sparse or highest >= _MAX_CLASSES:
            return ()
        named = all(self.names[label] for label in self.samples)
        return tuple(
            {"name": (named and self.names.get(label)) or str(label), "samples": self.samples[label]}
            for label in range(highest + 1)
        )
