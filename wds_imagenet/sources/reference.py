"""What a source yields: where each image's bytes lie and what is known of it, without reading it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Metadata = Mapping[str, Any]
"""JSON values by name."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One image of a released data set: cheap, picklable, and not yet read."""

    key: str
    """Unique in the data set; obeys `wds_imagenet.sample.check_key`."""
    url: str
    """The file that holds the bytes: the image itself, or the archive that it lies in."""
    offset: int
    """Where the bytes begin in that file."""
    size: int | None
    """How many they are; None if that is only known once they are read (to the end of the file)."""
    name: str
    """The name it was released under, such as `n01440764_10026.JPEG`."""
    label: int | None = None
    """The class index, or None if it has no label."""
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)
    """What goes into the sample's JSON beside what the packer and the class table give."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole data set, listed."""

    references: Sequence[Reference]
    """In the source's natural order, which depends on names and not on the order of listing."""
    classes: tuple[Metadata, ...] = ()
    """What is known of class 0, 1, …: merged into the JSON of each of its samples. The fields are the
    same for every class, and `name` is one of them."""
    notes: tuple[str, ...] = ()
    """What a person ought to hear, such as a count that differs from the published one."""
    split: str | None = None
    """Which split it is, where the source can tell: `train`, `validation` or `test`."""
