"""Smaller or mended image files, for the packer."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from wds_imagenet.images.crop import shrunk_size
from wds_imagenet.images.decode import decode_stored
from wds_imagenet.images.exif import write_orientation
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.jpeg import EOI, icc_profile
from wds_imagenet.images.pillow import open_image
from wds_imagenet.images.probe import probe

_KEPT_FORMATS: Final = frozenset({"jpg", "png", "webp"})
_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_MENDED_QUALITY: Final = 95
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
_COARSE: Final = frozenset({"4:2:0", "4:1:1", "4:1:0", "4:4:1"})


@dataclass(frozen=True, slots=True)
class Repaired:
    """An image file that readers take."""

    data: bytes
    what: str
    """What was done to it, for the report; empty if nothing had to be."""


def resize_jpeg(data: bytes, short_side: int, quality: int) -> bytes | None:
    """Return the image as a JPEG with this short side, or None where it is no larger and is to be kept.

    Never enlarged. Decoded at full scale, resized antialiased, coded as 4:2:0 baseline with optimal
    Huffman tables; a grey picture stays grey. The same input gives the same bytes under the same
    versions of the libraries. The pixels stay as they were stored, and an EXIF orientation is kept, so
    the file means the same as before; a colour profile is kept where it still fits (not that of a CMYK
    image); all other metadata is dropped. Raises `ImageError`.
    """
    header = probe(data)
    if min(header.width, header.height) <= short_side:
        return None
    size = shrunk_size(header.width, header.height, short_side)
    image = _decoded(data, header).resize(size, Image.Resampling.BILINEAR)
    return _encode(image, data, header, quality=quality, subsampling="4:2:0")


def repair(data: bytes) -> Repaired:
    """Return the image as a file that readers take, and what was done to it.

    Bytes after the end are cut off. A missing end is appended to a JPEG that turns out to be all there.
    CMYK becomes RGB (quality 95, 4:4:4). GIF, BMP and TIFF become PNG with the same pixels. Whatever is
    returned has been decoded. Raises `ImageError` where there is no mending it.
    """
    header = probe(data)
    if header.format not in _KEPT_FORMATS:
        repaired = _as_png(data, header)
    elif header.format == "jpg" and header.color == "cmyk":
        ended = data if header.complete else data + EOI
        image = _decoded(ended, probe(ended))
        mended = _encode(image, data, header, quality=_MENDED_QUALITY, subsampling="4:4:4")
        repaired = Repaired(mended, "CMYK converted to RGB")
    elif header.format == "jpg" and not header.complete:
        repaired = Repaired(data + EOI, "the missing end marker appended")
    elif header.trailing:
        repaired = Repaired(data[: -header.trailing], f"{header.trailing} bytes after the end cut off")
    else:
        repaired = Repaired(data, "")
    decode_stored(repaired.data, probe(repaired.data))
    return repaired


def turn_image(data: bytes, degrees: int) -> Repaired:
    """Return the image turned counter-clockwise by 90, 180 or 270 degrees, and what was done to it.

    The pixels are turned as they are stored. An EXIF orientation, which would turn them once more, is
    dropped, a colour profile kept. A PNG keeps its pixels, a WebP becomes a lossless one, a JPEG is coded
    anew: quality 95, its colours at half size only if they were. Raises `ImageError`.
    """
    header = probe(data)
    what = f"turned by {degrees}° counter-clockwise"
    if header.format == "jpg":
        image = _decoded(data, header).transpose(_TURNS[degrees])
        subsampling = "4:2:0" if header.subsampling in _COARSE else "4:4:4"
        upright = header._replace(orientation=1)
        coded = _encode(image, data, upright, quality=_MENDED_QUALITY, subsampling=subsampling)
        converted = ", CMYK converted to RGB" if header.color == "cmyk" else ""
        return Repaired(coded, f"{what}, coded anew as a JPEG of quality {_MENDED_QUALITY}{converted}")
    image = open_image(data, header).transpose(_TURNS[degrees])
    buffer = io.BytesIO()
    if header.format == "webp":
        profile = image.info.get("icc_profile")
        image.save(buffer, "WEBP", lossless=True, exact=True, icc_profile=profile, exif=b"")
    else:
        image.save(buffer, "PNG")
    return Repaired(buffer.getvalue(), what)


def _decoded(data: bytes, header: ImageHeader) -> Image.Image:
    image = Image.fromarray(decode_stored(data, header))
    return image.getchannel(0) if header.color == "grey" else image


def _encode(image: Image.Image, data: bytes, header: ImageHeader, *, quality: int, subsampling: str) -> bytes:
    profile = (
        icc_profile(data) if header.format == "jpg" else open_image(data, header).info.get("icc_profile")
    )
    # A profile names the colour space that it is for; one for CMYK or grey makes nonsense of RGB.
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


def _as_png(data: bytes, header: ImageHeader) -> Repaired:
    image = open_image(data, header)
    what = f"{header.format} rewritten as png"
    if image.mode.startswith("I"):
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode not in _PNG_MODES:
        what += f", {image.mode} converted to RGB"
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Repaired(buffer.getvalue(), what)
