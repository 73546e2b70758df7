"""Which guesses lie where the object is. Pure; the rule of the devkit's compute_overlap.m."""

import numpy as np

from wds_imagenet.evaluation.accuracy import Booleans
from wds_imagenet.evaluation.predictions import Integers, Reals

ENOUGH = 0.5


def overlap(one: Reals, other: Reals) -> Reals:
    """Return the intersection over union of boxes [..., 4]: xmin, ymin, xmax, ymax.

    Pixels are inclusive, so a box is xmax - xmin + 1 wide. -1 where two boxes share none.
    """
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., 2:], other[..., 2:])
    sides = high - low + 1
    shared = sides.prod(axis=-1)
    union = _area(one) + _area(other) - shared
    touching = (sides > 0).all(axis=-1) & (union > 0)
    share: Reals = np.where(touching, shared / np.where(touching, union, 1), -1.0)
    return share


def located(
    guesses: Integers, guess_boxes: Reals, rows: Integers, labels: Integers, boxes: Reals
) -> Booleans:
    """Return for each guess [N, K] whether a true box of its class overlaps its box by half or more.

    guess_boxes: [N, K, 4]. rows [T], labels [T] and boxes [T, 4] say which image each true box is in, what
    it shows and where.
    """
    close = (guesses[rows] == labels[:, None]) & (overlap(guess_boxes[rows], boxes[:, None]) >= ENOUGH)
    found = np.zeros(guesses.shape, np.bool_)
    np.logical_or.at(found, rows, close)
    return found


def _area(boxes: Reals) -> Reals:
    area: Reals = (boxes[..., 2:] - boxes[..., :2] + 1).prod(axis=-1)
    return area
