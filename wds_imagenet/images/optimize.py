"""Rewrite a JPEG with restart markers: the same pixels, bit for bit, in fewer bytes."""

from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np

from wds_imagenet.errors import ImageError, UsageError
from wds_imagenet.images.decode import decode_stored
from wds_imagenet.images.exif import write_orientation
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.native_engine import native_module
from wds_imagenet.images.probe import probe

_TILES: Final = 3  # of a row of MCUs: more tiles cost more bytes than they save decoding
_MAX_GROWTH: Final = 1.125  # a file with optimal tables, or a progressive one, grows


@dataclass(frozen=True, slots=True)
class Optimized:
    """The result of `optimize`."""

    data: bytes
    reason: str | None
    """The reason why the bytes were not changed; None if they are new."""


def require_engine() -> ModuleType:
    """Return the native module.

    Raises:
        UsageError: It was not built; the message gives the way to build it.
    """
    module = native_module()
    if module is None:
        raise UsageError(
            "optimizing JPEGs needs the native engine, which was not built here: install a C compiler and "
            "libjpeg-turbo's headers (libjpeg-dev, libjpeg-turbo-devel or jpeg-turbo), then install "
            "wds-imagenet again with --force-reinstall --no-binary wds-imagenet"
        )
    return module


def optimize(data: bytes, *, strip: bool = False) -> Optimized:
    """Return a JPEG with the same pixels, bit for bit, and restart markers at which a decoder can start.

    The new file is baseline with optimal Huffman tables. Restart markers divide each row of MCUs in about
    three equal tiles. The ICC profile, the EXIF orientation and, where the colours depend on it, the Adobe
    marker stay; all other metadata is dropped. A file is not changed if libjpeg would guess a part of it, or
    if it would grow by more than an eighth. Both files are decoded and compared. Costs three times as much as
    decoding.

    Args:
        data: The JPEG.
        strip: Drop the ICC profile and the EXIF orientation too.

    Raises:
        UsageError: The native engine was not built.
        ImageError: `probe` rejects the image.
    """
    module = require_engine()
    header = probe(data)
    exif = b"" if header.orientation == 1 else write_orientation(header.orientation)
    try:
        written: bytes = module.optimize(data, tiles=_TILES, keep=not strip, exif=exif)
    except ValueError as error:
        return Optimized(data, f"not optimized: {error}")
    if len(written) > len(data) * _MAX_GROWTH:
        return Optimized(data, f"not optimized: it would grow from {len(data):,} to {len(written):,} bytes")
    try:
        same = _same_pixels(data, header, written)
    except ImageError as error:
        return Optimized(data, f"not optimized: {error}")
    return Optimized(written, None) if same else Optimized(data, "not optimized: its pixels would change")


def _same_pixels(data: bytes, header: ImageHeader, written: bytes) -> bool:
    return np.array_equal(decode_stored(data, header), decode_stored(written, probe(written)))
