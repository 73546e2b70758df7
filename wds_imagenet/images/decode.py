"""Decode an image into RGB pixels, at a reduced scale where that is enough."""

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from wds_imagenet.errors import ImageError
from wds_imagenet.images.cmyk import cmyk_to_rgb
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader, check_pixels, decoded_size
from wds_imagenet.images.orientation import swaps, turn_pixels
from wds_imagenet.images.pillow import decode_with_pillow
from wds_imagenet.images.probe import probe

Pixels = npt.NDArray[np.uint8]
"""[H, W, 3], RGB."""

# libjpeg decodes at any eighth, but only these are fast: 3/8 costs as much as 1/2, 5/8 more than the whole.
_SCALES: Final = (8, 4, 2)
# libjpeg's messages for missing entropy-coded data, which it replaces by grey.
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
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Return an image's pixels, uint8 [H, W, 3], RGB, the same on every call.

    The pixels equal the result of Pillow's `convert("RGB")`. If data is missing, `decode_image` raises an
    error and never fills the gap with grey. It costs 5 to 10 ns per pixel at full scale, without the GIL.

    Args:
        data: The encoded image.
        min_width: The width in pixels that you need. A JPEG is decoded at 1, 1/2, 1/4 or 1/8 of its size: the
            smallest that has both `min_width` and `min_height`. It is never enlarged. If both are 0, it is
            decoded at its full size.
        min_height: The height in pixels that you need; see `min_width`.
        orientation: Apply the EXIF orientation. By default the picture stays as stored, as with torchvision.
        buffer: A contiguous uint8 array. If a JPEG fits, it is decoded there, and the result is a view of it.
        max_pixels: The most pixels to decode, after any reduction. For a progressive JPEG, before it.

    Raises:
        ImageError: the header of the image is invalid or not supported, data is missing, the image has more
            than `max_pixels`, or it is a JPEG of 12 bits.
    """
    header = probe(data)
    shown = header.orientation if orientation else 1
    if swaps(shown):
        min_width, min_height = min_height, min_width
    scale = scale_for(header, min_width, min_height) if min_width > 0 or min_height > 0 else 1
    return turn_pixels(decode_stored(data, header, scale, buffer, max_pixels=max_pixels), shown)


def scale_for(header: ImageHeader, min_width: float, min_height: float) -> int:
    """Return the largest of 8, 4, 2 and 1 by which the image can be shrunk and still be this large.

    Args:
        header: The image's header.
        min_width: Pixels that suffice.
        min_height: Pixels that suffice.
    """
    if header.format == "jpg":
        for scale in _SCALES:
            if -(-header.width // scale) >= min_width and -(-header.height // scale) >= min_height:
                return scale
    return 1


def stored_bytes(header: ImageHeader, scale: int) -> int:
    """Return the size in bytes of the buffer that `decode_stored` needs for the image.

    Args:
        header: The image's header.
        scale: The image is decoded at 1/scale of its size.
    """
    width, height = decoded_size(header, scale)
    return width * height * (4 if header.color == "cmyk" else 3)


def decode_stored(
    data: bytes | memoryview,
    header: ImageHeader,
    scale: int = 1,
    buffer: Pixels | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Return an image's pixels as stored, before any orientation: uint8 [⌈H / scale⌉, ⌈W / scale⌉, 3].

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        scale: 1, or for a JPEG also 2, 4 or 8.
        buffer: A contiguous uint8 array, into which a JPEG is decoded if it fits.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The end or middle is missing, the image has too many pixels, or a sample has 12 bits.
    """
    check_pixels(header, max_pixels, scale)
    if not header.complete:
        raise ImageError(f"{header.format}: the end of the file is missing, in {len(data):,} bytes")
    if header.format != "jpg":
        return decode_with_pillow(data, header, max_pixels=max_pixels)
    if header.bits != 8:
        raise ImageError(f"jpg: {header.bits} bits a sample; convert it to 8 bits before packing")
    # simplejpeg leaks a decoder if its buffer is too small.
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
        # Pillow supports odd sampling factors, extra bytes before the end, and unknown version numbers.
        return decode_with_pillow(data, header, scale, max_pixels=max_pixels)
    return cmyk_to_rgb(pixels) if header.color == "cmyk" else pixels
