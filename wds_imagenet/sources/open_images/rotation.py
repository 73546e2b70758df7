"""Rotation of a photo's boxes and clicks. Pure."""

from collections.abc import Mapping
from typing import Any, Final

ROTATION_APPLIED: Final = "rotation_applied"
"""The JSON field with the degrees, counter-clockwise, by which a photo was rotated before it was stored."""
_DIGITS: Final = 9  # the CSVs have six; further digits are rounding errors of floats


def rotate_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the JSON fields of a photo after rotation by its field `rotation`, and these degrees.

    Boxes and clicks, in fractions of the image, stay on the same objects. `rotation` becomes 0, and
    `rotation_applied` holds the degrees.
    """
    degrees = int(fields["rotation"])
    rotated = {**fields, "rotation": 0, ROTATION_APPLIED: degrees}
    if degrees and "boxes" in fields:
        rotated["boxes"] = [_rotate_box(box, degrees) for box in fields["boxes"]]
    return rotated, degrees


def _rotate_box(box: Mapping[str, Any], degrees: int) -> dict[str, Any]:
    left, top = _rotate_point(box["xmin"], box["ymin"], degrees)
    right, bottom = _rotate_point(box["xmax"], box["ymax"], degrees)
    (xmin, xmax), (ymin, ymax) = sorted((left, right)), sorted((top, bottom))
    clicks = [list(_rotate_point(x, y, degrees)) for x, y in box["clicks"]]
    return {**box, "xmin": xmin, "xmax": xmax, "ymin": ymin, "ymax": ymax, "clicks": clicks}


def _rotate_point(x: float, y: float, degrees: int) -> tuple[float, float]:
    """Return where a point, 0 to 1 and y downwards, lies after counter-clockwise rotation of the image."""
    rotated = {90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}
    across, down = rotated[degrees]
    return round(across, _DIGITS), round(down, _DIGITS)
