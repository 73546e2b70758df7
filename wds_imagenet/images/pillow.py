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
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader

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
    data: bytes | memoryview, header: ImageHeader, scale: int = 1
) -> npt.NDArray[np.uint8]:
    """Return the pixels of Pillow's `convert("RGB")`, as stored: uint8 [⌈H / scale⌉, ⌈W / scale⌉, 3].

    Only the first frame is decoded. Alpha is dropped, not composited, as in torchvision's loader. Of 16 bits,
    the upper 8 are kept.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        scale: The divisor of the size.

    Raises:
        ImageError: The image cannot be decoded, or has another size than its header.
    """
    image = open_image(data, header)
    if image.size != (header.width, header.height):
        declared, decoded = f"{header.width} × {header.height}", f"{image.width} × {image.height}"
        raise ImageError(f"{header.format}: its header gives {declared} pixels, but it has {decoded}")
    try:
        if image.mode.startswith("I"):
            grey = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        # Pillow warns that `convert` drops the transparent colour.
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB").reduce(scale))
    except _FAILURES as error:
        raise _unreadable(header, error) from error


def open_image(data: bytes | memoryview, header: ImageHeader) -> Image.Image:
    """Return the decoded Pillow image. Pillow tries only the format of the header.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.

    Raises:
        ImageError: The image cannot be decoded.
    """
    try:
        with _quiet() if _may_warn(data, header) else nullcontext():
            image = Image.open(io.BytesIO(data), formats=[_NAMES[header.format]])
            if image.width * image.height > MAX_PIXELS:  # a GIF's frame may be larger than its screen
                raise ImageError(
                    f"{header.format}: a frame of {image.width} × {image.height} pixels; "
                    f"the limit is {MAX_PIXELS:,}"
                )
            image.load()
    except _FAILURES as error:
        raise _unreadable(header, error) from error
    if image.mode == "F" or (image.mode == "I" and header.bits != 16):
        raise ImageError(f"{header.format}: 32 bits a channel have no standard range of brightness")
    return image


def _unreadable(header: ImageHeader, error: Exception) -> ImageError:
    return ImageError(f"{header.format}: Pillow cannot decode it: {str(error) or type(error).__name__}")


def _may_warn(data: bytes | memoryview, header: ImageHeader) -> bool:
    # Pillow warns of odd EXIF and TIFF fields and of animations, though the pixels are sound.
    return header.format in {"jpg", "tiff"} or b"acTL" in bytes(data[:1024])


@contextmanager
def _quiet() -> Iterator[None]:
    # Warning filters belong to the whole process: only rare images come here, one at a time.
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
