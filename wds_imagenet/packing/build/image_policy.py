"""The treatment of one image before it enters a shard: kept, rewritten, repaired or rejected.

The reasons are published in receipts and report.jsonl: other words would be other bytes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.header import ImageHeader, check_pixels
from wds_imagenet.images.probe import probe
from wds_imagenet.packing.options import PackOptions

_ACCEPTED: Final = ("jpg", "png", "webp")
_FORMATS: Final = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tif": "tiff"}
"""The format that a file suffix stands for, where the two differ."""
_IMAGE_SUFFIXES: Final = {*_ACCEPTED, *_FORMATS, "gif", "bmp", "tiff"}


@dataclass(frozen=True, slots=True)
class AcceptedImage:
    """An image as the shard stores it."""

    data: bytes
    suffix: str
    """Follows from the format of the bytes, not from the file's name."""
    measured: Mapping[str, Any]
    """The values of `schema.MEASURED`, and of `schema.ORIGINAL` if the options may rewrite images."""
    repaired: str | None
    """The repair that was made, None if none was needed."""
    rotated: str | None
    """The rotation that was made, None if none was asked for."""
    oddity: str | None
    """A property of a kept image that may matter in training, such as CMYK colours."""


def accept(data: bytes, filename: str, options: PackOptions, turn: int = 0) -> AcceptedImage:
    """Return the image that the shard stores; by default its very bytes.

    Costs a look at the headers and one SHA-256, two if the bytes change.

    Args:
        data: the released bytes.
        filename: the released name, for a note if it contradicts the bytes.
        options: those of packing.
        turn: degrees of rotation, counter-clockwise, after any repair and before any resizing.

    Raises:
        ImageError: the image cannot be used, or not be repaired where the options ask for that.
    """
    given = data
    header, problem = _examine(data, options)
    original, repaired = header, None
    if options.repairs and (problem or _is_cmyk(header)):
        from wds_imagenet.images.rewrite import repair  # noqa: PLC0415 - it brings Pillow

        result = repair(data, max_pixels=options.max_pixels)
        data, repaired = result.data, result.change
        header, problem = _examine(data, options)
    if problem or header is None:
        raise ImageError(problem)
    rotated = None
    if turn:
        from wds_imagenet.images.rewrite import turn_image  # noqa: PLC0415 - it brings Pillow

        upright = turn_image(data, turn, max_pixels=options.max_pixels)
        data, rotated, header = upright.data, upright.change, probe(upright.data)
    oddity = None if repaired else _oddity(header, filename)
    if options.jpeg.short_side is not None and header.format == "jpg":
        from wds_imagenet.images.rewrite import resize_jpeg  # noqa: PLC0415 - it brings Pillow

        smaller = resize_jpeg(
            data, options.jpeg.short_side, options.jpeg.quality, max_pixels=options.max_pixels
        )
        if smaller is not None:
            data, header = smaller, probe(smaller)
        check_pixels(header, options.max_pixels)
    if options.jpeg.optimize and header.format == "jpg":
        from wds_imagenet.images.optimize import optimize  # noqa: PLC0415 - it brings NumPy

        optimized = optimize(data, strip=options.jpeg.strip)
        data = optimized.data
        oddity = "; ".join(filter(None, (oddity, optimized.reason))) or None
    sha256 = hashlib.sha256(data).hexdigest()
    measured: dict[str, Any] = {
        "filename": filename,
        "width": header.width,
        "height": header.height,
        "format": header.format,
        "sha256": sha256,
    }
    if options.rewrites:
        original = original or header  # the released bytes had no readable header
        measured["original_width"] = original.width
        measured["original_height"] = original.height
        measured["original_sha256"] = sha256 if data is given else hashlib.sha256(given).hexdigest()
    return AcceptedImage(data, header.format, measured, repaired, rotated, oddity)


def _examine(data: bytes, options: PackOptions) -> tuple[ImageHeader | None, str | None]:
    """Return the header, and the reason if the image cannot be used."""
    try:
        header = probe(data)
        # A JPEG that will be resized is decoded at a scale that suits the limit.
        if options.jpeg.short_side is None or header.format != "jpg":
            check_pixels(header, options.max_pixels)
    except ImageError as error:
        return None, str(error)
    name = _name(header)
    if header.format not in _ACCEPTED:
        return header, f"it is a {name}; shards take JPEG, PNG and WebP"
    if not header.complete:
        return header, f"the {name} is cut off: its end is missing"
    if header.format == "jpg" and header.bits != 8:
        return header, f"it is a JPEG of {header.bits} bits a channel, which hardly any decoder takes"
    return header, None


def _oddity(header: ImageHeader, filename: str) -> str | None:
    suffix = filename.rpartition(".")[2].lower()
    if suffix in _IMAGE_SUFFIXES and _FORMATS.get(suffix, suffix) != header.format:
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
