"""What becomes of one image on its way into a shard: taken as it is, rewritten, mended or refused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.probe import ImageHeader, probe
from wds_imagenet.packing.options import PackOptions

_TAKEN: Final = ("jpg", "png", "webp")
_FORMATS: Final = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tif": "tiff"}
"""The format that a file's name promises, where that is not the suffix itself."""
_PROMISES: Final = {*_TAKEN, *_FORMATS, "gif", "bmp", "tiff"}


@dataclass(frozen=True, slots=True)
class Taken:
    """An image as it goes into the shard."""

    data: bytes
    suffix: str
    """By the format that its bytes have."""
    measured: Mapping[str, Any]
    """The values of `schema.MEASURED`, and of `schema.ORIGINAL` where the options may rewrite."""
    repaired: str | None
    """What was mended, None if nothing was."""
    turned: str | None
    """How it was turned, None if it was not."""
    oddity: str | None
    """What a trainer may want to know of an image that was kept as it is."""


def take(data: bytes, filename: str, options: PackOptions, turn: int = 0) -> Taken:
    """Return what goes into the shard for an image's bytes; by default those very bytes.

    `turn` says by how many degrees, counter-clockwise, it is turned before all else but mending.
    Raises `ImageError` for an image that cannot be used, or not be mended where that is the policy.
    Costs a look at the headers and one SHA-256, two where the bytes change.
    """
    given = data
    header, problem = _examine(data)
    original, repaired = header, None
    if options.repairs and (problem or _is_cmyk(header)):
        from wds_imagenet.images.rewrite import repair  # noqa: PLC0415 - it brings Pillow

        mended = repair(data)
        data, repaired = mended.data, mended.what
        header, problem = _examine(data)
    if problem or header is None:
        raise ImageError(problem)
    turned = None
    if turn:
        from wds_imagenet.images.rewrite import turn_image  # noqa: PLC0415 - it brings Pillow

        upright = turn_image(data, turn)
        data, turned, header = upright.data, upright.what, probe(upright.data)
    oddity = None if repaired else _oddity(header, filename)
    if options.jpeg.short_side is not None and header.format == "jpg":
        from wds_imagenet.images.rewrite import resize_jpeg  # noqa: PLC0415 - it brings Pillow

        smaller = resize_jpeg(data, options.jpeg.short_side, options.jpeg.quality)
        if smaller is not None:
            data, header = smaller, probe(smaller)
    if options.jpeg.optimize and header.format == "jpg":
        from wds_imagenet.images.optimize import optimize  # noqa: PLC0415 - it brings NumPy

        optimized = optimize(data, strip=options.jpeg.strip)
        data = optimized.data
        oddity = "; ".join(filter(None, (oddity, optimized.left))) or None
    sha256 = hashlib.sha256(data).hexdigest()
    measured: dict[str, Any] = {
        "filename": filename,
        "width": header.width,
        "height": header.height,
        "format": header.format,
        "sha256": sha256,
    }
    if options.rewrites:
        original = original or header  # no size was to be had from what was given
        measured["original_width"] = original.width
        measured["original_height"] = original.height
        measured["original_sha256"] = sha256 if data is given else hashlib.sha256(given).hexdigest()
    return Taken(data, header.format, measured, repaired, turned, oddity)


def _examine(data: bytes) -> tuple[ImageHeader | None, str | None]:
    """Return what the headers tell, and why the image cannot be used, if so."""
    try:
        header = probe(data)
    except ImageError as error:
        return None, str(error)
    name = _name(header)
    if header.format not in _TAKEN:
        return header, f"it is a {name}; shards take JPEG, PNG and WebP"
    if not header.complete:
        return header, f"the {name} is cut off: its end is missing"
    if header.format == "jpg" and header.bits != 8:
        return header, f"it is a JPEG of {header.bits} bits a channel, which hardly any decoder takes"
    return header, None


def _oddity(header: ImageHeader, filename: str) -> str | None:
    suffix = filename.rpartition(".")[2].lower()
    if suffix in _PROMISES and _FORMATS.get(suffix, suffix) != header.format:
        return f"it is a {_name(header)} by its bytes, whatever its name says"
    if _is_cmyk(header):
        return "its colours are CMYK"
    if header.arithmetic:
        return "its coding is arithmetic, which some decoders do not take"
    return None


def _name(header: ImageHeader) -> str:
    return "JPEG" if header.format == "jpg" else header.format.upper()


def _is_cmyk(header: ImageHeader | None) -> bool:
    return header is not None and header.color == "cmyk"
