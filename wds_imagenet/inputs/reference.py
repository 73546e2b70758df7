"""What a source yields: where each image's bytes lie and what is known of it, without reading it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Metadata = Mapping[str, Any]
"""JSON values by name."""

Kind = Literal["text", "boolean", "integer", "number", "list", "object"]
"""The JSON type of a field, the same in every sample of a data set."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A further member of a sample, such as an array, that lies in a file and is not yet read."""

    suffix: str
    """What follows the key in the member's name: `relabel.npy`."""
    url: str
    offset: int
    size: int | None
    """None: to the end of the file."""
    form: Literal["bytes", "torch"] = "bytes"
    """How it is stored: `bytes` are taken as they are, a tensor that `torch.save` wrote becomes a `.npy`."""


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
    attachments: tuple[Attachment, ...] = ()
    """Further members; every sample of a data set has the same suffixes."""
    turn: int = 0
    """By how many degrees, 90, 180 or 270, the packer turns the image counter-clockwise."""


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


@dataclass(frozen=True, slots=True)
class StreamedImage:
    """One image of a stream: its bytes come with it. Its reference says where it was found, for messages."""

    reference: Reference
    data: bytes
    attached: tuple[bytes, ...] = ()
    """The bytes of its reference's first attachments, where only the stream has them; the others are read."""

    @property
    def size(self) -> int:
        """How many bytes came with it."""
        return len(self.data) + sum(map(len, self.attached))


@dataclass(frozen=True, slots=True)
class Stream:
    """A data set that can be read only from its beginning to its end, such as a gzipped tar.

    What a listing finds out by looking at every sample, a stream must say before the first.
    """

    identity: Metadata
    """What it is, as JSON values: names and sizes of files, the class list; no URL. It makes the plan."""
    arrivals: Callable[[], Iterator[StreamedImage]]
    """Reads it anew, in the same order every time; bounded memory. Raises as a source does."""
    labelled: bool
    fields: Mapping[str, Kind] = field(default_factory=dict)
    """Of the metadata: every field that a reference may have."""
    captioned: bool = False
    suffixes: tuple[str, ...] = ()
    """Of the attachments that every reference has."""
    classes: tuple[Metadata, ...] = ()
    notes: tuple[str, ...] = ()
    split: str | None = None
    samples: int | None = None
    """How many there are, where that is known."""
    published: int | None = None
    """How many it was released with, all of which are wanted: another count is said at the end."""
    size: int | None = None
    """How many bytes arrive, about, where that is known: for the time left."""
