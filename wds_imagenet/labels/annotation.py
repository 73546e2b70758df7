"""What label files say of images, in one form: joined to an image by its stem."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wds_imagenet.inputs.reference import Attachment, Kind, Metadata


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a label file says of one image. What is None or empty it leaves as it was."""

    label: int | None = None
    """The class index."""
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)
    """Goes into the sample's JSON, over what is there."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """A label file, read."""

    url: str
    find: Callable[[str], Annotation | None]
    """By the image's stem, the last part of its key (`ILSVRC2012_val_00000001`); None if it says nothing
    of it. Cheap; safe from many threads, not necessarily picklable."""
    count: int
    """Of how many images it says something."""
    labelled: bool = False
    """Whether it gives labels."""
    captioned: bool = False
    fields: Mapping[str, Kind] = field(default_factory=dict)
    """Of the metadata: every field that an annotation may have."""
    suffixes: tuple[str, ...] = ()
    """Of the attachments."""
    classes: tuple[Metadata, ...] = ()
    """The class table, where the file has one."""
    notes: tuple[str, ...] = ()
    """What a person ought to hear."""
    sha256: str = ""
    """Of all that it says of images, its options' doing included, wherever it and they lie: the plan of a
    stream knows it by this."""


LabelSource = Callable[..., Labels]
"""`source(url, *, option=None, ..., storage_options={})`: a plain function that reads a label file."""


def stem_of(key: str) -> str:
    """Return the part of a key that label files know an image by: the last."""
    return key.rsplit("/", 1)[-1]
