"""Pool the soft label of a crop from ReLabel's label map of the image.

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
    """Return the soft label of a crop, float32 [classes], which sums to 1.

    Equal, within float32's rounding, to the softmax of `roi_align(scores, [box * side - 0.5], 1,
    aligned=False)` with sampling_ratio -1. A mirrored crop has the same label. Costs about 0.1 ms.

    Left and right run along the map's last axis, top and bottom along the axis before it. The published
    training code passes the crop to `roi_align` as (top, left, bottom, right), though it takes (left, top,
    right, bottom). Its authors do not document whether their maps are transposed to match. Pass `box=(top,
    left, bottom, right)` to repeat the published code.

    Args:
        label_map: float16 [2, 5, H, W]: the scores of each cell's five best classes, then these classes. The
            score of every other class is 0.
        box: The crop (left, top, right, bottom) in fractions of the image, 0 to 1.
        classes: The number of classes.

    Raises:
        UsageError: The map has another shape or class, or the box is not in the image.
    """
    if label_map.ndim != 4 or label_map.shape[0] != 2 or 0 in label_map.shape:
        raise UsageError(f"a label map has the shape [2, 5, H, W], not {list(label_map.shape)}")
    if not all(0 <= edge <= 1 for edge in box):
        raise UsageError(f"the box {box} is outside the image: pass fractions of the image, from 0 to 1")
    scores, names = label_map.astype(np.float32)
    labels = names.astype(np.intp)
    if labels.min() < 0 or labels.max() >= classes:
        raise UsageError(
            f"the label map has classes {labels.min()} to {labels.max()}, but there are {classes:,} classes"
        )
    height, width = scores.shape[1:]
    # The published code's float32 arithmetic: both then round the number of samples alike.
    side = np.float32(width)
    left, top, right, bottom = (np.float32(edge) * side - np.float32(0.5) for edge in box)
    weights = np.outer(_weights(top, bottom, height), _weights(left, right, width))
    pooled = np.bincount(labels.ravel(), (scores * weights).ravel(), minlength=classes)
    odds = np.exp(pooled - pooled.max())
    label: npt.NDArray[np.float32] = (odds / odds.sum()).astype(np.float32)
    return label


def _weights(start: np.float32, stop: np.float32, cells: int) -> npt.NDArray[np.float64]:
    """Return the weight of each cell of one axis: RoIAlign's samples, blended bilinearly."""
    length = max(float(stop - start), 1.0)
    samples = ceil(length)
    at = start + (np.arange(samples) + 0.5) * (length / samples)
    at = np.clip(at[(at >= -1) & (at <= cells)], 0, cells - 1)  # a sample farther out is 0
    low = at.astype(np.intp)
    high = np.minimum(low + 1, cells - 1)
    part = at - low
    weights = np.bincount(low, 1 - part, minlength=cells) + np.bincount(high, part, minlength=cells)
    return weights / samples
