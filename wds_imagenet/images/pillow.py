"""What simplejpeg cannot decode, through Pillow."""

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
# What Pillow's readers raise for bytes that they do not expect: seen with mutated images, or in their code.
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
    """Return the pixels [⌈H / scale⌉, ⌈W / scale⌉, 3] as stored: what Pillow's `convert("RGB")` gives.

    Of several frames the first. Alpha is dropped, not composited, as torchvision's loader does; 16 bits
    become their upper 8. Raises `ImageError`.
    """
    image = open_image(data, header)
    if image.size != (header.width, header.height):
        said, found = f"{header.width} × {header.height}", f"{image.width} × {image.height}"
        raise ImageError(f"{header.format}: its header says {said} pixels, and it has {found}")
    try:
        if image.mode.startswith("I"):
            grey = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        # Pillow warns that it cannot keep a transparent colour, which nobody asked for.
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB").reduce(scale))
    except _FAILURES as error:
        raise _unreadable(header, error) from error


def open_image(data: bytes | memoryview, header: ImageHeader) -> Image.Image:
    """Return a Pillow image, decoded, of the format that the header says. Raises `ImageError`."""
    try:
        with _quiet() if _may_warn(data, header) else nullcontext():
            image = Image.open(io.BytesIO(data), formats=[_NAMES[header.format]])
            if image.width * image.height > MAX_PIXELS:  # a GIF's frame may be larger than its screen
                raise ImageError(
                    f"{header.format}: a frame of {image.width} × {image.height} pixels is refused"
                )
            image.load()
    except _FAILURES as error:
        raise _unreadable(header, error) from error
    if image.mode == "F" or (image.mode == "I" and header.bits != 16):
        raise ImageError(f"{header.format}: 32 bits a channel, which have no agreed range of brightness")
    return image


def cmyk_to_rgb(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return RGB for a JPEG's CMYK [H, W, 4], inverted as Adobe writes it and as all readers assume it."""
    height, width, _ = pixels.shape
    image = Image.frombuffer("CMYK", (width, height), pixels, "raw", "CMYK;I", 0, 1)
    return np.array(image.convert("RGB"))


def _unreadable(header: ImageHeader, error: Exception) -> ImageError:
    return ImageError(f"{header.format}: it cannot be decoded: {str(error) or type(error).__name__}")


def _may_warn(data: bytes | memoryview, header: ImageHeader) -> bool:
    # Pillow warns of odd EXIF, TIFF fields and animations, though the pixels are fine.
    return header.format in {"jpg", "tiff"} or b"acTL" in bytes(data[:1024])


@contextmanager
def _quiet() -> Iterator[None]:
    # Python's filters belong to the process, so only rare images come here, and one at a time.
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
