"""Annotations: the form in which every label source returns its labels, captions and fields.

A label source is a function `source(url, *, option=None, ..., storage_options={}) -> Labels`. It reads and
checks the whole file, and returns `Labels`, whose `find` gives the annotation of one image. `registry`
describes how to add one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wds_imagenet.inputs.reference import Attachment, Kind, Metadata


@dataclass(frozen=True, slots=True)
class Annotation:
    """The annotation of one image. None and empty values leave the image's own values unchanged."""

    label: int | None = None
    """The class index."""
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)
    """Fields of the sample's JSON, which replace fields of the same name."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """The contents of a label file, and a declaration of the values that its annotations may have."""

    url: str
    find: Callable[[str], Annotation | None]
    """Returns the annotation of an image by its stem, the last part of the key, such as
    `ILSVRC2012_val_00000001`; None for an image that the file does not list. Fast, for any number of
    threads, not necessarily picklable."""
    count: int
    """The number of annotated images."""
    labelled: bool = False
    """True if annotations have labels."""
    captioned: bool = False
    """True if annotations have captions."""
    fields: Mapping[str, Kind] = field(default_factory=dict)
    """Every field that the metadata of an annotation may have."""
    suffixes: tuple[str, ...] = ()
    """The suffixes of the attachments."""
    classes: tuple[Metadata, ...] = ()
    """The class table by label, if the file has one."""
    notes: tuple[str, ...] = ()
    """Facts for the user, such as a count of repaired or ignored entries."""
    sha256: str = ""
    """A hash of all annotations, options included, independent of the URL. A part of the plan, so that a pack
    resumes only with the same labels; "" for a file without annotations."""


LabelSource = Callable[..., Labels]
"""`source(url, *, option=None, ..., storage_options={})`: reads a label file."""


def stem_of(key: str) -> str:
    """Return the stem under which label files list an image: the last part of its key."""
    return key.rsplit("/", 1)[-1]
