"""Photographs that are to be turned: what is known of one once it is. Pure."""

from collections.abc import Mapping
from typing import Any, Final

FIELD: Final = "rotation_applied"
"""By how many degrees, counter-clockwise, an image was turned before it was stored."""
_DIGITS: Final = 9  # the CSVs have six; behind that are the errors of floats


def turned(known: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return what is known of an image once it is turned by its `rotation`, and these degrees.

    `rotation` is 0 then, `rotation_applied` what it was, and the boxes, which lie in fractions of the image,
    lie on the same objects as before; so do the points that were clicked.
    """
    degrees = int(known["rotation"])
    told = {**known, "rotation": 0, FIELD: degrees}
    if degrees and "boxes" in known:
        told["boxes"] = [_box(box, degrees) for box in known["boxes"]]
    return told, degrees


def _box(box: Mapping[str, Any], degrees: int) -> dict[str, Any]:
    left, top = _point(box["xmin"], box["ymin"], degrees)
    right, bottom = _point(box["xmax"], box["ymax"], degrees)
    (xmin, xmax), (ymin, ymax) = sorted((left, right)), sorted((top, bottom))
    clicks = [list(_point(x, y, degrees)) for x, y in box["clicks"]]
    return {**box, "xmin": xmin, "xmax": xmax, "ymin": ymin, "ymax": ymax, "clicks": clicks}


def _point(x: float, y: float, degrees: int) -> tuple[float, float]:
    """Return where a point lies, from 0 to 1 and y downwards, once the image is turned counter-clockwise."""
    turns = {90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}
    across, down = turns[degrees]
    return round(across, _DIGITS), round(down, _DIGITS)
