"""Encoded image in, pixels out, at a reduced scale where that is enough."""

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from wds_imagenet.errors import ImageError
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import swaps, turn_pixels
from wds_imagenet.images.pillow import cmyk_to_rgb, decode_with_pillow
from wds_imagenet.images.probe import probe

Pixels = npt.NDArray[np.uint8]
"""[H, W, 3], RGB."""

# libjpeg decodes at any eighth, but only these are fast: 3/8 costs what 1/2 does, 5/8 more than the whole.
_SCALES: Final = (8, 4, 2)
# libjpeg's words for entropy-coded data that is not all there, which it would make up for with grey.
_DAMAGE: Final = re.compile(
    r"Premature end|premature end|bad Huffman|bad arithmetic|RST|Inconsistent|extraneous bytes(?!.*0xd9)"
)


def decode_image(
    data: bytes | memoryview,
    *,
    min_width: int = 0,
    min_height: int = 0,
    orientation: bool = False,
    buffer: Pixels | None = None,
) -> Pixels:
    """Return an image's pixels, uint8 [H, W, 3], RGB, the same on every call.

    Equal to what Pillow's `convert("RGB")` gives. With `min_width` or `min_height`, a JPEG is decoded
    at the smallest of 1, 1/2, 1/4 and 1/8 of its size that has at least so many pixels (but never at
    more than its size). `orientation` turns the picture as its EXIF says; by default it stays as
    stored, as with torchvision. `buffer`, any contiguous uint8 array, is decoded into where the image
    is a JPEG and fits, and the pixels are then a view of it.

    Raises `ImageError` for what `probe` refuses, for a file whose end or middle is missing (it is never
    filled with grey), and for 12-bit JPEGs. Costs 5 to 10 ns a pixel at full scale, outside the GIL.
    """
    header = probe(data)
    shown = header.orientation if orientation else 1
    if swaps(shown):
        min_width, min_height = min_height, min_width
    scale = scale_for(header, min_width, min_height) if min_width > 0 or min_height > 0 else 1
    return turn_pixels(decode_stored(data, header, scale, buffer), shown)


def scale_for(header: ImageHeader, min_width: float, min_height: float) -> int:
    """Return the largest of 8, 4, 2 and 1 by which the image can be shrunk and still be this large."""
    if header.format == "jpg":
        for scale in _SCALES:
            if -(-header.width // scale) >= min_width and -(-header.height // scale) >= min_height:
                return scale
    return 1


def stored_bytes(header: ImageHeader, scale: int) -> int:
    """Return the bytes of buffer into which `decode_stored` decodes the image."""
    channels = 4 if header.color == "cmyk" else 3
    return -(-header.width // scale) * -(-header.height // scale) * channels


def decode_stored(
    data: bytes | memoryview, header: ImageHeader, scale: int = 1, buffer: Pixels | None = None
) -> Pixels:
    """Return the pixels [⌈H / scale⌉, ⌈W / scale⌉, 3], as stored, of the image that has this header."""
    if not header.complete:
        raise ImageError(f"{header.format}: the end of the file is missing, in {len(data):,} bytes")
    if header.format != "jpg":
        return decode_with_pillow(data, header)
    if header.bits != 8:
        raise ImageError(f"jpg: {header.bits} bits a sample; convert it to 8 bits before packing")
    # simplejpeg leaks a decoder where a buffer is too small, so it is never given such a one.
    fits = buffer is not None and buffer.flags.carray and buffer.nbytes >= stored_bytes(header, scale)
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            "CMYK" if header.color == "cmyk" else "RGB",
            min_height=-(-header.height // scale) if scale > 1 else 0,
            min_width=-(-header.width // scale) if scale > 1 else 0,
            buffer=buffer if fits else None,
        )
    except ValueError as error:
        if _DAMAGE.search(str(error)):
            raise ImageError(f"jpg: it is damaged: {error}") from error
        # Odd sampling factors, too many bytes before the end, a strange version number: Pillow takes them.
        return decode_with_pillow(data, header, scale)
    return cmyk_to_rgb(pixels) if header.color == "cmyk" else pixels
