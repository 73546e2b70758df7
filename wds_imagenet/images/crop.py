"""Choose the crop of a picture: a random one, or the central one."""

import math
from typing import Final, NamedTuple

from wds_imagenet.util.rng import Rng

_TRIES: Final = 10


class Crop(NamedTuple):
    """A part of a picture, in whole pixels. A tuple, since one is made for every sample."""

    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.left + self.width, self.top + self.height


class RandomCropRule(NamedTuple):
    """The distribution of random crops. The native engine reads each field by its name (python/fields.c)."""

    min_area: float
    """Fractions of the picture's area."""
    max_area: float
    min_ratio: float
    """Width to height."""
    max_ratio: float
    min_log_ratio: float
    """The natural logarithms of the two ratios."""
    max_log_ratio: float
    mirror_probability: float
    size: int
    """Pixels of the result's side."""
    scaled_decode: bool
    """True if a JPEG is decoded at 1/2, 1/4 or 1/8 where that suffices."""


def random_crop(
    width: int,
    height: int,
    rng: Rng,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Crop:
    """Return a random crop, distributed as torchvision's `RandomResizedCrop.get_params` draws it.

    The algorithm and the order of the draws are torchvision's: the area uniform, the ratio uniform in its
    logarithm, ten tries, then the largest central crop of an allowed ratio. Costs about ten microseconds.

    Args:
        width: Pixels of the picture.
        height: Pixels of the picture.
        rng: The source of random numbers.
        scale: The range of the crop's area, as a fraction of the picture's.
        ratio: The range of the crop's width to its height.
    """
    area = width * height
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for _ in range(_TRIES):
        target = area * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(low, high))
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            top = rng.integer(0, height - h)
            return Crop(rng.integer(0, width - w), top, w, h)
    w, h = width, height
    if width / height < ratio[0]:
        h = max(1, round(width / ratio[0]))
    elif width / height > ratio[1]:
        w = max(1, round(height * ratio[1]))
    return Crop((width - w) // 2, (height - h) // 2, w, h)


def shrunk_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Return (width, height) with this short side; the long side is rounded down, as torchvision does.

    Args:
        width: Pixels of the picture.
        height: Pixels of the picture.
        short_side: Pixels of the result's short side.
    """
    if width <= height:
        return short_side, int(short_side * height / width)
    return int(short_side * width / height), short_side


def center_crop(width: int, height: int, size: int) -> Crop:
    """Return the central crop of `size` × `size`, rounded as torchvision's `CenterCrop` does.

    Args:
        width: Pixels of the picture.
        height: Pixels of the picture.
        size: Pixels of the crop's side.
    """
    return Crop(round((width - size) / 2.0), round((height - size) / 2.0), size, size)
