"""Rewrite image files for the packer: smaller, repaired or turned."""

import io
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final

import numpy as np
from PIL import Image, features

from wds_imagenet.images.crop import shrunk_size
from wds_imagenet.images.decode import decode_stored
from wds_imagenet.images.exif import write_orientation
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader, decoded_size
from wds_imagenet.images.jpeg import EOI, icc_profile
from wds_imagenet.images.pillow import open_image
from wds_imagenet.images.probe import probe

REWRITER: Final = 1
"""Version of this package's own rewriting; raised when it gives other bytes for the same image."""
_CODECS: Final = {"libjpeg-turbo": "libjpeg_turbo", "zlib": "zlib", "zlib-ng": "zlib_ng", "libwebp": "webp"}
"""Each library → its name in Pillow."""
_KEPT_FORMATS: Final = frozenset({"jpg", "png", "webp"})
_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_QUALITY: Final = 95
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
_COARSE: Final = frozenset({"4:2:0", "4:1:1", "4:1:0", "4:4:1"})


@dataclass(frozen=True, slots=True)
class Repaired:
    """An image file that common readers accept."""

    data: bytes
    change: str
    """The repair, for the report; empty if there was none."""


@cache
def rewriting_versions() -> dict[str, str]:
    """Return the version of each part that decides the bytes of a rewritten image, by its name."""
    codecs = {name: features.version(feature) for name, feature in _CODECS.items()}
    found = {"pillow": version("pillow"), "simplejpeg": version("simplejpeg"), "rewriter": str(REWRITER)}
    return found | {name: number for name, number in codecs.items() if number}


def resize_jpeg(data: bytes, short_side: int, quality: int, *, max_pixels: int = MAX_PIXELS) -> bytes | None:
    """Return the image as a JPEG with this short side; None if its short side is not larger.

    The image is decoded at full scale, or at the largest smaller scale that `max_pixels` allows. It is
    resized with antialiasing, and coded as 4:2:0 baseline with optimal Huffman tables. A grey picture stays
    grey. The same input gives the same bytes with the same versions of the libraries. The EXIF orientation is
    kept and not applied. A colour profile is kept if its colour space still fits, which that of a CMYK image
    does not. All other metadata is dropped.

    Args:
        data: The encoded image.
        short_side: Pixels.
        quality: Of the JPEG, 1 to 100.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The image cannot be decoded, or has too many pixels.
    """
    header = probe(data)
    if min(header.width, header.height) <= short_side:
        return None
    size = shrunk_size(header.width, header.height, short_side)
    scale = _largest_scale(header, size, max_pixels)
    image = _decoded(data, header, scale, max_pixels).resize(size, Image.Resampling.BILINEAR)
    return _encode(image, data, header, quality=quality, subsampling="4:2:0")


def repair(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Repaired:
    """Return the image as a file that common readers accept, and the repair.

    Bytes after the end are cut off. A missing end marker is appended to a JPEG that is otherwise complete.
    CMYK is converted to RGB (quality 95, 4:4:4; `cmyk`). GIF, BMP and TIFF become PNG with the same pixels.
    The returned file has been decoded once.

    Args:
        data: The encoded image.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The image cannot be repaired, or has too many pixels.
    """
    header = probe(data)
    if header.format not in _KEPT_FORMATS:
        repaired = _as_png(data, header, max_pixels)
    elif header.format == "jpg" and header.color == "cmyk":
        ended = data if header.complete else data + EOI
        image = _decoded(ended, probe(ended), max_pixels=max_pixels)
        converted = _encode(image, data, header, quality=_QUALITY, subsampling="4:4:4")
        repaired = Repaired(converted, "CMYK converted to RGB")
    elif header.format == "jpg" and not header.complete:
        repaired = Repaired(data + EOI, "the missing end marker appended")
    elif header.trailing:
        repaired = Repaired(data[: -header.trailing], f"{header.trailing} bytes after the end cut off")
    else:
        repaired = Repaired(data, "")
    decode_stored(repaired.data, probe(repaired.data), max_pixels=max_pixels)
    return repaired


def turn_image(data: bytes, degrees: int, *, max_pixels: int = MAX_PIXELS) -> Repaired:
    """Return the image turned counter-clockwise, and a description of the change.

    The stored pixels are turned. The EXIF orientation, which would turn them once more, is dropped. A colour
    profile is kept. A PNG keeps its pixels, and a WebP becomes lossless. A JPEG is coded anew with quality
    95, and with chroma at half size only if it had that before.

    Args:
        data: The encoded image.
        degrees: 90, 180 or 270.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: The image cannot be decoded, or has too many pixels.
    """
    header = probe(data)
    change = f"turned by {degrees}° counter-clockwise"
    if header.format == "jpg":
        image = _decoded(data, header, max_pixels=max_pixels).transpose(_TURNS[degrees])
        subsampling = "4:2:0" if header.subsampling in _COARSE else "4:4:4"
        upright = header._replace(orientation=1)
        coded = _encode(image, data, upright, quality=_QUALITY, subsampling=subsampling)
        converted = ", CMYK converted to RGB" if header.color == "cmyk" else ""
        return Repaired(coded, f"{change}, coded anew as a JPEG of quality {_QUALITY}{converted}")
    image = open_image(data, header, max_pixels=max_pixels).transpose(_TURNS[degrees])
    buffer = io.BytesIO()
    if header.format == "webp":
        profile = image.info.get("icc_profile")
        image.save(buffer, "WEBP", lossless=True, exact=True, icc_profile=profile, exif=b"")
    else:
        image.save(buffer, "PNG")
    return Repaired(buffer.getvalue(), change)


def _largest_scale(header: ImageHeader, size: tuple[int, int], max_pixels: int) -> int:
    """Return the smallest divisor at which the pixels are few enough, but not fewer than in `size`."""
    for scale in (1, 2, 4, 8) if header.format == "jpg" and not header.progressive else (1,):
        width, height = decoded_size(header, scale)
        if width < size[0] or height < size[1]:
            break
        if width * height <= max_pixels:
            return scale
    return 1  # the decoder raises the error


def _decoded(data: bytes, header: ImageHeader, scale: int = 1, max_pixels: int = MAX_PIXELS) -> Image.Image:
    image = Image.fromarray(decode_stored(data, header, scale, max_pixels=max_pixels))
    return image.getchannel(0) if header.color == "grey" else image


def _encode(image: Image.Image, data: bytes, header: ImageHeader, *, quality: int, subsampling: str) -> bytes:
    profile = (
        icc_profile(data) if header.format == "jpg" else open_image(data, header).info.get("icc_profile")
    )
    # A profile names its colour space; one for CMYK or grey spoils RGB.
    fits = profile is not None and profile[16:20] == {"RGB": b"RGB ", "L": b"GRAY"}[image.mode]
    buffer = io.BytesIO()
    image.save(
        buffer,
        "JPEG",
        quality=quality,
        subsampling=subsampling,
        optimize=True,
        icc_profile=profile if fits else None,
        exif=b"" if header.orientation == 1 else write_orientation(header.orientation),
    )
    return buffer.getvalue()


def _as_png(data: bytes, header: ImageHeader, max_pixels: int) -> Repaired:
    image = open_image(data, header, max_pixels=max_pixels)
    change = f"{header.format} rewritten as png"
    if image.mode.startswith("I"):
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode not in _PNG_MODES:
        change += f", {image.mode} converted to RGB"
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Repaired(buffer.getvalue(), change)
