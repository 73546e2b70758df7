"""Streams: data sets that can be read only from beginning to end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wds_imagenet.inputs.reference import Kind, Metadata, Reference


@dataclass(frozen=True, slots=True)
class StreamedImage:
    """One image of a stream. Its reference names its place in the archive, for messages."""

    reference: Reference
    data: bytes = b""
    attached: tuple[bytes, ...] = ()
    """Bytes of the reference's first attachments, which only the stream holds; the packer reads the rest."""
    read: Callable[[], tuple[bytes, ...]] | None = None
    """Reads `data` and then those of `attached`, until the next image. The packer does not call it if the
    reference has more bytes than it accepts."""

    def whole(self) -> "StreamedImage":
        """Return the image with all its bytes, which `read` reads if it is not None."""
        if self.read is None:
            return self
        data, *attached = self.read()
        return replace(self, data=data, attached=tuple(attached), read=None)

    @property
    def size(self) -> int:
        """Return the bytes of the image and of `attached`."""
        return len(self.data) + sum(map(len, self.attached))


@dataclass(frozen=True, slots=True)
class Stream:
    """A data set that can be read only from its beginning to its end, such as a gzipped tar.

    A source returns it instead of a `Listing`. A stream declares fields, suffixes and counts before its first
    image, because only a listing can find them in its references.
    """

    identity: Metadata
    """JSON values that identify the data: names and sizes of files, the class list, but no URL. A part of
    the plan, so that a pack resumes only with the same data."""
    images: Callable[[], Iterator[StreamedImage]]
    """Reads the data set anew, in the same order every time, in bounded memory. Raises a source's errors."""
    labelled: bool
    """True if references have labels: every one, unless `unlabelled` names one that has none."""
    fields: Mapping[str, Kind] = field(default_factory=dict)
    """Every field that the metadata of a reference may have."""
    captioned: bool = False
    """True if a reference may have a caption."""
    rotates: bool = False
    """True if an image may have to be rotated."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of the attachments that every reference has."""
    classes: tuple[Metadata, ...] = ()
    """As `Listing.classes`."""
    notes: tuple[str, ...] = ()
    """As `Listing.notes`."""
    split: str | None = None
    """As `Listing.split`."""
    samples: int | None = None
    """The number of images, where it is known beforehand."""
    published: int | None = None
    """The number of images in the release; the report notes another count at the end."""
    size: int | None = None
    """Approximate bytes of all images, where known: for the estimate of the time left."""
    unlabelled: str | None = None
    """The place of the first image without a label, if others have one."""
    partly_labelled: bool = False
    """As `Listing.partly_labelled`."""
