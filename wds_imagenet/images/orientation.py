"""Apply an EXIF orientation: to pixels, to boxes and to sizes.

A picture with orientation o (EXIF 2.32, table 6) is shown as follows: 1 as stored, 2 mirrored left to right,
3 turned by 180°, 4 mirrored top to bottom, 5 transposed, 6 turned by 90° clockwise, 7 transposed along the
other diagonal, 8 turned by 90° counter-clockwise. `exif` reads the orientation from a file.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels; pixel i covers [i, i + 1)."""

_OPERATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MIRRORED: Final = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7}


def swaps(orientation: int) -> bool:
    """Return True if the orientation exchanges width and height.

    Args:
        orientation: 1 to 8.
    """
    return orientation >= 5


def mirrored(orientation: int) -> int:
    """Return the orientation that first turns a picture like this one, and then mirrors it left to right.

    Args:
        orientation: 1 to 8.
    """
    return _MIRRORED[orientation]


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image as it is shown. Copies it, without the GIL, except for orientation 1.

    Args:
        image: The image as stored.
        orientation: 1 to 8.
    """
    return image if orientation == 1 else image.transpose(_OPERATIONS[orientation])


def turn_pixels(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return the pixels as they are shown, contiguous. Copies them, except for orientation 1.

    Args:
        pixels: uint8 [H, W, 3], as stored.
        orientation: 1 to 8.
    """
    return pixels if orientation == 1 else np.array(turn(Image.fromarray(pixels), orientation))


def stored_box(box: Box, width: float, height: float, orientation: int) -> Box:
    """Return the box in the stored picture that is shown as `box`.

    Args:
        box: In pixels of the picture as shown.
        width: Of the picture as stored.
        height: Of the picture as stored.
        orientation: 1 to 8.
    """
    if orientation == 1:
        return box
    left, top, right, bottom = box
    if orientation in {5, 6, 7, 8}:
        left, top, right, bottom = top, left, bottom, right
    if orientation in {2, 3, 7, 8}:
        left, right = width - right, width - left
    if orientation in {3, 4, 6, 7}:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom
