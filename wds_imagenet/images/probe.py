"""Read the header of an image of any format, which its first bytes give; its file name is ignored."""

import re
from collections.abc import Callable
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.jpeg import SOI, read_jpeg
from wds_imagenet.images.other_headers import read_bmp, read_gif, read_png, read_tiff, read_webp

__all__ = ["ImageHeader", "probe"]

_HEAD: Final = 512
_JPEG: Final = SOI + b"\xff"
_READERS: Final[tuple[tuple[bytes, Callable[[bytes], ImageHeader]], ...]] = (
    (b"\x89PNG\r\n\x1a\n", read_png),
    (b"RIFF", read_webp),
    (b"GIF87a", read_gif),
    (b"GIF89a", read_gif),
    (b"BM", read_bmp),
    (b"II*\0", read_tiff),
    (b"MM\0*", read_tiff),
)
_OTHER_FORMATS: Final = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), name)
    for pattern, name in (
        (rb"\Z", "nothing at all"),
        (rb"\0+\Z", "zeros"),
        (rb"\x1f\x8b", "gzip"),
        (rb"PK\x03\x04", "a zip archive"),
        (rb".{257}ustar", "a tar archive"),
        (rb"%PDF", "PDF"),
        (rb"8BPS", "Photoshop's PSD"),
        (rb"\x93NUMPY", "a NumPy array"),
        (rb"\xff\x0a|\0\0\0\x0cJXL", "JPEG XL"),
        (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP", "JPEG 2000"),
        (rb"II\+\0|MM\0\+", "BigTIFF"),
        (rb"....ftyp", "AVIF, HEIF or video"),
        (rb"version https://git-lfs", "a Git LFS pointer: fetch the file itself with git lfs pull"),
        (rb"\s*<.*<html|\s*<!doctype html|\s*<html", "an HTML page: was an error page saved in its place?"),
        (rb"(\xef\xbb\xbf)?\s*<", "XML or SVG"),
        (rb"(\xef\xbb\xbf)?\s*[{\[]", "JSON"),
        (rb"([\t\r\n\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]+)+.{0,3}\Z", "text"),
    )
)


def probe(data: bytes | memoryview) -> ImageHeader:
    """Return an image's header, without decoding the image.

    The image has at least one pixel, but may be impossible to decode. Costs about ten microseconds for a
    JPEG.

    Args:
        data: The encoded image.

    Raises:
        ImageError: The bytes are empty or no image (the message names the likely format), the header is
            damaged, or the image has no pixels.
    """
    # A JPEG is read in place, not copied: it may be a view into a block, and only its header is read.
    if bytes(data[: len(_JPEG)]) == _JPEG:
        header = read_jpeg(data)
    else:
        header = _reader(bytes(data[:_HEAD]), len(data))(bytes(data))
    if header.width < 1 or header.height < 1:
        raise ImageError(f"{header.format}: {header.width} × {header.height} pixels; the image is empty")
    return header


def _reader(head: bytes, size: int) -> Callable[[bytes], ImageHeader]:
    for magic, reader in _READERS:
        if head.startswith(magic) and (reader is not read_webp or head[8:12] == b"WEBP"):
            return reader
    name = next((name for pattern, name in _OTHER_FORMATS if pattern.match(head)), "no known format")
    raise ImageError(f"not an image: {size:,} bytes that look like {name} and begin {head[:16]!r}")
