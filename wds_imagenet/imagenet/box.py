"""Bounding boxes, made valid: whole pixels, corners in order and inside the image. Pure.

Both corners are inside the box, as ILSVRC's evaluation counts: a box is `xmax - xmin + 1` pixels wide. Some
files count pixels from 0, others from 1, and no file records its convention.
"""

import math
import re
from typing import Any, Final

from wds_imagenet.imagenet.devkit import WNID

Corners = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST: Final = 1e6
_WNID_OF: Final = {"Scottish_deerhound": "n02092002"}  # as in many boxes of the train set
_NAMES: Final = ("xmin", "ymin", "xmax", "ymax")


def parse_pixel(text: str) -> float:
    """Return a coordinate in pixels; raise `ValueError` for other text, NaN, and numbers beyond a million."""
    if not _NUMBER.fullmatch(text.strip()) or abs(float(text)) > _LARGEST:
        raise ValueError(f"{text!r:.40} is not a number of pixels")
    return float(text)


def normalise_box(corners: Corners, size: tuple[int, int] | None = None) -> tuple[Corners | None, list[str]]:
    """Return a box's corners in whole pixels, in order and inside the image, and notes on each repair.

    Halves are rounded up, and min and max are exchanged where min is larger. The corners are None for an
    empty box: one outside the image, or with `xmin == xmax`. TensorFlow's `process_bounding_boxes.py` drops
    the same boxes.

    Args:
        corners: the corners as written.
        size: width and height of the image, to which the box is cut; None if unknown.
    """
    repairs = []
    xs, ys = (corners[0], corners[2]), (corners[1], corners[3])
    if xs[0] > xs[1] or ys[0] > ys[1]:
        repairs.append("min and max exchanged")
    if not all(float(corner).is_integer() for corner in corners):
        repairs.append("fractions of pixels rounded")
    left, right = sorted(math.floor(x + 0.5) for x in xs)
    top, bottom = sorted(math.floor(y + 0.5) for y in ys)
    if size is not None:
        inside = (
            _clamp(left, size[0]),
            _clamp(top, size[1]),
            _clamp(right, size[0]),
            _clamp(bottom, size[1]),
        )
        if inside != (left, top, right, bottom):
            repairs.append("cut at the edge of the image")
        left, top, right, bottom = inside
    if left == right or top == bottom:
        return None, ["left out, being empty"]
    return (left, top, right, bottom), repairs


def box_metadata(name: str, corners: Corners) -> dict[str, Any]:
    """Return a box as metadata: the corners, and `wnid`, or `name` for a name that is not a WNID."""
    name = _WNID_OF.get(name, name)
    return {"wnid" if WNID.fullmatch(name) else "name": name, **dict(zip(_NAMES, corners, strict=True))}


def _clamp(value: int, top: int) -> int:
    return max(0, min(value, top))
