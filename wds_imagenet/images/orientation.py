"""Where a box lies, and how a picture turns, under EXIF orientation.

A picture with orientation o is to be shown as follows: 1 as stored, 2 mirrored left to right, 3 turned
by 180°, 4 mirrored top to bottom, 5 transposed, 6 turned by 90° clockwise, 7 transposed along the other
diagonal, 8 turned by 90° counter-clockwise.
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
    """Return whether this orientation makes a picture's width its height."""
    return orientation >= 5


def mirrored(orientation: int) -> int:
    """Return the orientation that turns a picture likewise and then mirrors it left to right."""
    return _MIRRORED[orientation]


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image as it is to be shown. Copies it, without the GIL, but for orientation 1."""
    return image if orientation == 1 else image.transpose(_OPERATIONS[orientation])


def turn_pixels(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return pixels [H, W, 3] as they are to be shown, contiguous."""
    return pixels if orientation == 1 else np.array(turn(Image.fromarray(pixels), orientation))


def stored_box(box: Box, width: float, height: float, orientation: int) -> Box:
    """Return where a box of the picture as shown lies in the picture as stored, `width` × `height`."""
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
