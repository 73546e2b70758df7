"""The soft label of a crop, pooled from ReLabel's map of the image.

Source: Yun et al., "Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized Labels",
CVPR 2021, section 3.2 (LabelPooling), and its code: torchvision's `roi_align` to 1 × 1, then softmax.
"""

from math import ceil

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import UsageError
from wds_imagenet.images.orientation import Box


def pooled_label(
    label_map: npt.NDArray[np.float16], box: Box, classes: int = 1000
) -> npt.NDArray[np.float32]:
    """Return the soft label, float32 [classes], of a crop of an image that has a label map [2, 5, H, W].

    `label_map[0]` are the scores of the five best classes of each cell, `label_map[1]` these classes; the
    score of any other is 0. `box` is the crop (left, top, right, bottom) in fractions of the image, 0 to
    1. The scores are pooled as `roi_align(scores, [box * side - 0.5], 1, aligned=False)` does
    (sampling_ratio -1), and go through a softmax after that; equal to it within float32's rounding. A
    mirrored crop has the same label. Costs about 0.1 ms. Raises `UsageError` for another shape, class or box.

    Left and right go along the map's last axis, top and bottom along the one before it: rows are rows,
    as a convolutional network gives them. The published training code hands `roi_align` the crop as
    (top, left, bottom, right) where it takes (left, top, right, bottom); whether its maps are transposed
    to match, its authors have not said. `box=(top, left, bottom, right)` repeats it.
    """
    if label_map.ndim != 4 or label_map.shape[0] != 2 or 0 in label_map.shape:
        raise UsageError(f"a label map is [2, 5, 15, 15], not {list(label_map.shape)}")
    if not all(0 <= edge <= 1 for edge in box):
        raise UsageError(f"the box {box} is not in fractions of the image, from 0 to 1")
    scores, names = label_map.astype(np.float32)
    labels = names.astype(np.intp)
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"the label map has classes {labels.min()} to {labels.max()}, of {classes:,}")
    height, width = scores.shape[1:]
    # As in the published code, and in its float32: so that both round the number of samples alike.
    side = np.float32(width)
    left, top, right, bottom = (np.float32(edge) * side - np.float32(0.5) for edge in box)
    weights = np.outer(_weights(top, bottom, height), _weights(left, right, width))
    pooled = np.bincount(labels.ravel(), (scores * weights).ravel(), minlength=classes)
    odds = np.exp(pooled - pooled.max())
    label: npt.NDArray[np.float32] = (odds / odds.sum()).astype(np.float32)
    return label


def _weights(start: np.float32, stop: np.float32, cells: int) -> npt.NDArray[np.float64]:
    """Return how much each cell of one axis counts: RoIAlign's samples there, blended bilinearly."""
    length = max(float(stop - start), 1.0)
    samples = ceil(length)
    at = start + (np.arange(samples) + 0.5) * (length / samples)
    at = np.clip(at[(at >= -1) & (at <= cells)], 0, cells - 1)  # further out a sample is 0
    low = at.astype(np.intp)
    high = np.minimum(low + 1, cells - 1)
    part = at - low
    weights = np.bincount(low, 1 - part, minlength=cells) + np.bincount(high, part, minlength=cells)
    return weights / samples
