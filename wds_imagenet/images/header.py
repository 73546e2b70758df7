"""The properties of an image that its header gives, before it is decoded."""

from typing import Final, Literal, NamedTuple

from wds_imagenet.errors import ImageError

MAX_PIXELS: Final = 89_000_000
"""The most pixels that are decoded by default, 267 MB of RGB: just below the limit at which Pillow warns."""

Format = Literal["jpg", "png", "webp", "gif", "bmp", "tiff"]


class ImageHeader(NamedTuple):
    """The header that an image's own bytes give; its file name is ignored. One is made for every sample."""

    format: Format
    """Also the suffix that its file should have."""
    width: int
    """Pixels as stored, before any orientation is applied."""
    height: int
    color: str
    """`rgb`, `grey`, `cmyk` (YCCK too), `rgba`, `grey-alpha` or `palette`."""
    bits: int = 8
    """Bits of a channel: 8, 12 or 16. Fewer count as 8, since they decode to 8."""
    progressive: bool = False
    """True for a progressive JPEG: decoding costs several times as much, for a part as for the whole."""
    arithmetic: bool = False
    """True for a JPEG with arithmetic coding, which many readers reject."""
    orientation: int = 1
    """The EXIF orientation, 1 to 8; 1 where it is absent or invalid."""
    complete: bool = True
    """False if the file's end is missing. Always True for GIF, BMP and TIFF, which have no end marker."""
    trailing: int = 0
    """Bytes after the image's end, which no decoder reads."""
    subsampling: str | None = None
    """Of a JPEG's chroma, such as `4:2:0`; `other` if it has no such name; None without chroma."""


def decoded_size(header: ImageHeader, scale: int) -> tuple[int, int]:
    """Return the (width, height) of an image that is decoded at 1/scale of its size."""
    return -(-header.width // scale), -(-header.height // scale)


def check_pixels(header: ImageHeader, max_pixels: int, scale: int = 1) -> None:
    """Check the pixels that a decoder must hold. Those of a progressive JPEG are all of its pixels.

    Args:
        header: The image's header.
        max_pixels: The most pixels to decode.
        scale: The image is decoded at 1/scale of its size.

    Raises:
        ImageError: The image has more pixels. The message names the option.
    """
    width, height = decoded_size(header, 1 if header.progressive else scale)
    if width * height > max_pixels:
        raise ImageError(
            f"{header.format}: {header.width} × {header.height} pixels; the limit of option 'max_pixels' is "
            f"{max_pixels:,}"
        )
