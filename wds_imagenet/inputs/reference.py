"""References: the location, key, label and metadata of each image, without its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Metadata = Mapping[str, Any]
"""JSON values by name."""

Kind = Literal["text", "boolean", "integer", "large integer", "number", "list", "object"]
"""The JSON type of a field, the same in every sample of a data set."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A further member of a sample, such as an array: its place in a file, without its bytes."""

    suffix: str
    """The part of the member's name after the key: `relabel.npy`."""
    url: str
    offset: int
    size: int | None
    """None: to the end of the file."""
    encoding: Literal["bytes", "torch"] = "bytes"
    """`bytes` are copied; a tensor that `torch.save` wrote becomes a `.npy`."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One image of a released data set: cheap, picklable, and not yet read."""

    key: str
    """Unique in the data set; obeys `wds_imagenet.sample.check_key`."""
    url: str
    """The file that holds the bytes: the image itself, or the archive around it."""
    offset: int
    """The first byte of the image in that file."""
    size: int | None
    """Bytes of the image; None: to the end of the file, a size that only a read can find."""
    name: str
    """The name under which the image was released, such as `n01440764_10026.JPEG`."""
    label: int | None = None
    """The class index, or None if the image has no label."""
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)
    """Fields of the sample's JSON, in addition to those of the packer and the class table."""
    attachments: tuple[Attachment, ...] = ()
    """Further members; every sample of a data set has the same suffixes."""
    rotation: int = 0
    """Degrees, 90, 180 or 270, by which the packer rotates the image counter-clockwise."""
    fault: str | None = None
    """The reason why the image cannot be used, if the source found one. The packer does not read the image:
    option `on_bad` decides between an error and a line in the report."""
