"""The properties of an image that its header gives, before it is decoded."""

from typing import Final, Literal, NamedTuple

MAX_PIXELS: Final = 89_000_000
"""The most pixels that an image may have, 267 MB of RGB: just below the limit at which Pillow warns."""

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
