"""JPEGs that can be entered in the middle: the same pixels, bit for bit, in fewer bytes."""

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

_TILES: Final = 3  # of a row of MCUs: finer ones cost more bytes than they save decoding
_GROWTH: Final = 1.125  # of a file that had the best tables already, or was progressive


@dataclass(frozen=True, slots=True)
class Optimized:
    """What became of a JPEG."""

    data: bytes
    left: str | None
    """Why the bytes are those that were given; None if they are new."""


def require_engine() -> ModuleType:
    """Return the native module, or raise a `UsageError` that says how to get it."""
    module = native_module()
    if module is None:
        raise UsageError(
            "JPEGs are optimized by the native engine, which was not built here: install a C compiler and "
            "libjpeg-turbo's headers (libjpeg-dev, libjpeg-turbo-devel or jpeg-turbo), then install "
            "wds-imagenet again with --force-reinstall --no-binary wds-imagenet"
        )
    return module


def optimize(data: bytes, *, strip: bool = False) -> Optimized:
    """Return a JPEG with every pixel as it was, that a decoder can enter in the middle.

    Baseline, with optimal Huffman tables, and with restart markers that cut each row of MCUs in about
    three equal parts. Metadata is dropped but the ICC profile and the EXIF orientation, those too with
    `strip`, and the Adobe marker where colours depend on it. What libjpeg would have to guess at, and a
    file that would grow by more than an eighth, is left as it is. Both files are decoded and compared.
    Costs three times what decoding costs. Raises `UsageError` where the native engine was not built,
    `ImageError` for what `probe` refuses.
    """
    module = require_engine()
    header = probe(data)
    exif = b"" if header.orientation == 1 else write_orientation(header.orientation)
    try:
        written: bytes = module.optimize(data, _TILES, not strip, exif)
    except ValueError as error:
        return Optimized(data, f"not optimized: {error}")
    if len(written) > len(data) * _GROWTH:
        return Optimized(data, f"not optimized: {len(data):,} bytes would become {len(written):,}")
    try:
        same = _same_pixels(data, header, written)
    except ImageError as error:
        return Optimized(data, f"not optimized: it cannot be decoded: {error}")
    return Optimized(written, None) if same else Optimized(data, "not optimized: its pixels would change")


def _same_pixels(data: bytes, header: ImageHeader, written: bytes) -> bool:
    return np.array_equal(decode_stored(data, header), decode_stored(written, probe(written)))
