"""The expected size of a sample in its shard. Pure."""

from typing import Final

from wds_imagenet.format.tar import RECORD
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.schema import Schema

_UNKNOWN_IMAGE: Final = 128 << 10
_UNKNOWN_ATTACHMENT: Final = 8 << 10
_BYTES_PER_PIXEL: Final = 0.32  # of a photo as JPEG of quality 90
_JSON_BYTES: Final = 512


def content_size(reference: Reference, size: int | None, options: PackOptions) -> int:
    """Return about how many bytes a sample's image, caption and attachments take.

    Args:
        reference: the sample.
        size: bytes of its image before any resizing; None if the source does not list them.
        options: those of packing, of which resizing matters.
    """
    size = _UNKNOWN_IMAGE if size is None else size
    if options.jpeg.short_side is not None:
        pixels = options.jpeg.short_side**2 * 4 / 3  # most photos are 4:3
        size = min(size, int(pixels * _BYTES_PER_PIXEL))
    size += len(reference.caption or "")
    return size + sum(_UNKNOWN_ATTACHMENT if a.size is None else a.size for a in reference.attachments)


def overhead(schema: Schema) -> int:
    """Return about how many bytes the tar headers, the padding and the JSON of each sample take."""
    return len(schema.suffixes) * (RECORD + RECORD // 2) + _JSON_BYTES
