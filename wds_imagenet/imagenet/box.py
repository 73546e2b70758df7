"""One bounding box made fit to use, and what had to be done to it. Pure.

Corners are whole pixels as the files have them, both ends inside the box, as ILSVRC's evaluation counts
them: a box is `xmax - xmin + 1` pixels wide. The files begin at 0 or at 1, and none says which.
"""

import math
import re
from typing import Any, Final

from wds_imagenet.imagenet.devkit import WNID

Corners = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST: Final = 1e6
_WNID_OF: Final = {"Scottish_deerhound": "n02092002"}  # so in many boxes of the train set
_NAMES: Final = ("xmin", "ymin", "xmax", "ymax")


def parse_pixel(text: str) -> float:
    """Return the number that a text is, or raise `ValueError`: also beyond a million, and for NaN."""
    if not _NUMBER.fullmatch(text.strip()) or abs(float(text)) > _LARGEST:
        raise ValueError(f"{text!r:.40} is no number of pixels")
    return float(text)


def normalise_box(corners: Corners, size: tuple[int, int] | None = None) -> tuple[Corners | None, list[str]]:
    """Return a box's corners in whole pixels, in order and within the image, and notes on what was odd.

    Halves are rounded up, min and max exchanged where they are the wrong way round, and corners moved to
    0 … width and 0 … height where the `size` (width, height) is known. None if nothing is left: it lies
    outside, or has no location (`xmin == xmax`), as TensorFlow's script for these boxes drops them.
    """
    odd = []
    xs, ys = (corners[0], corners[2]), (corners[1], corners[3])
    if xs[0] > xs[1] or ys[0] > ys[1]:
        odd.append("min and max exchanged")
    if not all(float(corner).is_integer() for corner in corners):
        odd.append("fractions of pixels rounded")
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
            odd.append("cut at the edge of the image")
        left, top, right, bottom = inside
    if left == right or top == bottom:
        return None, ["left out, being empty"]
    return (left, top, right, bottom), odd


def box_metadata(name: str, corners: Corners) -> dict[str, Any]:
    """Return a box as it goes into the metadata: `wnid`, or `name` if it is none, and the corners."""
    name = _WNID_OF.get(name, name)
    return {"wnid" if WNID.fullmatch(name) else "name": name, **dict(zip(_NAMES, corners, strict=True))}


def _clamp(value: int, top: int) -> int:
    return max(0, min(value, top))
