"""Guesses whose box is right, by the rule of compute_overlap.m and eval_localization_flat.m. Pure."""

from typing import Final

import numpy as np

from wds_imagenet.evaluation.accuracy import Booleans
from wds_imagenet.evaluation.predictions import Integers, Reals

MIN_OVERLAP: Final = 0.5


def overlap(one: Reals, other: Reals) -> Reals:
    """Return the intersection over union of boxes, float64 [...]; -1 for boxes that share no pixel.

    Args:
        one: Boxes [..., 4]: xmin, ymin, xmax, ymax in inclusive pixels, so a box is xmax - xmin + 1 wide.
        other: Boxes of the same form, which broadcast with `one`.
    """
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., 2:], other[..., 2:])
    sides = high - low + 1
    shared = sides.prod(axis=-1)
    union = _area(one) + _area(other) - shared
    touching = (sides > 0).all(axis=-1) & (union > 0)
    share: Reals = np.where(touching, shared / np.where(touching, union, 1), -1.0)
    return share


def localised_guesses(
    guesses: Integers, guess_boxes: Reals, rows: Integers, labels: Integers, boxes: Reals
) -> Booleans:
    """Return the guesses whose box overlaps a true box of their class by half or more, bool [N, K].

    Args:
        guesses: Labels guessed for each image, int64 [N, K].
        guess_boxes: Box of each guess, float64 [N, K, 4].
        rows: Image of each true box, int64 [T].
        labels: Label of each true box, int64 [T].
        boxes: The true boxes, float64 [T, 4].
    """
    close = (guesses[rows] == labels[:, None]) & (overlap(guess_boxes[rows], boxes[:, None]) >= MIN_OVERLAP)
    found = np.zeros(guesses.shape, np.bool_)
    np.logical_or.at(found, rows, close)
    return found


def _area(boxes: Reals) -> Reals:
    area: Reals = (boxes[..., 2:] - boxes[..., :2] + 1).prod(axis=-1)
    return area
