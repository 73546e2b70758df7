"""What is known of an image before it is decoded."""

from typing import Final, Literal, NamedTuple

MAX_PIXELS: Final = 89_000_000
"""The most pixels an image may have, 267 MB of RGB. It lies just below the limit at which Pillow warns."""

Format = Literal["jpg", "png", "webp", "gif", "bmp", "tiff"]


class ImageHeader(NamedTuple):
    """What an image's own bytes say of it; its name has no say. One is made for every sample."""

    format: Format
    """Also the suffix that its file should have."""
    width: int
    """Pixels as stored, before any orientation is applied."""
    height: int
    color: str
    """`rgb`, `grey`, `cmyk` (YCCK too), `rgba`, `grey-alpha` or `palette`."""
    bits: int = 8
    """Bits of a channel: 8, 12 or 16. Fewer count as 8, for that is what they decode to."""
    progressive: bool = False
    """A progressive JPEG: several times dearer to decode, and a part costs as much as the whole."""
    arithmetic: bool = False
    """A JPEG with arithmetic coding, which many readers do not take."""
    orientation: int = 1
    """The EXIF orientation, 1 to 8; 1 where there is none, and where it makes no sense."""
    complete: bool = True
    """The file's end is there. GIF, BMP and TIFF have no end that can be checked cheaply: always True."""
    trailing: int = 0
    """Bytes after the image's end, which no decoder looks at."""
    subsampling: str | None = None
    """Of a JPEG's chroma, such as `4:2:0`; `other` for what has no such name, None without chroma."""
