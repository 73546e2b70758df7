"""Decode the images that simplejpeg does not support, with Pillow."""

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.images import jpeg
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader, decoded_size

_NAMES: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
# Pillow's readers raise these for unexpected bytes: seen with mutated images, or in their code.
_FAILURES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_ONE_AT_A_TIME: Final = threading.Lock()


def decode_with_pillow(
    data: bytes | memoryview, header: ImageHeader, scale: int = 1, *, max_pixels: int = MAX_PIXELS
) -> npt.NDArray[np.uint8]:
    """Return the pixels of Pillow's `convert("RGB")`, as stored: uint8 [⌈H / scale⌉, ⌈W / scale⌉, 3].

    Only the first frame is decoded. Alpha is dropped, not composited, as in torchvision's loader. Of 16 bits,
    the upper 8 are kept. libjpeg scales a JPEG in the frequency domain, as simplejpeg does.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        scale: The divisor of a JPEG's size: 1, 2, 4 or 8.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The image cannot be decoded, or has another size than its header.
    """
    image = open_image(data, header, scale, max_pixels=max_pixels)
    if image.size != decoded_size(header, scale):
        declared, decoded = f"{header.width} × {header.height}", f"{image.width} × {image.height}"
        raise ImageError(f"{header.format}: its header gives {declared} pixels, but it has {decoded}")
    try:
        if image.mode.startswith("I"):
            grey = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        # Pillow warns that `convert` drops the transparent colour.
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB"))
    except _FAILURES as error:
        raise _unreadable(header, error) from error


def open_image(
    data: bytes | memoryview, header: ImageHeader, scale: int = 1, *, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Return the decoded Pillow image. Pillow tries only the format of the header.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        scale: The divisor of a JPEG's size: 1, 2, 4 or 8.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The image cannot be decoded.
    """
    with _quiet() if _may_warn(data, header) else nullcontext():
        try:
            image = _load(data, header, scale, max_pixels)
        except ImageError:
            essential = _without_metadata(data, header)
            if len(essential) == len(data):
                raise
            # Pillow rejects large or damaged texts and profiles, although the pixels are sound.
            image = _load(essential, header, scale, max_pixels)
    if image.mode == "F" or (image.mode == "I" and header.bits != 16):
        raise ImageError(f"{header.format}: 32 bits a channel have no standard range of brightness")
    return image


def _load(data: bytes | memoryview, header: ImageHeader, scale: int, max_pixels: int) -> Image.Image:
    try:
        image = _open(io.BytesIO(data), header)
        if scale > 1:
            image.draft(None, (header.width // scale, header.height // scale))
        if image.width * image.height > max_pixels:  # a GIF's frame may be larger than its screen
            raise ImageError(
                f"{header.format}: a frame of {image.width} × {image.height} pixels; the limit of option "
                f"'max_pixels' is {max_pixels:,}"
            )
        image.load()
    except _FAILURES as error:
        raise _unreadable(header, error) from error
    return image


def _open(file: io.BytesIO, header: ImageHeader) -> Image.Image:
    name = _NAMES[header.format]
    if header.width * header.height <= MAX_PIXELS:
        return Image.open(file, formats=[name])
    # `Image.open` refuses large images by a limit of the whole process; `max_pixels` has allowed this one.
    Image.init()
    return Image.OPEN[name][0](file, "")


def _without_metadata(data: bytes | memoryview, header: ImageHeader) -> bytes | memoryview:
    """Return a JPEG or PNG without the parts on which no pixel depends; another image as it is."""
    if header.format == "jpg":
        return jpeg.without_metadata(data)
    return _critical_chunks(data) if header.format == "png" else data


def _critical_chunks(data: bytes | memoryview) -> bytes:
    """Return a PNG without the chunks on which no pixel depends (W3C PNG, third edition, section 5)."""
    view = memoryview(data)
    kept, at = [view[:8]], 8
    while at + 12 <= len(view):
        length, kind = struct.unpack_from(">I4s", view, at)
        end = at + 12 + length
        # The first letter of a critical chunk's type is a capital.
        if not kind[0] & 0x20 or kind == b"tRNS":
            kept.append(view[at:end])
        at = end
    return b"".join(kept)


def _unreadable(header: ImageHeader, error: Exception) -> ImageError:
    return ImageError(f"{header.format}: Pillow cannot decode it: {str(error) or type(error).__name__}")


def _may_warn(data: bytes | memoryview, header: ImageHeader) -> bool:
    # Pillow warns of odd EXIF and TIFF fields, animations and large images, though the pixels are sound.
    is_large = header.width * header.height > MAX_PIXELS
    return is_large or header.format in {"jpg", "tiff"} or b"acTL" in bytes(data[:1024])


@contextmanager
def _quiet() -> Iterator[None]:
    # Warning filters belong to the whole process: only rare images come here, one at a time.
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
