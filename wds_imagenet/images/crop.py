"""Which part of a picture is taken: drawn at random, or central."""

import math
from typing import Final, NamedTuple

from wds_imagenet.util.rng import Rng

_TRIES: Final = 10


class Crop(NamedTuple):
    """A part of a picture, in whole pixels. A tuple, as are all values that are made for every sample."""

    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.left + self.width, self.top + self.height


def random_crop(
    width: int,
    height: int,
    rng: Rng,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Crop:
    """Return a crop of `scale` of the area with `ratio` of width to height, as Inception was trained on.

    The algorithm, the order of the draws and so the distribution are those of torchvision's
    `RandomResizedCrop.get_params`: area uniform, ratio uniform in its logarithm, ten tries, then the
    largest central crop of a permitted ratio. Costs about ten microseconds.
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
    """Return (width, height) with this short side, the long one rounded down as torchvision does."""
    if width <= height:
        return short_side, int(short_side * height / width)
    return int(short_side * width / height), short_side


def center_crop(width: int, height: int, size: int) -> Crop:
    """Return the central crop of `size` × `size`, rounded as torchvision's `CenterCrop` does."""
    return Crop(round((width - size) / 2.0), round((height - size) / 2.0), size, size)
